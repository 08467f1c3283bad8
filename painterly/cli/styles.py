"""`painterly styles`: the ready styles and their titles."""

import sys
from collections.abc import Sequence

from painterly.cli.app import run_program
from painterly.cli.parser import Parser
from painterly.settings import ready_styles
from painterly.settings.installation import command
from painterly.words.texts import DEFAULT

NAME = command("styles")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each ready style, and return the exit code."""
    parser().parse_args(arguments)
    return run_program(NAME, _print_styles)


def parser(verb: str = "styles") -> Parser:
    """Return the parser of this verb of `painterly`."""
    return Parser(
        command(verb),
        description="Lists the ready styles: the name to paint with, title, artist and year.",
        example=f"  {command()} beach.jpg hokusai out.jpg\n  {command()} beach.jpg all ./out",
        notes="In a pipe, tabs separate the columns, and an empty one is unknown.",
    )


def _print_styles() -> int:
    rows = []
    for name in ready_styles.tables():
        title = ready_styles.title(name)
        shown = title.title_in(DEFAULT, name), title.artist or "", title.year or ""
        rows.append((name, *shown))
    if sys.stdout.isatty():
        widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("".join(cells).rstrip())
    else:
        for row in rows:
            print("\t".join(row))
    return 0
