"""A clip on the page of the service, with its worker, which dies in the middle."""

import base64

import pytest
from support import clips, tiny
from support.browser import Viewer
from support.polling import until
from support.web_service import SLEEPING, WebProcess

# A server, its worker and a browser start.
pytestmark = pytest.mark.slow
COUNT = 8
DROP = """
const content = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const files = new DataTransfer();
files.items.add(new File([content], "walk.mp4", { type: "video/mp4" }));
const how = { bubbles: true, cancelable: true, dataTransfer: files };
for (const kind of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, how));
"""


@pytest.fixture
def clip_service(tmp_path):
    """A service that paints clips, in its processes."""
    for folder in ("paintings", "photos"):
        (tmp_path / folder).mkdir()
    (tmp_path / "paintings/monet.jpg").write_bytes(tiny.file(50, 50, 3))
    names = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}
    environment = {name: str(tmp_path / folder) for name, folder in names.items()}
    others = {"STYLES": "none", "VGG_WEIGHTS": "builtin", "STYLE_SIZE": "64", **SLEEPING}
    web = WebProcess(environment | others | {"HOME": str(tmp_path)}, tmp_path / "log")
    web.start()
    yield web
    web.process.poll() is None and web.stop()


def test_a_clip_is_dropped_previewed_painted_played_saved_and_deleted(
    chromium, clip_service, tmp_path
):
    path = clips.write(tmp_path / "walk.mp4", COUNT, sound="aac")
    page = Viewer(chromium).look(clip_service.address, 390, 844)
    page.until("document.querySelectorAll('[name=style]').length === 1")
    page.driver.execute_script(DROP, base64.b64encode(path.read_bytes()).decode())
    # The server has decoded its first frame, which is then painted as a photo's preview is.
    page.until("document.querySelector('#photo-side').src.includes('/api/photos/')")
    page.until("document.querySelector('#painting-side').src.startsWith('blob:')")
    page.until("document.querySelector('#works').hidden && document.body.dataset.acts === 'ready'")
    shown = "(id => document.getElementById(id).checkVisibility())"
    for hidden in ("save", "mask-open", "print-menu"):
        assert not page.js(f"{shown}('{hidden}')"), hidden
    assert page.js("document.querySelector('[name=preset]:checked').value") == "instant"
    page.click("#paint", "document.body.dataset.acts === 'painting'")
    until(clip_service.kill_worker)
    page.until("document.body.dataset.acts === 'done'")
    page.js("(played.muted = true, played.play())")
    page.until("played.currentTime > 0 && played.videoWidth === 64")
    saved = page.js("document.querySelector('#save').href")
    file = clip_service.client.get(saved)
    assert 'filename="walk - monet.mp4"' in file.headers["content-disposition"]
    (painted := tmp_path / "painted.mp4").write_bytes(file.content)
    assert len(clips.facts(painted)[1]) == COUNT
    page.one("#full-screen").click()
    page.until("document.querySelector('dialog').open && !clip.hidden && played.paused")
    page.until("clip.src.endsWith('/result')")
    page.click("#close", "!document.querySelector('dialog').open")
    page.look(f"{clip_service.address}/gallery/", 390, 844)
    page.all(".card a")[0].click()
    page.until("document.querySelector('dialog').open && !clip.hidden")
    page.js("(clip.muted = true, clip.play())")
    page.until("clip.currentTime > 0")
    page.look(clip_service.address, 390, 844)
    page.until("document.querySelectorAll('#finished li').length === 1")
    page.one("#finished .cell").click()
    page.one("#more-menu summary").click()
    page.click("#delete", "!document.querySelector('#finished li')")
    until(lambda: not clip_service.client.get("/api/jobs").json()["jobs"])
    page.look(f"{clip_service.address}/gallery/", 390, 844)
    page.until("document.readyState === 'complete' && !document.querySelector('.card')")
    assert page.errors() == []
