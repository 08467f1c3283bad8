"""The bot's texts within Telegram's limits."""

import pytest
from bot import words

from painterly.words.texts import LANGUAGES, texts_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_fit_telegrams_limits(language):
    say = words.speaking(language)
    assert len(say.help_text("ü" * 1000, 4096, 10_000)) <= 1024
    for key, text in texts_of(language, "bot").items():
        most = {"menu": 256, "button": 40, "help": 1024}.get(key.split(".")[1], 900)
        assert len(text) <= most, key
    # An answer to a button, shown over the chat.
    alerts = ("button_gone", "style_gone", "not_yours", "again.gone", "again.waiting")
    assert all(len(say.text(key)) <= 200 for key in alerts)
    assert len(say.text("stranger")) <= 200


def test_a_language_is_found_by_telegrams_code():
    codes = {"de": "de", "de-AT": "de", "fr": "fr", "es-419": "es", "pt-br": "en", "": "en"}
    assert {code: words.speaking(code).language for code in codes} == codes
    assert words.speaking(None).language == "en"
    assert words.speaking("de").status([3], 1, None, 512).startswith("Wird gerade gemalt: 1 Foto.")


def test_counts_and_names_are_filled_in():
    say = words.speaking("fr")
    assert "2 photos" in say.photos("cancelled", 2) and "30 jours" in say.help_text(None, 512, 30)
    assert "…" in say.style("style_is", "x" * 99) and "{brace}" in say.style("style_is", "{brace}")
    assert "«" in say.text("no_styles") and "ou" in say.style_unknown("a", ["b", "c"]).split()


SIDE = "longer side 1024 px"
WHOLE = "as large as your photo, up to 4096 px"
NUMBERS = "a number from 32 to 4096, or full."
SAID = {
    "size_text": {("full",): WHOLE, (1024,): SIDE},
    "pick_size": {
        (1024,): f"How large should results be? Now: {SIDE}. Larger ones take longer. You can also "
        "type a number of pixels from 32 to 4096, such as /size 1600."
    },
    "size_is": {("full",): f"Results will now be: {WHOLE}."},
    "size_wrong": {("9",): f"9 is not a size. Please give {NUMBERS}"},
    "style_unknown": {
        ("q", ()): "There is no style q. /styles shows them all.",
        ("q", ("a", "b")): "There is no style q. Did you mean a or b? /styles shows them all.",
    },
    "styles_page": {
        ("pick_style", "Wave", 0, 3): "Which style should I paint in? (page 1 of 3)\nStyle: Wave.",
        ("pick_style", None, 0, 1): "Which style should I paint in?",
    },
    "accepted": {
        ("accepted", "Wave", 1, 5): "Got it. I will paint it in the style Wave. It is next. It "
        "should take about 5 minutes.",
        ("accepted", "Wave", 3, None): "Got it. I will paint it in the style Wave. It is number 3 "
        "in the queue. All machines with a graphics card are in use at the moment. I will keep "
        "trying for up to four hours.",
    },
    "status": {
        ((2, 3), 1, "Wave", 1024): "Being painted now: 1 photo.\nWaiting: 2 photos; the next of "
        f"them is number 2 in the queue.\nStyle: Wave. Size: {SIDE}.",
        ((), 0, None, "full"): f"None of your photos is waiting.\nSize: {WHOLE}.",
    },
    "photos": {("cancelled", 1): "Done. I have cancelled 1 photo."},
    "failed": {("why",): "Sorry, I could not paint this photo: why"},
    "for_owner": {("x\ny",): "For you as my owner: x\\ny"},
    "recorded": {("it is broken.",): "it is broken."},
}


def test_what_is_said_is_whole_and_in_order():
    say = words.speaking("en")
    for name, cases in SAID.items():
        assert {given: getattr(say, name)(*given) for given in cases} == cases
    assert say.style("style_now", "x" * 80) == f"Style: {'x' * 30}…{'x' * 29}."
    first, *_, last = say.help_text("Wave", 1024, 30).splitlines()
    assert first == f"Send me a photo and I paint it. Style: Wave. Size: {SIDE}."
    assert last == "I keep pictures, including your own paintings, for 30 days."
    assert (words.person(7, "A"), words.person(7, "")) == ("A (7)", "7")
    assert words.letters("a\u0301 b_c!e", "_ -", " ") == "a\u0301 b_c e"


def test_buttons_say_what_they_do_and_send_that():
    say = words.speaking("en")
    for markup, expected in (
        (say.size_buttons(), ["512 px, 1024 px", "2048 px, as the photo"]),
        (say.cancel_button("1.2"), ["Cancel"]),
        (say.forget_buttons(7), ["Delete everything, Keep it"]),
        (say.admit_buttons(7), ["Allow, Ignore"]),
        (
            say.result_buttons("1.2"),
            [
                "Another style",
                "Closer to the photo, Closer to the painting",
                "Finer strokes, Larger strokes",
            ],
        ),
    ):
        rows = markup.inline_keyboard
        assert [", ".join(each.text for each in row) for row in rows] == expected
    sent = [[each.callback_data for each in row] for row in say.size_buttons().inline_keyboard]
    assert sent == [["size:512", "size:1024"], ["size:2048", "size:full"]]
