"""The ready styles: famous paintings that come with the package, each a style with a name."""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from painterly.settings.bucket_layout import STYLES
from painterly.settings.installation import command
from painterly.words.style_title import KEYS as TITLE_KEYS
from painterly.words.style_title import StyleTitle, title_from_table
from painterly.words.suggestions import called, meant, only, question

FOLDER = Path(__file__).parents[1] / "styles"
ALL, NONE = "all", "none"  # instead of names


@cache
def tables() -> dict[str, dict[str, Any]]:
    """Return the tables of the ready styles in styles.toml, by name, in the order of the page."""
    return tomllib.loads((FOLDER / STYLES).read_text(encoding="utf-8"))


def named(text: str) -> tuple[str, ...]:
    """Return the names in a list such as `hokusai,Klimt`; `all` and `none` stand for all and none.

    Raises ConfigError, without the list, as `one` does.
    """
    words = [word for each in text.split(",") if (word := each.strip())]
    if words in ([ALL], [NONE]):
        return tuple(tables()) if words == [ALL] else ()
    return tuple(dict.fromkeys(map(one, words)))


def one(text: str) -> str:
    """Return the name of the ready style with this name, artist or title, or a part of these.

    Raises ConfigError if there is none, or if there are several.
    """
    return text if text in tables() else only(text, _called(), "ready style", hint(text))


def search(text: str) -> list[str]:
    """Return the names of the ready styles with this name, artist or title, or a part of these."""
    return [text] if text in tables() else called(text, _called())


def hint(text: str) -> str:
    """Return a suggestion for an unknown name, or else the command that lists the names."""
    return question(similar(text), f"{command('styles')} lists the ready styles")


def similar(text: str) -> list[str]:
    """Return the names that a text may mean: of ready styles, and `all`."""
    return meant(text, {**_called(), ALL: ()})


@cache
def _called() -> dict[str, tuple[str, ...]]:
    return {name: title(name).names for name in tables()}


def path(name: str) -> Path:
    """Return the file of a ready style's painting."""
    (key,) = tables()[name]["paintings"]
    return FOLDER / key


def own_settings(name: str) -> dict[str, Any]:
    """Return the settings in a ready style's table."""
    described = ("paintings", *TITLE_KEYS)
    return {key: value for key, value in tables()[name].items() if key not in described}


def common_settings(names: Sequence[str]) -> dict[str, Any]:
    """Return the settings that all ready styles of a blend set themselves, and in the same way;
    none if a painting in it is not a ready style."""
    first, *others = (own_settings(name) if name in tables() else {} for name in names)
    return {
        key: value
        for key, value in first.items()
        if all(key in each and each[key] == value for each in others)
    }


@cache
def title(name: str) -> StyleTitle:
    """Return the title of a ready style, or an empty one if there is no such style."""
    table = tables().get(name, {})
    return title_from_table({key: table[key] for key in TITLE_KEYS if key in table}, name)
