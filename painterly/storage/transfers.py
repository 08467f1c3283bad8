"""Transfers and deletions, several at a time, with their progress on a terminal or in a log."""

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from painterly.errors import StorageError
from painterly.signals import POLL_S, Stop, Stopped
from painterly.storage.base import DiskError, ObjectError, Progress

JOBS = 8  # at a time
POOL = "transfer"  # the first part of the threads' names


@dataclass(frozen=True)
class Job:
    """One file to check, transfer or delete: its key, its size in bytes, and how.

    `run` reports the bytes transferred since its last report. A check returns whether the file
    differs. It raises StorageError.
    """

    key: str
    size: int
    run: Callable[[Progress], bool | None]


JobOutcome = bool | StorageError | None  # what `Job.run` returned or raised


def run_jobs(
    jobs: Sequence[Job],
    ended: Callable[[Job, JobOutcome], str],
    doing: str,
    *,
    count_bytes: bool = True,
    named: bool = False,
) -> None:
    """Run jobs in parallel, with a progress bar on a terminal.

    Args:
        ended: Gets each job's outcome and returns a line to print, or an empty string.
        doing: The word for the jobs on the terminal, such as `sending`.
        count_bytes: Whether the bar counts bytes instead of files.
        named: Whether lines are printed above the bar as well, which then disappears in the end.

    Raises UnavailableError, DiskError: no other job is started, since it would fail too; and
    Stopped after a signal, when the jobs in progress have ended, or after a second one, at once.
    """
    if not jobs:
        return
    with Stop() as stop:
        stop.later = True  # An exception while a thread is started would break its locks.
        display = _display(jobs, doing, count_bytes, named)
        with display as (progress, finish), ThreadPoolExecutor(JOBS, POOL) as pool:
            try:
                for job, outcome in _outcomes(jobs, pool, progress, stop):
                    finish(ended(job, outcome))
            except BaseException as error:
                pool.shutdown(wait=False)
                if isinstance(error, Stopped):
                    what = "stopping after the files in progress; press Ctrl-C again to abort them"
                    print(what, file=sys.stderr, flush=True)
                raise
        stop.later = False
        stop.obey()


def _outcomes(
    jobs: Sequence[Job], pool: ThreadPoolExecutor, progress: Progress, stop: Stop
) -> Iterator[tuple[Job, JobOutcome]]:
    started: dict[Future[bool | None], Job] = {}
    rest = iter(jobs)
    while True:
        stop.obey()
        for job in itertools.islice(rest, JOBS - len(started)):
            started[pool.submit(job.run, progress)] = job
        if not started:
            return
        done, _ = wait(started, POLL_S, return_when=FIRST_COMPLETED)
        for future in done:
            job = started.pop(future)
            try:
                yield job, future.result()
            except DiskError:
                raise
            except ObjectError as error:
                yield job, error


@contextlib.contextmanager
def _display(
    jobs: Sequence[Job], doing: str, count_bytes: bool, named: bool
) -> Iterator[tuple[Progress, Callable[[str], None]]]:
    """Yield two functions: one takes the bytes transferred, the other the line of each finished
    job.

    They move a bar on a terminal; elsewhere only the lines are printed.
    """
    if not sys.stdout.isatty():
        yield lambda size: None, lambda line: print(line, flush=True) if line else None
        return
    from rich import progress as rich

    count = rich.TextColumn("{task.description} {task.fields[files]}/{task.fields[all]} files")
    columns = [count, rich.BarColumn(bar_width=20)]
    if count_bytes:
        columns += [rich.DownloadColumn(), rich.TransferSpeedColumn(), rich.TimeRemainingColumn()]
    with rich.Progress(*columns, transient=named or not count_bytes) as bar:
        total = sum(job.size for job in jobs) if count_bytes else len(jobs)
        task = bar.add_task(doing, total=total, files=0, all=len(jobs))
        finished = itertools.count(1)

        def finish(line: str) -> None:
            bar.update(task, files=next(finished), advance=not count_bytes)
            if line and named:
                bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

        yield lambda size: bar.advance(task, size * count_bytes), finish
