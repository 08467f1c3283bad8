"""Texts about a record for people to read. A record may lack any field, and a value may be absurd:
such values are left out, and are never an error."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeGuard

from styletransfer.log import duration, printable
from styletransfer.record import Record

Rows = tuple[tuple[str, str], ...]  # names and values


def photo_name(record: Record) -> str:
    """Return the photo's key, or the result's if the record lacks it."""
    return record.photo or record.result or "a photo without a name"


def pictures_of(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """List the kind and key of every picture that the page of some records shows, some more than
    once."""
    for record in records:
        if record.result is not None:
            yield "results", record.result
            yield "photos", photo_name(record)
            for each in record.paintings or ():
                yield "paintings", each.key


def look_name(record: Record) -> str:
    """Return the look's name."""
    return record.look or "a look without a name"


def size(record: Record) -> tuple[int, int] | None:
    """Return height and width in px, if the record has both."""
    height, width = record.height, record.width
    if height is None or width is None or not (0 < height < 10**6 and 0 < width < 10**6):
        return None
    return height, width


def shares(record: Record) -> list[str]:
    """Return the share of each painting in percent as text, or empty texts if there is only one."""
    given = [each.share for each in record.paintings or ()]
    known = [share for share in given if _is_sensible(share) and share >= 0]
    if len(given) < 2 or len(known) < len(given):
        return [""] * len(given)
    return [f"{100 * share / (sum(known) or 1):.0f}\N{NO-BREAK SPACE}%" for share in known]


def time_taken(record: Record) -> str:
    """Return the time of the painting as text; empty if the record lacks it."""
    seconds = record.seconds
    return duration(seconds) if _is_sensible(seconds) and seconds >= 0 else ""


def finished(record: Record) -> int | str:
    """Return the time of its completion in seconds since 1970, or as text if the record has no time
    zone or no time."""
    moment = record.finished
    if moment is None:
        return ""
    try:
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo:
            return int(parsed.timestamp())
    except (ValueError, OverflowError):
        return short_text(moment)
    return f"{parsed.day} {parsed:%B %Y, %H:%M}"


def origin(record: Record) -> Rows:
    """Return the device, network, weights and engine, as far as the record has them."""
    rows = (
        ("Device", short_text(record.device)),
        ("Network", short_text(record.network)),
        ("Weights", short_text(record.weights)),
        ("Engine", short_text(record.engine)),
    )
    return tuple((name, value) for name, value in rows if value)


def failure_reason(record: Record) -> str:
    """Return the reason of a failure without the photo's name in front."""
    return short_text(record.error).removeprefix(f"{printable(photo_name(record))}: ")


def table_rows(values: Mapping[str, float] | None) -> Rows:
    """Return losses as rows of a table."""
    given = values or {}
    return tuple((short_text(name).replace("_", " "), short_text(given[name])) for name in given)


def short_text(value: str | float | None) -> str:
    """Return a value as one short line."""
    if value is None:
        return ""
    line = f"{value:.4g}" if isinstance(value, float) else printable(str(value))
    return line if len(line) <= 500 else f"{line[:499]}…"


def sort_key(name: str) -> tuple[Any, ...]:
    """Return a key that sorts `beach 2` before `beach 10`, and ignores case at first."""
    parts = re.split("([0-9]{1,18})", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name


def _is_sensible(number: float | None) -> TypeGuard[float]:
    """Return whether a number can be computed with: not NaN, infinite or huge."""
    return number is not None and abs(number) < 1e15
