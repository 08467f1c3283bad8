"""Transfers and deletions, several at a time, with their progress on a terminal or in a log."""

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from styletransfer.errors import StorageError
from styletransfer.signals import POLL_S, Stop, Stopped
from styletransfer.storage.base import DiskError, ObjectError, Progress

JOBS = 8  # at a time, unless a caller says otherwise
POOL = "transfer"  # the first part of the threads' names


@dataclass(frozen=True)
class Job:
    """One file to check, transfer or delete: its key, its size in bytes, and how.

    `run` reports the bytes transferred since its last report, and returns whether there was
    anything to do. It raises StorageError.
    """

    key: str
    size: int
    run: Callable[[Progress], bool]


JobOutcome = bool | StorageError  # what `Job.run` returned or raised


@dataclass(frozen=True)
class Display:
    """The display of jobs on a terminal.

    Attributes:
        doing: What the jobs do, such as `sending`.
        bytes_count: Whether the bar counts bytes instead of files.
        named: Whether a line for each job is printed above the bar, which disappears in the end.
    """

    doing: str
    bytes_count: bool = True
    named: bool = False


def run_jobs(
    jobs: Sequence[Job],
    ended: Callable[[Job, JobOutcome], str],
    display: Display,
    at_a_time: int = JOBS,
) -> None:
    """Runs jobs in parallel, with a progress bar on a terminal.

    ended: gets each job's outcome and returns a line to print, or an empty string.
    Raises UnavailableError or DiskError without beginning another job, which would fail too, and
    Stopped after a signal: both when the jobs in progress have ended, or at once after a second
    signal.
    """
    if not jobs:
        return
    with Stop() as stop:
        stop.later = True  # An exception while a thread is started would break its locks.
        _run(jobs, ended, _shown(jobs, display), ThreadPoolExecutor(at_a_time, POOL), stop)
        stop.later = False
        stop.obey()


def _run(
    jobs: Sequence[Job],
    ended: Callable[[Job, JobOutcome], str],
    shown: contextlib.AbstractContextManager[tuple[Progress, Callable[[str], None]]],
    threads: ThreadPoolExecutor,
    stop: Stop,
) -> None:
    with shown as (progress, finish), threads as pool:
        done: SimpleQueue[Future[bool]] = SimpleQueue()
        futures = {}
        try:
            for job in jobs:
                futures[future := pool.submit(job.run, progress)] = job
                future.add_done_callback(done.put)
            for _ in jobs:
                future = _next(done, stop)
                job = futures[future]
                try:
                    outcome: JobOutcome = future.result()
                except DiskError:
                    raise
                except ObjectError as error:
                    outcome = error
                if outcome is False:
                    progress(job.size)
                finish(ended(job, outcome))
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, Stopped):
                message = "stopping after the files in progress; press Ctrl-C again to abort them"
                print(message, file=sys.stderr, flush=True)
            raise


def _next(done: "SimpleQueue[Future[bool]]", stop: Stop) -> "Future[bool]":
    """The job that has ended next. Raises Stopped after a signal."""
    while True:
        stop.obey()
        with contextlib.suppress(Empty):
            return done.get(timeout=POLL_S)


@contextlib.contextmanager
def _shown(
    jobs: Sequence[Job], display: Display
) -> Iterator[tuple[Progress, Callable[[str], None]]]:
    """Two functions: one takes the bytes transferred, the other the line of each finished job.

    They move a bar on a terminal; elsewhere only the lines are printed.
    """
    if not sys.stdout.isatty():
        yield lambda size: None, lambda line: print(line, flush=True) if line else None
        return
    from rich import progress as rich

    count = rich.TextColumn("{task.description} {task.fields[files]}/{task.fields[all]} files")
    columns = [count, rich.BarColumn(bar_width=20)]
    if display.bytes_count:
        columns += [rich.DownloadColumn(), rich.TransferSpeedColumn(), rich.TimeRemainingColumn()]
    with rich.Progress(*columns, transient=display.named or not display.bytes_count) as bar:
        total = sum(job.size for job in jobs) if display.bytes_count else len(jobs)
        task = bar.add_task(display.doing, total=total, files=0, all=len(jobs))
        finished = itertools.count(1)

        def finish(line: str) -> None:
            bar.update(task, files=next(finished), advance=not display.bytes_count)
            if line and display.named:
                bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

        yield lambda size: bar.advance(task, size * display.bytes_count), finish
