"""What one setting accepts: its meaning, type and range, in words too; the value that a text stands
for, and the name that a wrong one was meant to be."""

import dataclasses
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, get_args

from styletransfer.log import shortened

LARGEST = 1e30  # The engine computes in float32, which holds little more.
MOST_COMPARED = 2000  # names, in did_you_mean; each takes some microseconds
LONGEST_COMPARED = 200  # characters


@dataclass(frozen=True)
class _Spec:
    """What a setting means and accepts; `word` is a string allowed instead of a number."""

    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    word: str = ""


def setting(default: Any, meaning: str, compare: bool = True, **accepts: Any) -> Any:
    """A dataclass's field for a setting. compare: as in `dataclasses.field`. accepts: `unit`,
    `low`, `high`, `choices`, and `word`, which is allowed instead of a number."""
    spec = _Spec(meaning, **accepts)
    return dataclasses.field(default=default, compare=compare, metadata=vars(spec))


def kind(field: "dataclasses.Field[Any]") -> type:
    """The type of a setting: bool, int, float or str, apart from the word allowed instead."""
    each = field.type
    return each if isinstance(each, type) else get_args(each)[0]


def expectation(field: "dataclasses.Field[Any]") -> str:
    """What a setting accepts, such as `one of max, ave` or `a whole number of 1 or more`."""
    about = field.metadata
    if about["choices"]:
        return "one of " + ", ".join(about["choices"])
    if kind(field) is bool:
        return "true or false"
    words = "a number" if kind(field) is float else "a whole number"
    low, high = about["low"], about["high"]
    if low is not None and high is not None:
        words += f" from {low:g} to {high:g}" if kind(field) is float else f" from {low} to {high}"
    elif low is not None:
        words += f" of {low:g} or more"
    if about["unit"]:
        words += f" ({about['unit']})"
    return f"{words}, or `{about['word']}`" if about["word"] else words


def accepts(field: "dataclasses.Field[Any]", value: Any) -> bool:
    """Whether a typed value is in a setting's range."""
    about = field.metadata
    if about["choices"]:
        return value in about["choices"]
    if kind(field) is bool:
        return isinstance(value, bool)
    if about["word"] and value == about["word"]:
        return True
    kinds = (int, float) if kind(field) is float else (int,)
    if not isinstance(value, kinds) or isinstance(value, bool):
        return False
    low = about["low"] if about["low"] is not None else -LARGEST
    high = about["high"] if about["high"] is not None else LARGEST
    return bool(low <= value <= high)  # NaN and infinity fail these comparisons.


def typed(field: "dataclasses.Field[Any]", value: Any) -> Any:
    """What a text stands for, or a whole number where a setting is a float; anything else
    unchanged."""
    if isinstance(value, str):
        return _from_text(field, value)
    if kind(field) is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) <= LARGEST else value
    return value


def parse_bool(text: str) -> bool | None:
    """True for true, yes, t, on and 1; False for false, no, f, off and 0; None for anything else.
    Upper and lower case are the same."""
    value = text.strip().lower()
    if value in ("true", "yes", "t", "on", "1"):
        return True
    return False if value in ("false", "no", "f", "off", "0") else None


def parse_whole(text: str, low: int, high: int) -> int | None:
    """The whole number from `low` to `high`, 0 or more, that a text of up to nine digits is; None
    for anything else."""
    number = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
    return number if low <= number <= high else None


def closest(given: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the given one, whatever the case of its letters; None where
    none is like it."""
    if len(given) > LONGEST_COMPARED:
        return None
    by_lower_case = {each.lower(): each for each in islice(known, MOST_COMPARED)}
    found = difflib.get_close_matches(given.lower(), by_lower_case, n=1)
    return by_lower_case[found[0]] if found else None


def did_you_mean(given: str, known: Iterable[str], otherwise: str = "") -> str:
    """`did you mean size?` with the closest name; `otherwise` where there is none."""
    name = closest(given, known)
    if name is None:
        return otherwise
    return f"did you mean {name if name.isidentifier() else shortened(name)}?"


def _from_text(field: "dataclasses.Field[Any]", text: str) -> Any:
    """The value that a text stands for; the text itself if it stands for none."""
    plain = text.strip().lower()
    if kind(field) is bool:
        flag = parse_bool(text)
        return text if flag is None else flag
    if plain in (*field.metadata["choices"], field.metadata["word"]):
        return plain
    try:
        return kind(field)(plain)
    except ValueError:  # Also for a whole number of more digits than Python reads.
        return text
