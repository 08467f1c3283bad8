"""The whole story in a browser, with the real server and its worker."""

import signal

import pytest
from PIL import Image
from support.browser import Viewer
from support.web_service import SLEEPING, two_styles

# A server, its worker and a browser start.
pytestmark = pytest.mark.slow

PASSWORD = "a long password"


@pytest.fixture
def server(tmp_path):
    """The service in its processes, with a password."""
    web = two_styles(tmp_path, STYLE_SIZE="64", WEB_PASSWORD=PASSWORD)
    web.start()
    yield web
    assert web.stop() == 128 + signal.SIGTERM
    assert web.log.read_text().count("stopped by SIGTERM") == 1, "nor by the worker"


def test_two_photos_are_previewed_one_is_painted_the_other_cancelled(chromium, server, tmp_path):
    from selenium.webdriver import Keys

    photos = [tmp_path / name for name in ("beach.jpg", "town.jpg")]
    for each in photos:
        Image.effect_noise((96, 64), 60).convert("RGB").save(each)
    page = Viewer(chromium).look(f"{server.address}/#kept", 390, 844)
    until = page.until
    page.one("#password").send_keys(PASSWORD, Keys.ENTER)
    until("document.querySelectorAll('[name=style]').length === 2")
    assert page.driver.current_url == f"{server.address}/#kept", "a link outlasts the login"
    page.one("#photo-files").send_keys("\n".join(map(str, photos)))
    # Each tile shows this photo in its style, as soon as the worker is ready.
    shown = "[...document.querySelectorAll('#styles .you')].filter(e => e.src.startsWith('blob:'))"
    until(f"{shown}.length === 2")
    assert len(set(page.js(f"{shown}.map(e => e.src)"))) == 2
    page.js("document.querySelector('#several').click()")
    for each in page.all("[name=style]"):
        page.js("arguments[0].checked || arguments[0].click()", each)
    painted = "document.querySelector('#painting-side').src"
    until(f"{painted}.startsWith('blob:') && document.querySelector('#painting-side').naturalWidth")
    before = page.js(painted)
    page.one("#strength").send_keys(Keys.ARROW_RIGHT)
    until(f"{painted}.startsWith('blob:') && {painted} !== '{before}'")
    page.one("#how").click()
    page.js("document.querySelector('[value=draft]').click()")
    page.one("#sheet-close").click()
    page.one("#shares input").send_keys(Keys.ARROW_RIGHT * 10)
    assert [each.text for each in page.all("#shares b")] == ["60% Blue", "40% Green"]
    page.one("#photos .cell").click()  # The stage shows the job of its photo.
    page.one("#paint").click()
    until("document.querySelectorAll('#queue > li').length === 2")
    # At once: the list may move under the pointer when the first job ends.
    page.js("document.querySelector('#queue > li:last-child .x').click()")
    until("document.querySelectorAll('#queue > li').length < 2")
    until("document.querySelector('#progress[value]')")
    # The stage stays with the picture until it is done.
    until("document.body.dataset.acts === 'done'")
    assert page.one("#heading").text == "In Blue and Green"
    assert page.one("#save").get_property("href").endswith("/result?download=1")
    until("document.querySelector('#painting-side').src.includes('/result')")
    page.one("#full-screen").click()
    until("document.querySelector('dialog').open && before.naturalWidth && after.naturalWidth")
    page.one("#slider").send_keys(Keys.ARROW_RIGHT)
    assert page.one("#slider").get_attribute("aria-valuetext").startswith("5% Photo on the left")
    page.one("#inform").click()
    assert [each.text for each in page.all("#paintings li")] == ["Blue\n60%", "Green\n40%"]
    page.one("#facts-close").click()
    page.one("#close").click()
    page.one("nav [href='/gallery/']").click()
    until("document.querySelector('.card')")
    assert page.js("document.querySelector('.card img').alt") == "After “Blue + Green”: beach.jpg"
    assert page.errors() == []


SHOWN = "[...document.querySelectorAll('#styles .you')].filter(e => e.src.startsWith('blob:'))"
HEALED = f"document.body.dataset.acts === 'preview' && {SHOWN}.length === 2"


def test_the_page_heals_by_itself_whenever_the_service_restarts(chromium, tmp_path):
    web = two_styles(tmp_path, STYLE_SIZE="200", PAINTING_S="3", **SLEEPING)
    photo = tmp_path / "beach.jpg"
    Image.effect_noise((300, 200), 60).convert("RGB").save(photo)
    web.start()
    try:
        page = Viewer(chromium).look(web.address)
        until = page.until
        until("document.querySelectorAll('[name=style]').length === 2")
        page.js("document.querySelector('[name=style]').click()")
        page.one("#photo-files").send_keys(str(photo))
        # While previews are painted.
        until("document.querySelector('#works').checkVisibility()")
        web.kill()
        until("!away.hidden")
        web.start()
        until("away.hidden")
        until(HEALED)
        # While nothing is done; a picture that is asked for is painted after it.
        web.kill()
        page.js("document.querySelectorAll('[name=style]')[1].click()")
        until("!away.hidden && document.querySelector('#works').checkVisibility()")
        web.start()
        until(f"away.hidden && {HEALED}")
        # While a job is painted: the picture stays, and the job continues.
        shown = page.js("document.querySelector('#painting-side').src")
        page.one("#paint").click()
        until("document.querySelector('#progress').value > 0")
        web.kill()
        until("!away.hidden")
        assert page.js("document.querySelector('#photo-side').src").startswith("blob:")
        web.start()
        until("away.hidden && document.body.dataset.acts === 'done'")
        until("document.querySelector('#painting-side').src.includes('/result')")
        assert page.js("document.querySelector('#painting-side').src") != shown
        page.one("#photos .cell").click()
        until(HEALED)
    finally:
        web.kill()
