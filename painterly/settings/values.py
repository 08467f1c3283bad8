"""Values of one setting: type, range, their description, and parsing."""

import dataclasses
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from painterly.errors import ConfigError
from painterly.words.wording import shortened

LARGEST = 1e30  # The engine computes in float32, which holds little more.
MEMORY_SYNTAX = "at least 100MB, such as 6GB"


@dataclass(frozen=True)
class _Spec:
    """The meaning and the values of a setting.

    `word` is a string allowed instead of a number. `read` parses a text that is neither a plain
    number nor a choice, and returns None for a wrong one; `form` describes such texts.
    """

    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    word: str = ""
    read: Callable[[str], Any] | None = None
    form: str = ""


def setting(default: Any, meaning: str, compare: bool = True, **accepts: Any) -> Any:
    """Return a dataclass field for a setting.

    Args:
        compare: As in `dataclasses.field`.
        **accepts: `unit`, `low`, `high`, `choices`, and `word`, which replaces a number; `read`
            and `form` as in `_Spec`.
    """
    spec = _Spec(meaning, **accepts)
    return dataclasses.field(default=default, compare=compare, metadata=vars(spec))


def kind(field: "dataclasses.Field[Any]") -> type:
    """Return the type of a setting: bool, int, float or str, apart from the word allowed
    instead."""
    declared = field.type
    return declared if isinstance(declared, type) else get_args(declared)[0]


def expectation(field: "dataclasses.Field[Any]") -> str:
    """Describe the values of a setting: `one of max, ave`, `a whole number of 1 or more`."""
    about = field.metadata
    if about["choices"]:
        return "one of " + ", ".join(about["choices"])
    if kind(field) is bool:
        return "true or false"
    if about["form"]:
        return str(about["form"])
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
    """Return whether a typed value is in a setting's range."""
    about = field.metadata
    if about["choices"]:
        return value in about["choices"]
    if kind(field) is bool:
        return isinstance(value, bool)
    if about["word"] and value == about["word"]:
        return True
    if kind(field) is str:
        return isinstance(value, str) and about["read"](value) == value
    kinds = (int, float) if kind(field) is float else (int,)
    if not isinstance(value, kinds) or isinstance(value, bool):
        return False
    low = about["low"] if about["low"] is not None else -LARGEST
    high = about["high"] if about["high"] is not None else LARGEST
    return bool(low <= value <= high)  # NaN and infinity fail these comparisons.


def typed(field: "dataclasses.Field[Any]", value: Any) -> Any:
    """Return the value of a text, and a whole number as a float if the setting is one.

    Other values are returned unchanged.
    """
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
    """Return the whole number from `low` to `high`, 0 or more, that a text of up to nine digits is;
    None for anything else."""
    number = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
    return number if low <= number <= high else None


def parse_memory(text: str) -> int | None:
    """Return the bytes in `6GB`, `512 MB`, `1.5GiB` or a plain number; None for less than 100 MB
    and for anything else."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*(?:([kmgt])(i)?)?b?", text.strip(), re.IGNORECASE)
    if not match:
        return None
    number, prefix, binary = match.groups()
    step = 1024 if binary else 1000
    size = float(number) * step ** " kmgt".index((prefix or " ").lower())
    return int(size) if 100_000_000 <= size < math.inf else None


def _from_text(field: "dataclasses.Field[Any]", text: str) -> Any:
    """Return the value of a text, or the text itself if it has none."""
    plain = text.strip().lower()
    if kind(field) is bool:
        flag = parse_bool(text)
        return text if flag is None else flag
    if plain in (*field.metadata["choices"], field.metadata["word"]):
        return plain
    read = field.metadata["read"]
    if read and (value := read(plain)) is not None:
        return value
    try:
        return kind(field)(plain)
    except ValueError:  # Also for a whole number of more digits than Python reads.
        return text


def checked_shares(shares: Any, what: str) -> list[float]:
    """Return the shares of a blend as numbers. Raises ConfigError for others, which begins with
    `what`, for negative or very large ones, and if all are 0."""
    try:
        numbers = [float(each) for each in shares]
        if min(numbers) >= 0 and 0 < sum(numbers) <= LARGEST:
            return numbers
    except (TypeError, ValueError):
        pass
    raise ConfigError(
        f"{what} {shortened(shares)}; expected numbers, as in 0.7,0.3: no negative ones, not all "
        f"0, and {LARGEST:g} at most in all"
    )
