"""Transfers and deletions, several at a time, with their progress on a terminal or in a log."""

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from styletransfer.errors import StorageError
from styletransfer.storage.base import ObjectError, Progress

_THREADS = 8
POOL = "transfer"  # the first part of the threads' names


@dataclass(frozen=True)
class Job:
    """One file to transfer or delete: its key, its size in bytes, and how.

    `run` reports the bytes transferred since its last report, and returns whether there was
    anything to do. It raises StorageError.
    """

    key: str
    size: int
    run: Callable[[Progress], bool]


JobOutcome = bool | StorageError  # what `Job.run` returned or raised


def run_jobs(
    jobs: Sequence[Job], ended: Callable[[Job, JobOutcome], str], *, named: bool = False
) -> None:
    """Runs jobs in parallel, with a progress bar on a terminal.

    ended: gets each job's outcome and returns a line to print, or an empty string. A terminal shows
    these lines only if `named`.
    Raises UnavailableError at once, because the remaining jobs would fail as well.
    """
    if not jobs:
        return
    with _display(jobs, named) as (progress, finish), ThreadPoolExecutor(_THREADS, POOL) as pool:
        try:
            futures = {pool.submit(job.run, progress): job for job in jobs}
            for future in as_completed(futures):
                job = futures[future]
                try:
                    outcome: JobOutcome = future.result()
                except ObjectError as error:
                    outcome = error
                if outcome is False:
                    progress(job.size)
                finish(ended(job, outcome))
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):
                message = "stopping after the files in progress; press Ctrl-C again to abort them"
                print(message, file=sys.stderr, flush=True)
            raise


@contextlib.contextmanager
def _display(jobs: Sequence[Job], named: bool) -> Iterator[tuple[Progress, Callable[[str], None]]]:
    """Two functions: one takes the bytes transferred, the other the line of each finished job.

    They move a bar on a terminal; elsewhere only the lines are printed.
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

        def finish(line: str) -> None:
            bar.update(task, files=next(finished))
            if line and named:
                bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

        yield lambda size: bar.advance(task, size), finish
