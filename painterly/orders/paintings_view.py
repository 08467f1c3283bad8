"""The paintings of a run: those of the style bucket, and those of the ready styles."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from painterly.orders.styles import Painting, Style, find_styles, styles_from_toml
from painterly.settings import ready_styles
from painterly.settings.bucket_layout import READY, STYLES
from painterly.settings.settings import Settings
from painterly.storage import open_bucket
from painterly.storage.address import Account
from painterly.storage.base import BadKeyError, Bucket, Entry, View
from painterly.storage.folder import FolderBucket
from painterly.storage.known_files import KnownFiles

_PREFIX = f"{READY}/"
_known_ready = KnownFiles()  # the paintings of ready styles, in this process


class PaintingsView(View):
    """The style bucket, read only, with the paintings of the ready styles under `_ready/`.

    These are read like others, but never listed: the names of ready styles choose them.
    """

    def __init__(
        self, bucket: Bucket | None, folder: str = "", known: KnownFiles | None = None
    ) -> None:
        """Args:
        bucket: The style bucket, or None without one.
        folder: The start of the keys of all paintings if these are in a part of it, such as
            `styles/`.
        known: The files whose content is known; by default, those read by this process.
        """
        self._start = f"{folder}{_PREFIX}"
        self._ready = _ready_folder(known)
        super().__init__(bucket or self._ready)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        if self._bucket is not self._ready:
            yield from super().list(prefix)

    def _at(self, key: str, *, write: bool = False) -> tuple[Bucket, str]:
        if write:
            raise BadKeyError(f"{self.name} is only read here")
        if key.startswith(self._start):
            return self._ready, key.removeprefix(self._start)
        return self._bucket, key


def open_paintings(
    address: str | None, account: Account, known: KnownFiles | None = None
) -> PaintingsView:
    """Open the paintings of a style bucket, or of none. Raises ConfigError."""
    bucket = None if address is None else open_bucket(address, account, known=known)
    return PaintingsView(bucket, known=known)


def is_ready(key: str) -> bool:
    """Return whether a key belongs to a ready style's painting."""
    return key.startswith(_PREFIX)


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
    offered = _ready_styles(ready, settings, known)
    own = find_styles(bucket, entries, mode, settings)
    taken = {style.name for style in own}
    return own + [style for style in offered if style.name not in taken]


def _ready_folder(known: KnownFiles | None) -> FolderBucket:
    return FolderBucket(ready_styles.FOLDER, "the ready styles", known=known or _known_ready)


def _ready_styles(
    names: Collection[str], settings: Settings, known: KnownFiles | None
) -> list[Style]:
    if not names:
        return []
    folder = _ready_folder(known)
    text = folder.read(STYLES).decode()
    every = {each.name: each for each in styles_from_toml(text, [*folder.list()], settings)}
    chosen = [every[name] for name in ready_styles.tables() if name in names]
    return [_overridden(each, settings) for each in chosen]


def _overridden(style: Style, settings: Settings) -> Style:
    """Return a ready style with its paintings' keys, and with all settings that were given: the
    user who gives them cannot edit the style."""
    given = {name: settings.given[name] for name in style.own_settings & settings.given.keys()}
    return replace(
        style,
        paintings=tuple(map(_prefixed, style.paintings)),
        settings=style.settings.replaced(given),
        own_settings=style.own_settings - given.keys(),
    )


def _prefixed(painting: Painting) -> Painting:
    entry = painting.entry
    return replace(painting, entry=Entry(f"{_PREFIX}{entry.key}", entry.size, entry.etag))
