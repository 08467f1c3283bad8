"""The bot's texts within Telegram's limits."""

from pathlib import Path

import pytest
from bot import words
from support.scenarios import same_as_stored

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


def test_what_is_said_and_what_buttons_send_is_whole_and_in_order():
    say, said = words.speaking("en"), {}
    for name, *given in (
        *(("help_text", None, "full", 1), ("help_text", "Wave", 1024, 30)),
        *(
            ("pick_size", 1024),
            ("size_is", "full"),
            ("size_wrong", "9"),
            ("photos", "cancelled", 1),
        ),
        *(("style_unknown", "q", []), ("style_unknown", "q" * 80, ["a", "b"])),
        *(("styles_page", "pick_style", "Wave", 0, 3), ("styles_page", "pick_style", None, 0, 1)),
        *(("accepted", "accepted", "Wave", 1, 5), ("accepted", "accepted", "Wave", 3, None)),
        *(("status", [2, 3], 1, "Wave", 1024), ("status", [], 0, None, "full")),
        *(
            ("style", "style_is", "{brace}"),
            ("failed", "why"),
            ("for_owner", "x\ny"),
            ("recorded", "it is broken."),
        ),
        *(("size_buttons",), ("cancel_button", "1.2"), ("result_buttons", "1.2")),
        *(("forget_buttons", 7), ("admit_buttons", 7)),
    ):
        found = getattr(say, name)(*given)
        rows = found if isinstance(found, str) else found.to_dict()["inline_keyboard"]
        said[f"{name} {given}"] = rows
    said |= {"of": words.person(7, "A"), "without a name": words.person(7, "")}
    said["letters"] = words.letters("a\u0301 b_c!e", "_ -", " ")
    same_as_stored(said, Path(__file__).with_name("words.json"))
