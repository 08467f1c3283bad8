"""The settings as flags, of every command that takes them."""

import argparse
from collections.abc import Sequence

from styletransfer.setting_values import expectation, kind, parse_bool
from styletransfer.settings import FIELDS, QUALITIES, RECIPES


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
        also: A value that only this command accepts, for the help.
    """
    default = f"default: {FIELDS[name].default}"
    for quality, defaults in QUALITIES.items():
        if defaults.get(name, FIELDS[name].default) != FIELDS[name].default:
            default += f"; quality {quality}: {defaults[name]}"
    if name in RECIPES["inetwork"]:
        default += f"; recipe inetwork: {RECIPES['inetwork'][name]}"
    accepts = (
        ""
        if kind(FIELDS[name]) is bool
        else f"; {expectation(FIELDS[name])}{also and f', or {also}'}"
    )
    metavar = {bool: "true|false", int: "N", float: "X", str: "WORD"}[kind(FIELDS[name])]
    group.add_argument(
        *(*others, f"--{name}"),
        dest=name,
        metavar=metavar,
        help=f"{FIELDS[name].metadata['meaning']}{accepts} ({default})",
    )
