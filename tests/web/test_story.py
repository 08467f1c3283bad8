"""The whole story in a browser, with the real server and its worker."""

import signal

import pytest
from PIL import Image
from support.browser import Viewer
from support.web_service import WebProcess

# A server, its worker and a browser start.
pytestmark = [pytest.mark.group("chromium"), pytest.mark.slow]

PASSWORD = "a long password"
DONE = "#finished [data-state=done]"


@pytest.fixture
def server(tmp_path):
    """The address of a service that paints small pictures."""
    for folder, colours in (("paintings", ("blue", "green")), ("photos", ())):
        (tmp_path / folder).mkdir()
        for each in colours:
            Image.effect_noise((64, 64), 90).save(tmp_path / folder / f"{each}.png")
    names = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}
    environment = {
        **{name: str(tmp_path / folder) for name, folder in names.items()},
        **{"VGG_WEIGHTS": "builtin", "STYLE_SIZE": "64", "WEB_PASSWORD": PASSWORD},
        "HOME": str(tmp_path),
    }
    web = WebProcess(environment, tmp_path / "log")
    web.start()
    yield web.address
    assert web.stop() == 128 + signal.SIGTERM
    assert web.log.read_text().count("stopped by SIGTERM") == 1, "nor by the worker"


def test_two_photos_are_previewed_one_is_painted_the_other_cancelled(chromium, server, tmp_path):
    from selenium.webdriver import Keys

    photos = [tmp_path / name for name in ("beach.jpg", "town.jpg")]
    for each in photos:
        Image.effect_noise((96, 64), 60).convert("RGB").save(each)
    page = Viewer(chromium).look(f"{server}/#kept", 390, 844)
    until = page.until
    page.one("#password").send_keys(PASSWORD, Keys.ENTER)
    until("document.querySelectorAll('[name=style]').length === 2")
    assert page.driver.current_url == f"{server}/#kept", "a link outlasts the login"
    page.one("#photo-files").send_keys("\n".join(map(str, photos)))
    # Each tile shows this photo in its style, as soon as the worker is ready.
    shown = "[...document.querySelectorAll('#styles .preview')].filter(e => e.naturalWidth)"
    until(f"{shown}.length === 2")
    assert len(set(page.js(f"{shown}.map(e => e.src)"))) == 2
    for each in page.all("[name=style]"):
        each.click()
    until("document.querySelector('#preview-picture').naturalWidth")
    before = page.one("#preview-picture").get_property("src")
    page.one("#strength").send_keys(Keys.ARROW_RIGHT)
    until(f"document.querySelector('#preview-picture').src !== '{before}'")
    page.all("[name=blend]")[1].click()
    page.one("#shares input").send_keys(Keys.ARROW_RIGHT * 5)
    assert [each.text for each in page.all("#shares output")] == ["60%", "40%"]
    page.one("[value=draft]").click()
    page.one("#paint").click()
    until("document.querySelectorAll('#queue > li').length === 2")
    # At once: the list may move under the pointer when the first job ends.
    page.js("document.querySelector('#queue > li:last-child button').click()")
    until("document.querySelector('#finished [data-state=cancelled]')")
    until("document.querySelector('#queue progress[value]')")
    until(f"document.querySelector('{DONE}')")
    assert "beach.jpg in blue+green" in page.one(DONE).text
    compare, download, _ = page.all(f"{DONE} .actions > *")
    assert download.get_property("href").endswith("/result?download=1")
    compare.click()
    until("document.querySelector('dialog').open && before.naturalWidth && after.naturalWidth")
    page.one("#slider").send_keys(Keys.ARROW_RIGHT)
    assert page.one("#slider").get_attribute("aria-valuetext").startswith("51% photo on the left")
    assert [each.text for each in page.all("#paintings li")] == ["blue\n60%", "green\n40%"]
    page.one("#close").click()
    page.one("nav [href='/gallery/']").click()
    until("document.querySelector('.card')")
    assert page.one("main h2").text == "beach.jpg" and page.one(".card").text == "blue+green"
    assert page.errors() == []
