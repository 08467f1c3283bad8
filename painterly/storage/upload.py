"""Uploads of a folder, or of files, into a bucket."""

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from painterly.errors import ConfigError, StorageError
from painterly.storage.base import Entry, ObjectError, Progress, Store, UnfinishedUpload
from painterly.storage.files import is_same, storage_errors
from painterly.storage.folder import FolderBucket
from painterly.storage.foreign_files import foreign_part
from painterly.storage.sync import (
    EVERYTHING,
    SyncResult,
    SyncRules,
    check_deletion,
    delete_all,
    transfer_all,
)
from painterly.storage.transfers import Job
from painterly.words.wording import printable


def upload_all(sources: Sequence[Path], bucket: Store, rules: SyncRules = EVERYTHING) -> SyncResult:
    """Upload a folder, or one or more files by their names, into a bucket.

    Raises ConfigError if there is no such folder or file, if a folder is not the only source, if
    two files have the same name, or if all files would be left out; StorageError if the folder or
    bucket cannot be listed; UnavailableError.
    """
    result = SyncResult(dry_run=rules.dry_run)
    folder = _folder(sources)
    if folder:
        entries = rules.select(folder.list(), result)
        paths = {entry.key: folder.folder / entry.key for entry in entries}
        for why, names in folder.skipped().items():
            for name in names:
                result.leave_out(why, name)
    else:
        paths = _files(sources, rules)
        entries = rules.select(map(_entry, paths.values()), result)
        if not entries:
            why, [name, *_] = next(iter(result.left_out.items()))
            raise ConfigError(f"{name!r} would be left out ({why}); there is nothing else to send")
    existing = {entry.key: entry for entry in bucket.list()}
    sent = {entry.key for entry in entries}
    to_delete = [
        entry
        for entry in existing.values()
        if rules.delete and entry.key not in sent and not rules.why_not(entry.key)
        if not foreign_part(entry.key)  # An earlier version sent it; the folder may still have it.
        if folder and not folder.passes_over(entry.key)
    ]
    check_deletion(to_delete, entries)
    arrived = set[str]()

    def upload(key: str, progress: Progress) -> bool:
        if folder:
            folder.check_mounted()
        there = existing.get(key)
        differs = there is None or not (is_same(paths[key], there) or _is_older(paths[key], there))
        if differs and not rules.dry_run:
            _upload(bucket, paths[key], key, progress)
        arrived.add(key)
        return differs

    earlier: Sequence[UnfinishedUpload] = ()
    with contextlib.suppress(StorageError):  # A sync does not need the right to list them.
        earlier = () if rules.dry_run else bucket.unfinished_uploads()
    jobs = [Job(entry.key, entry.size, partial(upload, entry.key)) for entry in entries]
    transfer_all(jobs, result, rules, "sending")
    for unfinished in earlier:
        # Its process was killed, and the bucket would keep it, unlisted and billed.
        if unfinished.key in arrived:
            with contextlib.suppress(StorageError):  # The file has arrived.
                bucket.abort_upload(unfinished)
    delete_all(bucket, to_delete, result, rules)
    return result


def _entry(path: Path) -> Entry:
    with storage_errors(printable(str(path))):
        return Entry(path.name, path.stat().st_size, "")


def _is_older(path: Path, there: Entry) -> bool:
    """Return whether a file has the size of an object without an ETag, and is no younger: then it
    was sent."""
    with storage_errors(printable(str(path))):
        about = path.stat()
    same_size = there.etag == there.dated and about.st_size == there.size
    return same_size and about.st_mtime <= (there.modified or 0)


def _upload(bucket: Store, path: Path, key: str, progress: Progress) -> None:
    """Upload a file. Raises ObjectError if it changes: it may have been sent in part."""

    def state() -> tuple[int, int]:
        with storage_errors(printable(str(path))):
            about = path.stat()
        return about.st_size, about.st_mtime_ns

    before = state()
    try:
        bucket.upload(path, key, progress)
    finally:
        if state() != before:
            raise ObjectError(f"{printable(str(path))} changed while it was sent; send it again")


def _folder(sources: Sequence[Path]) -> FolderBucket | None:
    """Return the folder to send, or None if the sources are files. Raises ConfigError if one is
    missing, or if a folder is not the only one."""
    folders = []
    for source in sources:
        with storage_errors(printable(str(source))):
            is_folder, is_file = source.is_dir(), source.is_file()
        if not is_folder and not is_file:
            raise ConfigError(f"{str(source)!r} does not exist; expected a folder or file")
        folders += [source] if is_folder else []
    if folders and len(sources) > 1:
        raise ConfigError(
            f"{str(folders[0])!r} is a folder; expected one folder, which is sent with its "
            "sub-folders, or only files"
        )
    return FolderBucket(folders[0]) if folders else None


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
