"""The style bucket → looks: which paintings, in which proportions, with which settings."""

import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from styletransfer import bucket_layout
from styletransfer.errors import ConfigError
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket, Entry, hidden

# The result bucket keeps what is not a result under these names.
RESERVED = (bucket_layout.RECORDS, bucket_layout.CHECKPOINTS, bucket_layout.GALLERY)
TOML = bucket_layout.LOOKS
MASK = ".mask"  # at the end of a mask's stem, in any case


@dataclass(frozen=True)
class Painting:
    """A painting in a look: where it lies, and its share of the blend (of any sum). `mask` says
    which part of it counts, `region` where in the picture it goes; None is everything."""

    entry: Entry
    share: float
    mask: Entry | None = None
    region: Entry | None = None


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
    return [entry for entry in _with_masks(entries) if not _is_mask(entry)]


def masks_by_picture(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The masks among the entries, by the key of the picture that they lie beside.

    `beach.mask.png` is the mask of every picture with the stem `beach`. `beach.jpg.mask.png` is
    that of `beach.jpg` alone, and goes before. Of two by the same name, the first extension counts.
    """
    named: dict[str, Entry] = {}
    for entry in sorted(_with_masks(entries), key=lambda entry: entry.key):
        if _is_mask(entry):
            named.setdefault(_stem(entry.key)[: -len(MASK)], entry)
    found = {
        entry.key: named.get(entry.key, named.get(_stem(entry.key))) for entry in pictures(entries)
    }
    return {key: mask for key, mask in found.items() if mask is not None}


def sibling_prefix(photo: str) -> str:
    """The beginning that a photo's key shares with its masks', and with those of photos whose
    results might share a key with its own."""
    return f"{_stem(photo)}."


def stray_masks(entries: Sequence[Entry], looks: Iterable[Look] = ()) -> list[str]:
    """The keys of masks that nothing uses: a slip in a name would go unseen otherwise."""
    used = {mask.key for mask in masks_by_picture(entries).values()}
    used |= {each.region.key for look in looks for each in look.paintings if each.region}
    return [e.key for e in _with_masks(entries) if _is_mask(e) and e.key not in used]


def find_looks(
    bucket: Bucket, entries: Sequence[Entry], mode: str, settings: Settings
) -> list[Look]:
    """All looks of a style bucket, whose entries are given, by name: those that its `looks.toml`
    names; without one, what `looks_from_listing` makes of its entries.

    Raises ConfigError, StorageError.
    """
    if all(entry.key != TOML for entry in entries):
        return looks_from_listing(entries, mode, settings)
    text = bucket.read(TOML).decode("utf-8", errors="replace")
    return looks_from_toml(text, entries, settings)


def looks_from_listing(entries: Sequence[Entry], mode: str, settings: Settings) -> list[Look]:
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
    mask_of = masks_by_picture(entries)
    return [
        Look(
            name,
            tuple(Painting(entry, 1 / len(found), mask_of.get(entry.key)) for entry in found),
            settings,
        )
        for name, found in sorted(groups.items())
    ]


def looks_from_toml(text: str, entries: Sequence[Entry], settings: Settings) -> list[Look]:
    """The looks that a `looks.toml` names, and no others, by name: `paintings` is a list of keys
    (equal shares) or a table of keys with their shares; `regions` a table of such keys, each with
    the key of the picture that says where the painting goes; every other key is a setting.

    Raises ConfigError naming the look and what is wrong with it.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{TOML}: {error}") from None
    return [_look_told(name, table, entries, settings) for name, table in sorted(tables.items())]


def _look_told(name: str, table: Any, entries: Sequence[Entry], settings: Settings) -> Look:
    where = f"{TOML}: [{name}]"
    _check_name(name)
    if name.startswith("/") or ".." in name.split("/") or name != name.strip():
        raise ConfigError(f"{where} cannot be the beginning of a key; choose a plain name")
    if not isinstance(table, dict) or "paintings" not in table:
        raise ConfigError(f"{where} expected a table with paintings = [...] or {{...}}")
    changes = dict(table)
    shares = _shares_told(changes.pop("paintings"), entries, where)
    regions = _regions_told(changes.pop("regions", {}), shares, entries, where)
    there, mask_of = {entry.key: entry for entry in pictures(entries)}, masks_by_picture(entries)
    total = sum(shares.values())
    paintings = tuple(
        Painting(there[key], share / total, mask_of.get(key), regions.get(key))
        for key, share in shares.items()
    )
    return Look(name, paintings, settings.replaced(changes, f"{where} "))


def _shares_told(told: Any, entries: Sequence[Entry], where: str) -> dict[str, float]:
    there = {entry.key for entry in pictures(entries)}
    is_list = isinstance(told, list) and all(isinstance(key, str) for key in told)
    shares = dict.fromkeys(told, 1) if is_list else told
    if not isinstance(shares, dict) or not shares:
        raise ConfigError(f"{where} paintings is {told!r}; expected a list or a table of keys")
    for key, share in shares.items():
        if key not in there:
            raise ConfigError(f"{where} names the painting {key!r}, which is not in the bucket")
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not number or not 0 < share < float("inf"):
            raise ConfigError(f"{where} gives {key!r} the share {share!r}; expected more than 0")
    return shares


def _regions_told(
    told: Any, paintings: Collection[str], entries: Sequence[Entry], where: str
) -> dict[str, Entry]:
    if not isinstance(told, dict):
        raise ConfigError(f"{where} regions is {told!r}; expected a table of paintings and masks")
    there = {entry.key: entry for entry in _with_masks(entries)}
    for key, mask in told.items():
        if key not in paintings:
            raise ConfigError(f"{where} regions names {key!r}, which is none of its paintings")
        if not isinstance(mask, str) or mask not in there:
            raise ConfigError(
                f"{where} regions gives {key!r} the mask {mask!r}, which is not in the bucket"
            )
    return {key: there[mask] for key, mask in told.items()}


def _with_masks(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that are pictures by their extension, masks among them."""
    return [
        entry
        for entry in entries
        if PurePosixPath(entry.key).suffix.lower() in bucket_layout.PICTURES
        and not hidden(entry.key)
    ]


def _is_mask(entry: Entry) -> bool:
    return _stem(entry.key).lower().endswith(MASK)


def _stem(key: str) -> str:
    """A key without its extension; its folders, odd as they may be spelt, stay as they are."""
    return key.rpartition(".")[0]


def _check_name(name: str) -> None:
    if name.split("/")[0] in RESERVED:
        raise ConfigError(
            f"a look cannot be named {name}: the result bucket keeps its records and "
            "checkpoints under that name; rename it"
        )
