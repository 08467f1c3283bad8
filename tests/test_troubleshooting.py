"""docs/troubleshooting.md quotes messages as the program prints them."""

import ast
import re
from collections.abc import Iterator, Sequence

import pytest

from painterly.settings.installation import PROGRAM

PAGE = (PROGRAM / "docs/troubleshooting.md").read_text()
QUOTED = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
PLACEHOLDER = r"<[^>]+>"
VALUE = "\0"  # stands for each value in a text of the source
# One placeholder may be several values, such as the two numbers of a version.
VALUES = rf"{VALUE}(?:[^\w{VALUE}]*{VALUE})*"


def texts_in_source() -> list[str]:
    """All texts in the program, with VALUE for each value."""
    python = [*PROGRAM.glob("*.py"), *(PROGRAM / "painterly").rglob("*.py")]
    shell = [PROGRAM / "start.sh", *(PROGRAM / "tools").glob("*.sh")]
    return [
        *(text for file in python for text in python_texts(file.read_text())),
        *(text for file in shell for text in shell_texts(file.read_text())),
    ]


def python_texts(source: str) -> Iterator[str]:
    nodes = [*ast.walk(ast.parse(source))]
    formatted = [each for each in nodes if isinstance(each, ast.JoinedStr)]
    fragments = {id(part) for each in formatted for part in each.values}
    for each in formatted:
        parts = (part.value if isinstance(part, ast.Constant) else VALUE for part in each.values)
        yield "".join(map(str, parts))
    for each in nodes:
        is_text = isinstance(each, ast.Constant) and isinstance(each.value, str)
        if is_text and id(each) not in fragments:
            # The fields of str.format and of logging.
            yield re.sub(r"\{\w+\}|%[sdg]", VALUE, each.value)


def shell_texts(source: str) -> Iterator[str]:
    for text in re.findall('"([^"]*)"', source):
        yield re.sub(r"\$\w+", VALUE, text)


def is_printed(message: str, texts: Sequence[str]) -> bool:
    """Whether a text is the message. With "…" at its end, the message is the beginning of one."""
    parts = re.split(PLACEHOLDER, without_outer(PLACEHOLDER, message.removesuffix("…")))
    pattern = VALUES.join(map(re.escape, parts)) + (".*" if message.endswith("…") else "")
    return any(re.fullmatch(pattern, without_outer(VALUE, each), re.DOTALL) for each in texts)


def without_outer(value: str, text: str) -> str:
    """A text without the values that it begins and ends with, such as the name of a file."""
    return re.sub(rf"^(?:{value}[: ]*)+|(?:{value})+$", "", text.rstrip())


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """The texts in the program's source."""
    return texts_in_source()


def test_every_row_of_the_page_quotes_a_message():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    headings = [line for line in rows if line.startswith(("| message |", "| --- |"))]
    assert len(QUOTED) == len(rows) - len(headings) >= 25


@pytest.mark.parametrize("message", QUOTED)
def test_a_quoted_message_is_printed_so(message, texts):
    assert is_printed(message, texts)
