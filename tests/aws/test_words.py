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
