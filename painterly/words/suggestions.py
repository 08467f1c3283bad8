"""Suggestions for names that do not exist: what people call so, or the most similar one."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice

from painterly.errors import ConfigError
from painterly.words.wording import shortened

MOST_COMPARED = 2000  # names, in did_you_mean; each takes some microseconds
LONGEST_COMPARED = 200  # characters
SHORTEST_PART = 4  # letters of a part of a name: shorter ones are articles


def closest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known name that is most similar, ignoring case, or None if none is similar enough:
    `likeness`, from 0 to 1, is the part of their letters that they share."""
    if len(name) > LONGEST_COMPARED:
        return None
    by_lower_case = {each.lower(): each for each in islice(known, MOST_COMPARED)}
    matches = difflib.get_close_matches(name.lower(), by_lower_case, 1, likeness)
    return by_lower_case[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return `did you mean size?` with the closest name, or `otherwise` if there is none."""
    close = closest(name, known)
    return question([] if close is None else [close], otherwise)


def called(text: str, names: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names of what people call so, by all of what something is called, such as artist
    and title, or else by some of its words, one after the other; in any case, and without regard to
    accents, spaces and hyphens."""
    wanted = "".join(_words(text)) if len(text) <= LONGEST_COMPARED else ""
    whole, part = [], []
    for name, others in names.items():
        words = [_words(each) for each in (name, *others)]
        if wanted and wanted in map("".join, words):
            whole.append(name)
        elif len(wanted) >= SHORTEST_PART and any(_has(each, wanted) for each in words):
            part.append(name)
    return whole or part


def meant(text: str, names: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names of what is called so, or else of what is called most similarly. The
    arguments are as in `called`."""
    every = (each for name, others in names.items() for each in (name, *others))
    return called(text, names) or called(closest(text, every) or "", names)


def only(text: str, names: Mapping[str, Iterable[str]], kind: str, hint: str) -> str:
    """Return the one name of what is `called` so. Raises ConfigError with the kind, such as
    `style`, and a hint, if there is none, or if there are several."""
    found = called(text, names)
    if not found:
        raise ConfigError(f"there is no {kind} {shortened(text)}; {hint}")
    if len(found) > 1:
        raise ConfigError(f"{shortened(text)} may be {_or(found)}; name one of them")
    return found[0]


def question(names: Iterable[str], otherwise: str = "") -> str:
    """Return `did you mean hokusai or ink?`, or `otherwise` if there are no names."""
    shown = _or(names)
    return f"did you mean {shown}?" if shown else otherwise


def _or(names: Iterable[str]) -> str:
    plain = re.compile(r"[\w-]+")
    return " or ".join(each if plain.fullmatch(each) else shortened(each) for each in names)


def _words(text: str) -> list[str]:
    """Return the words of a text, folded: in lower case and without accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in letters if not unicodedata.combining(each))
    return re.findall(r"\w+", plain.replace("_", " "))


def _has(words: list[str], wanted: str) -> bool:
    starts = range(len(words))
    return any("".join(words[i:j]) == wanted for i in starts for j in range(i + 1, len(words) + 1))
