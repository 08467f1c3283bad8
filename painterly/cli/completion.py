"""Scripts that let bash, zsh and fish complete `painterly`, made from its parsers."""

import argparse
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from painterly.settings import FIELDS


@dataclass(frozen=True)
class _Flag:
    """A flag, with its dashes.

    Attributes:
        name: The flag.
        meaning: Its help, up to the first semicolon.
        values: All values that it takes, if there are only some.
        is_switch: Whether it takes none.
    """

    name: str
    meaning: str
    values: Sequence[str]
    is_switch: bool


def script(
    shell: str,
    painter: argparse.ArgumentParser,
    verbs: Mapping[str, argparse.ArgumentParser],
    purposes: Mapping[str, str],
) -> str:
    """Return the script for a shell.

    Args:
        shell: One of SHELLS.
        painter: The parser without a verb.
        verbs: The parsers by verb.
        purposes: What the verbs do.
    """
    flags = {verb: [*_flags(parser)] for verb, parser in verbs.items()}
    lines = _WRITERS[shell]([*_flags(painter)], flags, purposes)
    return "\n".join(lines) + "\n"


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
                yield _Flag(name, meaning, [*map(str, values)], action.nargs == 0)


def _bash(
    painting: Sequence[_Flag], verbs: Mapping[str, Sequence[_Flag]], purposes: Mapping[str, str]
) -> Iterator[str]:
    yield "_painterly() {"
    yield "  local words word=${COMP_WORDS[COMP_CWORD]}"
    yield "  case ${COMP_WORDS[COMP_CWORD - 1]} in"
    for name, values in _choices(painting, verbs):
        yield f"    {name}) COMPREPLY=($(compgen -W '{values}' -- \"$word\")); return ;;"
    yield "  esac"
    yield "  case ${COMP_WORDS[1]} in"
    for verb, flags in verbs.items():
        yield f"    {verb}) words='{_names(flags)}' ;;"
    yield f"    *) words='{_names(painting)}' ;;"
    yield "  esac"
    yield f'  [ "$COMP_CWORD" -gt 1 ] || words="$words {" ".join(verbs)}"'
    yield '  COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield "  local IFS=$'\\n'"
    yield '  [[ $word == -* ]] || COMPREPLY+=($(compgen -f -- "$word"))'
    yield "}"
    yield "complete -o filenames -F _painterly painterly"


def _zsh(
    painting: Sequence[_Flag], verbs: Mapping[str, Sequence[_Flag]], purposes: Mapping[str, str]
) -> Iterator[str]:
    def described(flags: Sequence[_Flag]) -> str:
        return " ".join(shlex.quote(f"{flag.name}:{flag.meaning}") for flag in flags)

    yield "#compdef painterly"
    yield "_painterly() {"
    yield "  local -a flags verbs"
    yield "  case $words[CURRENT-1] in"
    for name, values in _choices(painting, verbs):
        yield f"    {name}) compadd {values}; return ;;"
    yield "  esac"
    yield "  case $words[2] in"
    for verb, flags in verbs.items():
        yield f"    {verb}) flags=({described(flags)}) ;;"
    yield f"    *) flags=({described(painting)}) ;;"
    yield "  esac"
    quoted = " ".join(shlex.quote(f"{verb}:{purpose}") for verb, purpose in purposes.items())
    yield f"  verbs=({quoted})"
    yield "  if [[ $PREFIX == -* ]]; then _describe -o flag flags; return; fi"
    yield "  (( CURRENT > 2 )) || _describe verb verbs"
    yield "  _files"
    yield "}"
    yield "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then"
    yield '  _painterly "$@"'
    yield "else"
    yield "  compdef _painterly painterly"
    yield "fi"


def _fish(
    painting: Sequence[_Flag], verbs: Mapping[str, Sequence[_Flag]], purposes: Mapping[str, str]
) -> Iterator[str]:
    def quoted(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"

    for verb, purpose in purposes.items():
        yield f"complete -c painterly -n __fish_use_subcommand -a {verb} -d {quoted(purpose)}"
    places = {f"not __fish_seen_subcommand_from {' '.join(verbs)}": painting}
    places |= {f"__fish_seen_subcommand_from {verb}": flags for verb, flags in verbs.items()}
    for place, flags in places.items():
        for flag in flags:
            takes = "" if flag.is_switch else " -r"
            if flag.values:
                takes = f" -x -a {quoted(' '.join(flag.values))}"
            name = flag.name.removeprefix("--")
            yield f"complete -c painterly -n '{place}' -l {name}{takes} -d {quoted(flag.meaning)}"


def _names(flags: Sequence[_Flag]) -> str:
    return " ".join(flag.name for flag in flags)


def _choices(
    painting: Sequence[_Flag], verbs: Mapping[str, Sequence[_Flag]]
) -> Iterator[tuple[str, str]]:
    """Yield the flags that take only some values, with these."""
    every = [*painting, *(flag for flags in verbs.values() for flag in flags)]
    for flag in {flag.name: flag for flag in every if flag.values}.values():
        yield flag.name, " ".join(flag.values)


_WRITERS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
SHELLS = tuple(_WRITERS)
