"""The title of a style, for people: *The Great Wave, Hokusai, 1831*, in each language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from painterly.errors import ConfigError
from painterly.words.suggestions import did_you_mean
from painterly.words.texts import DEFAULT, LANGUAGES, Texts, table
from painterly.words.wording import printable, shortened

KEYS = ("title", "artist", "short", "year", "medium")  # keys of a style in styles.toml
LONGEST = 200  # characters of each
# The_Great_Wave_by_Katsushika_Hokusai_1831, also with hyphens or spaces; the year may be missing.
_FILE_NAME = re.compile(
    r"(?P<title>.+)[_ -]by[_ -](?P<artist>.+?)(?:[_ -](?P<year>[0-9]{3,4}))?", re.IGNORECASE
)
_ABOUT = "c. "  # before a year that is not certain


@dataclass(frozen=True)
class StyleTitle:
    """A title with its artist, year and medium, as far as they are known.

    Attributes:
        title: The title, by language; at least one if there is any.
        artist, short: The artist, and the usual short name, if that is not the last word.
        year: The year, such as `1831` or `c. 1750`.
        medium: A key of `[medium]` in texts.toml, or other words.
    """

    title: Mapping[str, str] = field(default_factory=dict)
    artist: str | None = None
    short: str | None = None
    year: str | None = None
    medium: str | None = None

    def title_in(self, language: str, name: str) -> str:
        """Return the title in a language, or else in another one, or else the style's name in
        words."""
        known = self.title.get(language) or self.title.get(DEFAULT)
        return known or next(iter(self.title.values()), name_in_words(name))

    def titles(self, name: str) -> dict[str, str]:
        """Return `title_in` each language."""
        return {language: self.title_in(language, name) for language in LANGUAGES}

    @property
    def short_artist(self) -> str | None:
        """The artist's short name."""
        return self.short or next(iter((self.artist or "").split()[-1:]), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Other names of the style: its artist, and its title in each language."""
        return tuple(filter(None, (self.short_artist, self.artist, *self.title.values())))

    def year_in(self, language: str) -> str | None:
        """Return the year in a language."""
        if self.year is None or not self.year.startswith(_ABOUT):
            return self.year
        return Texts(language).text("title.about_year", year=self.year.removeprefix(_ABOUT))

    def medium_in(self, language: str) -> str | None:
        """Return the medium in a language."""
        key = f"medium.{self.medium}"
        return Texts(language).text(key) if key in table() else self.medium

    def line(self, language: str, name: str, *, between: str = ", ") -> str:
        """Return title, artist and year of a style with a name, by default in one line."""
        made = ", ".join(part for part in (self.short_artist, self.year_in(language)) if part)
        return between.join(part for part in (self.title_in(language, name), made) if part)

    def short_line(self, language: str, name: str) -> str:
        """Return title and artist of a style with a name."""
        return replace(self, year=None).line(language, name)

    def lines(self, name: str) -> dict[str, str]:
        """Return `line` in each language."""
        return {language: self.line(language, name) for language in LANGUAGES}


NO_TITLE = StyleTitle()


def name_in_words(name: str) -> str:
    """Return a style's name as people write it: `woodcut-and-brush` as `Woodcut and brush`, and
    the blend `monet+hokusai` as `Monet + Hokusai`."""
    words = (re.sub("[_-]+", " ", part).strip() for part in name.split("+"))
    shown = " + ".join(each[:1].upper() + each[1:] for each in words if each) or name
    return printable(shown)  # A key may have any characters.


def title_of_file(stem: str) -> StyleTitle:
    """Return the title in a file name without its extension, such as
    `The_Great_Wave_by_Hokusai_1831`; an empty one if it names no artist."""
    match = _FILE_NAME.fullmatch(stem)
    if match is None:
        return NO_TITLE
    title, artist = name_in_words(match["title"]), name_in_words(match["artist"])
    return StyleTitle({DEFAULT: title}, artist, artist, match["year"])


def title_from_table(values: Mapping[str, Any], where: str) -> StyleTitle:
    """Return the title in a style's table in styles.toml. Raises ConfigError, which begins with
    `where`, for a wrong value."""
    given = dict(values)
    titles = given.pop("title", {})
    if not isinstance(titles, dict):
        titles = {DEFAULT: titles}
    for language in titles:
        if language not in LANGUAGES:
            hint = did_you_mean(language, LANGUAGES, f"expected one of {', '.join(LANGUAGES)}")
            raise ConfigError(f"{where} title has the language {shortened(language)}; {hint}")
    if type(year := given.get("year")) is int:
        given["year"] = str(year)
    title = {language: _text(text, f"{where} title") for language, text in titles.items()}
    said = {name: _text(value, f"{where} {name}") for name, value in given.items()}
    return StyleTitle(title, **said)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        raise ConfigError(
            f"{what} is {shortened(value)}; expected a text of 1 to {LONGEST} letters"
        )
    return printable(value.strip())
