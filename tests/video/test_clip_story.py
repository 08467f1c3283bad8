"""A clip on the page of the service, with its worker, which dies in the middle."""

import base64
import os
import time

import pytest
from support import clips, tiny
from support.browser import Viewer
from support.fuzzing import drawn
from support.polling import until
from support.s3_servers import RGW
from support.web_service import SLEEPING, WebProcess

from painterly.storage import open_bucket
from painterly.storage.address import Account

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
    page.one("#paint").click()
    page.until("document.body.dataset.acts === 'painting'")
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
    page.one("#close").click()
    page.until("!document.querySelector('dialog').open")
    page.look(f"{clip_service.address}/gallery/", 390, 844)
    page.all(".card a")[0].click()
    page.until("document.querySelector('dialog').open && !clip.hidden")
    page.js("(clip.muted = true, clip.play())")
    page.until("clip.currentTime > 0")
    page.look(clip_service.address, 390, 844)
    page.until("document.querySelectorAll('#finished li').length === 1")
    page.one("#finished .cell").click()
    page.one("#more-menu summary").click()
    page.one("#delete").click()
    page.until("!document.querySelector('#finished li')")
    until(lambda: not clip_service.client.get("/api/jobs").json()["jobs"])
    page.look(f"{clip_service.address}/gallery/", 390, 844)
    page.until("document.readyState === 'complete' && !document.querySelector('.card')")
    assert page.errors() == []


@pytest.mark.thorough
@pytest.mark.parametrize("kind", drawn(["folder", RGW]))
def test_a_clip_survives_deaths_of_the_worker_and_the_service(kind, request, tmp_path, dice):
    account, variables = Account(), {"HOME": str(tmp_path)}
    names = [str(tmp_path / name) for name in ("photos", "paintings", "results")]
    if kind == "rgw":
        server = request.getfixturevalue(kind)
        account, variables = server.account, server.environment
        names = [server.new_bucket() for _ in names]
    open_bucket(names[1], account, new=True).write("monet.jpg", tiny.file(50, 50, 3))
    open_bucket(names[0], account, new=True).write("beach.jpg", tiny.file(60, 80, 1))
    buckets = dict(zip(("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"), names, strict=True))
    others = {"VGG_WEIGHTS": "builtin", "STYLE_SIZE": "64", "STYLES": "none", **SLEEPING}
    web = WebProcess(variables | buckets | others, tmp_path / "log")
    data = clips.write(tmp_path / "walk.mp4", 24, sound="aac").read_bytes()
    web.start()
    form = {"request": '{"style": "monet", "preset": "instant"}'}
    try:
        until(lambda: web.client.get("/readyz").status_code == 200)

        def order():
            sent = web.client.post("/api/jobs", data=form, files={"photo": ("walk.mp4", data)})
            return sent.json()["links"]["self"]

        def ended(job):
            return web.client.get(job).json()["state"] not in ("queued", "painting")

        whole = order()
        until(lambda: ended(whole))
        killed = order()
        for number in range(int(os.environ.get("KILLS", "2"))):
            until(lambda n=number: web.client.get(killed).json()["step"] > n or ended(killed))
            time.sleep(dice.uniform(0, 0.5))  # The moment is what is tried.
            if number % 2:
                web.process.kill()
                web.process.wait()
                web.start()
            else:
                until(web.kill_worker)
        until(lambda: ended(killed))
        jobs = [web.client.get(each).json() for each in (whole, killed)]
        results = [web.client.get(each["links"]["result"]).content for each in jobs]
    finally:
        web.process.poll() is None and web.stop()
    assert results[0] == results[1], (tmp_path / "log").read_text()
    left = [entry.key for entry in open_bucket(f"{names[2]}/_web/unfinished", account).list()]
    assert left == []
