"""The log: one line per event, as text or JSON."""

import errno
import io
import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from painterly.words.wording import printable

logger = logging.getLogger("painterly")
FULL = (errno.ENOSPC, errno.EDQUOT)  # errors of writing to a full disk
QUIET_S = 60.0  # before WarningLog logs the same text again


class _Stdout(logging.Handler):
    """Writes to the current sys.stdout, which may have been replaced since logging was set up.
    Errors are red on a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            if record.levelno >= logging.ERROR and sys.stdout.isatty() and not logs_json():
                from rich import get_console  # The one that shows bars, so that it goes above.
                from rich.text import Text

                with to_a_reader():
                    get_console().print(Text(text, "bold red"), soft_wrap=True)
            else:
                _print(text)
        except Exception:
            self.handleError(record)


class _Json(logging.Formatter):
    """One JSON object per line: time, level, message, and the fields of `event(…)`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        text = json.dumps(line, ensure_ascii=False)
        # Control characters such as U+202E are escaped; letters are not.
        return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


class _Text(logging.Formatter):
    """One line per event: line ends and terminal codes in it are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def log_to_stdout(
    form: str, as_json: bool = False, level: int = logging.INFO, *, quiet: bool = False
) -> None:
    """Write the log to stdout, in a `logging` format or as JSON, from a level on. quiet: only
    warnings, errors and the summary."""
    handler = _Stdout()
    handler.setFormatter(_Json() if as_json else _Text(form, "%H:%M:%S"))
    if quiet:
        handler.addFilter(_matters)
    logger.handlers = [handler]
    logger.setLevel(level)


def _print(text: str) -> None:
    """Print on stdout, unless its reader has gone, or its disk is full."""
    # Held: `print` does not keep a stdout alive that another thread's bar takes back.
    stdout = sys.stdout
    with to_a_reader():
        print(text, file=stdout, flush=True)


def _matters(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or getattr(record, "summary", False)


def reader_has_gone(error: OSError) -> bool:
    """Return whether an error of writing says that the reader has gone: a pipe's, as in `… | head`,
    or that the terminal was closed. A damaged disk has the same error as that."""
    if isinstance(error, BrokenPipeError):
        return True
    if sys.platform == "win32":
        return error.errno == errno.EINVAL
    return error.errno == errno.EIO and bool(_closed_terminals())


@contextmanager
def to_a_reader() -> Iterator[None]:
    """Write, and if the reader has gone, drop that and what follows; also if a file's disk is full,
    which is told on stderr: the log is lost, and not what is painted."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            with suppress(OSError):  # It may be the same file.
                why = (error.strerror or "").lower()
                print(f"the log ends here: {why}", file=sys.stderr, flush=True)
        elif not reader_has_gone(error):
            raise
        print_nowhere()


def print_nowhere() -> None:
    """Drop what a terminal that was closed gets from now on, or else what stdout gets: its reader
    has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in _closed_terminals() or [sys.stdout]:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def leave_closed_terminal() -> None:
    """Drop what a terminal that was closed would get, and would refuse."""
    if _closed_terminals():
        print_nowhere()


def _closed_terminals() -> list[TextIO]:
    return [each for each in (sys.stdout, sys.stderr) if _was_closed(each)]


def _was_closed(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that was closed: it takes not even an empty text."""
    try:
        os.write(stream.fileno(), b"")
    except (OSError, ValueError) as error:  # ValueError: it is not a file.
        return getattr(error, "errno", None) == errno.EIO
    return False


def print_anything() -> None:
    """Let stdout escape what its encoding lacks, as stderr does: in some locales it has no arrows,
    and not the letters of most languages. On Windows both are in UTF-8 instead, unless
    PYTHONIOENCODING says otherwise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            as_usual = sys.platform != "win32" or os.environ.get("PYTHONIOENCODING")
            encoding = stream.encoding if as_usual else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def logs_json() -> bool:
    """Return whether the log's lines are JSON."""
    return any(isinstance(each.formatter, _Json) for each in logger.handlers)


def event(message: str, *, level: int = logging.INFO, summary: bool = False, **fields: Any) -> None:
    """Log a line; `fields` are added to it if lines are JSON. summary: it belongs to the summary of
    a run, which a quiet log has as well."""
    logger.log(level, "%s", message, extra={"fields": fields, "summary": summary})


class WarningLog:
    """Warnings that repeat, for example while a storage is unavailable: each is logged once in
    QUIET_S. Thread-safe."""

    def __init__(self) -> None:
        self._logged: dict[str, float] = {}  # when, by text or kind
        self._lock = threading.Lock()

    def warn(self, text: str, kind: str = "") -> bool:
        """Log a text unless it, or one of its kind, was logged within the last QUIET_S. Return
        whether it was logged."""
        now, kind = time.monotonic(), kind or text
        with self._lock:
            recent = {past: at for past, at in self._logged.items() if now - at < QUIET_S}
            self._logged = {kind: now, **recent}
        if kind not in recent:
            event(text, level=logging.WARNING)
        return kind not in recent


def log_trace(error: BaseException) -> None:
    """Log the trace of an unexpected error, at debug level."""
    for line in "".join(traceback.format_exception(error)).splitlines():
        event(line, level=logging.DEBUG)
