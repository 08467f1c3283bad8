"""Suggestions for names that do not exist: the most similar one that does."""

import difflib
from collections.abc import Iterable
from itertools import islice

from painterly.words.wording import shortened

MOST_COMPARED = 2000  # names, in did_you_mean; each takes some microseconds
LONGEST_COMPARED = 200  # characters


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar, ignoring case, or None if none is similar."""
    if len(name) > LONGEST_COMPARED:
        return None
    by_lower_case = {each.lower(): each for each in islice(known, MOST_COMPARED)}
    matches = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    return by_lower_case[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return `did you mean size?` with the closest name, or `otherwise` if there is none."""
    close = closest(name, known)
    if close is None:
        return otherwise
    return f"did you mean {close if close.isidentifier() else shortened(close)}?"
