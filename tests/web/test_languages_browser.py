"""The web service's pages in the reader's language."""

from pathlib import Path

import pytest
from support.fuzzing import drawn
from support.gallery import published, record
from support.polling import until
from support.web_page import jpeg

from painterly.jobs.schemas import JobState
from painterly.words.texts import LANGUAGES, Texts

USUAL = "de"  # the language that the usual tests look at
pytestmark = pytest.mark.slow  # A browser starts.


@pytest.mark.parametrize(
    "language",
    [
        pytest.param(USUAL, marks=pytest.mark.story),
        *drawn([each for each in LANGUAGES if each != USUAL]),
    ],
)
def test_the_page_is_in_the_language_of_the_browser_on_a_phone_as_well(
    page, server, tmp_path, language
):
    (tmp_path / "town.jpg").write_bytes(jpeg("red"))
    for state in JobState:
        job = server.add()
        if state == JobState.PAINTING:
            server.paint(job, step=3, fraction=0.3, seconds_left=30)
        elif state.final:
            server.end(job, state)
    page.speak(f"{language},it")
    page.look(server.address, 390, 844)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    page.until("document.querySelectorAll('.film img:not([hidden])').length === 4")
    page.one("#photo-files").send_keys(str(tmp_path / "town.jpg"))
    page.js("document.querySelector('#several').click()")
    for each in page.all("[name=style]"):
        page.js("arguments[0].checked || arguments[0].click()", each)
    assert page.js("document.documentElement.lang") == language
    text = Texts(language).text
    assert page.js("document.title") == f"(2) {text('page.title')}"
    said = page.js("[...document.querySelectorAll('.film .said')].map(each => each.textContent)")
    assert any(text("page.next") in each or text("page.nth", place=2) in each for each in said)
    assert text("page.not_painted") in said
    if language != "en":
        assert page.english("page", "gallery") == set()
        for each in range(4):  # Each job on the stage.
            page.js(
                "document.querySelectorAll('ol .cell, #finished .cell')[arguments[0]].click()", each
            )
            assert page.english("page", "gallery") == set()
        page.js("document.querySelector('#photos .cell').click()")
        page.js("document.querySelector('#how').click()")
    assert page.js("document.documentElement.scrollWidth") == 390
    assert page.small() == []
    assert page.width_with_large_text() == 320
    page.one("#languages summary").click()
    assert page.js("document.documentElement.scrollWidth") == 320
    assert page.small() == []
    assert page.errors() == []


@pytest.mark.parametrize("language", drawn([*LANGUAGES]))
def test_the_pages_are_accessible_in_each_language_also_with_large_text(
    page, server, place, tmp_path, language
):
    published(Path(place["BUCKET_RESULT"]), [record("beach.jpg", "mosaic")])
    (tmp_path / "town.jpg").write_bytes(jpeg("red"))
    server.add()
    server.end(server.add("town.jpg"))
    page.speak(language)
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    page.until("document.querySelectorAll('.film img:not([hidden])').length === 2")
    assert page.js("document.documentElement.lang") == language
    assert page.violations() == set(), "a queue and a result"
    page.one("#photo-files").send_keys(str(tmp_path / "town.jpg"))
    page.until("document.querySelector('#photos .cell')")
    page.js("document.querySelector('#how').click()")
    assert page.violations() == set(), "a photo, and the settings"
    page.look(f"{server.address}/gallery/#mosaic/beach.jpg")
    page.until("document.querySelector('dialog').open")
    with page.large_text():
        assert page.violations() == set(), "a picture of the gallery"


def test_a_chosen_language_is_remembered_by_all_pages(page, server, place):
    published(Path(place["BUCKET_RESULT"]), [record("beach.jpg", "mosaic")])
    page.look(server.address)
    page.one("#languages summary").click()
    assert page.violations() == set()
    assert page.hidden_from_keyboard() == []
    page.one("#languages summary").click()
    page.choose_language("Español")
    assert page.one("#sample-photo").text == "Probar el ejemplo"
    page.look(f"{server.address}/gallery/#mosaic/beach.jpg")
    page.until("document.querySelector('dialog').open")
    assert page.one("#title").text == "Según «Mosaic»"
    assert page.one("#download").text == "Guardar"
    page.click("#close", "!document.querySelector('dialog').open")
    assert page.one("h1").text == "Galería" and page.english("page", "gallery") == set()
    page.look(f"{server.address}/gallery/#?style=mosaic")
    page.choose_language("English")
    assert page.one("#status").text == "1 picture"
    assert page.one(".chips [aria-current]").text.startswith("Mosaic"), "the filter stays"
    assert page.errors() == []


def test_the_cross_of_a_picture_says_in_one_sentence_what_it_does(page, server):
    server.add("beach.jpg")
    server.end(server.add("town.jpg"))
    page.speak("de")
    page.look(server.address)
    page.until("document.querySelector('#queue .x') && document.querySelector('#finished .x')")
    titles = [page.one(f"{each} .x").get_attribute("title") for each in ("#queue", "#finished")]
    assert titles == ["beach.jpg im Stil Mosaic abbrechen", "town.jpg im Stil Mosaic löschen"]
    page.one("#finished .cell").click()
    page.one("#how").click()
    assert page.one("#how-title").text == "Einstellungen"
    page.one("#paint").click()
    until(lambda: len(server.ordered) == 1)
    assert server.ordered[0].photo == "town.jpg", "of the picture on the stage"


def test_the_login_and_its_errors_are_in_the_language(page, locked):
    page.speak("de-AT,de")
    page.look(str(locked.base_url))
    page.one("#password").send_keys("wrong")
    page.click(".login .button", "document.querySelector('#refused')")
    assert page.one("#refused").text.startswith("Falsches Passwort.")
    page.choose_language("Français")
    assert page.one(".login .button").text == "Entrer"


@pytest.mark.parametrize("language", drawn([*LANGUAGES]))
def test_on_a_phone_the_gallerys_head_is_one_row(page, server, language):
    page.speak(language)
    page.look(f"{server.address}/gallery/", 390, 844)
    assert page.js("document.querySelector('.top').offsetHeight") < 100, "two rows take 125 px"


def test_the_longest_words_of_the_settings_fit_on_their_cards_on_a_phone(page, server, tmp_path):
    (tmp_path / "town.jpg").write_bytes(jpeg("red"))
    page.speak("de")
    page.look(server.address, 390, 844)
    page.one("#photo-files").send_keys(str(tmp_path / "town.jpg"))
    page.until("document.querySelector('#photos .cell')")
    page.js("document.querySelector('#how').click()")
    page.until("document.querySelector('#sizes b').checkVisibility()")
    assert page.one("#sizes b").text == "Bildschirm"
    room = """[...document.querySelectorAll('#sheet .cards b')].every((each) => {
      const words = document.createRange(), card = each.parentElement.getBoundingClientRect();
      words.selectNodeContents(each);
      return words.getBoundingClientRect().right < card.right - 6;
    })"""
    assert page.js(room)
