"""The bot's texts: complete in every language, and within Telegram's limits."""

import string

import pytest
from bot import words


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_is_there_in_every_language_with_the_same_placeholders():
    for key, texts in words.table().items():
        assert set(texts) == set(words.LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key
        names = {language: placeholders(text) for language, text in texts.items()}
        assert len(set(map(frozenset, names.values()))) == 1, (key, names)
        assert "<a href" not in str(texts) or all("<a href" in each for each in texts.values())


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_texts_fit_telegrams_limits(language):
    say = words.speaking(language)
    assert len(say.help_text("ü" * 1000, 4096, 10_000)) <= 1024
    for key, texts in words.table().items():
        most = {"menu": 256, "button": 40}.get(key.partition(".")[0], 900)
        assert len(texts[language]) <= (most if key != "help" else 1024), key
    # An answer to a button, shown over the chat.
    alerts = ("button_gone", "style_gone", "not_yours", "again.gone", "again.waiting")
    assert all(len(say.text(key)) <= 200 for key in alerts)
    assert len(say.text("stranger", user=2**52)) <= 200


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
