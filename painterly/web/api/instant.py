"""The API's requests for pictures that are painted at once, by preset instant: previews, and whole
pictures for programs that wait for them."""

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from painterly.jobs.requests import LARGEST_WHOLE
from painterly.jobs.schemas import REFUSALS, ApiError
from painterly.jobs.worker.desk import Order
from painterly.jobs.worker.previews import (
    MAX_PHOTO,
    MAX_PIXELS,
    PATIENCE_S,
    RETRY_S,
    WHOLE_PATIENCE_S,
)
from painterly.painters.instant_painter import InstantOrder
from painterly.settings.settings import FIELDS
from painterly.settings.values import kind
from painterly.web.api.forms import KIND, parsed_form, text_of
from painterly.web.api.job_form import (
    BODY,
    FORM,
    LONGEST_REQUEST,
    NO_PHOTO,
    job_form,
    read_mask,
    read_photo,
)
from painterly.web.picture_answers import picture_response
from painterly.web.service import Service, Shared

TOO_LARGE = ApiError(413, "a preview takes a small copy of the photo")
UNFINISHED = ApiError(503, "the picture is still being painted; send the same again", RETRY_S)
LOOK_S = 0.1  # seconds between two looks whether the client is still there
_FILE = {"type": "string", "format": "binary"}
_STYLE = {"type": "string", "examples": ["hokusai"]}
_STYLE |= {"description": "A style, by its name, artist or title, or a part of these."}
_PAINTING = _FILE | {"description": "A picture of a painting, instead of a style."}
_SIZE = {"type": "integer", "minimum": 32, "maximum": LARGEST_WHOLE}
_SIZE |= {"description": "The longer side in px; by default, that of preset instant."}
_FORMAT: dict[str, object] = {"enum": ["jpg", "png", "webp", "tiff"]}
_FORMAT |= {"description": "By default, that of the service's results."}
_CHOICES = ("strength", "stroke_size", "preserve_color", "faces")  # settings of the form


def _described(name: str) -> dict[str, object]:
    about, is_switch = FIELDS[name].metadata, kind(FIELDS[name]) is bool
    limits = {"minimum": about["low"], "maximum": about["high"]}
    described = {"type": "boolean" if is_switch else "number", "description": about["meaning"]}
    return described | {name: limit for name, limit in limits.items() if limit is not None}


_PAINT = {
    "type": "object",
    "required": ["photo"],
    "properties": {
        "photo": _FILE | {"description": "The photo, in any format that the service reads."},
        "style": _STYLE,
        "painting": _PAINTING,
        "mask": FORM["properties"]["mask"],
        **{name: _described(name) for name in _CHOICES},
        "size": _SIZE,
        "format": _FORMAT,
    },
}
_PAINT_BODY = {"required": True, "content": {KIND: {"schema": _PAINT}}}
_PICTURE = {"content": {"image/*": {"schema": _FILE}}}
instant = APIRouter(prefix="/api", tags=["at once"], responses=REFUSALS)


@instant.post(
    "/preview",
    response_class=Response,
    responses={200: _PICTURE},
    openapi_extra={"requestBody": BODY},
)
async def new_preview(request: Request, service: Shared) -> Response:
    """Return a photo in a style, painted at once by preset `instant`. The request is the same as
    for a job. With a small copy of the photo, it is a JPEG of 1280 px at most. With `again` it is
    the file of the result that a job by preset instant has, which is then stored without being
    painted again. If a job leaves no memory for it, or it takes long, the answer is 204; the same
    request then gets it later. Painting ends when the connection is closed."""
    nothing = Response(status_code=204, headers={"retry-after": str(RETRY_S)})
    if service.uploads.full:
        return nothing
    if int(request.headers.get("content-length", 0)) > MAX_PHOTO + LONGEST_REQUEST:
        raise TOO_LARGE
    limits = replace(service.options, max_upload=MAX_PHOTO, max_pixels=MAX_PIXELS)
    async with (
        service.uploads.taken(),
        job_form(request) as (asked, files),
        service.in_memory(*files.values()),
    ):
        photo = await read_photo(files["photo"], limits) if "photo" in files else None
        mask = await read_mask(files.get("mask"), limits, service, photo.size if photo else None)
    order: Order
    if photo is None:
        order = await run_in_threadpool(service.orders.preview_of_stored, asked, mask)
    else:
        style = await run_in_threadpool(service.orders.preview_style, asked)
        order = InstantOrder(photo.data, style, mask or b"")
    number, answer = await run_in_threadpool(service.previews.ask, order)
    picture = None
    with suppress(TimeoutError):
        picture = await _answered(request, service, number, answer, PATIENCE_S)
    return picture_response(picture, f"picture.{order.extension}") if picture else nothing


@instant.post(
    "/paint",
    response_class=Response,
    responses={200: _PICTURE},
    openapi_extra={"requestBody": _PAINT_BODY},
)
async def paint(request: Request, service: Shared) -> Response:
    """Return a photo in a style, painted at once by preset `instant`, as a file with the photo's
    metadata except its location. Nothing is stored. The answer is 503 with `Retry-After` while a
    job leaves too little memory, if four others wait, if the service cannot paint, or if the
    picture takes more than a minute: the same request then gets it later."""
    if service.uploads.full:
        raise await run_in_threadpool(_busy, service)
    names, options = ("style", "format", "size", *_CHOICES), service.options
    parts = ("photo", "painting", "mask", *names)
    async with (
        service.uploads.taken(),
        parsed_form(request, parts, LONGEST_REQUEST) as form,
        service.in_memory(*form.values()),
    ):
        texts = {
            name: (await text_of(form.get(name), LONGEST_REQUEST) or b"").decode(errors="replace")
            for name in names
        }
        files = {name: file for name, file in form.items() if isinstance(file, UploadFile)}
        if "photo" not in files:
            raise NO_PHOTO
        photo, sent = await read_photo(files["photo"], options), files.get("painting")
        painting = await read_photo(sent, options) if sent else None
        mask = await read_mask(files.get("mask"), options, service, photo.size)
        order = await run_in_threadpool(service.orders.whole, photo, painting, mask, **texts)
        number, answer = await run_in_threadpool(service.previews.ask, order)
    try:
        data = await _answered(request, service, number, answer, WHOLE_PATIENCE_S)
    except TimeoutError:
        raise UNFINISHED from None
    if data is None:
        raise await run_in_threadpool(_busy, service)
    return picture_response(data, f"picture.{order.extension}")


def _busy(service: Service) -> ApiError:
    wait_s = service.jobs.retry_s(unknown=5)
    return ApiError(503, "the service is painting something else, or is starting", wait_s)


async def _answered(
    request: Request,
    service: Service,
    number: int,
    answer: Future[bytes | None],
    patience_s: float,
) -> bytes | None:
    """Wait for the worker's answer, at most for some seconds, and not after the client has left.
    Return the picture, or None if there is none. Raises TimeoutError if it is still being painted:
    the next request for the same gets it."""
    picture = asyncio.wrap_future(answer)
    try:
        async with asyncio.timeout(patience_s):
            while not (await asyncio.wait([picture], timeout=LOOK_S))[0]:
                if await request.is_disconnected():
                    raise ClientDisconnect
        return picture.result()
    except TimeoutError:
        service.previews.leave(number)
        picture.add_done_callback(asyncio.Future.exception)  # The next request handles it.
        raise
    finally:
        service.previews.forget(number)
