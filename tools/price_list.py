"""Rewrites the sizes in docs/price-list.md: `python -m tools.price_list`.

The size of a part is its lines of code in Python: without blank lines, comments and docstrings.
"""

import ast
import io
import re
import tokenize
from pathlib import Path

from painterly.settings.installation import PROGRAM

PAGE = PROGRAM / "docs/price-list.md"
_ROW = re.compile(
    r"^\| (?P<part>[^|]+) \| (?P<purpose>[^|]+) \| (?P<files>`[^|]+`) \| (?P<lines>[\d,]+) \|$"
)
_NO_CODE = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


def modules() -> list[Path]:
    """Return the modules of the product, relative to the repository."""
    files = (file for folder in ("painterly", "aws") for file in (PROGRAM / folder).rglob("*.py"))
    return sorted(file.relative_to(PROGRAM) for file in files if "__pycache__" not in file.parts)


def parts(text: str) -> dict[str, list[Path]]:
    """Return the modules of each part of the page.

    A module belongs to the part that names it, or else to the one that names the nearest folder
    above it.
    """
    owners: dict[str, str] = {}
    rows = [row for row in map(_ROW.match, text.splitlines()) if row]
    for row in rows:
        for path in re.findall(r"`([^`]+)`", row["files"]):
            assert path not in owners, f"{path} is in two rows"
            owners[path] = row["part"]
    found: dict[str, list[Path]] = {row["part"]: [] for row in rows}
    for module in modules():
        paths = (module, *module.parents)
        owner = next((owners[str(path)] for path in paths if str(path) in owners), None)
        if owner is None:
            raise LookupError(f"no part of {PAGE.name} names {module}")
        found[owner].append(module)
    return found


def code_lines(source: str) -> int:
    """Return the number of lines that have code."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            docstrings.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def prices(text: str) -> dict[str, int]:
    """Return the lines of each part that the page states."""
    rows = filter(None, map(_ROW.match, text.splitlines()))
    return {row["part"]: int(row["lines"].replace(",", "")) for row in rows}


def with_sizes(text: str) -> str:
    """Return the page's text with the sizes of all parts, and their sum."""
    sizes = {
        part: sum(code_lines((PROGRAM / module).read_text(encoding="utf-8")) for module in its)
        for part, its in parts(text).items()
    }
    lines = []
    for line in text.splitlines():
        row = _ROW.match(line)
        if row:
            size = sizes[row["part"]]
            line = f"| {row['part']} | {row['purpose']} | {row['files']} | {size:,} |"
        lines.append(re.sub(r"\*\*[\d,]+ lines\*\*", f"**{sum(sizes.values()):,} lines**", line))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(with_sizes(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
