"""Forms with files, as browsers and other programs write them (RFC 7578)."""

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from urllib.parse import unquote

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from painterly.jobs.schemas import ApiError

KIND = "multipart/form-data"
TOO_LONG = ApiError(413, "the request is too long")
# For names beyond ASCII, .NET, urllib3 before version 2 and others write this form of RFC 8187,
# which RFC 7578 forbids and python-multipart ignores.
_EXTENDED = re.compile(
    r"""; *filename\* *= *"?(utf-8|iso-8859-1)'[^']*'([^;"\s]+)""", re.IGNORECASE
)
_AS_IT_IS = ("binary", "8bit", "7bit")


def kind_of(request: Request) -> str:
    """Return the media type of a request's body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def parsed_form(
    request: Request, files: Collection[str], longest_field: int
) -> AsyncIterator[FormData]:
    """Parse a request with a form. Its files, those without a file's name if they are in `files`,
    are on the disk until they are read. Other parts have at most `longest_field` bytes. Raises
    ApiError if it is not a form, or cannot be parsed."""
    if kind_of(request) != KIND:
        raise ApiError(415, "send a form with a file (multipart/form-data)")
    parser = _Parser(
        request.headers,
        request.stream(),
        max_files=len(files),
        max_fields=4,
        max_part_size=longest_field,
    )
    parser.files = files
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ApiError(400, f"the form cannot be read: {error.message}") from None
    except OSError:
        raise ApiError(503, "the server has no room for files that are sent: see TMPDIR") from None
    try:
        yield form
    finally:
        await form.close()


async def read_body(request: Request, longest: int) -> bytes:
    """Read a body that is no form. Raises ApiError once it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            raise TOO_LONG
    return body


async def text_of(part: UploadFile | str | None, longest: int) -> bytes | None:
    """Return a part that is text, which some programs send as a file; None without one. Raises
    ApiError if it is too long."""
    if part is None:
        return None
    data = (
        part.encode("utf-8", "replace") if isinstance(part, str) else await part.read(longest + 1)
    )
    if len(data) > longest:
        raise TOO_LONG
    return data.removeprefix(b"\xef\xbb\xbf")


class _Parser(MultiPartParser):
    """Parser that also takes files without a file's name, and names as `filename*`."""

    files: Collection[str] = ()

    def on_headers_finished(self) -> None:
        part = self._current_part
        disposition = part.content_disposition or b""
        _, options = parse_options_header(disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        for field, value in part.item_headers:
            encoding = value.decode("latin-1").strip().lower()
            if field == b"content-transfer-encoding" and encoding not in _AS_IT_IS:
                raise MultiPartException(f"part {name!r} is in {encoding[:40]!r}; send it as it is")
        if extended := _EXTENDED.search(disposition.decode("latin-1")):
            file_name = unquote(extended[2], extended[1], "replace")
            escaped = file_name.replace("\\", "\\\\").replace('"', '\\"')
            disposition += f'; filename="{escaped}"'.encode()  # The last one is taken.
        elif name in self.files and b"filename" not in options:
            disposition += b'; filename=""'
        part.content_disposition = disposition
        super().on_headers_finished()
