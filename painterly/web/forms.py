"""Forms with files, as programs of many kinds write them (RFC 7578, and what came before it)."""

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from email.header import decode_header, make_header
from email.message import Message
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from painterly.web.schemas import ApiError

KIND = "multipart/form-data"
_ENCODED_WORDS = re.compile(r"(=\?[^?\s]+\?[BbQq]\?[^?]*\?=\s*)+")  # RFC 2047
_AS_IT_IS = ("binary", "8bit", "7bit")


@asynccontextmanager
async def parsed_form(
    request: Request, files: Collection[str], longest_field: int
) -> AsyncIterator[FormData]:
    """Parse a request with a form. Its files are on the disk until they are read.

    Args:
        request: The request.
        files: The names of parts that are files, also if they are sent without a file's name.
        longest_field: Maximum bytes of a part that is not a file.

    Raises:
        ApiError: It cannot be parsed.
    """
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
        async for _ in parser.stream:  # Who still sends would see a reset instead of the answer.
            pass
        raise ApiError(400, f"the form cannot be read: {error.message}") from None
    try:
        yield form
    finally:
        await form.close()


async def text_of(part: UploadFile | str | None, longest: int) -> bytes | None:
    """Return a part that is text, which some programs send as a file; None without one. Raises
    ApiError if it is too long."""
    if part is None:
        return None
    data = (
        part.encode("utf-8", "replace") if isinstance(part, str) else await part.read(longest + 1)
    )
    if len(data) > longest:
        raise ApiError(413, "the request is too long")
    return data.removeprefix(b"\xef\xbb\xbf")


class _Parser(MultiPartParser):
    """Parser that knows all ways to write a part's name and its file's name."""

    files: Collection[str] = ()

    def on_headers_finished(self) -> None:
        part = self._current_part
        name, file_name = _names(part.content_disposition or b"")
        for field, value in part.item_headers:
            encoding = value.decode("latin-1").strip().lower()
            if field == b"content-transfer-encoding" and encoding not in _AS_IT_IS:
                raise MultiPartException(f"part {name!r} is in {encoding[:40]!r}; send it as it is")
        if name is not None:
            if file_name is None and name in self.files:
                file_name = ""
            part.content_disposition = self._plain(name, file_name)
        super().on_headers_finished()

    def _plain(self, name: str, file_name: str | None) -> bytes:
        """Return a header that says the same in the plain way."""
        texts = {"name": name, "filename": file_name}
        quoted = {
            key: text.replace("\\", "\\\\").replace('"', '\\"')
            for key, text in texts.items()
            if text is not None
        }
        header = "; ".join(["form-data", *(f'{key}="{text}"' for key, text in quoted.items())])
        return header.encode(self._charset, "replace")


def _names(disposition: bytes) -> tuple[str | None, str | None]:
    """Return the name of a part and its file's name, None for what is missing.

    Each may be quoted or not, extended (`filename*`, RFC 5987 and 8187), in numbered pieces
    (RFC 2231) or in encoded words (RFC 2047). The extended form takes precedence: it is exact.
    """
    message = Message()
    message["content-disposition"] = re.sub(r"[\r\n]+", " ", disposition.decode("latin-1"))
    names: dict[str, str] = {}
    # Pieces and extended forms come as tuples of a charset, a language and the text.
    for key, value in message.get_params([], "content-disposition"):
        key = key.lower()
        if isinstance(value, tuple):
            names[key] = _extended(*value) or names.get(key, "")
        else:
            names[key] = names.get(key) or _plain_text(value)
    return names.get("name"), names.get("filename")


def _extended(charset: str | None, _: str | None, text: str) -> str:
    data = text.encode("latin-1", "replace")
    if charset is None:  # The charset is missing, and so the percents may be unread.
        data = unquote_to_bytes(data)
    for each in (charset or "utf-8", "utf-8"):
        try:
            return data.decode(each)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("latin-1")


def _plain_text(value: str) -> str:
    if _ENCODED_WORDS.fullmatch(value):
        try:
            return str(make_header(decode_header(value)))
        except (LookupError, ValueError):
            return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
