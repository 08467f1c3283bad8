"""A result's look as a section of looks.toml, which people can copy."""

import json
import re
from collections.abc import Iterable, Mapping

from styletransfer.errors import ConfigError
from styletransfer.log import printable
from styletransfer.record import PaintingRef, Record, Scalar
from styletransfer.settings import parse


def look_lines(record: Record) -> str:
    """Write the section's name, paintings and regions, one per line, or a comment if the record
    lacks them."""
    if not record.look or not record.paintings:
        return "# The record lacks the look and the paintings of these settings."
    lines = [f"[{_key(record.look)}]", f"paintings = {_paintings(record.paintings)}"]
    regions = {each.key: each.region.key for each in record.paintings if each.region}
    if regions:
        pairs = (f"{_quoted(key)} = {_quoted(mask)}" for key, mask in regions.items())
        lines.append(f"regions = {{ {', '.join(pairs)} }}")
    return "\n".join(lines)


def setting_lines(settings: Mapping[str, Scalar] | None) -> str:
    """Write the settings, one per line. Settings that this version does not accept become comments:
    in a file, they would be errors."""
    given = settings or {}
    return "\n".join(_setting_line(name, given[name]) for name in given)


def _setting_line(name: str, value: Scalar) -> str:
    try:
        parse(name, value)
    except ConfigError:
        return f"# no longer accepted: {printable(name)[:60]} = {printable(str(value))[:60]}"
    if isinstance(value, str):
        # JSON may hold a number as text; looks.toml takes it the same way.
        return f"{name} = {_quoted(value)}"
    if isinstance(value, bool):
        return f"{name} = {'true' if value else 'false'}"
    return f"{name} = {value!r}"


def _paintings(paintings: Iterable[PaintingRef]) -> str:
    given = list(paintings)
    shares = {each.share for each in given}
    usable = all(share is not None and 0 < share < float("inf") for share in shares)
    if len(shares) == 1 or not usable:  # In equal shares.
        return f"[{', '.join(_quoted(each.key) for each in given)}]"
    return f"{{ {', '.join(f'{_quoted(each.key)} = {each.share!r}' for each in given)} }}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """Quote a string for TOML, which has the escapes of JSON."""
    legible = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
    # A character that cannot be encoded is from a file name that is not UTF-8, unlike TOML.
    return legible.encode("utf-8", "replace").decode()
