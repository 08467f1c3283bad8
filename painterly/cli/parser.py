"""The parsers of all commands, and the settings as flags.

An error about an unknown flag names the flag that the user may have meant.
"""

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from painterly.cli.app import fail
from painterly.errors import ConfigError
from painterly.log import print_anything
from painterly.setting_values import expectation, kind, parse_bool, parse_whole
from painterly.settings import FIELDS, PRESETS, RECIPES
from painterly.suggestions import closest


class Parser(argparse.ArgumentParser):
    """A parser that suggests names for unknown flags.

    Args:
        *args: As in argparse.
        example: Command lines, which the help shows as they are written.
        notes: The end of the help, as it is written.
        **options: As in argparse.
    """

    def __init__(self, *args: Any, example: str = "", notes: str = "", **options: Any) -> None:
        print_anything()  # Help comes before all else.
        options["formatter_class"] = argparse.RawDescriptionHelpFormatter
        options["epilog"] = (f"example:\n{example}\n\n" if example else "") + notes
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(fail(self.prog, self.explained(message), ConfigError.exit_code))

    def explained(self, message: str) -> str:
        """Return argparse's message, or for an unknown flag the one that was probably meant."""
        unknown = re.match(r"unrecognized arguments: --([^\s=]+)", message)
        close = unknown and closest(unknown[1], self._flags())
        if not unknown or not close:
            return f"{message}; see --help"
        return f"there is no flag --{unknown[1]}; did you mean --{close}?"

    def _flags(self) -> Iterator[str]:
        """Yield all flags without their dashes, including those of actions such as `empty`."""
        for action in self._actions:
            yield from (flag[2:] for flag in action.option_strings if flag.startswith("--"))
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    yield from parser._flags()


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return an argument's type: a whole number in a range."""

    def parse(text: str) -> int:
        number = parse_whole(text, low, high)
        if number is None:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return number

    return parse


def normalized(words: Sequence[str], others: Sequence[str] = ()) -> list[str]:
    """Return the words with underscores in flags, and a value after each switch.

    Without one, a picture after a switch would be taken for its value.

    Args:
        words: The command line.
        others: The names of switches that do not belong to a setting.
    """
    switches = {f"--{name}" for name in FIELDS if kind(FIELDS[name]) is bool}
    switches |= {f"--{name}" for name in others}
    result = []
    for word, after in zip(words, [*words, ""][1:], strict=True):
        flag, equals, value = word.partition("=")
        if flag.startswith("--"):
            flag = "--" + flag[2:].replace("-", "_")
        if flag in switches and not equals and parse_bool(after) is None:
            equals, value = "=", "true"
        result.append(flag + equals + value)
    return result


def add_setting(group: argparse._ArgumentGroup, name: str, *others: str, also: str = "") -> None:
    """Add the flag of a setting, with its value as text.

    Args:
        group: The flags to add it to.
        name: The setting.
        *others: Further names of the flag.
        also: The help's description of a value that only this command accepts.
    """
    field = FIELDS[name]
    defaults = [f"default: {field.default}"]
    for preset, values in PRESETS.items():
        if values.get(name, field.default) != field.default:
            defaults.append(f"preset {preset}: {values[name]}")
    for recipe, traits in RECIPES.items():
        if name in traits.defaults:
            defaults.append(f"recipe {recipe}: {traits.defaults[name]}")
    accepts = "" if kind(field) is bool else f"; {expectation(field)}{also}"
    group.add_argument(
        *(*others, f"--{name}"),
        dest=name,
        metavar={bool: "true|false", int: "N", float: "X", str: "WORD"}[kind(field)],
        help=f"{field.metadata['meaning']}{accepts} ({'; '.join(defaults)})",
    )


def settings_given(args: argparse.Namespace) -> dict[str, str]:
    """Return the settings on the command line, by name, as text."""
    return {name: value for name in FIELDS if (value := getattr(args, name)) is not None}
