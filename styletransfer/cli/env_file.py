"""Changes of a `.env` file that keep all its other lines."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from styletransfer.errors import ConfigError
from styletransfer.paths import parse_dotenv
from styletransfer.storage.files import replacing, storage_errors

HEADER = "# Written by ./start.sh init. .env.example lists the other variables.\n"
PRIVATE = 0o600
_PLAIN = re.compile(r"[\w./:@%+,=-]+", re.ASCII)  # values that need no quotes


def update(file: Path, values: Mapping[str, str]) -> None:
    """Set variables in a file, whole or not at all, so that only its owner can read it.

    A variable's last line becomes a comment above the new one, a new variable is added at the end,
    and all other lines stay.

    Raises ConfigError if a line cannot be changed, StorageError if the file cannot be written.
    """
    file = file.resolve()  # A link stays one.
    before = HEADER
    with storage_errors(str(file)):
        if file.exists():
            before = file.read_bytes().decode("utf-8-sig")
    after = before
    for name, value in values.items():
        after = _with_value(after, name, value)
    if parse_dotenv(after, str(file)) != {**parse_dotenv(before, str(file)), **values}:
        raise ConfigError(
            f"{file} could not be changed without loss; set {', '.join(values)} there yourself"
        )
    with storage_errors(str(file)), replacing(file) as body:
        os.fchmod(body.fileno(), PRIVATE)
        body.write(after.encode())


def _with_value(text: str, name: str, value: str) -> str:
    """Return the lines of a file with a variable set."""
    line = f"{name}={_quoted(value)}"
    found = [*re.finditer(rf"^[ \t]*(export[ \t]+)?{name}[ \t]*=[^\r\n]*", text, re.MULTILINE)]
    end = "\r\n" if "\r\n" in text else "\n"
    if found:
        old = found[-1]
        return f"{text[: old.start()]}# {old[0]}{end}{line}{text[old.end() :]}"
    before = text if text.endswith(("\n", "\r")) or not text else text + end
    return before + line + end


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
