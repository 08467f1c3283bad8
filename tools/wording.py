#!/usr/bin/env python3
"""Counts wording that a native engineer would not write.

    tools/wording.py [PATH …]         print file:line of each hit, then a table; default: all files
    tools/wording.py --count          print only the table
    tools/wording.py --limit 500      exit with 1 if there are more hits than that

It reads prose: Markdown, docstrings, comments, and the help text of shell scripts. It skips code,
code blocks, `inline code`, URLs and quoted text. The rules are in wording.toml. They find habits,
not every awkward sentence: rewrite the sentence instead of replacing the word. A paragraph with
`wording: ok` is not read. Needs only Python's standard library.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

DOCSTRING, COMMENT, MARKDOWN = "docstring", "comment", "markdown"
SENTENCE_START = r"(?:^|(?<=[.!?] )|(?<=[.!?]\) ))"
EXEMPT = "wording: ok"

SKIPPED_FOLDERS = {"node_modules", "__pycache__", "build", "dist", "results"}
SKIPPED_FILES = {"LICENSE", "wording.toml"}
HASH_COMMENTS = {".sh", ".toml", ".yaml", ".yml", ".txt", ".in", ".cfg"}
HASH_COMMENT_FILES = {"Dockerfile", ".env.example", "run", "lock"}
SLASH_COMMENTS = {".js", ".css"}

Line = tuple[int, str]  # number from 1, text


class Paragraph(NamedTuple):
    """Consecutive lines of prose of one kind."""

    kind: str
    lines: list[Line]


@dataclass(frozen=True)
class Rule:
    """A habit: its code and name, the advice to print, and the kinds of text it is searched in."""

    code: str
    name: str
    advice: str
    kinds: frozenset[str]
    pattern: re.Pattern[str]


class Hit(NamedTuple):
    """One place that breaks a rule."""

    line: int
    rule: Rule
    kind: str
    excerpt: str


def main() -> int:
    """Print the hits and their counts. Return the exit code."""
    args = parse_arguments()
    rules = read_rules()
    by_rule: Counter[Rule] = Counter()
    for root in args.paths:
        for path in prose_files(root):
            shown = path.relative_to(root) if root.is_dir() else path
            read = paragraphs(path, path.read_text(errors="replace"))
            for hit in sorted(hits(read, rules), key=lambda hit: hit.line):
                by_rule[hit.rule] += 1
                if not args.count:
                    print(
                        f"{shown}:{hit.line}: {hit.rule.code} {hit.rule.name} [{hit.kind}]: "
                        f"…{hit.excerpt}… → {hit.rule.advice}"
                    )
    total = by_rule.total()
    print()
    for rule, count in sorted(by_rule.items(), key=lambda item: (item[0].code, -item[1])):
        print(f"{count:6}  {rule.code} {rule.name}")
    print(f"total {total}" + (f", limit {args.limit}" if args.limit is not None else ""))
    return int(args.limit is not None and total > args.limit)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", default=[Path()])
    parser.add_argument("--count", action="store_true", help="print only the table")
    parser.add_argument("--limit", type=int, help="largest number of hits that is accepted")
    return parser.parse_args()


def read_rules() -> list[Rule]:
    """Read the rules of wording.toml."""
    with Path(__file__).with_suffix(".toml").open("rb") as file:
        entries = tomllib.load(file)["rule"]
    return [
        Rule(
            entry["code"],
            entry["name"],
            entry["advice"],
            frozenset(entry.get("kinds", [DOCSTRING, COMMENT, MARKDOWN])),
            re.compile(entry["pattern"].replace("{start}", SENTENCE_START)),
        )
        for entry in entries
    ]


def prose_files(root: Path) -> Iterator[Path]:
    """List the files to read: `root` itself, or all below it except hidden folders and generated
    files.

    `.ci` and `.env.example` are read although they are hidden.
    """
    if root.is_file():
        yield root
        return
    for path in sorted(root.rglob("*")):
        folders = path.relative_to(root).parts[:-1]
        hidden = any(name.startswith(".") and name != ".ci" for name in folders)
        if hidden or SKIPPED_FOLDERS.intersection(folders) or path.name in SKIPPED_FILES:
            continue
        if path.is_file() and not path.name.endswith((".lock", ".min.js")):
            yield path


def paragraphs(path: Path, text: str) -> Iterator[Paragraph]:
    """Yield the prose in a file."""
    suffix = path.suffix.lower()
    if suffix == ".md":
        yield from markdown(text)
    elif suffix == ".py":
        yield from docstrings(text)
        yield from python_comments(text)
    elif suffix in HASH_COMMENTS or path.name in HASH_COMMENT_FILES:
        yield from hash_comments(text)
        if suffix == ".sh":
            yield from help_texts(text)
    elif suffix in SLASH_COMMENTS:
        yield from slash_comments(text)


def hits(read: Iterable[Paragraph], rules: Iterable[Rule]) -> Iterator[Hit]:
    """Yield the hits in paragraphs; several patterns of one code count once at the same place."""
    for kind, lines in read:
        if any(EXEMPT in line for _, line in lines):
            continue
        text, starts = "", []
        for number, line in lines:
            starts.append((len(text), number))
            text += prose(line) + " "
        text = text.rstrip()
        counted = set()
        for rule in rules:
            if kind not in rule.kinds:
                continue
            for match in rule.pattern.finditer(text):
                if (rule.code, match.start()) not in counted:
                    counted.add((rule.code, match.start()))
                    number = max(number for start, number in starts if start <= match.start())
                    excerpt = text[max(0, match.start() - 25) : match.start() + 70].strip()
                    yield Hit(number, rule, kind, excerpt)


def prose(line: str) -> str:
    """Return the line without code, links, comments of HTML and quotations."""
    line = re.sub(r"`[^`]*`", "X", line)
    line = re.sub(r"<!--.*?-->", "", line)
    line = re.sub(r"\]\([^)]*\)", "]", line)
    line = re.sub(r"https?://\S+", "X", line)
    line = re.sub(r"“[^”]*”|\"[^\"]{0,200}\"", "X", line)
    return line.replace("**", "").replace("’", "'")


def split_at_blanks(kind: str, lines: Iterable[Line]) -> Iterator[Paragraph]:
    """Yield the paragraphs of `kind`: lines without a blank line between them."""
    for is_blank, group in groupby(lines, lambda line: not line[1].strip()):
        if not is_blank:
            yield Paragraph(kind, [(number, text.strip()) for number, text in group])


def markdown(text: str) -> Iterator[Paragraph]:
    """Paragraphs, items of lists and cells of tables; no headings and no code blocks."""
    fenced = False
    lines: list[Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        item = re.match(r"\s*(?:[-*]|\d+\.) ", line)
        indented, after_blank = line.startswith("    "), not (lines and lines[-1][1])
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            lines.append((number, ""))
        elif fenced or line.startswith("#") or (indented and not item and after_blank):
            lines.append((number, ""))
        elif line.startswith("|"):
            for cell in line.strip("|").split("|"):
                lines += [(number, cell.strip()), (number, "")]
        elif item:
            lines += [(number, ""), (number, line[item.end() :])]
        else:
            lines.append((number, line))
    return split_at_blanks(MARKDOWN, lines)


def docstrings(text: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of the docstrings of modules, classes and functions."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and (docstring := ast.get_docstring(node, clean=False)):
            lines = enumerate(docstring.splitlines(), node.body[0].lineno)
            yield from split_at_blanks(DOCSTRING, lines)


def python_comments(text: str) -> Iterator[Paragraph]:
    """Yield comments. Lines in a row without code are one paragraph, one behind code is another."""
    alone = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        words = token.string.lstrip("#").strip()
        if token.type != tokenize.COMMENT or re.match(
            r"!|noqa|type:|mypy|pragma|fmt:|-{3,}", words
        ):
            continue
        number, column = token.start
        if token.line[:column].strip():
            yield Paragraph(COMMENT, [(number, words)])
        else:
            alone[number] = words
    last = max(alone, default=0)
    yield from split_at_blanks(COMMENT, [(n, alone.get(n, "")) for n in range(1, last + 1)])


def hash_comments(text: str) -> Iterator[Paragraph]:
    """Yield the comments after `#`, except variables that are commented out."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.match(r"\s*#(?!!)\s?(.*)", line) or re.search(r"\s#\s(.*)$", line)
        words = comment[1] if comment else ""
        lines.append((number, "" if re.match(r"[A-Z_]+=\S*$|-{3,}|  ", words) else words))
    return split_at_blanks(COMMENT, lines)


def slash_comments(text: str) -> Iterator[Paragraph]:
    """Yield the comments of JavaScript and CSS."""
    lines, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        words = ""
        if inside or "/*" in line:
            start = line.find("/*") if not inside else 0
            words = re.sub(r"^\s*/?\*+/?|\*/.*$", "", line[start:])
            inside = "*/" not in line
        elif comment := re.search(r"(?:^|\s)//\s?(.*)$", line):
            words = comment[1]
        lines.append((number, words.strip()))
    return split_at_blanks(COMMENT, lines)


def help_texts(text: str) -> Iterator[Paragraph]:
    """Yield the here-documents of a shell script, without the commands in their first column."""
    lines, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"<<-?'?END'?", line):
            inside = True
        elif line.strip() == "END":
            inside = False
        elif inside:
            words = re.sub(r"^\s+\S.*?\s{2,}", "", line) if line.startswith("  ") else line
            lines.append((number, words))
    return split_at_blanks(MARKDOWN, lines)


if __name__ == "__main__":
    sys.exit(main())
