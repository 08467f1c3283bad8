"""The texts of the pages and the bot in the languages of their users, from texts.toml."""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

Language = Literal["en", "de", "fr", "es"]
_NAMES = "English", "Deutsch", "Français", "Español"
LANGUAGES: dict[str, str] = dict(zip(get_args(Language), _NAMES, strict=True))
DEFAULT = "en"

_NARROW = "\N{NARROW NO-BREAK SPACE}"


@functools.cache
def table() -> dict[str, dict[str, str]]:
    """Return the texts by key and language. Keys of nested tables are joined by dots."""
    path = Path(__file__).with_suffix(".toml")
    texts = dict(_flat("", tomllib.loads(path.read_text(encoding="utf-8"))))
    for each in texts.values():
        each["fr"] = re.sub("(?<=«) | (?=[:;!?»])", _NARROW, each["fr"])
    return texts


@functools.cache
def texts_of(language: str, *places: str) -> dict[str, str]:
    """Return the texts of some places, such as `page`, in a language, by their keys."""
    shown = {key: texts for key, texts in table().items() if key.partition(".")[0] in places}
    return {key: texts[language] for key, texts in shown.items()}


def language_of(code: str | None) -> str:
    """Return the language of a code, such as `de` for `de-AT`. It is English for others."""
    language = _without_region(code or "")
    return language if language in LANGUAGES else DEFAULT


def preferred(header: str) -> str:
    """Return the language that an Accept-Language header prefers, English if it has none of
    LANGUAGES."""
    wishes = []
    for wish in header.split(","):
        code, _, quality = wish.partition(";")
        language = _without_region(code)
        number = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", quality)
        weight = float(number[1]) if number else 1.0
        if language in LANGUAGES and weight:
            wishes.append((weight, language))
    return max(wishes, key=lambda wish: wish[0], default=(0, DEFAULT))[1]


def _without_region(code: str) -> str:
    return code.partition("-")[0].strip().lower()


class Texts:
    """The texts in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def text(self, key: str, **values: object) -> str:
        """Return the text of a key, with its values."""
        return table()[key][self.language].format(**values)

    def counted(self, key: str, count: int) -> str:
        """Return the text of a key for a number of things."""
        alone = count == 1 or (count == 0 and self.language == "fr")
        return self.text(f"{key}.one" if alone else f"{key}.other", count=count)


def _flat(prefix: str, texts: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    own = {name: value for name, value in texts.items() if isinstance(value, str)}
    if own:
        yield prefix, own
    for name, value in texts.items():
        if name not in own:
            yield from _flat(f"{prefix}.{name}".lstrip("."), value)
