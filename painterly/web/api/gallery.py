"""The API's requests about the gallery: its pictures in a ZIP."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query

from painterly.jobs.schemas import REFUSALS, not_found
from painterly.web.api.archive import zipped
from painterly.web.picture_answers import StoredStream
from painterly.web.service import Service, Shared

MOST_IDS = 5000
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
    service: Shared, id: Annotated[list[str], Form(description=IDS, max_length=MOST_IDS)]
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
    parts = zipped(records, service.results.pieces)
    return StoredStream(parts, media_type="application/zip", headers=headers)
