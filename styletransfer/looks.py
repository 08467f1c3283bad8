"""The style bucket → looks: which paintings, in which proportions, with which settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from styletransfer.errors import ConfigError
from styletransfer.images import EXTENSIONS
from styletransfer.settings import Settings
from styletransfer.storage import Entry, hidden

# The result bucket keeps what is not a result under these names.
RESERVED = ("_records", "_checkpoints", "_gallery")


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


def pictures(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that are pictures by their extension, in any case; masks
    (`beach.mask.png`, which belongs to `beach.jpg`), hidden and other files left out."""
    found = []
    for entry in entries:
        path = PurePosixPath(entry.key)
        is_mask = PurePosixPath(path.stem).suffix.lower() == ".mask"
        if path.suffix.lower() in EXTENSIONS and not is_mask and not hidden(entry.key):
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
        if name.split("/")[0] in RESERVED:
            raise ConfigError(
                f"a look cannot be named {name}: the result bucket keeps its records and "
                "checkpoints under that name; rename the painting or folder"
            )
    return [
        Look(name, tuple(Painting(entry, 1 / len(found)) for entry in found), settings)
        for name, found in sorted(groups.items())
    ]
