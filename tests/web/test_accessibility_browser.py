"""The web service's pages as axe-core sees them, with the keyboard alone, on a phone and with large
text."""

import re
from pathlib import Path

import pytest
from support.fuzzing import drawn
from support.gallery import published, record
from support.web_page import jpeg

from painterly.jobs.schemas import JobState

pytestmark = pytest.mark.slow  # A browser starts.

LONG = "x" * 120 + ".jpg"
COLOUR = "getComputedStyle(document.body).backgroundColor"


def assert_suits_everybody(page, is_dark=False):
    """Full screen is dark in both schemes."""
    assert page.violations() == set()
    assert page.hidden_from_keyboard() == []
    page.resize(390, 844)
    shown = "(document.querySelector('dialog[open]') || document.body).scrollWidth"
    assert is_dark or page.js(shown) == 390
    assert page.js("document.documentElement.scrollWidth") == 390
    assert page.small() == [], "a finger needs 44 px"
    assert page.width_with_large_text() == 320
    grounds = []
    for preferred in () if is_dark else (True, False):
        page.dark(preferred)
        grounds.append(sum(map(int, re.findall(r"\d+", page.js(COLOUR)))))
    assert is_dark or (grounds[0] < 100 and grounds[1] > 650)
    page.resize(1280, 860)


def test_the_form_suits_everybody(page, server, tmp_path):
    (tmp_path / LONG).write_bytes(jpeg("red"))
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    page.until("document.querySelector('#system').textContent.startsWith('Ready')")
    assert page.violations() == set()
    page.js("document.querySelector('#order').requestSubmit()")
    assert page.one("#refused").text
    assert page.violations() == set()
    page.one("#photo-files").send_keys(str(tmp_path / LONG))
    page.js("document.querySelector('#several').click()")
    for each in page.all("[name=style]"):
        page.js("arguments[0].checked || arguments[0].click()", each)
    assert page.all("#shares input")
    assert_suits_everybody(page)
    page.one("#how").click()
    page.js("document.querySelector('[value=paper]').click()")
    assert page.one("#paper").is_displayed()
    assert_suits_everybody(page)
    assert page.errors() == []


def test_jobs_and_a_result_suit_everybody(page, server):
    for state in JobState:
        job = server.add(LONG)
        if state == JobState.PAINTING:
            server.paint(job, step=3, fraction=0.3, seconds_left=30)
        elif state.final:
            server.end(job, state)
    page.look(server.address)
    page.until("document.querySelectorAll('.film img:not([hidden])').length === 4")
    for each in drawn(page.all("#queue .cell"), page.all("#finished .cell")):
        page.js("arguments[0].click()", each)
        assert_suits_everybody(page)
    page.one("#finished [data-state=done] .cell").click()
    for menu in ("#print-menu", "#more-menu"):
        page.one(f"{menu} summary").click()
        assert_suits_everybody(page)
    page.one("#more-menu summary").click()
    page.click("#full-screen", "document.querySelector('dialog').open && after.naturalWidth")
    assert_suits_everybody(page, is_dark=True)
    assert page.errors() == []


def test_the_gallery_of_the_service_and_of_a_batch_suits_everybody(page, server, place):
    shown = [record(photo, style) for photo in ("a.jpg", LONG) for style in ("mosaic", "waves")]
    failed = record("c.jpg", result=None, error="c.jpg: is empty")
    published(Path(place["BUCKET_RESULT"]), [*shown, failed])
    file = Path(place["BUCKET_RESULT"]) / "index.html"
    for address in (f"{server.address}/gallery/", file.as_uri()):
        page.look(address)
        page.until("document.querySelector('.card img').naturalWidth")
        assert_suits_everybody(page)
        if page.all("#select"):
            page.look(address)  # The keyboard begins at the top again.
            page.until("document.querySelector('.tick')")
            page.js("document.querySelector('.tick input').click()")
            assert_suits_everybody(page)
            page.one("#done").click()
        page.one(".chips li:last-child a").click()
        page.js("[...document.querySelectorAll('.card a')].at(-1).click()")
        page.until("document.querySelector('dialog').open && after.naturalWidth")
        page.js("against.append(new Option('a style with a long name '.repeat(20)))")
        page.one("#compare-both").click()
        assert_suits_everybody(page, is_dark=True)
        page.one("#inform").click()
        assert_suits_everybody(page, is_dark=True)
        assert page.errors() == []


def test_the_login_suits_everybody(page, locked):
    page.look(str(locked.base_url))
    assert_suits_everybody(page)
    page.one("#password").send_keys("wrong")
    page.one("#eye").click()
    assert page.one("#password").get_attribute("type") == "text"
    page.click(".login .button", "document.querySelector('#refused')")
    assert page.js("document.activeElement.id") == "password"
    assert page.violations() == set()
    page.one("#password").send_keys("a")
    assert not page.all("#refused") and not page.one("#password").get_attribute("aria-invalid")


@pytest.mark.parametrize("address", ["/nowhere", "/gallery/", "/plain"])
def test_a_page_without_the_stage_suits_everybody(page, server, address):
    page.look(server.address + address)
    assert_suits_everybody(page)


@pytest.mark.parametrize("address", ["/nowhere", "/gallery/", "/away"])
def test_a_bare_wall_fills_the_window_and_no_more(page, server, address):
    for width, height in ((1440, 900), (390, 844)):
        page.look(server.address + address, width, height)
        ends = "document.querySelector('.bare:not([hidden])').getBoundingClientRect().bottom"
        assert page.js(f"[document.documentElement.scrollHeight, {ends}]") == [height, height]


def test_the_page_of_a_service_that_is_away_suits_everybody_and_tries_again(page, server):
    page.speak("es")
    page.look(f"{server.address}/away")
    assert page.violations() == set()
    assert page.width_with_large_text() == 320
    assert page.one("h1").text == "" and page.one("main:not([hidden]) h1").text.startswith("El est")
    page.js("window.before = true")
    page.until("!window.before")
    assert page.errors() == []


def test_the_mask_suits_everybody(page, server, tmp_path):
    (tmp_path / LONG).write_bytes(jpeg("red", (600, 400)))
    page.look(server.address)
    page.one("#photo-files").send_keys(str(tmp_path / LONG))
    page.click("#mask-open", "document.querySelector('#mask').open")
    page.one("#mask-clear").click()  # So that there is something to undo.
    assert_suits_everybody(page)
    assert page.errors() == []
