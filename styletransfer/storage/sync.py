"""Files between a folder and a bucket: only what differs goes over the wire, several at a time."""

import contextlib
import itertools
import os
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from styletransfer.errors import ConfigError, StorageError
from styletransfer.log import printable
from styletransfer.storage.base import Bucket, Entry, ObjectError, Progress, hidden
from styletransfer.storage.files import is_same, storage_errors
from styletransfer.storage.folder import FolderBucket, safe_path

THREADS, POOL = 8, "moving"  # POOL names the threads.
# What was found the same, so that a folder that is watched is not hashed again and again.
Known = dict[str, tuple[str, int, int]]
Fold = Callable[[str], str]


@dataclass(frozen=True)
class SyncRules:
    """What a sync moves and deletes.

    `include` picks keys. With `delete`, a key that the sender lacks is deleted at the receiver if
    it is included, not hidden, and managed: `managed` gets the receiver's and the sender's keys and
    returns the test. `named` also prints each file on a terminal. `known` is kept from one download
    to the next.
    """

    include: Callable[[str], bool] = lambda key: True
    delete: bool = False
    managed: Callable[[set[str], set[str]], Callable[[str], bool]] = lambda _, __: lambda key: True
    dry_run: bool = False
    named: bool = False
    known: Known | None = None


@dataclass(frozen=True)
class Job:
    """One file to move or delete: its key, its size in bytes, and how. `run` tells its progress in
    bytes, and returns whether anything had to be done."""

    key: str
    size: int
    run: Callable[[Progress], bool]


@dataclass
class SyncResult:
    """What became of an errand, in files, `size` in bytes; `other` were left out for their kind,
    `refused` by the storage. `failures` has one line for each."""

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
        """0 all done, 1 some failed, 5 the storage refused all that was tried."""
        if self.refused and not self.moved and not self.same and not self.deleted:
            return StorageError.exit_code
        return 1 if self.failures else 0

    def refuse(self, error: StorageError) -> str:
        """Counts a refused file; no line to print, as failures are told last."""
        self.refused += 1
        self.failures.append(str(error))
        return ""

    def __str__(self) -> str:
        would = "would be " if self.dry_run else ""
        told = f"{plural(self.moved)} {would}moved ({megabytes(self.size)})"
        told += f", {self.same} the same already" if self.same else ""
        told += f", {self.hidden} hidden left out" if self.hidden else ""
        told += f", {self.other} of other kinds left out" if self.other else ""
        told += f", {self.deleted} {would}deleted" if self.deleted else ""
        return told + (f", {len(self.failures)} failed:" if self.failures else "")


def download_all(bucket: Bucket, folder: Path, rules: SyncRules | None = None) -> SyncResult:
    """What a bucket holds into a folder. A key that has no place in the folder is a failure, and
    the others go on. Raises ConfigError for a file in the folder's place, UnavailableError where
    the bucket cannot be reached."""
    rules = rules or SyncRules()
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"FOLDER is {str(folder)!r}, a file; expected a folder")
    result, found = SyncResult(dry_run=rules.dry_run), []
    for entry in bucket.everything():
        if entry.key.endswith("/") and not entry.size:
            continue  # It stands for a folder.
        if hidden(entry.key):
            result.hidden += 1
        elif not rules.include(entry.key):
            result.other += 1
        else:
            found.append(entry)
    fold = _fold(folder, found, rules.delete)
    receiver = FolderBucket(folder, new=True)
    to_delete = _to_delete(receiver.list() if rules.delete else (), found, rules, fold)
    jobs, taken = [], {}
    for entry in found:
        try:
            path = safe_path(folder, entry.key)
            known = (rules.known or {}).get(entry.key)
            if known and known == _mark(entry, path):
                result.same += 1
                continue
        except ObjectError as error:
            result.failures.append(str(error))
            continue
        other = taken.setdefault(fold(entry.key), entry.key)
        if other != entry.key:
            result.failures.append(
                f"'{printable(entry.key)}' and '{printable(other)}' are one file on this disk; "
                "rename one of the objects"
            )
            continue
        jobs.append(Job(entry.key, entry.size, partial(_get, bucket, entry, path, rules)))
    # The page that shows the others arrives after them.
    jobs.sort(key=lambda job: job.key == "index.html")
    _move(jobs, result, rules)
    _delete(receiver, to_delete, result, rules)
    return result


def upload_all(folder: Path, bucket: Bucket, rules: SyncRules | None = None) -> SyncResult:
    """What a folder holds into a bucket. Raises ConfigError where there is no such folder,
    UnavailableError where the bucket cannot be reached."""
    rules = rules or SyncRules()
    if not folder.is_dir():
        raise ConfigError(f"FOLDER is {str(folder)!r}; expected a folder that exists")
    result = SyncResult(dry_run=rules.dry_run)
    there = {entry.key: entry for entry in bucket.list()}
    entries = list(FolderBucket(folder).list())
    found = [entry for entry in entries if rules.include(entry.key)]
    result.other = len(entries) - len(found)
    to_delete = _to_delete(there.values() if rules.delete else (), found, rules, str)
    jobs = []
    for entry in found:
        put = partial(_put, folder / entry.key, bucket, entry.key, there.get(entry.key), rules)
        jobs.append(Job(entry.key, entry.size, put))
    _move(jobs, result, rules)
    _delete(bucket, to_delete, result, rules)
    return result


def run_jobs(
    jobs: Sequence[Job], ended: Callable[[Job, bool | StorageError], str], *, named: bool = False
) -> None:
    """Runs jobs side by side, with a bar on a terminal.

    `ended` is told what each returned or raised, and returns a line for the log (on a terminal
    only if `named`), or none. Raises UnavailableError, with which all would end, at once.
    """
    if not jobs:
        return
    with _meter(jobs, named) as (progress, say), ThreadPoolExecutor(THREADS, POOL) as pool:
        futures = {pool.submit(job.run, progress): job for job in jobs}
        try:
            for future in as_completed(futures):
                job = futures[future]
                try:
                    outcome: bool | StorageError = future.result()
                except ObjectError as error:
                    outcome = error
                if outcome is False:
                    progress(job.size)
                say(ended(job, outcome))
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):
                told = "stopping after the files under way; Ctrl-C once more breaks them off"
                print(told, file=sys.stderr, flush=True)
            raise


def plural(files: int, what: str = "file") -> str:
    """So many of them, as `1 file` or `2 files`."""
    return f"1 {what}" if files == 1 else f"{files} {what}s"


def megabytes(size: int) -> str:
    """A size in bytes, to be read."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _get(bucket: Bucket, entry: Entry, path: Path, rules: SyncRules, progress: Progress) -> bool:
    with storage_errors(printable(str(path))):
        there = path.is_file()
    moved = not (there and is_same(path, entry))
    if rules.dry_run:
        return moved
    if moved:
        bucket.download(entry.key, path, progress)
    if rules.known is not None and (mark := _mark(entry, path)):
        rules.known[entry.key] = mark
    return moved


def _put(
    path: Path, bucket: Bucket, key: str, there: Entry | None, rules: SyncRules, progress: Progress
) -> bool:
    if there and is_same(path, there):
        return False
    if not rules.dry_run:
        bucket.upload(path, key, progress)
    return True


def _mark(entry: Entry, path: Path) -> tuple[str, int, int] | None:
    """What changes when the object or the file does; None where there is no file."""
    try:
        about = path.stat()
    except OSError:  # Whatever it is, fetching the file will tell it.
        return None
    return entry.etag, about.st_size, about.st_mtime_ns


def _move(jobs: list[Job], result: SyncResult, rules: SyncRules) -> None:
    def ended(job: Job, outcome: bool | StorageError) -> str:
        if isinstance(outcome, StorageError):
            return result.refuse(outcome)
        if not outcome:
            result.same += 1
            return ""
        result.moved += 1
        result.size += job.size
        return f"{printable(job.key)} ({megabytes(job.size)})"

    run_jobs(jobs, ended, named=rules.named or rules.dry_run)


def _to_delete(
    receiver: Iterable[Entry], sender: Sequence[Entry], rules: SyncRules, fold: Fold
) -> list[Entry]:
    """What a mirror deletes at the receiver. Raises ConfigError where that is all of it."""
    here, there = list(receiver), {entry.key for entry in sender}
    inside = rules.managed({entry.key for entry in here}, there)
    kept = {fold(key) for key in there}
    to_delete = [
        entry
        for entry in here
        if fold(entry.key) not in kept
        and not hidden(entry.key)
        and rules.include(entry.key)
        and inside(entry.key)
    ]
    if to_delete and not there:
        raise ConfigError(
            f"--delete would delete {plural(len(to_delete))} and bring nothing in their place; "
            "expected a sender that is not empty"
        )
    return to_delete


def _delete(
    receiver: Bucket, to_delete: Sequence[Entry], result: SyncResult, rules: SyncRules
) -> None:
    if to_delete and result.failures:
        result.failures.append(f"{plural(len(to_delete))} not deleted, as not all others arrived")
        return

    def delete(key: str, progress: Progress) -> bool:
        if not rules.dry_run:
            receiver.delete(key)
        return True

    def ended(job: Job, outcome: bool | StorageError) -> str:
        if isinstance(outcome, StorageError):
            return result.refuse(outcome)
        result.deleted += 1
        return f"{'would delete' if rules.dry_run else 'deleted'} {printable(job.key)}"

    run_jobs([Job(each.key, 0, partial(delete, each.key)) for each in to_delete], ended, named=True)


def _fold(folder: Path, found: Sequence[Entry], delete: bool) -> Fold:
    """What makes equal the keys that are one file on the folder's disk.

    The disk is tried only for keys that differ in nothing else, and before files are deleted.
    """

    def loose(key: str) -> str:
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())

    if not delete and len({loose(entry.key) for entry in found}) == len(found):
        return str
    case, form = _ignores(folder, "a", "A"), _ignores(folder, "\u00e9", "e\u0301")
    if case:
        return loose
    return partial(unicodedata.normalize, "NFC") if form else str


def _ignores(folder: Path, one: str, other: str) -> bool:
    """Whether two names are one file on the disk of a folder, or of the nearest that is there."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    try:
        with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=there) as trial:
            (Path(trial) / one).touch()
            return (Path(trial) / other).exists()
    except OSError:  # Nothing can be written, which the first file will tell.
        return os.name == "nt" or sys.platform == "darwin"


@contextlib.contextmanager
def _meter(jobs: Sequence[Job], named: bool) -> Iterator[tuple[Progress, Callable[[str], None]]]:
    """What shows progress: a function to tell bytes to, and one to tell each finished job's line.

    A bar on a terminal; otherwise (a log) the lines alone.
    """
    if not sys.stdout.isatty():
        yield lambda size: None, lambda line: print(line, flush=True) if line else None
        return
    from rich import progress as rich

    columns = (
        *(rich.TextColumn("{task.fields[files]}/{task.fields[all]} files"), rich.BarColumn()),
        *(rich.DownloadColumn(), rich.TransferSpeedColumn(), rich.TimeRemainingColumn()),
    )
    with rich.Progress(*columns) as bar:
        total = sum(job.size for job in jobs)
        task = bar.add_task("", total=total, files=0, all=len(jobs))
        finished = itertools.count(1)

        def say(line: str) -> None:
            bar.update(task, files=next(finished))
            if line and named:
                bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

        yield lambda size: bar.advance(task, size), say
