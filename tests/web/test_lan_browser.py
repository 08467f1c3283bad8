"""The dialog for phones in a browser, and what a page without https says."""

import pytest
from support.web_page import staged

from painterly.web.lan import Lan

pytestmark = pytest.mark.slow  # A browser starts.
# Browsers take this machine's own address for a safe one.
HTTP = "Object.defineProperty(window, 'isSecureContext', { value: false })"
PHONES = Lan("http://192.168.1.20:8080/", "river lamp stone kite")


@pytest.fixture
def server(place):
    """The service, which phones can reach."""
    with staged(place, lan=PHONES) as running:
        yield running


def test_the_dialog_shows_the_way_and_suits_everybody(page, server):
    page.look(server.address)
    page.click("#phone-open", "document.querySelector('#phone').open")
    said = page.one("#phone").text
    assert PHONES.address in said and PHONES.password in said
    page.until("document.querySelector('.phone-code').naturalWidth > 0")
    assert len(page.driver.find_elements("css selector", "#phone li")) == 4, "all steps"
    white = "getComputedStyle(document.querySelector('.phone-code')).backgroundColor"
    for dark in (True, False):
        page.dark(dark)
        assert page.js(white) == "rgb(255, 255, 255)", "cameras need it"
        assert page.violations() == set()
    page.resize(390, 844)
    assert page.js("document.querySelector('#phone').scrollWidth") <= 390
    assert page.violations() == set() and page.small() == []
    page.click("#phone form button", "!document.querySelector('#phone').open")
    assert page.js("document.activeElement.id") == "phone-open"
    assert page.one("#phone-open").size["width"] <= 60, "only the sign"
    page.click("#phone-open", "document.querySelector('.phone-code').naturalWidth > 0")
    assert page.errors() == []


def test_a_page_without_https_says_why_nothing_is_shared(page, server):
    said = "[...document.querySelectorAll('.not-shared')].map((each) => !each.hidden)"
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    assert page.js(said) == [False] * 3, "below the stage, in the menu and in full screen"
    page.begin_with(HTTP)
    page.look(server.address)
    page.until(f"{said}.length === 3 && {said}.every(Boolean)")


@pytest.fixture
def touch(page):
    """A screen that is touched."""
    how = "Emulation.setTouchEmulationEnabled"
    page.driver.execute_cdp_cmd(how, {"enabled": True})
    yield
    page.driver.execute_cdp_cmd(how, {"enabled": False})


def test_on_a_phone_without_https_a_picture_that_is_held_is_the_result_itself(page, server, touch):
    server.end(server.add("beach.jpg"))
    page.begin_with(HTTP)
    page.look(server.address, 390, 844)
    page.until("document.querySelector('#finished .cell')")
    page.one("#finished .cell").click()
    page.until("document.querySelector('#painting-side').src.endsWith('/result')")
    assert page.one(".hold").text.startswith("Touch and hold the picture")
    place = "(({ x, y, width, height }) => [x + width * 0.8, y + height / 3])"
    hit = f"document.elementFromPoint(...{place}(picture.getBoundingClientRect()))"
    assert page.js(f"{hit}.id") == "painting-side", "nothing lies over it"
