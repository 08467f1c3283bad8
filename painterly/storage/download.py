"""Downloads of a bucket into a folder that replace and delete downloaded files only.

A file is the user's own if the folder's list does not name it, or if it was changed since its
download. A file with the content of its object is treated as downloaded.
"""

import os
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from painterly.errors import ConfigError
from painterly.settings.bucket_layout import PAGE
from painterly.storage.base import Entry, ObjectError, Progress, Store
from painterly.storage.file_names import Fold, key_folding
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
    check_deletion,
    delete_all,
    transfer_all,
)
from painterly.storage.transfers import Job
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
    result = SyncResult(dry_run=rules.dry_run)
    entries = rules.select(_objects(bucket), result)
    fold = key_folding(folder, [entry.key for entry in entries], always=rules.delete)
    made = MadeFiles(folder, mount)
    made.check_mounted()
    to_delete = _to_delete(bucket, folder, made, entries, fold, rules, result)
    files = _files(entries, folder, fold, result)
    for parent in {path.parent for _, path in files} if not rules.dry_run else ():
        delete_leftovers(parent)
    jobs = [
        Job(entry.key, entry.size, partial(_download, bucket, entry, path, made, rules.dry_run))
        for entry, path in files
        if not made.has(entry, path)
    ]
    result.same += len(files) - len(jobs)
    if jobs and not rules.dry_run:
        made.create()
    # The gallery's page comes last, after the pictures that it shows.
    jobs.sort(key=lambda job: job.key == PAGE)
    transfer_all(jobs, result, rules, "fetching")
    delete_all(FolderBucket(folder), to_delete, result, rules, made.remove)
    return result


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


def _objects(bucket: Store) -> Iterator[Entry]:
    return (
        entry
        for entry in bucket.list_with_folder_markers()
        if entry.size or not entry.key.endswith("/")
    )


def _files(
    entries: Sequence[Entry], folder: Path, fold: Fold, result: SyncResult
) -> list[tuple[Entry, Path]]:
    files, taken = [], dict[str, str]()
    for entry in entries:
        try:
            path = _path(folder, entry.key)
        except ObjectError as error:
            result.failures.append(str(error))
            continue
        other = taken.setdefault(fold(_inside(entry.key)), entry.key)
        if other == entry.key:
            files.append((entry, path))
        else:
            result.failures.append(
                f"'{printable(entry.key)}' and '{printable(other)}' are one file on this disk; "
                "rename one of the objects"
            )
    return files


def _path(folder: Path, key: str) -> Path:
    """Return the file for an object, as `safe_path`, and for a key with empty parts as well."""
    return safe_path(folder, _inside(key))


def _inside(key: str) -> str:
    """Return a key without empty parts at its start and inside, which no path has: `//a///b.jpg`
    becomes `a/b.jpg`."""
    return re.sub("/{2,}", "/", key).lstrip("/")


def _download(
    bucket: Store, entry: Entry, path: Path, made: MadeFiles, dry_run: bool, progress: Progress
) -> bool:
    """Download an object and list its file, unless the file has its content already.

    Returns whether it had another content. Raises OwnFileError if that is the user's own,
    UnavailableError if the folder's disk is gone.
    """
    made.check_mounted()
    differs = not os.path.lexists(path) or _differs(entry, path, made)
    if not dry_run:
        if differs:
            bucket.download(entry.key, path, progress)
        made.add(entry, bucket.name, path)
    return differs


def _differs(entry: Entry, path: Path, made: MadeFiles) -> bool:
    """Return whether an existing file has another content than its object.

    Raises OwnFileError if it differs and is the user's own.
    """
    with storage_errors(printable(str(path))):
        exists, link = path.is_file(), path.is_symlink()
    if exists and is_same(path, entry):
        return False
    if not (exists or link) or made.is_unchanged(entry.key, path):
        return True
    made.reload()  # Another process may have downloaded it.
    if made.is_unchanged(entry.key, path):
        return True
    if path.is_file() and is_same(path, entry):  # It has, and not listed it yet.
        return False
    what = "was changed after it was downloaded" if entry.key in made.downloaded else "is your own"
    raise OwnFileError(
        f"{printable(str(path))} {what} and stays; to get the bucket's, move or rename it, or "
        "download into another folder"
    )


def _to_delete(
    bucket: Store,
    folder: Path,
    made: MadeFiles,
    entries: Sequence[Entry],
    fold: Fold,
    rules: SyncRules,
    result: SyncResult,
) -> list[Entry]:
    """List the files that earlier downloads from a bucket brought and it no longer has. Raises
    ConfigError if it is empty."""
    wanted, to_delete = {fold(entry.key) for entry in entries}, []
    for key, file in sorted(made.downloaded.items()) if rules.delete else ():
        if fold(key) in wanted or file.bucket != bucket.name or rules.why_not(key):
            continue
        try:
            path = _path(folder, key)
            if not os.path.lexists(path):
                continue
            unchanged = made.is_unchanged(key, path)
        except ObjectError as error:
            result.notes.append(f"not deleted: {error}")
            continue
        if unchanged:
            to_delete.append(Entry(_inside(key), file.size, file.etag))
        else:
            result.notes.append(
                f"{printable(str(path))} was changed after it was downloaded and is not deleted"
            )
    check_deletion(to_delete, entries)
    return to_delete
