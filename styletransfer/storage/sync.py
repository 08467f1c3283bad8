"""Files between a folder and a bucket. Only files that differ are transferred."""

import contextlib
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from styletransfer.bucket_layout import PAGE
from styletransfer.errors import ConfigError, StorageError
from styletransfer.log import megabytes, plural, printable
from styletransfer.storage.base import (
    Bucket,
    Entry,
    ObjectError,
    Progress,
    UnfinishedUpload,
    hidden,
)
from styletransfer.storage.file_names import Fold, key_folding
from styletransfer.storage.files import is_same, storage_errors
from styletransfer.storage.folder import FolderBucket, safe_path
from styletransfer.storage.jobs import Job, JobOutcome, run_jobs

# ETag, size and time of the files found to be the same, by key: a watched folder is hashed once.
Known = dict[str, tuple[str, int, int]]


@dataclass(frozen=True)
class SyncRules:
    """What a sync transfers and deletes.

    include: whether a key is transferred.
    delete: delete keys that the sender lacks at the receiver, if they are included, not hidden,
        and managed.
    managed: gets the receiver's and the sender's keys, and returns whether a key is managed.
    dry_run: only report. named: also print each file on a terminal.
    known: kept by the caller from one download to the next.
    """

    include: Callable[[str], bool] = lambda key: True
    delete: bool = False
    managed: Callable[[set[str], set[str]], Callable[[str], bool]] = lambda _, __: lambda key: True
    dry_run: bool = False
    named: bool = False
    known: Known | None = None


@dataclass
class SyncResult:
    """What a sync did, counted in files; `size` is in bytes. `other` files were left out because of
    `SyncRules.include`; storage refused `refused`. `failures` has a line for each failure."""

    moved: int = 0
    size: int = 0
    same: int = 0
    hidden: int = 0
    other: int = 0
    deleted: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 5 storage refused everything."""
        if self.refused and not self.moved and not self.same and not self.deleted:
            return StorageError.exit_code
        return 1 if self.failures else 0

    def count_transfer(self, job: Job, outcome: JobOutcome) -> str:
        """Counts a finished transfer; returns its line for the log."""
        if isinstance(outcome, StorageError):
            return self._refuse(outcome)
        if not outcome:
            self.same += 1
            return ""
        self.moved += 1
        self.size += job.size
        return f"{printable(job.key)} ({megabytes(job.size)})"

    def count_deletion(self, job: Job, outcome: JobOutcome) -> str:
        """Counts a finished deletion; returns its line for the log."""
        if isinstance(outcome, StorageError):
            return self._refuse(outcome)
        self.deleted += 1
        return f"{'would delete' if self.dry_run else 'deleted'} {printable(job.key)}"

    def _refuse(self, error: StorageError) -> str:
        self.refused += 1
        self.failures.append(str(error))
        return ""  # Failures are printed last.

    def __str__(self) -> str:
        would = "would be " if self.dry_run else ""
        parts = [f"{plural(self.moved, 'file')} {would}moved ({megabytes(self.size)})"]
        parts += [f"{self.same} already the same"] if self.same else []
        parts += [f"{self.hidden} hidden left out"] if self.hidden else []
        parts += [f"{self.other} of other kinds left out"] if self.other else []
        parts += [f"{self.deleted} {would}deleted"] if self.deleted else []
        parts += [f"{len(self.failures)} failed:"] if self.failures else []
        return ", ".join(parts)


def download_all(bucket: Bucket, folder: Path, rules: SyncRules | None = None) -> SyncResult:
    """Downloads a bucket into a folder.

    A key that cannot be a file in the folder counts as a failure. Raises ConfigError if `folder` is
    a file, StorageError if the bucket cannot be listed, UnavailableError.
    """
    rules = rules or SyncRules()
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"FOLDER is {str(folder)!r}, a file; expected a folder")
    result = SyncResult(dry_run=rules.dry_run)
    entries = _included(bucket, rules, result)
    fold = key_folding(folder, [entry.key for entry in entries], always=rules.delete)
    receiver = FolderBucket(folder, new=True)
    to_delete = _to_delete(receiver.list() if rules.delete else (), entries, rules, fold)
    files = _files(entries, folder, fold, result)
    jobs = []
    for entry, path in files:
        known = (rules.known or {}).get(entry.key)
        if known and known == _mark(entry, path):
            result.same += 1
        else:
            jobs.append(Job(entry.key, entry.size, partial(_download, bucket, entry, path, rules)))
    # The gallery's page comes last, after the pictures that it shows.
    jobs.sort(key=lambda job: job.key == PAGE)
    run_jobs(jobs, result.count_transfer, named=rules.named or rules.dry_run)
    _delete(receiver, to_delete, result)
    return result


def upload_all(folder: Path, bucket: Bucket, rules: SyncRules | None = None) -> SyncResult:
    """Uploads a folder into a bucket.

    Raises ConfigError if there is no such folder, StorageError if the bucket cannot be listed,
    UnavailableError.
    """
    rules = rules or SyncRules()
    if not folder.is_dir():
        raise ConfigError(f"FOLDER is {str(folder)!r}; expected a folder that exists")
    result = SyncResult(dry_run=rules.dry_run)
    existing = {entry.key: entry for entry in bucket.list()}
    files = list(FolderBucket(folder).list())
    entries = [entry for entry in files if rules.include(entry.key)]
    result.other = len(files) - len(entries)
    to_delete = _to_delete(existing.values() if rules.delete else (), entries, rules, str)

    arrived = set[str]()

    def upload(key: str, progress: Progress) -> bool:
        path = folder / key
        differs = not (key in existing and is_same(path, existing[key]))
        if differs and not rules.dry_run:
            bucket.upload(path, key, progress)
        arrived.add(key)
        return differs

    earlier = () if rules.dry_run else _unfinished(bucket)
    jobs = [Job(entry.key, entry.size, partial(upload, entry.key)) for entry in entries]
    run_jobs(jobs, result.count_transfer, named=rules.named or rules.dry_run)
    _abort(bucket, earlier, arrived)
    _delete(bucket, to_delete, result)
    return result


def _unfinished(bucket: Bucket) -> Sequence[UnfinishedUpload]:
    """The unfinished uploads of a bucket; none where they may not be listed, which is a right of
    its own that a sync does not need."""
    try:
        return bucket.unfinished_uploads()
    except StorageError:
        return ()


def _abort(bucket: Bucket, earlier: Iterable[UnfinishedUpload], arrived: Set[str]) -> None:
    """Aborts earlier uploads of files that have arrived now: their processes were killed, and the
    bucket would keep them for ever, unseen and billed."""
    for each in earlier:
        if each.key in arrived:
            with contextlib.suppress(StorageError):  # The files have arrived all the same.
                bucket.abort_upload(each)


def _included(bucket: Bucket, rules: SyncRules, result: SyncResult) -> list[Entry]:
    """The objects to download; counts those left out."""
    entries = []
    for entry in bucket.everything():
        if entry.key.endswith("/") and not entry.size:
            continue  # It stands for a folder.
        if hidden(entry.key):
            result.hidden += 1
        elif not rules.include(entry.key):
            result.other += 1
        else:
            entries.append(entry)
    return entries


def _files(
    entries: Sequence[Entry], folder: Path, fold: Fold, result: SyncResult
) -> list[tuple[Entry, Path]]:
    """The file for each object; an object that cannot have one is added to the failures."""
    files, taken = [], dict[str, str]()
    for entry in entries:
        try:
            path = safe_path(folder, entry.key)
        except ObjectError as error:
            result.failures.append(str(error))
            continue
        other = taken.setdefault(fold(entry.key), entry.key)
        if other == entry.key:
            files.append((entry, path))
        else:
            result.failures.append(
                f"'{printable(entry.key)}' and '{printable(other)}' are one file on this disk; "
                "rename one of the objects"
            )
    return files


def _download(
    bucket: Bucket, entry: Entry, path: Path, rules: SyncRules, progress: Progress
) -> bool:
    with storage_errors(printable(str(path))):
        exists = path.is_file()
    differs = not (exists and is_same(path, entry))
    if rules.dry_run:
        return differs
    if differs:
        bucket.download(entry.key, path, progress)
    if rules.known is not None and (mark := _mark(entry, path)):
        rules.known[entry.key] = mark
    return differs


def _mark(entry: Entry, path: Path) -> tuple[str, int, int] | None:
    """Changes when the object or the file does; None if there is no file."""
    try:
        about = path.stat()
    except OSError:  # The download reports what is wrong.
        return None
    return entry.etag, about.st_size, about.st_mtime_ns


def _to_delete(
    receiver: Iterable[Entry], sender: Sequence[Entry], rules: SyncRules, fold: Fold
) -> list[Entry]:
    """What a sync with `delete` deletes at the receiver.

    Raises ConfigError if the sender is empty, because that would be everything.
    """
    existing, sent = list(receiver), {entry.key for entry in sender}
    managed = rules.managed({entry.key for entry in existing}, sent)
    kept = {fold(key) for key in sent}
    to_delete = [
        entry
        for entry in existing
        if fold(entry.key) not in kept
        and not hidden(entry.key)
        and rules.include(entry.key)
        and managed(entry.key)
    ]
    if to_delete and not sent:
        raise ConfigError(
            f"--delete would delete {plural(len(to_delete), 'file')} and bring nothing in their "
            "place; expected a sender that is not empty"
        )
    return to_delete


def _delete(receiver: Bucket, to_delete: Sequence[Entry], result: SyncResult) -> None:
    """Deletes at the receiver, unless a transfer failed."""
    if to_delete and result.failures:
        what = plural(len(to_delete), "file")
        result.failures.append(f"{what} not deleted, because not all others arrived")
        return

    def delete(key: str, progress: Progress) -> bool:
        if not result.dry_run:
            receiver.delete(key)
        return True

    jobs = [Job(each.key, 0, partial(delete, each.key)) for each in to_delete]
    run_jobs(jobs, result.count_deletion, named=True)
