"""Downloads of a bucket into a folder that replace and delete downloaded files only.

A file is the user's own if the folder's list does not name it, or if it was changed since its
download. A file with the content of its object is treated as downloaded.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from painterly.errors import ConfigError
from painterly.settings.bucket_layout import PAGE
from painterly.storage.base import BadKeyError, Entry, ObjectError, Progress, Store
from painterly.storage.file_names import key_folding
from painterly.storage.files import (
    Mount,
    delete_leftovers,
    is_same,
    nearest_existing,
    storage_errors,
)
from painterly.storage.folder import FolderBucket, safe_path
from painterly.storage.known_files import MadeFiles
from painterly.storage.sync import (
    EVERYTHING,
    OwnFileError,
    SyncResult,
    SyncRules,
    carry_out,
    plan,
)
from painterly.words.wording import printable


def download_all(
    bucket: Store, folder: Path, rules: SyncRules = EVERYTHING, mount: Mount | None = None
) -> SyncResult:
    """Download a bucket into a folder, which is created if it is missing. Raises ConfigError if it
    is a file, or if all files would be deleted; StorageError if the bucket cannot be listed, or
    becomes unavailable, or if the folder is no longer on its disk `mount`.

    An object fails if its key cannot be a file in the folder, or if the user's own file has its
    name.
    """
    _check_folder(folder)
    download = _Download(bucket, folder, mount)
    made = plan(download, rules)
    made.copies.sort(key=lambda entry: entry.key == PAGE)  # After the pictures that it shows.
    return carry_out(made, download, rules)


class _Download:
    doing = "fetching"

    def __init__(self, bucket: Store, folder: Path, mount: Mount | None) -> None:
        self._bucket, self._folder = bucket, folder
        self._made = MadeFiles(folder, mount)
        self._taken: dict[str, str] = {}  # the key that has each file
        self._found: list[tuple[Entry, Path]] = []  # downloaded files that the list lacks

    def entries(self, rules: SyncRules, result: SyncResult) -> Iterable[Entry]:
        self._made.check_mounted()
        entries = [
            entry
            for entry in self._bucket.list_with_folder_markers()
            if entry.size or not entry.key.endswith("/")
        ]
        wanted = [entry.key for entry in entries if not rules.why_not(entry.key)]
        self._fold = key_folding(self._folder, wanted, always=rules.delete)
        for key in wanted:
            self._taken.setdefault(self._fold(_inside(key)), key)
        return entries

    def is_known(self, entry: Entry) -> bool:
        return self._made.has(entry, self._folder / _inside(entry.key))

    def differs(self, entry: Entry) -> bool:
        path = self._path(entry.key)
        other = self._taken[self._fold(_inside(entry.key))]
        if other != entry.key:
            raise BadKeyError(
                f"'{printable(entry.key)}' and '{printable(other)}' are one file on this disk; "
                "rename one of the objects"
            )
        if not self._is_there(entry, path):
            return True
        self._found.append((entry, path))
        return False

    def surplus(self, entries: Sequence[Entry], rules: SyncRules, result: SyncResult) -> list[str]:
        """Return the keys of the files that earlier downloads from the bucket brought and it no
        longer has."""
        wanted, keys = {self._fold(entry.key) for entry in entries}, []
        for key, file in sorted(self._made.downloaded.items()):
            if self._fold(key) in wanted or file.bucket != self._bucket.name or rules.why_not(key):
                continue
            try:
                path = self._path(key)
                if not os.path.lexists(path):
                    continue
                unchanged = self._made.is_unchanged(key, path)
            except ObjectError as error:
                result.notes.append(f"not deleted: {error}")
                continue
            if unchanged:
                keys.append(key)
            else:
                result.notes.append(
                    f"{printable(str(path))} was changed after it was downloaded and is not deleted"
                )
        return keys

    def begin(self, copies: Sequence[Entry]) -> None:
        for parent in {_inside(key).rpartition("/")[0] for key in self._taken.values()}:
            with contextlib.suppress(ObjectError):  # It cannot be a folder here.
                delete_leftovers(self._path(f"{parent}/file").parent)
        if copies or self._found:
            self._made.create()
        for entry, path in self._found:
            self._made.add(entry, self._bucket.name, path)

    def copy(self, entry: Entry, progress: Progress) -> None:
        """Download an object and list its file, unless it has come since. Raises OwnFileError."""
        self._made.check_mounted()
        path = self._path(entry.key)
        if not self._is_there(entry, path):
            self._bucket.download(entry.key, path, progress)
        self._made.add(entry, self._bucket.name, path)

    def delete(self, key: str) -> None:
        FolderBucket(self._folder).delete(_inside(key))
        self._made.remove(key)

    def _path(self, key: str) -> Path:
        """Return the file for an object, as `safe_path`, and for a key with empty parts as well."""
        return safe_path(self._folder, _inside(key))

    def _is_there(self, entry: Entry, path: Path) -> bool:
        """Return whether a file has the content of its object. Raises OwnFileError if it has
        another one, and is the user's own."""
        if not os.path.lexists(path):
            return False
        with storage_errors(printable(str(path))):
            exists, link = path.is_file(), path.is_symlink()
        if exists and is_same(path, entry):
            return True
        if not (exists or link) or self._made.is_unchanged(entry.key, path):
            return False
        self._made.reload()  # Another process may have downloaded it.
        if self._made.is_unchanged(entry.key, path):
            return False
        if path.is_file() and is_same(path, entry):  # It has, and not listed it yet.
            return True
        is_changed = entry.key in self._made.downloaded
        what = "was changed after it was downloaded" if is_changed else "is your own"
        raise OwnFileError(
            f"{printable(str(path))} {what} and stays; to get the bucket's, move or rename it, or "
            "download into another folder"
        )


def _check_folder(folder: Path) -> None:
    with storage_errors(printable(str(folder))):
        above = nearest_existing(folder)
        if not above.is_dir():
            raise ConfigError(f"FOLDER is {str(folder)!r}, but {above} is a file; choose another")
        for path in (folder, *folder.parents):
            if path.is_symlink() and not path.exists():
                raise ConfigError(
                    f"FOLDER is {str(folder)!r}, but {path} is a link to {path.readlink()}, "
                    "which is not there; mount its disk, or choose another folder"
                )


def _inside(key: str) -> str:
    """Return a key without empty parts at its start and inside, which no path has: `//a///b.jpg`
    becomes `a/b.jpg`."""
    return re.sub("/{2,}", "/", key).lstrip("/")
