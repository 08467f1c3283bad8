"""Numbers, names and values as messages and logs show them."""

import reprlib
import unicodedata
from collections.abc import Sequence

# Invisible characters that join or separate parts of emojis and of Persian words.
_JOINERS = "\u200c\u200d"


def duration(seconds: float) -> str:
    """Format seconds as `45 s`, `3 min 20 s` or `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def plural(count: int, what: str) -> str:
    """Format a count of things, such as `1 file` or `2 files`."""
    return f"1 {what}" if count == 1 else f"{count} {what}s"


def listed(names: Sequence[str], most: int = 10) -> str:
    """List names in a row: the first ones, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def file_size(size: int) -> str:
    """Format the bytes of a file as `2.1 GB`, `1.5 MB` or `12.3 kB`."""
    if size >= 999.95e6:  # Or it would be 1000.0 MB.
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def memory_size(size: float) -> str:
    """Format bytes of memory as `1.5 GB` or `12 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def printable(text: str) -> str:
    """Return a text in one line, with line ends, terminal codes and other control characters
    escaped. Spaces of all kinds stay: a Mac's screenshots have a narrow one in their names."""
    if text.isprintable():  # Nearly always; to look at each character takes long.
        return text
    return "".join(c if _is_harmless(c) else ascii(c)[1:-1] for c in text)


def one_line(error: BaseException) -> str:
    """Return an error's message without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def shortened(value: object) -> str:
    """Return a wrong value as a message shows it: as in Python code, in one line of at most about a
    hundred characters."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 80 else f"{value[:60]!r}… ({len(value):,} characters)"
    try:
        return _SHORT.repr(value)
    except ValueError:  # A whole number of more digits than Python writes.
        return "a number of thousands of digits"


def _is_harmless(character: str) -> bool:
    return (
        character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
    )


def _short_repr() -> reprlib.Repr:
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother, short.maxlong = 3, 60, 60, 60
    return short


_SHORT = _short_repr()
