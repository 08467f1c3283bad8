"""The styles of a style bucket, and the ready ones: which paintings, in which shares, with which
settings."""

import json
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from posixpath import splitext
from typing import Any

from painterly.errors import ConfigError
from painterly.forks import cached_property
from painterly.orders.record import etag_of
from painterly.settings import bucket_layout, ready_styles
from painterly.settings.settings import FIELDS, Settings
from painterly.settings.values import LARGEST
from painterly.storage.base import Bucket, Entry, hidden
from painterly.storage.file_names import nfc
from painterly.storage.folder import FolderBucket
from painterly.storage.foreign_files import foreign_part
from painterly.storage.known_files import KnownFiles
from painterly.words.style_title import KEYS as TITLE_KEYS
from painterly.words.style_title import NO_TITLE, StyleTitle, title_from_table, title_of_file
from painterly.words.suggestions import did_you_mean
from painterly.words.texts import DEFAULT
from painterly.words.wording import file_size, printable, shortened

# The result bucket keeps everything that is not a result under these names.
RESERVED = (
    *(bucket_layout.RECORDS, bucket_layout.CHECKPOINTS, bucket_layout.GALLERY),
    *(bucket_layout.WEB, bucket_layout.READY),
)
MAX_FILE_BYTES = 1_000_000  # bytes of styles.toml: thousands of styles
MAX_NAMED = 5  # wrong styles in one message
LONGEST_NAME = 200  # bytes of UTF-8: a file system takes 255 for a folder
# Keys of a style in styles.toml in addition to settings.
KEYS = ("paintings", "regions", *TITLE_KEYS)
READY = f"{bucket_layout.READY}/"  # before the keys of the ready styles' paintings
_known_ready = KnownFiles()  # the paintings of ready styles, in this process
MASK_SUFFIX = ".mask"  # at the end of a mask's stem, in any case


@dataclass(frozen=True)
class Painting:
    """A painting in a style.

    Attributes:
        share: Its share of the blend; shares may have any sum.
        mask: The part of the painting that is used, or None for all of it.
        region: The part of the picture that it is used for, or None for all of it.
    """

    entry: Entry
    share: float
    mask: Entry | None = None
    region: Entry | None = None


@dataclass(frozen=True)
class Style:
    """One or more paintings blended, with settings. Its name is the first part of its results'
    keys, and `own_settings` has the names of the settings that it sets itself. Its title is for
    people. The style of a sheet has the styles on it as its parts, and no paintings."""

    name: str
    paintings: tuple[Painting, ...]
    settings: Settings
    own_settings: frozenset[str] = frozenset()
    title: StyleTitle = NO_TITLE
    parts: "tuple[Style, ...]" = ()

    def label(self, language: str = DEFAULT, **layout: str) -> str:
        """Return its title, artist and year in a language, as `StyleTitle.line`."""
        return self.title.line(language, self.name, **layout)

    @property
    def files(self) -> list[Entry]:
        """Its paintings, masks and regions."""
        files = (file for each in self.paintings for file in (each.entry, each.mask, each.region))
        return [each for each in files if each is not None]

    @cached_property
    def deciding(self) -> Mapping[str, str]:
        """What of it decides a result, as JSON. The first use raises ObjectError if a file in a
        folder is gone."""
        paintings = [
            [each.entry.etag, each.share, *map(etag_of, (each.mask, each.region))]
            for each in self.paintings
        ]
        settings = json.dumps(self.settings.deciding(), sort_keys=True)
        return {"paintings": json.dumps(paintings), "settings": settings}

    @property
    def keys(self) -> list[str]:
        """The keys of its files."""
        return [*dict.fromkeys(each.key for each in self.files)]

    @property
    def shares(self) -> list[float]:
        """The paintings' shares, in the order of the paintings."""
        return [painting.share for painting in self.paintings]


def find_pictures(entries: Iterable[Entry], also: Collection[str] = frozenset()) -> list[Entry]:
    """Return the entries that are pictures by their extension (in upper or lower case), without
    hidden files, those of other programs, and masks (`beach.mask.png`, which belongs to
    `beach.jpg`). `also` has the keys of others that count as pictures."""
    return [each for each in _with_masks(entries, also) if not _is_mask(each)]


def find_masks(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that are masks, sorted by key."""
    return sorted(filter(_is_mask, _with_masks(entries)), key=lambda mask: mask.key)


def masks_by_picture(
    entries: Sequence[Entry], also: Collection[str] = frozenset()
) -> dict[str, Entry]:
    """Return the masks among the entries, by the key of the picture that they belong to; `also` is
    as in `find_pictures`.

    `beach.mask.png` is the mask of every picture with the stem `beach`. `beach.jpg.mask.png` is
    the mask of `beach.jpg` alone, and takes precedence. If several masks have the same stem, the
    first by extension is used.
    """
    named: dict[str, Entry] = {}
    for mask in find_masks(entries):
        named.setdefault(nfc(_stem(mask.key)[: -len(MASK_SUFFIX)]), mask)
    keys = [picture.key for picture in find_pictures(entries, also)]
    masks = ((key, named.get(nfc(key)) or named.get(nfc(_stem(key)))) for key in keys)
    return {key: mask for key, mask in masks if mask}


def is_ready(key: str) -> bool:
    """Return whether a key belongs to a ready style's painting."""
    return key.startswith(READY)


def ready_folder(known: KnownFiles | None) -> FolderBucket:
    """Open the folder of the ready styles, with the files whose content is known."""
    return FolderBucket(ready_styles.FOLDER, "the ready styles", known=known or _known_ready)


def all_styles(
    bucket: Bucket,
    entries: Sequence[Entry],
    mode: str,
    ready: Collection[str],
    settings: Settings,
    known: KnownFiles | None = None,
) -> list[Style]:
    """Return the styles of a style bucket, as `find_styles`, then the ready styles with the given
    names, in their own order. The bucket's own take precedence over ready ones of the same name.

    Raises ConfigError, StorageError.
    """
    own = find_styles(bucket, entries, mode, settings)
    if not ready:
        return own
    taken, folder = {style.name for style in own}, ready_folder(known)
    text = folder.read(bucket_layout.STYLES).decode()
    every = {each.name: each for each in styles_from_toml(text, [*folder.list()], settings)}
    names = [name for name in ready_styles.tables() if name in ready and name not in taken]
    return own + [_overridden(every[name], settings) for name in names]


def _overridden(style: Style, settings: Settings) -> Style:
    """Return a ready style with its paintings' keys, and with all settings that were given: the
    user who gives them cannot edit the style."""
    given = {name: settings.given[name] for name in style.own_settings & settings.given.keys()}
    return replace(
        style,
        paintings=tuple(
            replace(each, entry=Entry(f"{READY}{each.entry.key}", each.entry.size, each.entry.etag))
            for each in style.paintings
        ),
        settings=style.settings.replaced(given),
        own_settings=style.own_settings - given.keys(),
    )


def find_styles(
    bucket: Bucket, entries: Sequence[Entry], mode: str, settings: Settings
) -> list[Style]:
    """Return the styles of a style bucket, sorted by name: those of its `styles.toml`, or, without
    one, those that its `entries` make in a mode of `styles_from_listing`.

    Raises ConfigError, StorageError.
    """
    file = next((entry for entry in entries if entry.key == bucket_layout.STYLES), None)
    if file is None:
        return styles_from_listing(entries, mode, settings)
    if file.size > MAX_FILE_BYTES:
        raise ConfigError(
            f"{file.key} has {file_size(file.size)}; expected {file_size(MAX_FILE_BYTES)} at most"
        )
    text = bucket.read(file.key).decode("utf-8-sig", errors="replace")
    return styles_from_toml(text, entries, settings)


def styles_from_listing(entries: Sequence[Entry], mode: str, settings: Settings) -> list[Style]:
    """Return the styles that a style bucket's entries make, sorted by name.

    mode `each`: every painting at the top level is a style named after it; `blend`: together they
    are one style named `blend`, in equal shares. In both modes each folder is a style named after
    it, its paintings blended in equal shares. Raises ConfigError if two styles would share a
    name, or if a name is reserved.
    """
    folders: dict[str, list[Entry]] = {}
    for entry in find_pictures(entries):
        folder = PurePosixPath(entry.key.lstrip("/")).parent.as_posix()
        folders.setdefault(folder, []).append(entry)
    top = folders.pop(".", [])
    groups = dict(folders)
    if top and mode == "blend":
        if "blend" in folders:
            raise ConfigError(
                "STYLE_MODE is 'blend', and the style bucket also has a folder named blend; "
                "rename the folder"
            )
        groups["blend"] = top
    elif top:
        stems = {entry.key: PurePosixPath(entry.key).stem for entry in top}
        # monet.jpg next to monet.png or next to a folder monet/ keeps its extension.
        counts = Counter([*stems.values(), *folders])
        for entry in top:
            stem = stems[entry.key]
            groups[stem if counts[stem] == 1 else entry.key] = [entry]
    for name in groups:
        _check_name(name)
    mask_of = masks_by_picture(entries)
    return [
        Style(
            name,
            tuple(Painting(entry, 1 / len(group), mask_of.get(entry.key)) for entry in group),
            settings,
            title=title_of_files([entry.key for entry in group]),
        )
        for name, group in sorted(groups.items())
    ]


def title_of_files(keys: Sequence[str]) -> StyleTitle:
    """Return what the file name of a style's only painting says; nothing if it has several."""
    return title_of_file(PurePosixPath(keys[0]).stem) if len(keys) == 1 else NO_TITLE


def styles_from_toml(text: str, entries: Sequence[Entry], settings: Settings) -> list[Style]:
    """Return the styles of a `styles.toml`, sorted by name.

    Each table is a style. `paintings` is a list of keys (equal shares) or a table of keys and
    shares; `regions` a table of such keys, each with the key of a mask that says where in the
    picture the painting is used; the keys that `title_from_table` reads make its title; every other
    key is a setting. Raises ConfigError naming each wrong style and what is wrong with it.
    """
    try:
        tables = tomllib.loads(text)
    except (RecursionError, ValueError) as error:
        # Windows has editors and shells that write UTF-16.
        encoding = "; it is not in UTF-8, so save it as that" if "\ufffd" in text else ""
        raise ConfigError(f"{bucket_layout.STYLES}: {printable(str(error))}{encoding}") from None
    if not tables:
        raise ConfigError(
            f"{bucket_layout.STYLES} is empty; write a section for each style, such as [monet] "
            'with paintings = ["monet.jpg"], or delete the file: then each painting is a style'
        )
    masks, styles, wrong = masks_by_picture(entries), [], []
    pictures = {entry.key: entry for entry in find_pictures(entries)}
    regions = pictures | {entry.key: entry for entry in find_masks(entries)}
    for name, table in sorted(tables.items()):
        try:
            styles.append(_style_from_table(name, table, pictures, masks, regions, settings))
        except ConfigError as error:
            wrong.append(str(error))
    if wrong:  # All at once, so that they can be corrected together.
        more = f"; and {len(wrong) - MAX_NAMED} more" if len(wrong) > MAX_NAMED else ""
        raise ConfigError("; ".join(wrong[:MAX_NAMED]) + more)
    return styles


def _style_from_table(
    name: str,
    table: Any,
    pictures: Mapping[str, Entry],
    masks: Mapping[str, Entry],
    regions: Mapping[str, Entry],
    settings: Settings,
) -> Style:
    where = f"{bucket_layout.STYLES}: [{printable(name[:60])}]"
    _check_name(name)
    plain = name == name.strip() and name.isprintable() and len(name.encode()) <= LONGEST_NAME
    # No folder takes names with backslashes, and downloads leave out hidden ones.
    parts = name.split("/")
    if not plain or "\\" in name or any(not part or part.startswith(".") for part in parts):
        raise ConfigError(f"{where} cannot be the first part of a key; choose a plain name")
    if name in FIELDS and not isinstance(table, dict):
        raise ConfigError(
            f"{bucket_layout.STYLES}: {name} is above the first style; write it below one, or set "
            f"STYLE_{name.upper()} for all"
        )
    changes = dict(table) if isinstance(table, dict) else {}
    for key in changes.keys() - {*KEYS, *FIELDS}:
        if hint := did_you_mean(key, (*KEYS, *FIELDS)):
            raise ConfigError(f"{where} {printable(key)} is not a setting; {hint}")
    if "paintings" not in changes:
        raise ConfigError(f"{where} expected a table with paintings = [...] or {{...}}")
    shares = _shares(changes.pop("paintings"), pictures, where)
    parts_of = _regions(changes.pop("regions", {}), shares, regions, where)
    total = sum(shares.values())
    paintings = tuple(
        Painting(pictures[key], share / total, masks.get(key), parts_of.get(key))
        for key, share in shares.items()
    )
    said = {key: changes.pop(key) for key in TITLE_KEYS if key in changes}
    title = title_from_table(said, where) if said else title_of_files([*shares])
    chosen = settings.replaced(changes, f"{where} ")
    return Style(name, paintings, chosen, frozenset(changes), title)


def _shares(paintings: Any, keys: Collection[str], where: str) -> dict[str, float]:
    is_list = isinstance(paintings, list) and all(isinstance(key, str) for key in paintings)
    by_name = dict.fromkeys(paintings, 1) if is_list else paintings
    if not isinstance(by_name, dict) or not by_name:
        raise ConfigError(
            f"{where} paintings is {shortened(paintings)}; expected a list or a table of keys"
        )
    shares = {}
    for name, share in by_name.items():
        key = _stored_key(name, keys, f"{where} names the painting", "in the bucket")
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not number or not 0 < share <= LARGEST:
            raise ConfigError(
                f"{where} gives {shortened(key)} the share {shortened(share)}; expected more than "
                f"0, and {LARGEST:g} at most"
            )
        shares[key] = share
    return shares


def _regions(
    table: Any, paintings: Collection[str], regions: Mapping[str, Entry], where: str
) -> dict[str, Entry]:
    if not isinstance(table, dict):
        raise ConfigError(
            f"{where} regions is {shortened(table)}; expected a table of paintings and masks"
        )
    found = {}
    for name, mask in table.items():
        key = _stored_key(name, paintings, f"{where} regions names", "one of its paintings")
        what = f"{where} regions gives {shortened(key)} the mask"
        found[key] = regions[_stored_key(mask, regions, what, "in the bucket")]
    return found


def _stored_key(name: Any, stored: Collection[str], what: str, where: str) -> str:
    if isinstance(name, str) and (key := as_stored(name, stored)) in stored:
        return key
    hint = did_you_mean(name, sorted(stored)) if isinstance(name, str) else ""
    raise ConfigError(
        f"{what} {shortened(name)}, which is not {where}" + (f"; {hint}" if hint else "")
    )


def as_stored(name: str, stored: Collection[str]) -> str:
    """Return the stored name that looks the same, or the name itself if there is none."""
    if name in stored:
        return name
    typed = nfc(name)
    return next((each for each in stored if nfc(each) == typed), name)


def _with_masks(entries: Iterable[Entry], also: Collection[str] = frozenset()) -> list[Entry]:
    return [
        entry
        for entry in entries
        if splitext(entry.key)[1].lower() in bucket_layout.PICTURE_EXTENSIONS or entry.key in also
        if not hidden(entry.key) and not foreign_part(entry.key)
    ]


def _is_mask(entry: Entry) -> bool:
    return _stem(entry.key).lower().endswith(MASK_SUFFIX)


def _stem(key: str) -> str:
    return key.rpartition(".")[0]


def _check_name(name: str) -> None:
    if name.split("/")[0] in RESERVED:
        raise ConfigError(
            f"a style cannot be named {printable(name)}: the result bucket keeps records, "
            "checkpoints, the gallery or uploads under that name; rename it, or, if it comes from "
            "a bucket of results, name that of the paintings"
        )
