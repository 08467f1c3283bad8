"""What a record says, in words for people to read. Records may lack anything, or hold anything:
what is odd is left out, and never an error."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from styletransfer.log import duration, printable

Record = Mapping[str, Any]
Rows = tuple[tuple[str, str], ...]  # names and values


def is_painted(record: Record) -> bool:
    """Whether a record tells of a result."""
    return isinstance(record.get("result"), str)


def photo(record: Record) -> str:
    """The photo's key; the result's where the record does not tell."""
    key = record.get("photo")
    return key if isinstance(key, str) else str(record.get("result", "a photo without a name"))


def look(record: Record) -> str:
    """The look's name."""
    name = record.get("look")
    return name if isinstance(name, str) and name else "a look without a name"


def paintings(record: Record) -> list[dict[str, Any]]:
    """The look's paintings that have a key."""
    found = record.get("paintings")
    found = found if isinstance(found, list) else ()
    return [e for e in found if isinstance(e, Mapping) and isinstance(e.get("key"), str)]


def size(record: Record) -> tuple[int, int] | None:
    """Height and width in px, if the record tells both."""
    sides = record.get("height"), record.get("width")
    return sides if all(type(side) is int and 0 < side < 10**6 for side in sides) else None


def shares(record: Record) -> list[str]:
    """The share of each painting, to be read; empty texts where there is only one."""
    parts = [each.get("share") for each in paintings(record)]
    if len(parts) < 2 or not all(_is_number(part) and part >= 0 for part in parts):
        return [""] * len(parts)
    return [f"{100 * part / (sum(parts) or 1):.0f}\N{NO-BREAK SPACE}%" for part in parts]


def facts(record: Record) -> Rows:
    """When, how long, on what: those of them that the record tells."""
    sides, seconds = size(record), record.get("seconds")
    has_time = _is_number(seconds) and seconds >= 0
    told = (
        ("Size", f"{sides[1]} × {sides[0]} px" if sides else ""),
        ("Time", duration(seconds) if has_time else ""),
        ("Finished", _date(record.get("finished"))),
        ("Device", text(record.get("device"))),
        ("Weights", text(record.get("weights"))),
        ("Engine", text(record.get("engine"))),
    )
    return tuple((name, value) for name, value in told if value)


def reason(record: Record) -> str:
    """Why a photo could not be painted, without its name before it."""
    return text(record["error"]).removeprefix(f"{printable(photo(record))}: ")


def rows(values: Any) -> Rows:
    """A table of settings or losses."""
    values = values if isinstance(values, Mapping) else {}
    return tuple((text(name).replace("_", " "), text(value)) for name, value in values.items())


def text(value: Any) -> str:
    """Any value as one short line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    line = f"{value:.4g}" if isinstance(value, float) else printable(str(value))
    return line if len(line) <= 500 else f"{line[:499]}…"


def sortable(name: str) -> tuple[Any, ...]:
    """beach 2 comes before beach 10, and capitals do not come first."""
    parts = re.split("([0-9]{1,18})", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name


def _date(value: Any) -> str:
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    except (TypeError, ValueError, OverflowError):
        return text(value)
    return f"{moment.day} {moment:%B %Y, %H:%M}" + (" UTC" if moment.tzinfo else "")


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and abs(value) < 1e15  # Not NaN either.
