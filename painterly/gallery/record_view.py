"""Texts about a record for people to read.

A record may lack any field, and a value may be absurd: such values are left out, and are never an
error.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeGuard
from unicodedata import normalize

from painterly.orders.record import Record
from painterly.settings import ready_styles
from painterly.settings.bucket_layout import READY, WEB
from painterly.words.style_title import NO_TITLE
from painterly.words.texts import LANGUAGES
from painterly.words.wording import printable

Rows = tuple[tuple[str, str], ...]  # names and values
UNNAMED = "?"  # a photo or a style whose name the record lacks


def photo_name(record: Record) -> str:
    """Return the photo's key, or the result's if the record lacks it."""
    return record.photo or record.result or UNNAMED


def pictures_of(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """List the kind and key of every picture that the page of some records shows, some more than
    once."""
    for record in records:
        if record.result is not None:
            yield "results", record.result
            yield "photos", photo_name(record)
            for painting in record.paintings or ():
                yield "paintings", painting.key


def style_name(record: Record) -> str:
    """Return the style's name."""
    return record.style or UNNAMED


def style_titles(record: Record) -> dict[str, str]:
    """Return the title of the style, by language."""
    return _printable((record.style_title or NO_TITLE).lines(style_name(record)))


def short_titles(record: Record) -> dict[str, str]:
    """Return the title of the style without its artist and year, by language."""
    return _printable((record.style_title or NO_TITLE).titles(style_name(record)))


def _printable(titles: Mapping[str, str]) -> dict[str, str]:
    return {language: printable(title) for language, title in titles.items()}


def artist(record: Record) -> str:
    """Return the short name of the style's artist, or an empty text."""
    return short_text((record.style_title or NO_TITLE).short_artist)


def given(record: Record) -> tuple[tuple[str, str | bool], ...] | None:
    """Return the settings that were given, by name; None for older records, which lack them."""
    if record.given is None:
        return None
    return tuple(
        (printable(name), value if isinstance(value, bool) else short_text(str(value)))
        for name, value in record.given.items()
    )


def painting_titles(key: str) -> dict[str, str]:
    """Return the title of a ready style's painting, or the name of another one, by language."""
    folder, _, name = key.rpartition("/")
    stem = name.rpartition(".")[0]
    if folder == READY:
        return ready_styles.title(stem).lines(stem)
    if folder == WEB:
        key = re.sub("^[0-9a-f]{12}-", "", name)
    return dict.fromkeys(LANGUAGES, printable(key))


def size(record: Record) -> tuple[int, int] | None:
    """Return height and width in px, if the record has both."""
    height, width = record.height, record.width
    if height is None or width is None or not (0 < height < 10**6 and 0 < width < 10**6):
        return None
    return height, width


def shares(record: Record) -> list[int | None]:
    """Return the share of each painting in percent, or None for each if there is only one."""
    recorded = [painting.share for painting in record.paintings or ()]
    known = [share for share in recorded if _is_sensible(share) and share >= 0]
    if len(recorded) < 2 or len(known) < len(recorded):
        return [None] * len(recorded)
    return [round(100 * share / (sum(known) or 1)) for share in known]


def strength(record: Record) -> float | None:
    """Return its strength, 0…1, if the record has it."""
    found = (record.settings or {}).get("strength")
    return found if isinstance(found, int | float) and 0 <= found <= 1 else None


def time_taken(record: Record) -> int | None:
    """Return the time of the painting in seconds, if the record has it."""
    seconds = record.seconds
    return round(seconds) if _is_sensible(seconds) and seconds >= 0 else None


def finished(record: Record) -> int | str:
    """Return the time of its completion in seconds since 1970, or as the record has it if it is
    not a time with a time zone."""
    try:
        moment = datetime.fromisoformat(record.finished or "")
        return int(moment.timestamp()) if moment.tzinfo else short_text(record.finished)
    except (ValueError, OverflowError):
        return short_text(record.finished)


def origin(record: Record, internals: bool = True) -> Rows:
    """Return the device and the network, as far as the record has them, with the keys of their
    names in texts.toml; with internals also weights and engine, which tell photographers nothing.
    """
    rows = [
        ("gallery.device", short_text(record.device)),
        ("gallery.network", short_text(record.network)),
    ]
    if internals:
        rows += [
            ("gallery.weights", short_text(record.weights)),
            ("gallery.engine", short_text(record.engine)),
        ]
    return tuple((name, value) for name, value in rows if value)


def failure_reason(record: Record) -> str:
    """Return the reason of a failure without the photo's name in front."""
    return short_text(record.error).removeprefix(f"{printable(photo_name(record))}: ")


def short_text(value: str | None) -> str:
    """Return a value as one short line, or an empty text for None."""
    line = printable(value or "")
    return line if len(line) <= 500 else f"{line[:499]}…"


def sort_key(name: str) -> tuple[Any, ...]:
    """Return a key that sorts `beach 2` before `beach 10` and é after e, and ignores case at
    first."""
    parts = re.split("([0-9]{1,18})", normalize("NFD", name.casefold()))
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name


def _is_sensible(number: float | None) -> TypeGuard[float]:
    """Return whether a number can be computed with: not NaN, infinite or huge."""
    return number is not None and abs(number) < 1e15
