"""Records → index.html, one page that needs nothing else."""

import base64
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined, Template

from styletransfer.gallery import record_view
from styletransfer.gallery.record_view import Record, Rows
from styletransfer.gallery.thumbnails import picture_key
from styletransfer.log import printable

# --- the page -------------------------------------------------------------------------------


def page(records: Iterable[Record], thumbs: Mapping[str, bytes | None]) -> str:
    """index.html of some records. `thumbs` holds thumbnails by their `picture_key`; where one is
    missing, the page has a neutral place. What is odd in a record is left out."""

    def thumb(kind: str, key: str) -> str:
        data = thumbs.get(picture_key(f"thumbs/{kind}", key))
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data else ""

    records = [each for each in records if isinstance(each, Mapping)]
    records.sort(key=lambda each: tuple(map(record_view.sortable, _identity(each))))
    painted = [each for each in records if record_view.is_painted(each)]
    failed = [
        (
            printable(record_view.photo(each)),
            printable(record_view.look(each)),
            record_view.reason(each),
        )
        for each in records
        if each.get("error")
    ]
    counts = Counter(map(record_view.look, painted))
    looks = {name: number for number, name in enumerate(sorted(counts, key=record_view.sortable))}
    used = dict.fromkeys(
        each["key"] for record in painted for each in record_view.paintings(record)
    )
    paintings = {key: number for number, key in enumerate(used)}
    settings: dict[Rows, int] = {}
    photos: dict[str, dict[str, Any]] = {}
    results = []
    for record in painted:
        photo, key, look = (
            record_view.photo(record),
            record["result"],
            record_view.paintings(record),
        )
        about = {
            "photo": printable(photo),
            "look": looks[record_view.look(record)],
            "anchor": quote(key, errors="replace"),
            "href": url(key),
            "file": printable(key.rpartition("/")[2]),
            "preview": url(picture_key("results", key)),
            "photo_preview": url(picture_key("photos", photo)),
            "size": record_view.size(record),
            "paintings": [
                (paintings[each["key"]], share)
                for each, share in zip(look, record_view.shares(record), strict=True)
            ],
            "facts": record_view.facts(record),
            "losses": record_view.rows(record.get("losses")),
            "settings": settings.setdefault(
                record_view.rows(record.get("settings")), len(settings)
            ),
            "note": record_view.text(record.get("note")),
        }
        if photo not in photos:
            small = thumb("photos", photo)
            photos[photo] = {"name": printable(photo), "thumb": small, "results": []}
        card = about | {"number": len(results), "thumb": thumb("results", key)}
        photos[photo]["results"].append(card)
        results.append(about)
    template, hashes = _template()
    return template.render(
        hashes=hashes,
        photos=list(photos.values()),
        looks=[(printable(name), counts[name]) for name in looks],
        notes=sorted({each["note"] for each in results} - {""}),
        failures=failed,
        data={
            "looks": [printable(name) for name in looks],
            "paintings": [
                {
                    "name": printable(key.rpartition("/")[2]),
                    "thumb": thumb("paintings", key),
                    "preview": url(picture_key("paintings", key)),
                }
                for key in paintings
            ],
            "settings": list(settings),
            "results": results,
        },
    )


def url(key: str) -> str | None:
    """A key as an address relative to the page, each part percent-encoded; None for what no
    address can name: browsers take `..` for a way up, however it is written."""
    parts = key.split("/")
    if "." in parts or ".." in parts:
        return None
    try:
        # Names of files that are no UTF-8 come from Python as surrogates, and go back to bytes.
        return "./" + "/".join(quote(part, "", errors="surrogateescape") for part in parts)
    except UnicodeEncodeError:
        return None


@functools.cache
def _template() -> tuple[Template, dict[str, str]]:
    """The template, and what its Content-Security-Policy lets run: its own style and script."""
    source = Path(__file__).with_name("page.html").read_text("utf-8")
    hashes = {}
    for tag in ("style", "script"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)[1]
        digest = hashlib.sha256(content.encode()).digest()
        hashes[tag] = f"sha256-{base64.b64encode(digest).decode()}"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source), hashes


def _identity(record: Record) -> tuple[str, str]:
    return record_view.photo(record), record_view.look(record)


def _pictures(records: Iterable[Record]) -> Iterable[tuple[str, str]]:
    """Kind and key of every picture that the page of these records shows, some more than once."""
    for record in filter(record_view.is_painted, records):
        yield "results", record["result"]
        yield "photos", record_view.photo(record)
        for each in record_view.paintings(record):
            yield "paintings", each["key"]
