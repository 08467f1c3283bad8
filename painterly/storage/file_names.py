"""Keys that would be the same file on a disk that ignores case or Unicode form."""

import os
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

Fold = Callable[[str], str]  # maps keys that are the same file to the same text


def key_folding(folder: Path, keys: Sequence[str], *, always: bool) -> Fold:
    """Return the function that maps keys of the same file in a folder to the same text.

    The disk is tried only if some keys differ in nothing but case or Unicode form, or if `always`.
    """
    if not always and len(set(map(folded, keys))) == len(keys):
        return str
    ignores_case = same_file(folder, "a", "A")
    ignores_form = same_file(folder, "\u00e9", "e\u0301")
    if ignores_case:
        return folded if ignores_form else str.casefold
    return nfc if ignores_form else str


def other_spelling(folder: Path, key: str) -> str:
    """Return the existing name that differs from a part of the key only in case, such as
    `Beach.jpg` for the key `beach.jpg`; empty if there is none. For a folder on a disk that ignores
    case. Raises OSError."""
    for part in key.split("/"):
        try:
            names = [each.name for each in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return ""
        if nfc(part) not in map(nfc, names):
            return next((each for each in names if folded(each) == folded(part)), "")
        folder = folder / part
    return ""


def stored_spelling(start: Path, path: str) -> str:
    """Return a path below `start`, with slashes between its parts, as the disk spells it if that
    differs in Unicode form alone, such as é that a Mac stores as e and an accent; else as it is."""
    if path.isascii():
        return path
    parts = path.split("/")
    for number, part in enumerate(parts):
        folder = start / ("/".join(parts[:number]) + "/" * (number > 0))
        if part.isascii() or os.path.lexists(folder / part):
            continue
        with suppress(OSError):
            names = sorted(each.name for each in folder.iterdir())
            parts[number] = next((each for each in names if nfc(each) == nfc(part)), part)
    return "/".join(parts)


def same_file(folder: Path, one: str, other: str) -> bool:
    """Return whether two names are the same file on the disk of a folder, which need not exist
    yet."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    try:
        with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=existing) as trial:
            (Path(trial) / one).touch()
            return (Path(trial) / other).exists()
    except OSError:  # The disk cannot be written; the first file will report that.
        return sys.platform == "darwin"


def folded(key: str) -> str:
    """Return the same text for all keys that some disk takes for one."""
    return nfc(nfc(key).casefold())


def start_in_bytes(name: str, most: int) -> str:
    """Return as much of a name's start as takes `most` bytes of UTF-8, which is what file systems
    count: 255 for a file or a folder."""
    return name.encode()[:most].decode(errors="ignore")


def nfc(name: str) -> str:
    """Return a name as keyboards type it: a Mac may store é in a file's name as e and an accent."""
    return unicodedata.normalize("NFC", name)
