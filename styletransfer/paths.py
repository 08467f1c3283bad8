"""The folders of the program and of its workspace, and the variables in the workspace's `.env`.

The program is read only: code and samples. The workspace is written: `.env` by the user, `weights/`
and `results/` by the program. In a checkout both are the same folder.
"""

import re
from io import StringIO
from pathlib import Path

from styletransfer.errors import ConfigError

PROGRAM = Path(__file__).resolve().parents[1]
WORKSPACE = PROGRAM
# A line of `clever addon env --format shell`, and what of it precedes the semicolon.
_SHELL_LINE = re.compile(r"""^(\s*export\s.*["'])[ \t]*;[ \t]*$""", re.MULTILINE)


def dotenv(folder: Path) -> dict[str, str | None]:
    """The variables of a folder's `.env`; none if there is no such file.

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
    return parse_dotenv(text, str(file))


def parse_dotenv(text: str, where: str | None = None) -> dict[str, str | None]:
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
        if binding.error and where:
            line = binding.original.line
            raise ConfigError(f"{where}, line {line} cannot be read; expected NAME=value")
        if binding.key is not None and not binding.error:
            values[binding.key] = binding.value
    return values
