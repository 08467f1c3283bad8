"""The API's gallery, and what it says of the machine."""

import platform
from importlib import metadata
from typing import Annotated

import psutil
from fastapi import APIRouter, Path, Query, Response

from styletransfer import ENGINE_VERSION
from styletransfer.devices.system_memory import free_memory
from styletransfer.errors import PictureError
from styletransfer.storage.base import ObjectError
from styletransfer.web.api_errors import not_found
from styletransfer.web.api_jobs import REFUSALS, picture_response, saved_as
from styletransfer.web.job_pictures import small_jpeg
from styletransfer.web.results import Result, gallery_item
from styletransfer.web.schemas import GalleryPage, JobId, Memory, QueueState, System
from styletransfer.web.service import Service, Shared

MOST_ON_PAGE = 100
gallery = APIRouter(prefix="/api", tags=["gallery"], responses=REFUSALS)
ResultId = Annotated[JobId, Path()]


@gallery.get("/gallery")
def gallery_items(
    service: Shared,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=MOST_ON_PAGE)] = 48,
) -> GalleryPage:
    """Finished results, newest first."""
    found = service.results.all()
    shown = found[(page - 1) * per_page : page * per_page]
    more = page * per_page < len(found)
    return GalleryPage(
        items=[gallery_item(each) for each in shown],
        next=f"/api/gallery?page={page + 1}&per_page={per_page}" if more else None,
    )


@gallery.get("/gallery/{result_id}/result", response_class=Response)
def gallery_result(
    result_id: ResultId, service: Shared, download: bool = False, small: bool = False
) -> Response:
    """A result. small: a JPEG with at most 1280 px."""
    return _shown(service, result_id, "result", download, small)


@gallery.get("/gallery/{result_id}/thumbnail", response_class=Response)
def gallery_thumbnail(result_id: ResultId, service: Shared) -> Response:
    """A small JPEG of a result."""
    return _shown(service, result_id, "thumbnail")


@gallery.get("/gallery/{result_id}/original", response_class=Response)
def gallery_original(result_id: ResultId, service: Shared) -> Response:
    """A JPEG of the photo, 1280 px at most."""
    return _shown(service, result_id, "original")


@gallery.get("/system", tags=["system"])
def system(service: Shared) -> System:
    """The device that paints, the machine's memory, versions, and the queue."""
    waiting, painting = service.board.counts()
    packages = ("styletransfer", "tensorflow", "fastapi")
    return System(
        device=service.supervisor.device if service.supervisor else None,
        memory=Memory(total=psutil.virtual_memory().total, free=free_memory()),
        versions={
            "engine": ENGINE_VERSION,
            "python": platform.python_version(),
            **{name: found for name in packages if (found := _version(name))},
        },
        queue=QueueState(waiting=waiting, painting=painting),
        ready=service.problem is None,
    )


def _shown(
    service: Service, result_id: str, part: str, download: bool = False, small: bool = False
) -> Response:
    found = service.results.get(result_id)
    key = getattr(found, part, None)
    if found is None or key is None:
        raise not_found("picture")
    bucket = service.buckets.result
    try:
        name = _saved_as(service, found) if download else None
        if small:
            return picture_response(*small_jpeg(service.buckets, "results", key, bucket), name)
        return picture_response(bucket.read(key), key, name)
    except (ObjectError, PictureError):
        raise not_found("picture any more") from None


def _saved_as(service: Service, found: Result) -> str:
    item = gallery_item(found)
    job = service.board.stored(item.job) if item.job else None  # It knows the photo's own name.
    return saved_as(job.photo if job else item.photo, item.look, found.result)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
