"""Uploads of a folder, or of files, into a bucket."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from painterly.errors import ConfigError, StorageError
from painterly.storage.base import Entry, ObjectError, Progress, Store, UnfinishedUpload
from painterly.storage.files import is_same, storage_errors
from painterly.storage.folder import FolderBucket
from painterly.storage.foreign_files import foreign_part
from painterly.storage.sync import EVERYTHING, SyncResult, SyncRules, carry_out, plan
from painterly.words.wording import printable


def upload_all(sources: Sequence[Path], bucket: Store, rules: SyncRules = EVERYTHING) -> SyncResult:
    """Upload a folder, or one or more files by their names, into a bucket.

    Raises ConfigError if there is no such folder or file, if a folder is not the only source, if
    two files have the same name, or if all files would be left out; StorageError if the folder or
    bucket cannot be listed; UnavailableError.
    """
    upload = _Upload(sources, bucket)
    made = plan(upload, rules)
    left_out = made.result.left_out
    if not upload.folder and sum(map(len, left_out.values())) == len(sources):
        why, [name, *_] = next(iter(left_out.items()))
        raise ConfigError(f"{name!r} would be left out ({why}); there is nothing else to send")
    result = carry_out(made, upload, rules)
    upload.abort_earlier()
    return result


class _Upload:
    doing = "sending"

    def __init__(self, sources: Sequence[Path], bucket: Store) -> None:
        self._sources, self._bucket = sources, bucket
        self.folder = _folder(sources)
        self._paths: dict[str, Path] = {}
        self._there: dict[str, Entry] = {}  # what the bucket has
        self._arrived = set[str]()
        self._earlier: Sequence[UnfinishedUpload] = ()

    def entries(self, rules: SyncRules, result: SyncResult) -> Iterable[Entry]:
        if self.folder:
            entries = [*self.folder.list()]
            self._paths = {entry.key: self.folder.folder / entry.key for entry in entries}
            for why, names in self.folder.skipped().items():
                for name in names:
                    result.leave_out(why, name)
        else:
            self._paths = _files(self._sources, rules)
            entries = [*map(_entry, self._paths.values())]
        self._there = {entry.key: entry for entry in self._bucket.list()}
        return entries

    def is_known(self, entry: Entry) -> bool:
        return False

    def differs(self, entry: Entry) -> bool:
        path, there = self._paths[entry.key], self._there.get(entry.key)
        if self.folder:
            self.folder.check_mounted()
        if there is None or not (is_same(path, there) or _is_older(path, there)):
            return True
        self._arrived.add(entry.key)
        return False

    def surplus(self, entries: Sequence[Entry], rules: SyncRules, result: SyncResult) -> list[str]:
        sent, folder = {entry.key for entry in entries}, self.folder
        return [
            key
            for key in self._there
            if key not in sent and not rules.why_not(key)
            if not foreign_part(key)  # It is not sent either.
            if folder and not folder.passes_over(key)
        ]

    def begin(self, copies: Sequence[Entry]) -> None:
        with contextlib.suppress(StorageError):  # A sync does not need the right to list them.
            self._earlier = self._bucket.unfinished_uploads()

    def copy(self, entry: Entry, progress: Progress) -> None:
        """Upload a file. Raises ObjectError if it changes: it may have been sent in part."""
        if self.folder:
            self.folder.check_mounted()
        path = self._paths[entry.key]
        before = _state(path)
        try:
            self._bucket.upload(path, entry.key, progress)
        finally:
            if _state(path) != before:
                raise ObjectError(
                    f"{printable(str(path))} changed while it was sent; send it again"
                )
        self._arrived.add(entry.key)

    def delete(self, key: str) -> None:
        self._bucket.delete(key)

    def abort_earlier(self) -> None:
        """Abort the uploads that a killed process has left, of files that have arrived: the bucket
        would keep them, unlisted and billed."""
        for upload in self._earlier:
            if upload.key in self._arrived:
                with contextlib.suppress(StorageError):  # The file has arrived.
                    self._bucket.abort_upload(upload)


def _entry(path: Path) -> Entry:
    return Entry(path.name, _state(path)[0], "")


def _state(path: Path) -> tuple[int, int]:
    with storage_errors(printable(str(path))):
        about = path.stat()
    return about.st_size, about.st_mtime_ns


def _is_older(path: Path, there: Entry) -> bool:
    """Return whether a file has the size of an object without an ETag, and is no younger: then it
    was sent."""
    size, at_ns = _state(path)
    return there.etag == there.dated and size == there.size and at_ns <= (there.modified or 0) * 1e9


def _folder(sources: Sequence[Path]) -> FolderBucket | None:
    """Return the folder to send, or None if the sources are files. Raises ConfigError if one is
    missing, or if a folder is not the only one."""
    for source in sources:
        with storage_errors(printable(str(source))):
            if source.is_file():
                continue
            if not source.is_dir():
                raise ConfigError(f"{str(source)!r} does not exist; expected a folder or file")
        if len(sources) > 1:
            raise ConfigError(
                f"{str(source)!r} is a folder; expected one folder, which is sent with its "
                "sub-folders, or only files"
            )
        return FolderBucket(source)
    return None


def _files(files: Sequence[Path], rules: SyncRules) -> dict[str, Path]:
    """Return the files by their keys. Each is sent by its name alone. Raises ConfigError if two
    have the same name, or if there should be a folder."""
    if rules.delete:
        raise ConfigError(f"{str(files[0])!r} is a single file; --delete needs a folder")
    paths: dict[str, Path] = {}
    for file in files:
        if (other := paths.setdefault(file.name, file)) != file:
            raise ConfigError(
                f"{str(other)!r} and {str(file)!r} have the same name; rename one, or send "
                "the folder that holds both"
            )
    return paths
