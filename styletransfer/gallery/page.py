"""Records → index.html, one page that needs nothing else."""

import base64
import functools
import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined, Template

from styletransfer.gallery import record_view
from styletransfer.gallery.record_view import Rows, look_name, photo_name, sort_key
from styletransfer.gallery.thumbnails import picture_key, thumbnail_key
from styletransfer.log import printable
from styletransfer.record import Record

_Value = TypeVar("_Value", bound=Hashable)


def render_page(records: Iterable[Record], thumbnails: Mapping[str, bytes | None]) -> str:
    """index.html of some records. thumbnails: by their keys; where one is missing, the page has a
    blank in its place."""
    ordered = sorted(records, key=_order)
    painted = [each for each in ordered if each.result is not None]
    numbers = _Numbers.of(painted)
    results = [_result(record, numbers) for record in painted]
    counts = Counter(map(look_name, painted))
    template, hashes = _template()
    return template.render(
        hashes=hashes,
        photos=_photos(painted, results, thumbnails),
        looks=[(printable(name), counts[name]) for name in numbers.looks],
        notes=sorted({each["note"] for each in results} - {""}),
        failures=[
            (
                printable(photo_name(each)),
                printable(look_name(each)),
                record_view.failure_reason(each),
            )
            for each in ordered
            if each.error
        ],
        data={
            "looks": [printable(name) for name in numbers.looks],
            "paintings": [_painting(key, thumbnails) for key in numbers.paintings],
            "settings": list(numbers.settings),
            "results": results,
        },
    )


def url(key: str) -> str | None:
    """A key as an address relative to the page, percent-encoded; None where no address can name
    it: browsers resolve `..` however it is written."""
    parts = key.split("/")
    if "." in parts or ".." in parts:
        return None
    try:
        # File names that are not UTF-8 come from Python as surrogates, and go back to bytes.
        return "./" + "/".join(quote(part, "", errors="surrogateescape") for part in parts)
    except UnicodeEncodeError:
        return None


@dataclass(frozen=True)
class _Numbers:
    """What results share is in the page once, and results refer to it by number."""

    looks: Mapping[str, int]
    paintings: Mapping[str, int]  # by key
    settings: Mapping[Rows, int]

    @classmethod
    def of(cls, painted: Sequence[Record]) -> "_Numbers":
        return cls(
            looks=_numbered(sorted(set(map(look_name, painted)), key=sort_key)),
            paintings=_numbered(each.key for record in painted for each in record.paintings or ()),
            settings=_numbered(record_view.table_rows(record.settings) for record in painted),
        )


def _numbered(values: Iterable[_Value]) -> dict[_Value, int]:
    """The different values in their order, each with its number from 0."""
    return {value: number for number, value in enumerate(dict.fromkeys(values))}


def _order(record: Record) -> tuple[Any, ...]:
    return sort_key(photo_name(record)), sort_key(look_name(record))


def _result(record: Record, numbers: _Numbers) -> dict[str, Any]:
    """What the page's script needs to show a result."""
    key, photo = record.result or "", photo_name(record)
    paintings = [numbers.paintings[each.key] for each in record.paintings or ()]
    return {
        "photo": printable(photo),
        "look": numbers.looks[look_name(record)],
        "anchor": quote(key, errors="replace"),
        "href": url(key),
        "file": printable(key.rpartition("/")[2]),
        "preview": url(picture_key("results", key)),
        "photo_preview": url(picture_key("photos", photo)),
        "size": record_view.size(record),
        "paintings": list(zip(paintings, record_view.shares(record), strict=True)),
        "facts": record_view.facts(record),
        "losses": record_view.table_rows(record.losses),
        "settings": numbers.settings[record_view.table_rows(record.settings)],
        "note": record_view.short_text(record.note),
    }


def _photos(
    painted: Sequence[Record],
    results: Sequence[Mapping[str, Any]],
    thumbnails: Mapping[str, bytes | None],
) -> list[dict[str, Any]]:
    """The photos in their order, each with a card for each of its results."""
    photos: dict[str, dict[str, Any]] = {}
    for number, (record, result) in enumerate(zip(painted, results, strict=True)):
        name = photo_name(record)
        if name not in photos:
            small = _data_uri(thumbnails, "photos", name)
            photos[name] = {"name": printable(name), "thumb": small, "results": []}
        small = _data_uri(thumbnails, "results", record.result or "")
        photos[name]["results"].append({**result, "number": number, "thumb": small})
    return list(photos.values())


def _painting(key: str, thumbnails: Mapping[str, bytes | None]) -> dict[str, Any]:
    return {
        "name": printable(key.rpartition("/")[2]),
        "thumb": _data_uri(thumbnails, "paintings", key),
        "preview": url(picture_key("paintings", key)),
    }


def _data_uri(thumbnails: Mapping[str, bytes | None], kind: str, key: str) -> str:
    data = thumbnails.get(thumbnail_key(kind, key))
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data else ""


@functools.cache
def _template() -> tuple[Template, dict[str, str]]:
    """The template, and the hashes with which its Content-Security-Policy allows its own style and
    script, and no others."""
    source = Path(__file__).with_name("page.html").read_text("utf-8")
    hashes = {}
    for tag in ("style", "script"):
        content = source.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = hashlib.sha256(content.encode()).digest()
        hashes[tag] = f"sha256-{base64.b64encode(digest).decode()}"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source), hashes
