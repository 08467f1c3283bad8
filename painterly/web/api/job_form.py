"""The form that orders a picture: its JSON, the photo and the mask."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import mkdtemp
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from painterly.configuration.web_options import WebOptions
from painterly.jobs.schemas import ApiError, JobRequest
from painterly.jobs.upload import Upload, checked_clip, checked_mask, checked_upload
from painterly.video.sent import START, is_sent_clip
from painterly.web.api.forms import KIND, kind_of, parsed_form, read_body, text_of
from painterly.web.service import Service

LONGEST_REQUEST = 20_000  # bytes of the JSON
NO_PHOTO = ApiError(422, "the form has no file `photo`")
# FastAPI describes what it parses itself, which the field of the form is not.
_REQUEST = JobRequest.model_json_schema(ref_template="#/components/schemas/{model}")
del _REQUEST["$defs"]  # Answers use the same types.
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["request"],
    "properties": {
        "photo": {
            "type": "string",
            "format": "binary",
            "description": "A photo or a clip. Required, unless the request names one in `again`.",
        },
        "mask": {
            "type": "string",
            "format": "binary",
            "description": "A picture that is stretched to the photo: it is painted where this is "
            "white. White all over: no mask.",
        },
        "request": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": _REQUEST,
            "examples": ['{"style": "monet", "preset": "instant"}'],
        },
    },
}
BODY = {
    "required": True,
    "content": {KIND: {"schema": FORM}, "application/json": {"schema": _REQUEST}},
}


def file_body(field: str) -> dict[str, Any]:
    """Describe the body of a form with a file alone."""
    properties = {field: {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": [field], "properties": properties}
    return {"requestBody": {"required": True, "content": {KIND: {"schema": form}}}}


@asynccontextmanager
async def job_form(request: Request) -> AsyncIterator[tuple[JobRequest, dict[str, UploadFile]]]:
    """Parse a request for a picture: a form, or JSON. Its files, `photo` and `mask`, are on the
    disk until they are read."""
    if kind_of(request) == "application/json":
        yield _parsed(await read_body(request, LONGEST_REQUEST)), {}
        return
    async with parsed_form(request, ("photo", "mask", "request"), LONGEST_REQUEST) as form:
        text = await text_of(form.get("request"), LONGEST_REQUEST)
        if text is None:
            raise ApiError(422, "the form has no field `request`, with the request in JSON")
        asked = _parsed(text)
        files = {name: file for name, file in form.items() if isinstance(file, UploadFile)}
        if "photo" not in files and asked.again is None:
            raise NO_PHOTO
        yield asked, files


@asynccontextmanager
async def file_form(
    request: Request, service: Service, field: str = "photo"
) -> AsyncIterator[UploadFile]:
    """Parse a form with a file alone, which has a place among the uploads until it is read. Raises
    ApiError if all places are taken, or if there is no file."""
    parsed = parsed_form(request, (field,), LONGEST_REQUEST)
    async with service.uploads.taken(), parsed as form:
        file = form.get(field)
        if not isinstance(file, UploadFile):
            raise ApiError(422, f"the form has no file `{field}`")
        yield file


async def read_photo(file: UploadFile, options: WebOptions) -> Upload:
    """Read and check a photo of a form, as `checked_upload`. Raises its errors."""
    data = await file.read()
    return await run_in_threadpool(checked_upload, file.filename or "", data, options)


@asynccontextmanager
async def source_of(
    file: UploadFile, service: Service, mask: UploadFile | None = None
) -> AsyncIterator[Upload]:
    """Read and check a photo or a clip of a form. The photo and the mask have a place in memory as
    long as the context, and the clip has a folder. Raises the errors of `checked_upload` and
    `checked_clip`, and ApiError if many clips wait."""
    start = await file.read(START)
    await file.seek(0)
    if not is_sent_clip(start):
        async with service.in_memory(file, mask):
            yield await read_photo(file, service.options)
        return
    folder = await run_in_threadpool(mkdtemp, prefix="painterly-")
    try:
        about = file.filename or "", file.file, folder, service.options
        async with service.clips.taken(), service.reading_clip:
            limit = service.config.memory_limit
            clip = await run_in_threadpool(checked_clip, *about, limit)
        async with service.in_memory(mask):
            yield clip
    finally:
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)


async def read_mask(
    file: UploadFile | None,
    options: WebOptions,
    service: Service,
    most: tuple[int, int] | None = None,
) -> bytes | None:
    """Read and check a mask of a form, as `checked_mask`, if there is one. Raises its errors."""
    if file is None:
        return None
    limit, data = service.config.memory_limit, await file.read()
    async with service.reading_mask:
        return await run_in_threadpool(checked_mask, data, options, limit, most)


def _parsed(text: bytes) -> JobRequest:
    try:
        return JobRequest.model_validate_json(text)
    except ValidationError as error:
        errors = [{**each, "loc": ("body", "request", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(errors) from None
