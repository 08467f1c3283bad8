"""The file `.env` with the variables of a user: read, and changed without loss of other lines; and
names that are almost those of variables."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from painterly.errors import ConfigError
from painterly.settings.installation import command
from painterly.settings.settings import FIELDS
from painterly.storage.files import replacing, storage_errors
from painterly.words.suggestions import closest

if TYPE_CHECKING:
    from dotenv.parser import Binding

HEADER = f"# Written by {command('init')}. .env.example lists the other variables.\n"
PRIVATE = 0o600
# Names under which editors save a `.env`, above all on Windows, which hides `.txt`.
MISNAMED = (".env.txt", "env.txt", ".env.rtf")
# A line of `clever addon env --format shell`, with the part before the semicolon as a group.
_SHELL_LINE = re.compile(r"""^(\s*export\s.*["'])[ \t]*;[ \t]*(?=\r?$)""", re.MULTILINE)
_NAME = re.compile(r"[a-z_][\w.-]*", re.ASCII | re.IGNORECASE)
_SECRET = re.compile(r"\w*(PASSWORD|SECRET|TOKEN|KEY|KEY_ID)")
_PLAIN = re.compile(r"[\w./:@%+,=-]+", re.ASCII)  # values that need no quotes

NAMES = frozenset(
    (
        *("CELLAR_ADDON_HOST", "CELLAR_ADDON_KEY_ID", "CELLAR_ADDON_KEY_SECRET"),
        *("CELLAR_ADDON_REGION", "BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "S3_ENCRYPTION"),
        *("PRESET", "STYLES", "STYLE_MODE", "VGG_WEIGHTS", "OUTPUT_FORMAT", "OUTPUT_QUALITY"),
        *("OUTPUT_DEPTH", "KEEP_GPS", "PHOTO", "STYLE", "SHARD", "INSTANCE_NUMBER", "KEEP"),
        *("REPAINT", "DRY_RUN", "WATCH", "WATCH_SETTLE", "UNTIL", "NOTIFY_URL", "NOTIFY_FORMAT"),
        *("DEVICE", "MEMORY_LIMIT", "CHECKPOINT_EVERY", "CLUSTER", "RAY_AUTH_TOKEN", "PROGRESS"),
        *("LOG_FORMAT", "LOG_LEVEL", "WEB_PASSWORD", "WEB_PUBLIC", "WEB_TOKEN", "WEB_HOST"),
        *("WEB_PORT", "WEB_MAX_MEGABYTES", "WEB_MAX_MEGAPIXELS", "WEB_MAX_WAITING"),
        *("WEB_KEEP_DAYS", "WEB_PROXIES", "WEB_HOSTS", "WEB_PATH", "WEB_ORIGINS"),
        *("WEB_CALLBACK_HOSTS", "WEB_CALLBACK_SECRET", "WEB_METRICS_USER"),
        *("WEB_METRICS_PASSWORD", "RUN_MODE"),
        *(f"STYLE_{name.upper()}" for name in FIELDS),
    )
)
# Names of other programs. Some are almost ours.
_OTHERS = re.compile(r"AWS_(REGION|PROFILE|SESSION_TOKEN|CA_BUNDLE)|RAY_\w+|PORT|STYLE_\w+")
# Names in an environment are compared only if they begin as these: a shell has many others.
_PREFIXES = tuple(
    {name[: name.index("_") + 1] for name in NAMES if "_" in name}
    - {"AWS_", "RAY_", "RUN_", "INSTANCE_"}
)
_LIKENESS = 0.83  # from 0 to 1, of a slip of the hand


def read(folder: Path) -> dict[str, str | None]:
    """Return the variables of a folder's `.env`; none if there is no such file.

    Raises ConfigError if it, or a line of it, cannot be read.
    """
    file = folder / ".env"
    try:
        text = file.read_text(encoding="utf-8-sig")
        if "\0" in text:  # Windows PowerShell's >> writes UTF-16, also after UTF-8.
            raise ValueError("a part of it is in UTF-16")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read: {error}; expected text in UTF-8") from error
    return parse(text, str(file))


def misnamed(folder: Path) -> Iterator[str]:
    """Yield a line for each file that was probably meant to be a folder's `.env`, if that is not
    there."""
    if not (folder / ".env").exists():
        found = (folder / name for name in MISNAMED)
        yield from (f"{each} is not read; rename it to .env" for each in found if each.is_file())


def not_read(names: Iterable[str], in_environment: bool = False) -> Iterator[str]:
    """Yield a line for each name that is not read, and is almost one of a variable.

    Args:
        in_environment: Whether they are set for all programs, so that most are not for this one.
    """
    for name in sorted(names):
        upper = name.upper()
        if name in NAMES or _OTHERS.fullmatch(name):
            continue
        if in_environment and not upper.startswith(_PREFIXES):
            continue
        alike = (each for each in sorted(NAMES) if each[0] == upper[0])  # DB_HOST is no WEB_HOST.
        if meant := closest(name, alike, _LIKENESS):
            yield f"{name} is not read; did you mean {meant}?"


def parse(text: str, where: str | None = None) -> dict[str, str | None]:
    """Return the variables in lines such as `NAME=value` and `export NAME="value";`.

    Args:
        where: The file, for errors. Without one, lines that cannot be read are skipped.

    Raises:
        ConfigError: A line of a file cannot be read, or has a secret with two readings.
    """
    from dotenv.parser import parse_stream

    values: dict[str, str | None] = {}
    # The parser alone: a secret may contain ${…}, which is not to be replaced.
    for binding in parse_stream(StringIO(_SHELL_LINE.sub(r"\1", text))):
        if where and (problem := _problem(binding)):
            raise ConfigError(f"{where}, line {binding.original.line}{problem}")
        if binding.key and not binding.error:
            values[binding.key] = binding.value
    return values


def _problem(binding: "Binding") -> str:
    name, line = binding.key, binding.original.string
    if binding.error or (name and (binding.value is None or not _NAME.fullmatch(name))):
        return " cannot be read; expected NAME=value, or # before a comment"
    written = line.partition("=")[2]
    is_quoted = written.lstrip().startswith(("'", '"'))
    if name in NAMES and _SECRET.fullmatch(name) and not is_quoted and re.search(r"\s#", written):
        return (
            f": {name} has a # after a space: a comment, or a part of the value? Put the value in "
            "' '"
        )
    return ""


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
    try:
        is_right = parse(after, str(file)) == {**parse(before, str(file)), **values}
    except ConfigError:  # A value of several lines is no longer one.
        is_right = False
    if not is_right:
        raise ConfigError(
            f"{file} could not be changed without loss; set {', '.join(values)} there yourself"
        )
    with storage_errors(str(file)), replacing(file) as body:
        if hasattr(os, "fchmod"):  # On Windows, a user's folders are closed to others.
            os.fchmod(body.fileno(), PRIVATE)
        body.write(after.encode())


def _with_value(text: str, name: str, value: str) -> str:
    line = f"{name}={_quoted(value)}"
    lines = [*re.finditer(rf"^[ \t]*(export[ \t]+)?{name}[ \t]*=[^\r\n]*", text, re.MULTILINE)]
    end = "\r\n" if "\r\n" in text else "\n"
    if lines:
        old = lines[-1]
        return f"{text[: old.start()]}# {old[0]}{end}{line}{text[old.end() :]}"
    before = text if text.endswith(("\n", "\r")) or not text else text + end
    return before + line + end


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if not re.search(r"['\\]", value):
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
