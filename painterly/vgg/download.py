"""Files of known sizes, downloaded in as many requests as it takes."""

import http.client
import re
import urllib.request
from collections.abc import Callable, Mapping
from logging import WARNING
from pathlib import Path
from time import sleep
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit

from painterly.log import event
from painterly.words.webhook import retry_after_s
from painterly.words.wording import duration, file_size, one_line

TIMEOUT_S = 30.0  # for any data
PIECE = 1 << 20  # bytes copied at a time
ATTEMPTS, PAUSE_S = 5, 2.0  # successive requests that bring nothing, and the pause between them
BUSY = (429, 503)  # After these, the pause doubles.
MOST_ASKED, LONGEST_ASKED_S = 20, 600.0  # the pauses that a server may ask for, and their sum
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class DownloadError(Exception):
    """A file that could not be downloaded; the message names it and the reason."""


def partial_path(path: Path) -> Path:
    """Return the path of a file while it is downloaded."""
    return path.with_name(f"{path.name}.partial")


def download(
    address: str, path: Path, size: int, progress: Callable[[int], None] = lambda size: None
) -> Path:
    """Download a file to its `partial_path`, and return that. It continues after the bytes
    of an earlier call, also of another process, and waits if the server asks for it.

    Args:
        address: The address.
        path: The file's path.
        size: Its bytes.
        progress: Is called with the bytes that are here, after each piece.

    Raises:
        DownloadError: After ATTEMPTS that brought nothing, or the server has another file.
        OSError: The file cannot be written.
    """
    part, patience, continues = partial_path(path), _Patience(address), True
    part.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    while (here := part.stat().st_size) < size:
        try:
            _append(address, part, size, progress, continues)
        except _OtherRangeError:
            continues = False  # It would send that again.
            part.write_bytes(b"")
        except (http.client.HTTPException, ValueError, _NoAnswerError) as error:
            if part.stat().st_size > here:
                patience = _Patience(address)
            pause_s = patience.pause_s(error)
            if pause_s is None:
                raise _failed(address, error, part) from None
            sleep(pause_s)
    return part


def shown(address: str) -> str:
    """Return an address without login and query, which may be secret."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


class _NoAnswerError(Exception):
    """A server was not reached, sent no more, or answered with an error."""


class _OtherRangeError(Exception):
    """A server sent another part of a file than the rest that it was asked for."""


class _Patience:
    """Counter of a server's failures, and of the pauses that it asks for."""

    def __init__(self, address: str) -> None:
        self._address, self._failures, self._asked, self._asked_s = address, 0, 0, 0.0

    def pause_s(self, error: Exception) -> float | None:
        """Return the seconds to wait after a failure; None if the download has failed.

        A pause that the server asks for is not counted among the attempts, but bounded.
        """
        answer = error.__cause__ if isinstance(error.__cause__, HTTPError) else None
        asked_s = _asked_s(error)
        is_final = answer is not None and not _may_pass(answer.code) and not asked_s
        if isinstance(error, ValueError) or is_final:
            return None
        if not asked_s:
            self._failures += 1
            is_busy = answer is not None and answer.code in BUSY
            pause_s = PAUSE_S * (2**self._failures if is_busy else 1)
            return pause_s if self._failures < ATTEMPTS else None
        pause_s = max(asked_s, PAUSE_S)
        self._asked, self._asked_s = self._asked + 1, self._asked_s + pause_s
        if self._asked > MOST_ASKED or self._asked_s > LONGEST_ASKED_S:
            return None
        event(f"{shown(self._address)}: waiting {duration(pause_s)}, as it asks", level=WARNING)
        return pause_s


def _asked_s(error: Exception) -> float | None:
    """Return the seconds that a server asks to wait in an answer, if it does."""
    answer = error.__cause__
    return retry_after_s(answer.headers["Retry-After"]) if isinstance(answer, HTTPError) else None


def _may_pass(status: int) -> bool:
    """Return whether another attempt may succeed after an answer that asks for no pause: not after
    such as 404."""
    return not 400 <= status < 500 or status in (408, 416, 425, 429)


class _Coming(NamedTuple):
    """The part of a file that an answer has: its start, its end, and the bytes of the whole file;
    None for what the answer does not say."""

    start: int | None
    end: int | None
    total: int | None

    @classmethod
    def of(cls, answer: http.client.HTTPResponse) -> "_Coming":
        """Return what comes with an answer. Some servers send a part with the status 200."""
        if match := _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip()):
            start, last, total = match.groups()
            return cls(int(start), int(last) + 1, None if total == "*" else int(total))
        if answer.status == 206:
            return cls(None, None, None)
        length = answer.headers.get("Content-Length", "")
        return cls(0, None, int(length) if length.isdecimal() else None)


def _append(
    address: str, part: Path, size: int, progress: Callable[[int], None], continues: bool
) -> None:
    """Ask for the rest of a file, or for all of it unless it `continues`, and append what comes.

    Raises _NoAnswerError, _OtherRangeError, HTTPException, and DownloadError if the server has
    another file.
    """
    here = part.stat().st_size
    asked = {"Range": f"bytes={here}-"} if here and continues else {}
    with _open(address, asked, part) as answer, part.open("ab") as target:
        coming = _Coming.of(answer)
        _check_whole(address, coming.total, size, answer.headers.get_content_type())
        if answer.status != 206 and coming.start == 0:  # A server without ranges begins again.
            target.truncate(0)
            here = 0
        if coming.start != here:
            if asked:
                raise _OtherRangeError
            raise _NoAnswerError("it sent another part of the file than it was asked for")
        end = min(size, coming.end or size)  # Some servers send less than the rest at a time.
        if here >= end:
            raise _NoAnswerError(f"nothing came after {here:,} bytes")
        while here < end:
            try:
                piece = answer.read(min(PIECE, end - here))
            except OSError as error:
                raise _NoAnswerError(one_line(error)) from error
            if not piece:
                raise _NoAnswerError(f"the connection ended after {here:,} bytes")
            target.write(piece)
            here += len(piece)
            progress(here)


def _open(address: str, headers: Mapping[str, str], part: Path) -> http.client.HTTPResponse:
    """Ask for a file. Raises _NoAnswerError."""
    request = urllib.request.Request(address, headers=dict(headers))
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        if error.code == 416:  # It has no more: what is here is not the start of its file.
            part.write_bytes(b"")
        raise _NoAnswerError(one_line(error)) from error
    except OSError as error:
        raise _NoAnswerError(one_line(error)) from error
    return answer


def _check_whole(address: str, total: int | None, size: int, content_type: str) -> None:
    """Raise DownloadError if a server has a file with another size, or a page."""
    if total != size and content_type == "text/html":
        raise DownloadError(
            f"{shown(address)} answers with a web page, not with a file; log in to this network if "
            "it asks for that, and check the address"
        )
    if total is not None and total != size:
        raise DownloadError(f"{shown(address)} {other_size(total, size)}")


def other_size(size: int, expected: int) -> str:
    """Say that a file has not the bytes that are expected."""
    cut = "it was cut" if size < expected else "it is another file"
    return f"has {size:,} bytes, expected {expected:,}: {cut}"


def _failed(address: str, error: Exception, part: Path) -> DownloadError:
    reason = one_line(error).removeprefix("<urlopen error ").removesuffix(">")
    if asked_s := _asked_s(error):
        reason += f"; it asks to wait {duration(asked_s)}"
    here = part.stat().st_size
    goes_on = f"; {file_size(here)} are here, and the same command continues" if here else ""
    return DownloadError(f"{shown(address)} cannot be fetched ({reason}){goes_on}")
