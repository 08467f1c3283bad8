"""The API's requests about styles and paintings."""

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from painterly.web.buckets import UPLOADED
from painterly.web.catalogue import painting_view
from painterly.web.pictures import picture_response
from painterly.web.schemas import CONFLICT, REFUSALS, ApiError, PaintingOut, StyleOut
from painterly.web.service import Shared
from painterly.web.upload import checked_upload

paintings = APIRouter(prefix="/api", tags=["paintings"], responses=REFUSALS)


@paintings.get("/styles")
@paintings.get("/looks", include_in_schema=False)  # the older name
def styles(service: Shared) -> list[StyleOut]:
    """List the styles of the style bucket."""
    return service.catalogue.styles()


@paintings.get("/paintings")
def list_paintings(service: Shared) -> list[PaintingOut]:
    """List the paintings that can be blended: first the style bucket's, then uploads."""
    return service.catalogue.paintings()


@paintings.post("/paintings", status_code=201)
async def add_painting(
    file: Annotated[UploadFile, File()], response: Response, service: Shared
) -> PaintingOut:
    """Add a painting. The same file gets the same name again."""

    def add(data: bytes) -> PaintingOut:
        upload = checked_upload(file.filename or "", data, service.options)
        name = f"{UPLOADED}{upload.digest[:12]}-{upload.name}"
        service.catalogue.add(name, upload.data)
        return painting_view(name)

    await run_in_threadpool(service.catalogue.check_room)
    async with service.in_memory:
        added = await run_in_threadpool(add, await file.read())
    response.headers["location"] = added.thumbnail.removesuffix("/thumbnail")
    return added


@paintings.delete("/paintings/{name:path}", status_code=204, responses=CONFLICT)
def delete_painting(name: str, service: Shared) -> None:
    """Delete a painting that was uploaded here. Results that were painted with it stay."""
    service.jobs.refresh()  # Another instance may have taken an order just now.
    unfinished = [job for job in service.jobs.all() if not job.state.final]
    needed = {painting.name for job in unfinished for painting in job.paintings}
    if name in needed and name.startswith(UPLOADED):
        raise ApiError(409, "a photo in the queue uses it; cancel that job first")
    service.catalogue.delete(name)


@paintings.get("/paintings/{name:path}/thumbnail", response_class=Response)
def painting_thumbnail(name: str, service: Shared) -> Response:
    """Return a small JPEG of a painting."""
    return picture_response(service.catalogue.thumbnail(name), "thumbnail.jpg")
