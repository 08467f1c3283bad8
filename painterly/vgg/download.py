"""Files of known sizes, downloaded in as many requests as it takes."""

import http.client
import urllib.request
from collections.abc import Callable
from pathlib import Path
from time import sleep
from urllib.error import HTTPError
from urllib.parse import urlsplit

from painterly.words.wording import file_size, one_line

TIMEOUT_S = 30.0  # for any data
PIECE = 1 << 20  # bytes copied at a time
ATTEMPTS, PAUSE_S = 5, 2.0  # successive requests that bring nothing, and the pause between them


class DownloadError(Exception):
    """A file that could not be downloaded; the message names it and the reason."""


def partial_path(path: Path) -> Path:
    """Return the path of a file while it is downloaded."""
    return path.with_name(f"{path.name}.partial")


def download(
    address: str, path: Path, size: int, progress: Callable[[int], None] = lambda size: None
) -> Path:
    """Download a file to its `partial_path`, and return that. It continues after the bytes
    of an earlier call, also of another process.

    Args:
        address: The address.
        path: The file's path.
        size: Its bytes.
        progress: Is called with the bytes that are here, after each piece.

    Raises:
        DownloadError: After ATTEMPTS that brought nothing, or the server has another file.
        OSError: The file cannot be written.
    """
    part, failures = partial_path(path), 0
    part.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    while (here := part.stat().st_size) < size:
        try:
            _append(address, part, size, progress)
        except (http.client.HTTPException, ValueError, _NoAnswerError) as error:
            failures = failures + 1 if part.stat().st_size <= here else 1
            if failures == ATTEMPTS or not _may_pass(error):
                raise _failed(address, error, part) from None
            sleep(PAUSE_S)
    return part


def shown(address: str) -> str:
    """Return an address without login and query, which may be secret."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


class _NoAnswerError(Exception):
    """A server was not reached, sent no more, or answered with an error."""


def _may_pass(error: Exception) -> bool:
    """Return whether another attempt may succeed: not after an answer that says that it will not,
    such as 404."""
    cause = error.__cause__
    return not isinstance(error, ValueError) and not (
        isinstance(cause, HTTPError)
        and 400 <= cause.code < 500
        and cause.code not in (408, 416, 429)
    )


def _append(address: str, part: Path, size: int, progress: Callable[[int], None]) -> None:
    """Ask for the rest of a file, and append what comes. Raises _NoAnswerError, HTTPException, and
    DownloadError if the server has another file."""
    here = part.stat().st_size
    request = urllib.request.Request(address, headers={"Range": f"bytes={here}-"} if here else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        if error.code == 416:  # It has no more: what is here is not the start of its file.
            part.unlink()
            part.touch()
        raise _NoAnswerError(one_line(error)) from error
    except OSError as error:
        raise _NoAnswerError(one_line(error)) from error
    with answer, part.open("ab") as target:
        if answer.status != 206 and here:  # A server without ranges begins again.
            target.truncate(0)
            here = 0
        length = answer.headers.get("Content-Length")
        if length and length.isdecimal() and here + int(length) != size:
            raise DownloadError(f"{shown(address)} {other_size(here + int(length), size)}")
        while here < size:
            try:
                piece = answer.read(min(PIECE, size - here))
            except OSError as error:
                raise _NoAnswerError(one_line(error)) from error
            if not piece:
                raise _NoAnswerError(f"the connection ended after {here:,} bytes")
            target.write(piece)
            here += len(piece)
            progress(here)


def other_size(size: int, expected: int) -> str:
    """Say that a file has not the bytes that are expected."""
    cut = "it was cut" if size < expected else "it is another file"
    return f"has {size:,} bytes, expected {expected:,}: {cut}"


def _failed(address: str, error: Exception, part: Path) -> DownloadError:
    reason = one_line(error).removeprefix("<urlopen error ").removesuffix(">")
    here = part.stat().st_size
    goes_on = f"; {file_size(here)} are here, and the same command continues" if here else ""
    return DownloadError(f"{shown(address)} cannot be fetched ({reason}){goes_on}")
