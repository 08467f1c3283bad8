"""What the benchmarks' documents are made of: tables, paragraphs, and parts of pages."""

import textwrap
from collections.abc import Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, without a newline at its end."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])


def paragraph(text: str) -> str:
    """The text wrapped as in the other documents."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def replace_between(begin: str, end: str, text: str, page: Path) -> None:
    """Replaces what stands between two marks in a page; a mark includes its newline.

    Raises ValueError if the page lacks them.
    """
    before, found_begin, rest = page.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"{page} has no marks {begin.strip()} … {end.strip()}")
    page.write_text(before + begin + text + end + after)
