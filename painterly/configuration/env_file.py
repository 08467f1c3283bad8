"""The file `.env` with the variables of a user: read, and changed without loss of other lines."""

import os
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from painterly.configuration.variables import NAMES, at_an_end, set_otherwise, written_name
from painterly.errors import ConfigError
from painterly.settings.installation import command
from painterly.storage.files import replacing, storage_errors

HEADER = f"# Written by {command('init')}. .env.example lists the other variables.\n"
PRIVATE = 0o600
# Names that editors give it, above all on Windows, which hides such an end.
MISNAMED = (".env.txt", "env.txt", ".env.rtf")
# A line of `clever addon env --format shell`, and what of it precedes the semicolon.
_SHELL_LINE = re.compile(r"""^(\s*export\s.*["'])[ \t]*;[ \t]*$""", re.MULTILINE)
# Variables that take any text. Others report a wrong value, or are other programs'.
_OURS = re.compile(r"(CELLAR_ADDON|BUCKET|AWS|WEB|STYLE|RAY)_\w+|PHOTO|STYLE|VGG_WEIGHTS|CLUSTER")
_SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|KEY)(_|$)")
_START = re.compile(r"\s*(?P<export>export\s+)?(?P<name>[\w.]+)[^\S\n]*=(?P<blank>[^\S\n]*)")
# Their values have no mark at the end, as lists in other kinds of files do.
_NEVER_MARKED = re.compile(r"(CELLAR_ADDON|BUCKET|AWS)_\w+")
_NEXT = re.compile(r"(?:[\s,;]|^)(?P<name>\w+)=")
_TYPOGRAPHIC = ("\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "\u00ab")
_PLAIN = re.compile(r"[\w./:@%+,=-]+", re.ASCII)  # values that need no quotes


def read(folder: Path) -> dict[str, str | None]:
    """Return the variables of a folder's `.env`; none if there is no such file.

    Raises ConfigError if it, or a line of it, cannot be read.
    """
    file = folder / ".env"
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}; expected text in UTF-8") from error
    if "\0" in text:
        raise ConfigError(
            f"{file} cannot be read: a part of it is in UTF-16, which Windows PowerShell's >> "
            "writes; expected text in UTF-8"
        )
    return parse(text, str(file))


def misnamed(folder: Path) -> Iterator[str]:
    """Yield a line for each file that was probably meant to be a folder's `.env`, if that is not
    there."""
    if not (folder / ".env").exists():
        found = (folder / name for name in MISNAMED)
        yield from (f"{each} is not read; rename it to .env" for each in found if each.is_file())


def parse(text: str, where: str | None = None) -> dict[str, str | None]:
    """Return the variables in lines such as `NAME=value` and `export NAME="value";`.

    Args:
        text: The lines.
        where: The file, for errors. Without one, lines that cannot be read are skipped.

    Raises:
        ConfigError: A line of a file cannot be read.
    """
    from dotenv.parser import parse_stream

    values = {}
    # The parser alone: a secret may contain ${…}, which is not to be replaced.
    for binding in parse_stream(StringIO(_SHELL_LINE.sub(r"\1", text))):
        line, raw = binding.original.line, binding.original.string
        bare = binding.value is None and _OURS.fullmatch(binding.key or "")
        name = written_name(raw)
        if name not in NAMES:
            name = set_otherwise(raw)
        expected = f"expected {name if name in NAMES else 'NAME'}=value"
        if where and (binding.error or bare):
            start = _START.match(raw)
            named = f" (with {start['name']}'s whole value in one pair of quotes)" if start else ""
            raise ConfigError(f"{where}, line {line} cannot be read; {expected}{named}")
        if binding.key is not None and not binding.error:
            if where and name in NAMES and name != binding.key:
                raise ConfigError(f"{where}, line {line} cannot be read; {expected}")
            if where and (doubt := _doubt(binding.key, raw, binding.value or "")):
                raise ConfigError(f"{where}, line {line}: {binding.key} {doubt}")
            values[binding.key] = binding.value
    return values


def _doubt(name: str, raw: str, value: str) -> str:
    """Return why a value of this program may not be what its writer meant, and the way out, or an
    empty text.

    Programs that read such files differ in comments, backslashes and dollar signs.

    Args:
        name: The variable.
        raw: Its line as it is written, or lines.
        value: The value as it is read.
    """
    takes_any = _OURS.fullmatch(name)
    if not takes_any and name not in NAMES:
        return ""
    start = _START.match(raw)
    written = raw[start.end() :].strip() if start else ""
    if not written.startswith("'") and re.search(r"\$[\w({$]", value):
        way = "put the value in ' '" if "'" not in value else "choose one without ' or $"
        return f"has a $, which Docker Compose would replace, with what follows; {way}"
    is_quoted = written.startswith(("'", '"'))
    further = [] if is_quoted else [each["name"] for each in _NEXT.finditer(value)]
    if other := next((each for each in further if each in NAMES), ""):
        return f"has {other}= in its value; write each variable in a line of its own"
    invisible = at_an_end(value) or at_an_end(raw.partition("=")[2])
    if invisible or not takes_any:
        return invisible
    return _doubt_in_text(name, start, written, value)


def _doubt_in_text(name: str, start: re.Match[str] | None, written: str, value: str) -> str:
    """Return `_doubt` of a value that may be any text.

    Args:
        name: The variable.
        start: The match of `_START` in its line.
        written: What follows that in the line, or lines.
        value: The value as it is read.
    """
    if re.search(r"[\x00-\x1f\x7f]", value):
        where = "in double quotes, \\n, \\t and the like mean control characters"
        return f"has a line end or a control character ({where}); write it in one line, in ' '"
    is_secret = bool(_SECRET.search(name))
    if is_secret and value != value.strip():
        return "begins or ends with a space, which is left out; remove it"
    if written[:1] in ("'", '"'):
        return _doubt_in_quotes(written[0], written[1:].rpartition(written[0])[0])
    comment = re.search(r"\s#(?P<after>.?)", written)
    is_cut = comment and (is_secret or comment["after"].strip())
    if is_cut or (start and start["blank"] and written.startswith("#")):
        return "has a # after a space: a comment, or a part of the value? Put the value in ' '"
    is_marked = bool(_NEVER_MARKED.fullmatch(name)) and written.endswith((";", ","))
    if is_marked or (start and start["export"] and written.endswith(";")):
        mark = "comma" if written.endswith(",") else "semicolon"
        return f"ends with a {mark}; remove it, or put the value in ' '"
    if written.startswith(("=", ">")):
        return f"begins with {written[0]}; remove it, or put the value in ' '"
    if written.startswith(_TYPOGRAPHIC):
        return "begins with a typographic quotation mark; use ' or \""
    return ""


def _doubt_in_quotes(quote: str, inner: str) -> str:
    """Return `_doubt` of a value between quotes."""
    if quote == "'" and re.search(r"\\['\\]", inner):
        return (
            "has a backslash before a backslash or ' in ' '; put the value in \" \", with a "
            'backslash before each backslash and "'
        )
    if quote == '"' and re.search(r"(?<!\\)(\\\\)*\\'", inner):
        return "has \\' in \" \"; remove the backslash, or put the value in ' '"
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
    if parse(after, str(file)) != {**parse(before, str(file)), **values}:
        raise ConfigError(
            f"{file} could not be changed without loss; set {', '.join(values)} there yourself"
        )
    with storage_errors(str(file)), replacing(file) as body:
        if hasattr(os, "fchmod"):  # On Windows, a user's folders are closed to others.
            os.fchmod(body.fileno(), PRIVATE)
        body.write(after.encode())


def _with_value(text: str, name: str, value: str) -> str:
    """Return the lines of a file with a variable set."""
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
