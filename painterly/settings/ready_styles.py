"""The ready styles: famous paintings that come with the package, each a style with a name."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from painterly.errors import ConfigError
from painterly.settings.bucket_layout import STYLES
from painterly.settings.installation import command
from painterly.words.style_title import KEYS as TITLE_KEYS
from painterly.words.style_title import StyleTitle, title_from_table
from painterly.words.suggestions import did_you_mean
from painterly.words.wording import shortened

FOLDER = Path(__file__).parents[1] / "styles"
ALL, NONE = "all", "none"  # instead of names


@cache
def tables() -> dict[str, dict[str, Any]]:
    """Return their tables in styles.toml, by name, in the order in which they are shown."""
    return tomllib.loads((FOLDER / STYLES).read_text(encoding="utf-8"))


def named(text: str) -> tuple[str, ...]:
    """Return the names in a list such as `hokusai,klimt`; `all` and `none` stand for all and none.

    Raises ConfigError, without the list, for a name that there is not.
    """
    names = [name for each in text.split(",") if (name := each.strip())]
    if names in ([ALL], [NONE]):
        return tuple(tables()) if names == [ALL] else ()
    for name in names:
        if name not in tables():
            raise ConfigError(f"there is no ready style {shortened(name)}; {hint(name)}")
    return tuple(dict.fromkeys(names))


def hint(name: str) -> str:
    """Return what was probably meant by a name that there is not, or else where the names are."""
    return did_you_mean(name, [*tables(), ALL], f"{command('styles')} lists the ready styles")


def path(name: str) -> Path:
    """Return the file of a ready style's painting."""
    (key,) = tables()[name]["paintings"]
    return FOLDER / key


def own_settings(name: str) -> dict[str, Any]:
    """Return the settings that a ready style sets itself."""
    described = ("paintings", *TITLE_KEYS)
    return {key: value for key, value in tables()[name].items() if key not in described}


@cache
def title(name: str) -> StyleTitle:
    """Return the title of a ready style; nothing if there is no such style."""
    table = tables().get(name, {})
    return title_from_table({key: table[key] for key in TITLE_KEYS if key in table}, name)
