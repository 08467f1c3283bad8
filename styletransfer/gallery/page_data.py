"""Records → the data that the page's script works on, small enough for thousands of results.

What results share is in the data once, and results refer to it by number. An address that follows
from a key is not in the data.
"""

import base64
from collections.abc import Hashable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from styletransfer.gallery import looks_toml, record_view
from styletransfer.gallery.record_view import look_name, photo_name, pictures_of, sort_key
from styletransfer.gallery.thumbnails import (
    EMBEDDED_BYTES,
    bytes_shown,
    picture_key,
    thumbnail_key,
)
from styletransfer.log import printable
from styletransfer.record import Record

ROW_COLUMNS = (
    *("photo", "blend", "key", "size", "settings", "origin", "time", "finished", "losses"),
    *("note", "thumb", "odd"),
)


def page_data(painted: Iterable[Record], thumbnails: Mapping[str, bytes | int]) -> dict[str, Any]:
    """The results as rows of numbers and texts, whose names are `columns`, and the tables that the
    numbers refer to.

    painted: records with a result, in any order. thumbnails: as from `GalleryPictures.thumbnails`.
    `thumb` is a data: URI, 1 where the page finds the thumbnail under its own key,
    or 0; `odd` has the addresses of keys from which they do not follow.
    """
    ordered = sorted(painted, key=record_order)
    shown = {thumbnail_key(*each) for each in pictures_of(ordered)}
    embedded = bytes_shown(shown, thumbnails) <= EMBEDDED_BYTES
    look_names = sorted({look_name(each) for each in ordered}, key=sort_key)
    looks = _Numbered(look_names)
    photos, paintings, blends = _Numbered(), _Numbered(), _Numbered()
    sizes, settings, origins, losses, notes = (_Numbered() for _ in range(5))

    def thumb(kind: str, key: str) -> str | int:
        data = thumbnails.get(thumbnail_key(kind, key))
        if not data or isinstance(data, int) or not embedded:
            return int(bool(data))
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"

    def row(record: Record) -> list[Any]:
        key, photo, look = record.result or "", photo_name(record), look_name(record)
        refs = record.paintings or ()
        shown = zip((paintings[each.key] for each in refs), record_view.shares(record), strict=True)
        table = record_view.table_rows(record.losses)
        return [
            photos[photo],
            blends[looks[look], tuple(shown), looks_toml.look_lines(record)],
            "" if key == f"{look}/{photo}" else printable(key),
            sizes[record_view.size(record)],
            settings[looks_toml.setting_lines(record.settings)],
            origins[record_view.origin(record)],
            record_view.time_taken(record),
            record_view.finished(record),
            [losses[tuple(name for name, _ in table)], *(value for _, value in table)],
            notes[record_view.short_text(record.note)],
            thumb("results", key),
            _odd_result(key),
        ]

    return {
        "columns": ROW_COLUMNS,
        "rows": [row(each) for each in ordered],
        "looks": [printable(name) for name in looks],
        "photos": [(printable(name), thumb("photos", name), _odd(name)) for name in photos],
        "paintings": [(printable(key), thumb("paintings", key), _odd(key)) for key in paintings],
        "blends": list(blends),
        "sizes": list(sizes),
        "settings": list(settings),
        "origins": list(origins),
        "losses": list(losses),
        "notes": list(notes),
    }


def record_order(record: Record) -> tuple[Any, ...]:
    """Sorts records by photo and look, as people count."""
    return sort_key(photo_name(record)), sort_key(look_name(record))


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


class _Numbered(dict[Any, int]):
    """Different values in the order of their first use, each with its number from 0."""

    def __init__(self, values: Iterable[Hashable] = ()) -> None:
        super().__init__((value, number) for number, value in enumerate(values))

    def __missing__(self, value: Hashable) -> int:
        return self.setdefault(value, len(self))


def _odd_result(key: str) -> dict[str, Any] | int:
    own = _odd(key)
    if isinstance(own, int):
        return own
    return own | {
        "anchor": quote(key, errors="replace"),
        "href": url(key),
        "file": printable(key.rpartition("/")[2]),
    }


def _odd(key: str) -> dict[str, Any] | int:
    """The addresses of a picture's preview and thumbnail by kind, or 0 where they follow from its
    key."""
    follows = picture_key("any", key).endswith(f"/any/{key}.jpg")
    if follows and printable(key) == key and url(key) is not None:
        return 0
    return {"stored": url(picture_key("any", key).rpartition("/any/")[2])}
