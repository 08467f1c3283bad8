"""Paints the tasks of a run, with one or more workers on each device.

One worker paints in the calling thread; of several, each has a thread, and all take their tasks
from one prefetcher. After a signal, each worker saves its painting; an error that
ends one worker ends the run.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.context import Pipeline, RunContext
from styletransfer.batch.eta import BatchEta
from styletransfer.batch.ownership import Ownership
from styletransfer.batch.prefetch import Prefetcher
from styletransfer.batch.prefetch_memory import PrefetchMemory
from styletransfer.batch.uploader import Outcome, Uploader
from styletransfer.gallery.publisher import Gallery
from styletransfer.log import event
from styletransfer.signals import POLL_S, Stopped
from styletransfer.storage.retry import RetryingBucket

if TYPE_CHECKING:
    from styletransfer.devices.tensorflow import Devices

# For what is being stored when a run ends early: a platform that takes its machine back gives it
# some ten seconds.
GRACE_S = 3.0


def paint_all(run: RunContext, gallery: Gallery, devices: "Callable[[], Devices]") -> Outcome:
    """Paints the plan's tasks; what became of them. What cannot be painted fails in its turn,
    before its first step. devices: waits until TensorFlow is loaded; photos, paintings and weights
    are read meanwhile.

    Raises DeviceError, WeightsError; UnavailableError if the storage stays away; Stopped after a
    signal, with a checkpoint of each current painting in the result bucket.
    """
    leaving = threading.Event()
    source, style, result = (
        RetryingBucket(each, leaving)
        for each in (run.buckets.source, run.buckets.style, run.buckets.result)
    )
    todo = run.plan.todo
    memory = PrefetchMemory(run.config.memory_limit)
    prefetcher = Prefetcher(todo, source, style, memory)
    unfinished = run.buckets.checkpoints
    checkpoints = CheckpointStore(
        unfinished or run.buckets.result,
        RetryingBucket(unfinished, leaving) if unfinished else result,
        run.plan.checkpoints,
    )
    ownership = Ownership(result, run.plan.partial)
    outcome = Outcome(failures=[*run.plan.refused])
    uploader = Uploader(result, run.plan.output, ownership, gallery, checkpoints, outcome)
    try:
        run.networks.prefetch(todo[0].look.settings)
        found = devices()
        run.stop.obey()
        event(f"painting on {found}", device=str(found))
        first = found.first.name
        run.networks.load(todo[0].look.settings, first)

        from styletransfer.batch.places import device_share
        from styletransfer.batch.worker import Worker
        from styletransfer.engine.memory_available import MemoryBudget

        gallery.begin()
        names = [device.name for device in found.all]
        with found.first.scope():
            workers, share = device_share(
                run.config.workers_per_device,
                todo,
                names,
                MemoryBudget(run.config.memory_limit),
                lambda settings: run.networks.load(settings, first),
            )
        if workers > 1:
            event(f"{workers} pictures at a time on each device")
        places = [(device, number) for number in range(workers) for device in found.all]
        places = places[: len(todo)]
        eta = BatchEta(len(places), lambda: prefetcher.left, outcome.seconds)
        pipeline = Pipeline(prefetcher, memory, checkpoints, uploader, eta)
        jobs = [Worker(device, run, pipeline, number, share).paint for device, number in places]
        run.stop.later = True
        run_side_by_side(jobs)
        return uploader.finish(run.stop)
    finally:
        run.stop.later = False
        prefetcher.close()
        leaving.set()
        uploader.close(GRACE_S)
        checkpoints.close()


def run_side_by_side(jobs: Sequence[Callable[[], None]]) -> None:
    """Runs one job here, several in a thread each, and raises the error that ends one of them:
    Stopped when all have ended, since each has a painting to save, any other at once."""
    if len(jobs) == 1:
        jobs[0]()
        return
    pool = ThreadPoolExecutor(len(jobs))
    running = {pool.submit(job) for job in jobs}
    errors: list[BaseException] = []
    try:
        while running:
            # For a short time only: Python handles a signal between this thread's own steps.
            done, running = wait(running, timeout=POLL_S, return_when=FIRST_EXCEPTION)
            errors += [error for each in done if (error := each.exception())]
            stopped = all(isinstance(error, Stopped) for error in errors)
            if errors and (not stopped or not running):
                raise next((e for e in errors if not isinstance(e, Stopped)), errors[0])
    finally:
        pool.shutdown(wait=False)
