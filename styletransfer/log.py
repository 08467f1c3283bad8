"""The log: one line an event, as text or JSON."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.table import Table

logger = logging.getLogger("styletransfer")


class _Stdout(logging.StreamHandler):
    """Writes to what sys.stdout is at the time, not to what it was when logging was set up."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stdout


class _Json(logging.Formatter):
    """One JSON object a line: time, level, message, and the fields of `event(…)`."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(told, ensure_ascii=False)


def log_to_stdout(form: str, as_json: bool = False) -> None:
    """Shows the log on stdout, each line in the `logging` format given, or as JSON."""
    handler = _Stdout()
    handler.setFormatter(_Json() if as_json else logging.Formatter(form, "%H:%M:%S"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)


def event(message: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Logs a line; `fields` come with it where lines are JSON."""
    logger.log(level, "%s", message, extra={"fields": fields})


def show_table(table: "Table") -> None:
    """Prints a table on stdout; not between lines of JSON, whose fields tell the same."""
    if any(isinstance(each.formatter, _Json) for each in logger.handlers):
        return
    from rich.console import Console

    # A log's width is not known; a table that is broken into lines of 80 cannot be read.
    width = None if sys.stdout.isatty() else 160
    Console(file=sys.stdout, markup=False, highlight=False, width=width).print(table)


def duration(seconds: float) -> str:
    """Seconds as people say them: `45 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def printable(text: str) -> str:
    """A key as one harmless line: line ends, terminal codes and the like are escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
