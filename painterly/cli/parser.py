"""The parser of all commands, and their help.

An error about an unknown flag names the flag that the user may have meant, or the command that
takes it.
"""

import argparse
import itertools
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from painterly.cli.app import fail
from painterly.errors import ConfigError
from painterly.log import print_anything
from painterly.words.suggestions import closest

HELP_ALL = "--help-all"
HELP_WORDS = ("-h", "--help", HELP_ALL, "--help_all")
COLUMNS = 80  # the width of help, at most


class Parser(argparse.ArgumentParser):
    """A parser that suggests names for unknown flags.

    `--help` prints a screen, and `--help-all` all flags.

    Args:
        *args: As in argparse.
        example: Command lines, which the help shows as they are written.
        notes: The end of the help. Lines that are not indented are filled.
        brief: What `--help` prints after the usage and the description, or nothing for all.
        other_flags: What to say of flags of another command, by their names with underscores.
        instead: What to say of any mistake, if its cause is known before the words are parsed.
        **options: As in argparse.
    """

    def __init__(
        self,
        *args: Any,
        example: str = "",
        notes: str = "",
        brief: str = "",
        other_flags: Mapping[str, str] | None = None,
        instead: str = "",
        **options: Any,
    ) -> None:
        print_anything()  # Help comes before all else.
        options["formatter_class"] = _Formatter
        options["description"] = filled(options["description"])
        notes = filled(notes)
        options["epilog"] = (f"example:\n{example}\n\n" if example else "") + notes
        super().__init__(*args, **options)
        self._brief, self._other_flags, self._instead = brief, other_flags or {}, instead
        self.add_argument(
            *HELP_WORDS[2:],
            action=_HelpAll,
            help="show all flags, and exit" if brief else argparse.SUPPRESS,
        )

    def format_help(self) -> str:
        if not self._brief:
            return self.format_help_all()
        return f"{self.format_usage()}\n{self.description}\n\n{self._brief}\n"

    def format_help_all(self) -> str:
        """Return the help with all flags."""
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        self.exit(fail(self.prog, self.explained(message), ConfigError.exit_code))

    def explained(self, message: str) -> str:
        """Return argparse's message, or for an unknown flag the one that was probably meant."""
        if self._instead:
            return self._instead
        unknown = re.match(r"unrecognized arguments: --([^\s=]+)", message)
        if not unknown:
            return f"{message}; see --help"
        if said := self._other_flags.get(unknown[1].replace("-", "_")):
            return said
        close = closest(unknown[1], self._flags())
        if not close:
            return f"{message}; see --help"
        return f"there is no flag --{unknown[1]}; did you mean --{close}?"

    def _flags(self) -> Iterator[str]:
        for action in self._actions:
            yield from (flag[2:] for flag in action.option_strings if flag.startswith("--"))
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    yield from parser._flags()


class _HelpAll(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        assert isinstance(parser, Parser)
        print(parser.format_help_all(), end="")
        parser.exit()


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help of at most COLUMNS columns."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **options)
        self._width = min(self._width, COLUMNS - 2)


def filled(text: str) -> str:
    """Return a text with lines of at most COLUMNS columns. Indented and empty ones stay."""
    lines = []
    for stays, group in itertools.groupby(
        text.splitlines(), lambda line: not line or line.startswith(" ")
    ):
        part = list(group)
        lines += (
            part if stays else textwrap.wrap(" ".join(part), COLUMNS - 1, break_on_hyphens=False)
        )
    return "\n".join(lines)


def section(title: str, rows: Mapping[str, str]) -> str:
    """Return the lines of flags or commands and what they do, under a title."""
    width = max(map(len, rows)) + 2
    return "\n".join([f"{title}:", *(f"  {name:{width}}{rows[name]}" for name in rows)])
