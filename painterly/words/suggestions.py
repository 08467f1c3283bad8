"""Names found by what people type: a title, an artist, a part of a name, or a slip of the hand."""

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
    """Return the known name that is most similar, ignoring case, or None if all differ too much.

    Args:
        name: The name that was typed.
        likeness: The least share of common letters, from 0 to 1.
    """
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
    """Return the names that a text stands for: it is the whole name, artist or title, or else some
    successive words of it. Case, accents, spaces and hyphens do not matter.

    Args:
        text: The text that was typed.
        names: Name → other names, such as artist and title.
    """
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
    """Return the names that a text stands for, as `called`, or else those with the most similar
    name, artist or title."""
    every = (each for name, others in names.items() for each in (name, *others))
    return called(text, names) or called(closest(text, every) or "", names)


def only(text: str, names: Mapping[str, Iterable[str]], kind: str, hint: str) -> str:
    """Return the only name that a text stands for, as `called`. Raises ConfigError with the kind,
    such as `style`, and a hint, if it stands for none or for several."""
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
