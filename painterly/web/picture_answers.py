"""Answers with pictures: whole, in part, or unchanged since the client has got them."""

import mimetypes
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from itertools import chain
from logging import WARNING
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from painterly import __version__
from painterly.errors import MemoryShortError, PictureError, StorageError
from painterly.jobs.schemas import Refusal, media_type
from painterly.log import event
from painterly.storage.base import Bucket, Entry, ObjectError
from painterly.storage.files import new_md5
from painterly.web.made import Made

ONLY_HEADERS = "only_headers"  # the name in a request's scope that says that it was HEAD
# Bytes of a stored picture that are in memory for each client, who may take them slowly, or never.
PIECE = 262_144
# Browsers keep a picture, and ask each time whether it is still there: it may be deleted.
PRIVATE = {"cache-control": "private, no-cache"}
ANSWERS: dict[int | str, dict[str, Any]] = {
    206: {"description": "A part of it, for a request with `Range`"},
    304: {"description": "It is still what `If-None-Match` or `If-Modified-Since` names"},
    412: {"model": Refusal},
    416: {"model": Refusal},
}
_TAG = re.compile(r'(W/)?("[^"]*")')
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Asked:
    """The conditions and the range of a request for a picture."""

    def __init__(self, request: Request) -> None:
        self._headers = request.headers
        self._only_headers = ONLY_HEADERS in request.scope

    def stored(self, bucket: Bucket, key: str) -> Response:
        """Answer with an object, without reading it for a client that has it. Raises StorageError;
        ObjectError if there is no such object."""
        entry = found(bucket, key)
        about = {**_validators(entry), "accept-ranges": "bytes"}
        if unwanted := self._unwanted(about, entry):
            return unwanted
        if self._only_headers:
            return picture_response(b"", key, {**about, "content-length": str(entry.size)})
        part = self._range(about, entry.size)
        start, end = part or (0, entry.size)
        if part and start >= end:
            detail = f"the range is not within the picture's {entry.size} bytes"
            return JSONResponse({"detail": detail}, 416, {"content-range": f"bytes */{entry.size}"})
        headers, pieces = {**PRIVATE, **about}, pieces_of(bucket, entry, start, end)
        if part:
            headers["content-range"] = f"bytes {start}-{end - 1}/{entry.size}"
        status, kind, first = 206 if part else 200, media_type(entry.key), next(pieces, b"")
        if end - start <= PIECE:
            return Response(first, status, headers, kind)
        headers["content-length"] = str(end - start)
        return StoredStream(chain([first], pieces), status, headers, kind)

    def made(
        self,
        pool: Made,
        entry: Entry,
        kind: str,
        make: Callable[[], bytes],
        otherwise: Callable[[Exception], Response],
    ) -> Response:
        """Answer with a JPEG of a kind that is made from an object, unless the client has it.
        `otherwise` answers if that is impossible."""
        about = _validators(entry, f" {kind} {__version__}")  # Another one may make it otherwise.
        key = entry.key, entry.version, kind
        answer = _MadeResponse(partial(pool.get, key, make), about, otherwise)
        return self._unwanted(about, entry) or answer

    def _unwanted(self, about: Mapping[str, str], entry: Entry) -> Response | None:
        """Return the answer to a request that does not want the content as it is now, in the
        order of RFC 9110; None for one that does."""
        tag, headers, modified = about.get("etag"), self._headers, int(entry.modified or 0)
        if "if-match" in headers:
            is_other = not _matches(headers["if-match"], tag, strong=True)
        else:
            before = _seconds(headers, "if-unmodified-since")
            is_other = before is not None and modified > before
        if is_other:
            return JSONResponse({"detail": "the picture is another one by now"}, 412)
        if "if-none-match" in headers:
            is_same = _matches(headers["if-none-match"], tag)
        else:
            since = _seconds(headers, "if-modified-since")
            is_same = since is not None and 0 < modified <= since
        return Response(status_code=304, headers={**PRIVATE, **about}) if is_same else None

    def _range(self, about: Mapping[str, str], size: int) -> tuple[int, int] | None:
        asked = _RANGE.fullmatch(self._headers.get("range", "").replace(" ", ""))
        same = (None, about.get("etag"), about.get("last-modified"))
        if asked is None or self._headers.get("if-range") not in same:
            return None
        first, last = asked.groups()
        if not first:
            return (max(0, size - int(last)), size) if last else None
        if last and int(last) < int(first):
            return None
        return int(first), min(int(last) + 1, size) if last else size


Asking = Annotated[Asked, Depends(Asked)]


class StoredStream(StreamingResponse):
    """An answer that is read from a bucket while it is sent. If the storage fails, it ends before
    its end, which clients notice, and the log says why."""

    async def stream_response(self, send: Send) -> None:
        try:
            await StreamingResponse.stream_response(self, send)
        except StorageError as error:
            line = f"{error}; an answer ended in the middle"
            await run_in_threadpool(event, line, level=WARNING)


class _MadeResponse(Response):
    """The answer with a JPEG that is made once it can be sent."""

    def __init__(
        self,
        get: Callable[[], Awaitable[bytes]],
        about: Mapping[str, str],
        otherwise: Callable[[Exception], Response],
    ) -> None:
        super().__init__(headers={**PRIVATE, **about}, media_type="image/jpeg")
        self._get, self._otherwise = get, otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self.body = await self._get()
        except (PictureError, MemoryShortError, ObjectError) as error:
            await (await run_in_threadpool(self._otherwise, error))(scope, receive, send)
            return
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def picture_response(data: bytes, key: str, about: Mapping[str, str] = {}) -> Response:
    """Make the answer with a picture's file under a key, which ends as its format does."""
    return Response(data, headers={**PRIVATE, **about}, media_type=media_type(key))


def saved_as(answer: Response, name: str) -> Response:
    """Return an answer after naming the file as which browsers save its picture. Its format decides
    the ending. An answer without a picture stays as it is."""
    if answer.status_code in (200, 206):
        name += mimetypes.guess_extension(answer.media_type or "") or ""
        # For programs that ignore `filename*`, such as curl -OJ.
        plain = re.sub(r'[^ -~]|["%/\\]', "_", name)
        answer.headers["content-disposition"] = (
            f"attachment; filename=\"{plain}\"; filename*=utf-8''{quote(name, safe='')}"
        )
    return answer


def _validators(entry: Entry, kind: str = "") -> dict[str, str]:
    """Return the ETag and the time of an object, or of a picture of a kind that is made from it, as
    headers. There are none if the service sends neither."""
    if not entry.modified and entry.version == entry.dated:
        return {}
    # A folder's version has spaces, and numbers that clients need not see.
    tag = new_md5(f"{entry.version}{kind}".encode()).hexdigest()
    headers = {"etag": f'"{tag}"'}
    if entry.modified:
        headers["last-modified"] = formatdate(int(entry.modified), usegmt=True)
    return headers


def _matches(header: str, tag: str | None, strong: bool = False) -> bool:
    """Return whether a header with a list of ETags, or `*`, has a strong one. Weak ones count
    unless `strong`."""
    tags = _TAG.findall(header)
    return header.strip() == "*" or any(each == tag for weak, each in tags if not (weak and strong))


def _seconds(headers: Headers, name: str) -> float | None:
    try:
        time = parsedate_to_datetime(headers[name])
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def found(bucket: Bucket, key: str) -> Entry:
    """Return the entry of an object. Raises ObjectError if there is none."""
    entry = bucket.find(key)
    if entry is None:
        raise ObjectError(f"{bucket.name}/{key} does not exist")
    return entry


def pieces_of(bucket: Bucket, entry: Entry, start: int, end: int) -> Iterator[bytes]:
    """Yield a part of an object in pieces, which are read as they are taken. Raises StorageError;
    ObjectError also if the object has changed since it had this entry."""
    for at in range(start, end, PIECE):
        yield bucket.read_part(entry.key, at, min(PIECE, end - at), entry)
