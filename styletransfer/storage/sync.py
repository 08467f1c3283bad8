"""What a sync of a folder and a bucket does and reports; uploads. `fetch` has downloads."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

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
from styletransfer.storage.files import is_same
from styletransfer.storage.folder import FolderBucket
from styletransfer.storage.jobs import Job, JobOutcome, run_jobs


class OwnFileError(ObjectError):
    """A file of the user's own is where an object is to be downloaded to."""


@dataclass(frozen=True)
class SyncRules:
    """What a sync transfers and deletes.

    include: whether a key is transferred.
    delete: delete keys that the sender lacks at the receiver, if they are included and not hidden;
        in a folder, only files that a download from the same bucket brought.
    dry_run: only report. named: also print each file on a terminal.
    """

    include: Callable[[str], bool] = lambda key: True
    delete: bool = False
    dry_run: bool = False
    named: bool = False


@dataclass
class SyncResult:
    """What a sync did, counted in files; `size` is in bytes. `other` files were left out because of
    `SyncRules.include`; storage refused `refused`. `failures` has a line for each failure, `notes`
    for what the user should know."""

    moved: int = 0
    size: int = 0
    same: int = 0
    hidden: int = 0
    other: int = 0
    deleted: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
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
        self.refused += not isinstance(error, OwnFileError)
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
    sent = {entry.key for entry in entries}
    to_delete = [
        entry
        for entry in existing.values()
        if rules.delete
        and entry.key not in sent
        and not hidden(entry.key)
        and rules.include(entry.key)
    ]
    check_deletion(to_delete, entries)
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
    delete_all(bucket, to_delete, result)
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


def delete_all(
    receiver: Bucket,
    to_delete: Sequence[Entry],
    result: SyncResult,
    deleted: Callable[[str], None] = lambda key: None,
) -> None:
    """Deletes at the receiver, unless a transfer failed. `deleted` gets each key that is gone."""
    if to_delete and result.failures:
        what = plural(len(to_delete), "file")
        result.failures.append(f"{what} not deleted, because not all others arrived")
        return

    def delete(key: str, progress: Progress) -> bool:
        if not result.dry_run:
            receiver.delete(key)
            deleted(key)
        return True

    jobs = [Job(each.key, 0, partial(delete, each.key)) for each in to_delete]
    run_jobs(jobs, result.count_deletion, named=True)


def check_deletion(to_delete: Sequence[Entry], sender: Collection[Entry]) -> None:
    """Raises ConfigError if there is something to delete and the sender is empty."""
    if to_delete and not sender:
        raise ConfigError(
            f"--delete would delete {plural(len(to_delete), 'file')} and bring nothing in their "
            "place; expected a sender that is not empty"
        )
