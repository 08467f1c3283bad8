"""The page heals by itself, in a browser, whatever it was doing when the service was killed."""

import pytest
from PIL import Image
from support.browser import Viewer
from support.polling import until
from support.web_service import SLEEPING, send, two_styles

# A server starts several times, and a browser.
pytestmark = pytest.mark.slow

SHOWN = "[...document.querySelectorAll('#styles .you')].filter(e => e.src.startsWith('blob:'))"
AWAY = "!away.hidden"
FAR_DOWN = "document.documentElement.style.paddingTop = '9999px'"
LOADED = "[...document.querySelectorAll('.card img')].filter(e => e.naturalWidth).length"
PRESETS = ("instant", "draft")
BYTES_S = 15_000  # while a photo is sent
# Notes the addresses that the page sends something to, as soon as it begins.
NOTED = """
window.asked = [];
const load = window.fetch, open = XMLHttpRequest.prototype.open;
window.fetch = (address, how) => (asked.push(String(address)), load(address, how));
XMLHttpRequest.prototype.open = function (method, address) {
  asked.push(String(address));
  return open.call(this, method, address);
};
"""


@pytest.fixture
def processes(tmp_path):
    """The service in its processes, in which painting takes a moment."""
    service = two_styles(tmp_path, PAINTING_S="0.2", **SLEEPING)
    service.start()
    yield service
    service.kill()


@pytest.fixture
def page(chromium, processes):
    """A browser at the page, with a style chosen."""
    viewer = Viewer(chromium)
    viewer.begin_with(NOTED)
    viewer.look(processes.address)
    viewer.until("document.querySelectorAll('[name=style]').length === 2")
    viewer.js("document.querySelector('[name=style]').click()")
    yield viewer
    upload(viewer, -1)


@pytest.fixture
def photos(tmp_path):
    """The paths of photos to choose."""
    paths = [tmp_path / name for name in ("beach.jpg", "town.jpg")]
    for each in paths:
        Image.effect_noise((480, 320), 90).convert("RGB").save(each, quality=95)
    return paths


def upload(page, bytes_s):
    """Limit what the browser sends, in bytes per second; -1: not at all."""
    how = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_s}
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", how)


def sends(page, path):
    """Wait until the page sends something to a path."""
    page.until("asked.some((each) => each.endsWith(arguments[0]))", path)


def test_a_photo_that_was_half_sent_is_sent_again_and_hangs_on_the_wall(processes, page, photos):
    upload(page, BYTES_S)
    page.one("#photo-files").send_keys(str(photos[0]))
    sends(page, "/api/photos")
    processes.kill()
    page.until(AWAY)
    upload(page, -1)
    processes.start()
    page.until(f"!({AWAY}) && document.body.dataset.acts === 'preview' && {SHOWN}.length === 2")
    assert page.one("#refused").text == ""


def test_an_order_that_was_half_sent_is_sent_again_and_each_picture_painted_once(
    processes, page, photos
):
    page.one("#photo-files").send_keys("\n".join(map(str, photos)))
    page.until("document.body.dataset.acts === 'preview'")
    upload(page, BYTES_S)
    page.one("#paint").click()
    sends(page, "/api/jobs")
    processes.kill()
    page.until(AWAY)
    assert page.one("#queue-full").text == "The server is not responding"
    assert page.one("#stop-sending").is_displayed()
    upload(page, -1)
    processes.start()
    page.until("document.querySelectorAll('#finished [data-state=done]').length === 2")
    assert page.one("#refused").text == page.one("#queue-full").text == ""
    jobs = processes.client.get("/api/jobs").json()["jobs"]
    assert sorted(each["photo"] for each in jobs) == ["beach.jpg", "town.jpg"]


@pytest.fixture
def gallery(chromium, processes):
    """The gallery with two pictures, far below."""
    until(lambda: processes.client.get("/readyz").status_code == 200)
    jobs = [send(processes.client, {"style": "blue", "preset": each}).json() for each in PRESETS]
    for each in jobs:
        until(lambda job=each: processes.client.get(job["links"]["self"]).json()["state"] == "done")
    viewer = Viewer(chromium)
    viewer.begin_with("document.addEventListener('readystatechange', () => { " + FAR_DOWN + " })")
    viewer.look(f"{processes.address}/gallery/")
    viewer.until("document.querySelectorAll('.card').length === 2")
    return viewer


def test_pictures_of_the_gallery_are_there_once_the_service_is(processes, gallery):
    processes.kill()
    gallery.js("window.scrollTo(0, document.documentElement.scrollHeight)")
    gallery.until("document.querySelectorAll('.card .blank').length === 2")
    gallery.js("document.querySelector('.card a').click()")
    gallery.until("limited.textContent")
    assert "gone" not in gallery.one("#limited").text
    processes.start()
    gallery.until(f"{LOADED} === 2 && after.naturalWidth && !limited.textContent")
