"""The parsers of all commands: an unknown flag is named with the one that may have been meant."""

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from styletransfer.cli.app import fail, wants_json
from styletransfer.errors import ConfigError
from styletransfer.log import print_anything
from styletransfer.setting_values import closest


class Parser(argparse.ArgumentParser):
    """variables: names of variables that the command reads, and that have no flag."""

    def __init__(self, *args: Any, variables: Sequence[str] = (), **options: Any) -> None:
        print_anything()  # Help comes before all else.
        super().__init__(*args, **options)
        self._variables = variables

    def error(self, message: str) -> NoReturn:
        if wants_json():
            self.exit(fail(self.prog, self.explained(message), ConfigError.exit_code))
        super().error(self.explained(message))

    def explained(self, message: str) -> str:
        """A message of argparse; one about an unknown flag says what to do."""
        unknown = re.match(r"unrecognized arguments: --([^\s=]+)", message)
        if not unknown:
            return message
        given = unknown[1]
        close = closest(given, [*self._flags(), *self._variables])
        if close is None:
            return message
        if close in self._variables:
            return (
                f"there is no flag --{given}; did you mean the variable {close}, in the "
                "environment or in .env?"
            )
        return f"there is no flag --{given}; did you mean --{close}?"

    def _flags(self) -> Iterator[str]:
        """All flags without their dashes, those of actions such as `empty` as well."""
        for action in self._actions:
            if action.help != argparse.SUPPRESS:
                yield from (flag[2:] for flag in action.option_strings if flag.startswith("--"))
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    yield from parser._flags()


def new_parser(
    name: str,
    description: str,
    *,
    example: str = "",
    notes: str = "",
    variables: Sequence[str] = (),
) -> Parser:
    """A parser whose help ends with an example and with notes, printed as they are."""
    return Parser(
        prog=name,
        description=description,
        epilog=(f"example:\n{example}\n\n" if example else "") + notes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        variables=variables,
    )
