"""The API's requests about the gallery: its pictures in a ZIP that is sent as it is made, so that a
piece of a picture is in memory at a time."""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO, RawIOBase
from itertools import chain
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query

from painterly.jobs.schemas import REFUSALS, not_found
from painterly.orders.record import Record
from painterly.storage.base import ObjectError
from painterly.web.picture_answers import StoredStream
from painterly.web.service import Service, Shared
from painterly.words.wording import printable

EARLIEST = (1980, 1, 1, 0, 0, 0)  # time in a ZIP
MOST_IDS = 1000  # as a form may have fields
MOST_IN_ADDRESS = 20  # An address with more might be too long.
ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}
IDS = "Jobs by their ids, or results by their keys; without any, all results."
gallery = APIRouter(prefix="/api", tags=["gallery"], responses=REFUSALS)


@gallery.get("/gallery.zip", response_class=StoredStream, responses=ZIP)
def gallery_zip(
    service: Shared,
    id: Annotated[list[str], Query(description=IDS, max_length=MOST_IN_ADDRESS)] = [],  # noqa: B006
) -> StoredStream:
    """Send results in a ZIP, newest first, as it is made."""
    return _answer(service, id)


@gallery.post("/gallery.zip", response_class=StoredStream, responses=ZIP)
def gallery_zip_of_form(
    service: Shared,
    id: Annotated[list[str], Form(description=IDS, max_length=MOST_IDS)] = [],  # noqa: B006
) -> StoredStream:
    """Send results in a ZIP, as GET: for more of them than fit into an address."""
    return _answer(service, id)


def _answer(service: Service, ids: list[str]) -> StoredStream:
    records = service.results.chosen(ids)
    if not records:
        raise not_found("result")
    # It cannot be continued: its end depends on all pictures before.
    headers = {
        "content-disposition": 'attachment; filename="painterly.zip"',
        "accept-ranges": "none",
    }
    parts = _zipped(records, service.results.pieces)
    return StoredStream(parts, media_type="application/zip", headers=headers)


class _Sent(RawIOBase):
    """A stream that hands out what was written to it, and cannot go back."""

    def __init__(self) -> None:
        self._parts = BytesIO()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return self._parts.write(data)

    def taken(self) -> bytes:
        data = self._parts.getvalue()
        self._parts = BytesIO()
        return data


def _zipped(records: Iterable[Record], read: Callable[[str], Iterator[bytes]]) -> Iterator[bytes]:
    """Yield the parts of a ZIP of results, which `read` reads in pieces by key. One that is gone by
    then is left out. Other errors end the ZIP unfinished, which clients notice."""
    sent, names = _Sent(), set[str]()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as archive:  # Pictures are compressed.
        for record in records:
            pieces = read(record.result or "")
            try:
                first = next(pieces, b"")
            except ObjectError:
                continue
            about = zipfile.ZipInfo(_name(record, names), _moment(record))
            with archive.open(about, "w") as file:
                for piece in chain([first], pieces):
                    file.write(piece)
                    yield sent.taken()
    yield sent.taken()


def _name(record: Record, names: set[str]) -> str:
    """Return the file's name in the ZIP, which none before has, and add it to these."""
    photo, result = PurePosixPath(record.photo or ""), PurePosixPath(record.result or "")
    base = printable(f"{photo.stem or result.stem} - {record.style or ''}").replace("/", "-")
    name, number = f"{base}{result.suffix}", 2
    while name in names:
        name, number = f"{base} ({number}){result.suffix}", number + 1
    names.add(name)
    return name


def _moment(record: Record) -> tuple[int, int, int, int, int, int]:
    try:
        at = datetime.fromisoformat(record.finished or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return EARLIEST
    moment = at.year, at.month, at.day, at.hour, at.minute, at.second
    return moment if EARLIEST[0] <= at.year <= 2107 else EARLIEST
