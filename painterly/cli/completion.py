"""Scripts that let bash, zsh and fish complete `painterly`, made from its parsers.

The library shtab makes such scripts for commands whose first word is a verb. Here it may be a photo
as well, and then shtab 1.13 offers no verbs and no flags in zsh, and verbs or files in bash, not
both.
"""

import argparse
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from painterly.settings.settings import FIELDS

OTHERS = "*"  # stands for all words but verbs


class _Flag(NamedTuple):
    """A flag."""

    name: str  # the flag, with its dashes
    meaning: str  # its help, up to the first semicolon
    values: str  # all values that it takes, separated by spaces, if there are only some
    is_switch: bool  # whether it takes none


Flags = Mapping[str, Sequence[_Flag]]  # by verb, OTHERS the last one


def script(
    shell: str,
    painter: argparse.ArgumentParser,
    verbs: Mapping[str, argparse.ArgumentParser],
    purposes: Mapping[str, str],
) -> str:
    """Return the script for a shell, by the parser without a verb, and those of the verbs, with
    what they do."""
    parsers = {**verbs, OTHERS: painter}
    return _WRITERS[shell]({verb: [*_flags(each)] for verb, each in parsers.items()}, purposes)


def _flags(parser: argparse.ArgumentParser) -> Iterator[_Flag]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in dict.fromkeys(action.choices.values()):
                yield from _flags(inner)
            continue
        field = FIELDS.get(action.dest)
        values = action.choices or (field.metadata.get("choices") if field else None) or ()
        meaning = (action.help or "").partition(";")[0].replace("%%", "%")
        for name in action.option_strings:
            if name.startswith("--"):
                yield _Flag(name, meaning, " ".join(map(str, values)), action.nargs == 0)


def _bash(flags: Flags, purposes: Mapping[str, str]) -> str:
    cases = _cases(
        flags,
        "${COMP_WORDS[COMP_CWORD - 1]}",
        "${COMP_WORDS[1]}",
        lambda values: f"COMPREPLY=($(compgen -W '{values}' -- \"$word\"))",
        lambda of_verb: f"words='{' '.join(flag.name for flag in of_verb)}'",
    )
    return f"""\
_painterly() {{
  local words word=${{COMP_WORDS[COMP_CWORD]}}
{cases}
  [ "$COMP_CWORD" -gt 1 ] || words="$words {" ".join(purposes)}"
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  local IFS=$'\\n'
  [[ $word == -* ]] || COMPREPLY+=($(compgen -f -- "$word"))
}}
complete -o filenames -F _painterly painterly
"""


def _zsh(flags: Flags, purposes: Mapping[str, str]) -> str:
    def described(meanings: Iterator[tuple[str, str]]) -> str:
        return " ".join(shlex.quote(f"{name}:{meaning}") for name, meaning in meanings)

    cases = _cases(
        flags,
        "$words[CURRENT-1]",
        "$words[2]",
        lambda values: f"compadd {values}",
        lambda of_verb: f"flags=({described((flag.name, flag.meaning) for flag in of_verb)})",
    )
    return f"""\
#compdef painterly
_painterly() {{
  local -a flags verbs
{cases}
  verbs=({described(iter(purposes.items()))})
  if [[ $PREFIX == -* ]]; then _describe -o flag flags; return; fi
  (( CURRENT > 2 )) || _describe verb verbs
  _files
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _painterly "$@"
else
  compdef _painterly painterly
fi
"""


def _cases(
    flags: Flags,
    before: str,
    first: str,
    choose: Callable[[str], str],
    offer: Callable[[Sequence[_Flag]], str],
) -> str:
    """Return the lines of bash and zsh that decide what is offered, by the word before the one that
    is completed, and the first word. `choose` and `offer` return the commands that offer some
    values, and flags."""
    every = {flag.name: flag.values for of_verb in flags.values() for flag in of_verb}
    values = [f"    {name}) {choose(some)}; return ;;" for name, some in every.items() if some]
    verbs = [f"    {verb}) {offer(of_verb)} ;;" for verb, of_verb in flags.items()]
    lines = f"  case {before} in", *values, "  esac", f"  case {first} in", *verbs, "  esac"
    return "\n".join(lines)


def _fish(flags: Flags, purposes: Mapping[str, str]) -> str:
    def quoted(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"

    lines = [f"-n __fish_use_subcommand -a {verb} -d {quoted(purposes[verb])}" for verb in purposes]
    for verb, of_verb in flags.items():
        place = f"__fish_seen_subcommand_from {verb}"
        if verb == OTHERS:
            place = f"not __fish_seen_subcommand_from {' '.join(purposes)}"
        for flag in of_verb:
            takes = "" if flag.is_switch else " -r"
            takes = f" -x -a {quoted(flag.values)}" if flag.values else takes
            lines.append(f"-n '{place}' -l {flag.name[2:]}{takes} -d {quoted(flag.meaning)}")
    return "".join(f"complete -c painterly {line}\n" for line in lines)


_WRITERS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
SHELLS = tuple(_WRITERS)
