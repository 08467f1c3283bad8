"""The words that the project has given up stay away: the terms of its field have replaced them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from styletransfer.paths import PROGRAM

FOLDERS = ("styletransfer", "aws", "bench", "tests", "samples", "docs", "tools", "training")
KINDS = {".py", ".sh", ".md", ".html", ".css", ".js", ".yaml", ".toml", ".txt", ".in", ""}
BESIDE = ("*.py", "*.sh", "*.md", "*.toml", "Dockerfile", ".env.example", ".ci/run")

# In prose and in names, whose parts count as words: `_told` and `ToldBy` both have "told".
WORDS = {
    "told": "logged, reported, args, message, reason",
    "tells": "says, reports",
    "telling": "saying, reporting",
    "laid": "padded",
    "composed": "composited",
    "patiently": "with retries",
    "lane": "worker",
    "lanes": "workers",
    "pusher": "uploader",
    "settled": "converged",
    "pace": "step parameters",
    "sweep": "tiled forward, a pass",
    "strip": "tile",
    "strips": "tiles",
    "slope": "gradient",
    "led": "backpropagated, directed",
    "cutting": "operations, cropping",
    "levels": "pixels_int",
    "veil": "alpha_int",
    "doomed": "to_delete",
    "tally": "result",
    "foresee": "plan",
    "errand": "command",
    "errands": "commands",
    "lie": "is",
    "lies": "is",
    "besides": "also",
    "thereof": "of it",
}
# As names in Python, except in those of tests; in prose these are ordinary English.
NAMES = {
    "again": "repaint",
    "ahead": "prefetch",
    "descent": "ScaleOptimizer",
    "goal": "target_error",
    "opened": "signature",
    "painter": "worker",
}
ALLOWED = {
    r"\bstr\.strip\b|\.strip\(": "a method of Python's strings",
}
# The samples draw landscapes: hills have slopes, mist is a veil, a stroke has paint ahead of it.
LANDSCAPE = {"slope", "veil", "ahead"}


def files() -> Iterator[Path]:
    """The project's own texts."""
    for pattern in BESIDE:
        yield from PROGRAM.glob(pattern)
    for folder in FOLDERS:
        for path in (PROGRAM / folder).rglob("*"):
            if path.is_file() and path.suffix in KINDS and "__pycache__" not in path.parts:
                yield path


def words(text: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)]


def names(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if not node.name.startswith("test_"):
                    yield node.lineno, node.name
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case ast.arg():
                yield node.lineno, node.arg


def found_in(path: Path) -> Iterator[str]:
    where, text = path.relative_to(PROGRAM), path.read_text()
    exempt = LANDSCAPE if where.parts[0] == "samples" else set()
    banned, banned_names = WORDS.keys() - exempt, NAMES.keys() - exempt
    for number, line in enumerate(text.splitlines(), 1):
        for allowed in ALLOWED:
            line = re.sub(allowed, "", line)
        for word in sorted(banned & set(words(line))):
            yield f"{where}:{number}: {word!r}; say {WORDS[word]}: {line.strip()}"
    if path.suffix == ".py":
        for number, name in [(1, path.stem), *names(text)]:
            for word in sorted(banned_names & set(words(name))):
                yield f"{where}:{number}: the name {name!r}; say {NAMES[word]}"


def test_words_that_were_given_up_do_not_return():
    found = [each for path in files() if path != Path(__file__) for each in found_in(path)]
    if found:
        pytest.fail(f"{len(found)} words to replace:\n" + "\n".join(found), pytrace=False)


def test_the_parts_of_names_are_words():
    assert words("_told files_told ToldBy toldest S3Told HTMLVeil") == [
        *("told", "files", "told", "told", "by", "toldest", "s", "told", "html", "veil"),
    ]
