"""Paints a run's tasks: on several GPUs several at a time, one on each. Results are pushed behind.

With one device it paints in the thread it is called in; with several, each has a thread, and all
take their tasks from one queue. A signal is obeyed in all of them, each saving its painting; an
error that ends one ends the run.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from styletransfer.batch.eta import BatchEta
from styletransfer.batch.network_pool import NetworkPool
from styletransfer.batch.plan import Plan
from styletransfer.batch.prefetch import Prefetcher
from styletransfer.batch.uploader import POLL_S, Outcome, Pusher
from styletransfer.config import Config
from styletransfer.log import event
from styletransfer.signals import Stop, Stopped
from styletransfer.storage.base import Bucket

if TYPE_CHECKING:  # For its name only: TensorFlow is being loaded while photos are read.
    from styletransfer.devices.tensorflow import Devices


@dataclass(frozen=True)
class Buckets:
    """The three buckets of a run."""

    source: Bucket
    style: Bucket
    result: Bucket


def paint(
    config: Config,
    buckets: Buckets,
    plan: Plan,
    networks: NetworkPool,
    ready: "Future[Devices]",
    stop: Stop,
) -> Outcome:
    """Paints the plan's tasks; what became of them. ready: the devices, once TensorFlow is loaded
    and has found them; photos, paintings and weights are read meanwhile.

    Raises DeviceError, WeightsError; UnavailableError where storage stays away; Stopped after a
    signal, with a checkpoint of each painting under way in the result bucket.
    """
    pusher = Pusher(buckets.result, plan)
    ahead = Prefetcher(plan.todo, buckets.source, buckets.style, pusher.patiently)
    settings, arrive = plan.todo[0].look.settings, False
    try:
        networks.read_ahead(settings)
        devices = ready.result()
        event(f"painting on {devices}", device=str(devices))
        each = devices.each[: len(plan.todo)]
        networks.load(settings, each[0].name)
        forecast = BatchEta(len(each), lambda: ahead.left, pusher.outcome.seconds)

        from styletransfer.batch.worker import Worker

        shared = config, buckets.result, plan, ahead, networks, pusher, forecast, stop
        painters = [Worker(device, *shared) for device in each]
        pusher.begin()
        stop.later = True
        side_by_side([painter.paint for painter in painters])
        return pusher.finish(stop)
    except Stopped:
        arrive = True
        raise
    finally:
        stop.later = False
        ahead.end()
        pusher.leave(arrive=arrive)


def side_by_side(lanes: Sequence[Callable[[], None]]) -> None:
    """Runs one lane here, several in a thread each, and raises what ends one of them: Stopped when
    all have ended, since each has a painting to save, anything else at once."""
    if len(lanes) == 1:
        lanes[0]()
        return
    pool = ThreadPoolExecutor(len(lanes))
    running = [pool.submit(lane) for lane in lanes]
    try:
        while running:
            # For a short time only, so that a signal finds this thread at its own code.
            done, _ = wait(running, timeout=POLL_S, return_when=FIRST_EXCEPTION)
            errors = [error for each in done if (error := each.exception())]
            stopped = all(isinstance(error, Stopped) for error in errors)
            if errors and (not stopped or len(done) == len(running)):
                raise next((e for e in errors if not isinstance(e, Stopped)), errors[0])
            if len(done) == len(running):
                return
    finally:
        pool.shutdown(wait=False)
