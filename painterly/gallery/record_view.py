"""Texts about a record for people to read, and its style as a section of styles.toml to copy.

A record may lack any field, and a value may be absurd: such values are left out, and are never an
error.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

from painterly.errors import ConfigError
from painterly.orders.record import PaintingRef, Record, Scalar
from painterly.settings import ready_styles
from painterly.settings.bucket_layout import READY, WEB
from painterly.settings.settings import parse
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
    lines = (record.style_title or NO_TITLE).lines(style_name(record))
    return {language: printable(line) for language, line in lines.items()}


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
    names in texts.toml.

    Args:
        record: The record.
        internals: Whether weights and engine follow, which tell photographers nothing.
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
    """Return a key that sorts `beach 2` before `beach 10`, and ignores case at first."""
    parts = re.split("([0-9]{1,18})", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name


def _is_sensible(number: float | None) -> TypeGuard[float]:
    """Return whether a number can be computed with: not NaN, infinite or huge."""
    return number is not None and abs(number) < 1e15


def style_lines(record: Record) -> str:
    """Return the name, paintings and regions of the style's section in styles.toml, one per line,
    or a comment if the record lacks them."""
    if not record.style or not record.paintings:
        return "# The record lacks the style and the paintings of these settings."
    lines = [f"[{_key(record.style)}]", f"paintings = {_paintings(record.paintings)}"]
    regions = {each.key: each.region.key for each in record.paintings if each.region}
    if regions:
        pairs = (f"{_quoted(key)} = {_quoted(mask)}" for key, mask in regions.items())
        lines.append(f"regions = {{ {', '.join(pairs)} }}")
    return "\n".join(lines)


def setting_lines(settings: Mapping[str, Scalar] | None) -> str:
    """Return settings as lines of styles.toml. Settings that this version does not accept become
    comments: in a file, they would be errors."""
    return "\n".join(_setting_line(name, value) for name, value in (settings or {}).items())


def _setting_line(name: str, value: Scalar) -> str:
    try:
        parse(name, value)
    except ConfigError:
        return f"# no longer accepted: {printable(name)[:60]} = {printable(str(value))[:60]}"
    if isinstance(value, str):
        # JSON may hold a number as text; styles.toml takes it the same way.
        return f"{name} = {_quoted(value)}"
    if isinstance(value, bool):
        return f"{name} = {'true' if value else 'false'}"
    return f"{name} = {value!r}"


def _paintings(paintings: Sequence[PaintingRef]) -> str:
    shares = {painting.share for painting in paintings}
    usable = all(share is not None and 0 < share < float("inf") for share in shares)
    if len(shares) == 1 or not usable:  # In equal shares.
        return f"[{', '.join(_quoted(each.key) for each in paintings)}]"
    return f"{{ {', '.join(f'{_quoted(each.key)} = {each.share!r}' for each in paintings)} }}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """Quote a string for TOML, which has the escapes of JSON."""
    legible = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
    # A character that cannot be encoded is from a file name that is not UTF-8, unlike TOML.
    return legible.encode("utf-8", "replace").decode()
