"""The buckets of the web service, and listings of them that are kept for some seconds. Its own
objects are in the result bucket, under `_web/`."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from painterly.configuration.config import Config
from painterly.errors import StorageError
from painterly.log import event
from painterly.orders.buckets import Buckets, PaintingsView
from painterly.settings.bucket_layout import WEB
from painterly.storage import open_bucket
from painterly.storage.base import Bucket, Entry, ObjectError, Store, UnavailableError, View
from painterly.storage.retry import logged_storage_errors

UPLOADED = f"{WEB}/"  # before the names of uploads; no style of the style bucket may be called so
PAINTINGS, PHOTOS, UNFINISHED = f"{WEB}/paintings", f"{WEB}/photos", f"{WEB}/unfinished"
_OF_JOB = re.compile(r"(?:.*/)?[0-9a-f]{20}")  # a folder that is named after an id
_Value = TypeVar("_Value")


class Refreshed(Generic[_Value]):
    """A value that is read again once it is some seconds old. Thread-safe."""

    def __init__(self, read: Callable[[], _Value], max_age_s: float) -> None:
        self._read, self._max_age_s = read, max_age_s
        self._latest: tuple[float, _Value] | None = None  # when it was read, and what
        self._lock = threading.Lock()

    def get(self, max_age_s: float | None = None) -> _Value:
        """Return it, after reading it again if it is older than `max_age_s`, or else than the
        usual age. Raises the errors of reading."""
        limit = self._max_age_s if max_age_s is None else max_age_s
        with self._lock:
            now = time.monotonic()
            if self._latest is None or now - self._latest[0] >= limit:
                self._latest = now, self._read()
            return self._latest[1]

    def forget(self) -> None:
        """Read it again when it is asked for next."""
        with self._lock:
            self._latest = None


class StyleBucket(View):
    """The paintings of a run, with those that users uploaded under `_web/`.

    Uploads never become styles of a batch, so they are not listed, and they can be deleted without
    touching other paintings.
    """

    def __init__(self, style: PaintingsView, uploads: Store) -> None:
        super().__init__(style)
        self._uploads = uploads

    def uploads(self) -> Sequence[Entry]:
        """Return the uploads, each under the key that it has here."""
        entries = []
        for entry in self._uploads.list():
            with contextlib.suppress(ObjectError):  # In a folder: a file that was deleted since.
                entries.append(Entry(UPLOADED + entry.key, entry.size, entry.etag))
        return entries

    def delete(self, key: str) -> None:
        """Delete an upload, with its older versions if there are some."""
        delete_versions(self._uploads, key.removeprefix(UPLOADED))

    def _at(self, key: str, *, write: bool = False) -> tuple[Bucket, str]:
        if key.startswith(UPLOADED):
            return self._uploads, key.removeprefix(UPLOADED)
        return super()._at(key, write=write)


@dataclass(frozen=True)
class WebBuckets(Buckets):
    """The buckets.

    Attributes:
        source: The photos of jobs, as `<id>/<name>`.
        style: The paintings.
        result: Results, records, the gallery and the jobs.
        unfinished: Checkpoints. A batch deletes those in its own place that it does not need.
    """

    source: Store
    style: StyleBucket
    unfinished: Store


def open_buckets(config: Config) -> WebBuckets:
    """Open the buckets of a configuration. Raises ConfigError."""
    result, photos, paintings, unfinished = (
        open_bucket(address, config.account, new=True)
        for address in (
            config.result_bucket,
            *(inside(config, prefix) for prefix in (PHOTOS, PAINTINGS, UNFINISHED)),
        )
    )
    own = open_bucket(config.style_bucket, config.account) if config.style_bucket else None
    style = StyleBucket(PaintingsView(own), paintings)
    return WebBuckets(photos, style, result, unfinished)


def inside(config: Config, prefix: str) -> str:
    """Return the address of a part of the result bucket, for `open_bucket`."""
    return f"{config.result_bucket.strip().rstrip('/')}/{prefix}"


def delete_versions(bucket: Store, *prefixes: str) -> None:
    """Delete all objects with keys that start with one of the prefixes, their older versions where
    the bucket keeps some and lists them, and the empty folders of a job or a photo. Raises
    StorageError."""
    is_listed = True
    for prefix in prefixes:
        versions = None
        try:
            versions = bucket.versions(prefix) if is_listed else None
        except UnavailableError:
            raise
        except StorageError as error:
            is_listed = False  # The others are refused as well.
            event(f"if {bucket.name} keeps older versions, they stay: {error}")
        for version in versions or ():
            with logged_storage_errors("an older version stays"):  # It may be locked.
                bucket.delete_version(version)
        for entry in [*bucket.list(prefix)]:
            bucket.delete(entry.key)
        folder = prefix.rpartition("/")[0]
        if _OF_JOB.fullmatch(folder):  # Others may be about to be written into.
            bucket.remove_empty(folder)
