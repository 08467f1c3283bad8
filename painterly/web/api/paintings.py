"""The API's requests about styles and paintings."""

from dataclasses import replace
from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from painterly.jobs.buckets import UPLOADED
from painterly.jobs.catalogue import painting_view
from painterly.jobs.deletion import delete_painting as delete_upload
from painterly.jobs.schemas import (
    CONFLICT,
    REFUSALS,
    ApiError,
    PaintingOut,
    StyleOut,
    Suited,
    not_found,
)
from painterly.jobs.upload import checked_upload
from painterly.jobs.worker.previews import MAX_PHOTO, MAX_PIXELS
from painterly.web.api.job_form import file_body, file_form, read_photo
from painterly.web.picture_answers import ANSWERS, Asking
from painterly.web.rendering import Language
from painterly.web.service import Shared

paintings = APIRouter(prefix="/api", tags=["paintings"], responses=REFUSALS)


@paintings.get("/styles")
def styles(service: Shared, language: Language) -> list[StyleOut]:
    """List the styles: those of the style bucket, then the ready ones. Texts are in the language
    that the cookie `painterly_language`, or else the request's Accept-Language asks for."""
    return service.catalogue.styles(language)


@paintings.post("/styles/suited", openapi_extra=file_body("photo"))
async def suited_styles(request: Request, service: Shared) -> Suited:
    """Say what a photo shows, and which ready styles are kind to that. A small copy suffices: of
    at most 4 megapixels and 2 MB."""
    async with file_form(request, service) as file, service.in_memory(file):
        limits = replace(service.options, max_upload=MAX_PHOTO, max_pixels=MAX_PIXELS)
        photo = await read_photo(file, limits)

        def suited() -> Suited:
            look = service.catalogue.look(photo.data, photo.name)
            service.previews.keep_look(photo.data, look)
            return service.catalogue.suited(look)

        return await run_in_threadpool(suited)


@paintings.get("/paintings")
def list_paintings(service: Shared) -> list[PaintingOut]:
    """List the paintings that can be blended: first the style bucket's, then uploads. What others
    than this service have added or deleted is seen within ten seconds."""
    return service.catalogue.paintings()


@paintings.post("/paintings", status_code=201, openapi_extra=file_body("file"))
async def add_painting(request: Request, response: Response, service: Shared) -> PaintingOut:
    """Add a painting. The same file gets the same name again."""

    def add(name: str, data: bytes) -> PaintingOut:
        upload = checked_upload(name, data, service.options)
        name = f"{UPLOADED}{upload.digest[:12]}-{upload.name}"
        service.catalogue.add(name, upload.data)
        return painting_view(name)

    async with file_form(request, service, "file") as file, service.in_memory(file):
        added = await run_in_threadpool(add, file.filename or "", await file.read())
    response.headers["location"] = added.thumbnail.removesuffix("/thumbnail")
    return added


@paintings.delete("/paintings/{name:path}", status_code=204, responses=CONFLICT)
def delete_painting(name: str, service: Shared) -> None:
    """Delete a painting that was uploaded here, for good. Results that were painted with it
    stay."""
    service.catalogue.check_uploaded(name)
    if name in service.jobs.needed_paintings():
        raise ApiError(409, "a photo in the queue uses it; cancel that job first")
    delete_upload(service.buckets, name)
    service.catalogue.forget()


@paintings.get("/paintings/{name:path}/thumbnail", response_class=Response, responses=ANSWERS)
def painting_thumbnail(name: str, service: Shared, asked: Asking, large: bool = False) -> Response:
    """Return a small JPEG of a painting, or a large one that fills a screen."""
    painting = service.catalogue.find(name)
    if painting is None:
        raise not_found("painting")

    def missing(error: Exception) -> Response:
        raise ApiError(404, str(error))

    make = partial(service.catalogue.thumbnail, painting, large)
    return asked.made(service.made, painting, "large" if large else "tile", make, missing)
