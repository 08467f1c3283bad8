"""The three buckets of a run, and what is in them."""

import posixpath
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from painterly.configuration.config import Config
from painterly.orders.styles import READY, ready_folder
from painterly.settings import bucket_layout
from painterly.storage import open_bucket
from painterly.storage.address import Account
from painterly.storage.base import BadKeyError, Bucket, Entry, Store, View
from painterly.storage.folder import FolderBucket
from painterly.storage.known_files import KnownFiles

MOST_LISTINGS = 20  # the most for named photos in one folder


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
        self._start, self._ready = f"{folder}{READY}", ready_folder(known)
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


@dataclass(frozen=True)
class Buckets:
    """The buckets of photos, of paintings and of results, and the files whose content is known if
    they are folders."""

    source: Bucket
    style: Bucket
    result: Store
    known: KnownFiles = field(default_factory=KnownFiles, kw_only=True)

    @classmethod
    def open(cls, config: Config, paintings: Bucket | None = None) -> "Buckets":
        """Open the buckets that the configuration names. `paintings` take the place of its style
        bucket. Raises ConfigError."""
        known, account = KnownFiles(), config.account
        source = open_bucket(config.photo_bucket, account, partly=True, known=known)
        result = open_bucket(config.result_bucket, account, new=True, known=known)
        own = PaintingsView(paintings, known=known) if paintings else None
        style = own or open_paintings(config.style_bucket, account, known)
        if isinstance(result, FolderBucket):
            known.keep_in(result.folder, writes=not config.dry_run)
        return cls(source, style, result, known=known)


@dataclass(frozen=True)
class Listing:
    """The objects in the buckets.

    Attributes:
        source: The photos and other files; in a run of named photos, only those with names that
            begin as theirs.
        style: The paintings and other files.
        results: The results and records by key, without the pictures of the gallery.
        new_source, new_style: The keys of those that may still be written or sent, so that a watch
            does not take them yet. `styles.toml` is among them also if it has just gone.
    """

    source: Sequence[Entry]
    style: Sequence[Entry]
    results: Mapping[str, Entry]
    new_source: Set[str] = frozenset()
    new_style: Set[str] = frozenset()


def _siblings(source: Bucket, photos: Iterable[str]) -> list[Entry]:
    """List the objects with names that begin as a photo's, including its masks, in all spellings
    of accents."""
    starts = {
        _start_of_siblings(spelled)
        for photo in photos
        for spelled in (photo, *(unicodedata.normalize(form, photo) for form in ("NFC", "NFD")))
    }
    # Many photos of a folder are listed with all else in it, at once.
    folders: dict[str, list[str]] = {}
    for start in starts:
        folders.setdefault(start.rpartition("/")[0], []).append(start)
    listed = (
        [posixpath.commonprefix(own)] if len(own) > MOST_LISTINGS else own
        for own in folders.values()
    )
    found = {entry.key: entry for own in listed for start in own for entry in source.list(start)}
    return [entry for key, entry in sorted(found.items()) if _start_of_siblings(key) in starts]


def _start_of_siblings(key: str) -> str:
    """Return the common start of the keys of a photo, of its masks, and of photos whose results
    could meet this one's."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}."


def list_buckets(buckets: Buckets, config: Config) -> Listing:
    """List the three buckets at once. Raises StorageError."""
    photos, pool = config.photos, ThreadPoolExecutor(3)
    source = pool.submit(
        lambda: _siblings(buckets.source, photos) if photos else [*buckets.source.list()]
    )
    style = pool.submit(lambda: [*buckets.style.list()])
    # Most objects of the gallery are pictures, and no plan needs them.
    gallery, mark = f"{bucket_layout.GALLERY}/", bucket_layout.UNPUBLISHED
    results = pool.submit(
        lambda: {
            each.key: each
            for each in buckets.result.list()
            if each.key == mark or not each.key.startswith(gallery)
        }
    )
    pool.shutdown(wait=False)  # An error or a signal need not wait for the other listings.
    paintings = style.result()
    if config.shares_bucket and all(entry.key != bucket_layout.STYLES for entry in paintings):
        # Results are in folders, which would be styles.
        paintings = [entry for entry in paintings if "/" not in entry.key]
    return Listing(source.result(), paintings, results.result())
