"""The style bucket → looks: which paintings, in which proportions, with which settings."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from styletransfer import names
from styletransfer.errors import ConfigError
from styletransfer.settings import Settings
from styletransfer.storage import Entry, hidden

# The result bucket keeps what is not a result under these names.
RESERVED = (names.RECORDS, names.CHECKPOINTS, names.GALLERY)
TOML = names.LOOKS


@dataclass(frozen=True)
class Painting:
    """A painting in a look: where it lies, and its share of the blend (of any sum)."""

    entry: Entry
    share: float


@dataclass(frozen=True)
class Look:
    """One or more paintings blended, with settings; results lie under its name."""

    name: str
    paintings: tuple[Painting, ...]
    settings: Settings

    @property
    def shares(self) -> list[float]:
        """The paintings' shares, in their order."""
        return [painting.share for painting in self.paintings]


def pictures(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that are pictures by their extension, in any case; masks
    (`beach.mask.png`, which belongs to `beach.jpg`), hidden and other files left out."""
    found = []
    for entry in entries:
        path = PurePosixPath(entry.key)
        is_mask = PurePosixPath(path.stem).suffix.lower() == ".mask"
        if path.suffix.lower() in names.PICTURES and not is_mask and not hidden(entry.key):
            found.append(entry)
    return found


def looks(entries: Iterable[Entry], mode: str, settings: Settings) -> list[Look]:
    """The looks that a style bucket's entries make, by name.

    mode `each`: every painting at the top level is a look, named after it; `blend`: all of them
    are one look, `blend`, in equal shares. A folder is one look in either mode, named after it,
    its paintings blended in equal shares. Raises ConfigError where two looks share a name and
    neither can give way, or where one takes a reserved name.
    """
    folders: dict[str, list[Entry]] = {}
    for entry in pictures(entries):
        folders.setdefault(PurePosixPath(entry.key).parent.as_posix(), []).append(entry)
    top = folders.pop(".", [])
    groups = dict(folders)
    if top and mode == "blend":
        if "blend" in groups:
            raise ConfigError(
                "STYLE_MODE is 'blend', and the style bucket also has a folder named blend; "
                "rename the folder"
            )
        groups["blend"] = top
    elif top:
        stems = [PurePosixPath(entry.key).stem for entry in top]
        for entry, stem in zip(top, stems, strict=True):
            # monet.jpg beside monet.png, or beside a folder monet/: both keep their whole name.
            shared = stems.count(stem) > 1 or stem in folders
            groups[entry.key if shared else stem] = [entry]
    for name in groups:
        _check_name(name)
    return [
        Look(name, tuple(Painting(entry, 1 / len(found)) for entry in found), settings)
        for name, found in sorted(groups.items())
    ]


def looks_told(text: str, entries: Iterable[Entry], settings: Settings) -> list[Look]:
    """The looks that a `looks.toml` names, and no others, by name: `paintings` is a list of keys
    (equal shares) or a table of keys with their shares; every other key is a setting.

    Raises ConfigError naming the look and what is wrong with it.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{TOML}: {error}") from None
    there = {entry.key: entry for entry in pictures(entries)}
    return [_look_told(name, table, there, settings) for name, table in sorted(tables.items())]


def _look_told(name: str, table: Any, there: Mapping[str, Entry], settings: Settings) -> Look:
    where = f"{TOML}: [{name}]"
    _check_name(name)
    if name.startswith("/") or ".." in name.split("/") or name != name.strip():
        raise ConfigError(f"{where} cannot be the beginning of a key; choose a plain name")
    if not isinstance(table, dict) or "paintings" not in table:
        raise ConfigError(f"{where} expected a table with paintings = [...] or {{...}}")
    changes = dict(table)
    told = changes.pop("paintings")
    shares = dict.fromkeys(told, 1) if isinstance(told, list) else told
    if not isinstance(shares, dict) or not shares:
        raise ConfigError(f"{where} paintings is {told!r}; expected a list or a table of keys")
    for key, share in shares.items():
        if key not in there:
            raise ConfigError(f"{where} names the painting {key!r}, which is not in the bucket")
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not number or not 0 < share < float("inf"):
            raise ConfigError(f"{where} gives {key!r} the share {share!r}; expected more than 0")
    total = sum(shares.values())
    paintings = tuple(Painting(there[key], share / total) for key, share in shares.items())
    return Look(name, paintings, settings.replaced(changes, f"{where} "))


def _check_name(name: str) -> None:
    if name.split("/")[0] in RESERVED:
        raise ConfigError(
            f"a look cannot be named {name}: the result bucket keeps its records and "
            "checkpoints under that name; rename it"
        )
