"""A laptop's errands: pictures from a bucket to a folder, and back.

Only what differs in size or content goes over the wire. boto3 and rich are imported when there is
something to move, so that `--help` answers at once.
"""

import argparse
import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from styletransfer import config
from styletransfer.errors import ConfigError, StorageError, StyleTransferError
from styletransfer.storage import (
    Bucket,
    Entry,
    FolderBucket,
    Progress,
    UnavailableError,
    hidden,
    is_same,
    open_bucket,
    safe_path,
    shown,
)

THREADS = 8
BUCKET_HELP = "a bucket's name, or name/prefix; or a folder, starting with ./ ../ / ~ or file:"
ENVIRONMENT_HELP = """
CELLAR_ADDON_HOST, CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET are read from the environment,
or from a file .env beside this script. Without them, buckets are Amazon's.

Files that are the same on both sides are left as they are, and so is what lies only where the
files go to. Hidden files (.DS_Store) stay where they are.

exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration,
5 storage unreachable or refused"""


@dataclass(frozen=True)
class Job:
    """One file to move: its key, its size in bytes, and how. `run` tells its progress in bytes,
    and returns whether anything had to be moved."""

    key: str
    size: int
    run: Callable[[Progress], bool]


@dataclass
class Tally:
    """What became of an errand: files moved and their bytes, files that were the same, hidden
    files left out, files that the storage refused, and one line for each failure."""

    moved: int = 0
    size: int = 0
    same: int = 0
    hidden: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 5 the storage refused all that was tried."""
        if self.refused and not self.moved and not self.same:
            return StorageError.exit_code
        return 1 if self.failures else 0

    def __str__(self) -> str:
        told = f"{_count(self.moved)} moved ({_megabytes(self.size)})"
        told += f", {self.same} the same already" if self.same else ""
        told += f", {self.hidden} hidden left out" if self.hidden else ""
        return told + (f", {len(self.failures)} failed:" if self.failures else "")


def get_bucket_content(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = _parser(
        "get_bucket_content.py",
        "Downloads what a bucket holds into a folder.",
        "  ./get_bucket_content.py my-paintings ./paintings\n"
        "  ./get_bucket_content.py my-results/monet ./results",
    )
    parser.add_argument("bucket", metavar="BUCKET", help=BUCKET_HELP)
    parser.add_argument("folder", metavar="FOLDER", help="where to; made if it is missing")
    told = parser.parse_args(arguments)
    return _finish(parser.prog, lambda: fetch(_open(told.bucket), Path(told.folder)))


def send_to_bucket(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = _parser(
        "send_to_bucket.py",
        "Uploads what a folder holds into a bucket.",
        "  ./send_to_bucket.py ./holidays my-photos\n"
        "  ./send_to_bucket.py ./holidays my-photos/2026/brittany",
    )
    parser.add_argument("folder", metavar="FOLDER", help="what to send, with its sub-folders")
    parser.add_argument("bucket", metavar="BUCKET", help=BUCKET_HELP)
    told = parser.parse_args(arguments)
    return _finish(parser.prog, lambda: send(Path(told.folder), _open(told.bucket)))


def fetch(bucket: Bucket, folder: Path) -> Tally:
    """What a bucket holds into a folder. A key that has no place in the folder is a failure, and
    the others go on. Raises ConfigError for a file in the folder's place, UnavailableError where
    the bucket cannot be reached."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"FOLDER is {str(folder)!r}, a file; expected a folder")
    tally, jobs = Tally(), []
    for entry in bucket.list():
        if hidden(entry.key):
            tally.hidden += 1
            continue
        try:
            path = safe_path(folder, entry.key)
        except StorageError as error:
            tally.failures.append(str(error))
            continue
        jobs.append(Job(entry.key, entry.size, partial(_get, bucket, entry, path)))
    _move(jobs, tally)
    return tally


def send(folder: Path, bucket: Bucket) -> Tally:
    """What a folder holds into a bucket. Raises ConfigError where there is no such folder,
    UnavailableError where the bucket cannot be reached."""
    if not folder.is_dir():
        raise ConfigError(f"FOLDER is {str(folder)!r}; expected a folder that exists")
    tally, jobs = Tally(), []
    there = {entry.key: entry for entry in bucket.list()}
    for entry in FolderBucket(folder).list():
        put = partial(_put, folder / entry.key, bucket, entry.key, there.get(entry.key))
        jobs.append(Job(entry.key, entry.size, put))
    _move(jobs, tally)
    return tally


def _get(bucket: Bucket, entry: Entry, path: Path, progress: Progress) -> bool:
    if path.is_file() and is_same(path, entry):
        return False
    bucket.download(entry.key, path, progress)
    return True


def _put(path: Path, bucket: Bucket, key: str, there: Entry | None, progress: Progress) -> bool:
    if there and is_same(path, there):
        return False
    bucket.upload(path, key, progress)
    return True


def _move(jobs: list[Job], tally: Tally) -> None:
    """Runs jobs side by side. One that fails leaves the others going, unless all would fail."""
    with _meter(jobs) as (progress, done), ThreadPoolExecutor(THREADS) as pool:
        futures = {pool.submit(job.run, progress): job for job in jobs}
        try:
            for future in as_completed(futures):
                job = futures[future]
                try:
                    moved = future.result()
                except UnavailableError:
                    raise
                except StorageError as error:
                    tally.refused += 1
                    tally.failures.append(str(error))
                    done("failed", job)
                    continue
                if moved:
                    tally.moved += 1
                    tally.size += job.size
                else:
                    tally.same += 1
                    progress(job.size)
                done("moved" if moved else "same", job)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextlib.contextmanager
def _meter(jobs: list[Job]) -> Iterator[tuple[Progress, Callable[[str, Job], None]]]:
    """What shows progress: a function to tell bytes to, and one to tell finished jobs to.

    A bar on a terminal; otherwise (a log) a line for every file that was moved.
    """
    if not sys.stdout.isatty():
        yield lambda size: None, _line
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
        yield (
            lambda size: bar.advance(task, size),
            lambda _, __: bar.update(task, files=next(finished)),
        )


def _line(what: str, job: Job) -> None:
    if what == "moved":
        print(f"{shown(job.key)} ({_megabytes(job.size)})", flush=True)


def _open(value: str) -> Bucket:
    return open_bucket(value, config.account(config.environment()), new=True)


def _finish(prog: str, errand: Callable[[], Tally]) -> int:
    """Runs an errand and tells how it went: the summary, then what failed. Returns the code."""
    try:
        tally = errand()
    except StyleTransferError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        needed = "pip install boto3 python-dotenv rich"
        print(f"{prog}: the Python package {error.name} is missing; {needed}", file=sys.stderr)
        return ConfigError.exit_code
    except KeyboardInterrupt:
        print(f"{prog}: stopped; what was moved stays, run it again for the rest", file=sys.stderr)
        return 130
    print(tally, flush=True)
    for failure in tally.failures:
        print(f"{prog}: {failure}", file=sys.stderr)
    return tally.exit_code


def _parser(prog: str, what: str, example: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=prog,
        description=what,
        epilog=f"example:\n{example}\n{ENVIRONMENT_HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
