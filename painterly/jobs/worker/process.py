"""The worker process. It paints what requests wait for from its first moment, and loads what jobs
need while nobody waits."""

import functools
import math
import os
import threading
from typing import TYPE_CHECKING

from painterly.configuration.config import Config
from painterly.jobs.buckets import WebBuckets, open_buckets
from painterly.jobs.worker.desk import Desk, Order, ResultOrder
from painterly.jobs.worker.supervisor import Pipe
from painterly.painters.instant_painter import LARGEST_SIDE, TILE_SIDE, InstantPainter
from painterly.settings.settings import Settings
from painterly.signals import CheckStop, Stop

if TYPE_CHECKING:
    from painterly.jobs.worker.runner import JobRunner

NICENESS = 5  # keeps the pages responsive while every core paints
HEARD_S = 0.2  # seconds in which a new worker hears what it was asked for before its start


def work(config: Config, pipe: Pipe, owner: str, gone: str | None) -> int:
    """Paint until the web process ends or a signal arrives: Stopped. `owner` and `gone` are as in
    `JobClaimer`. Raises PainterlyError if the service cannot paint."""
    if hasattr(os, "nice"):  # Windows has none.
        os.nice(NICENESS)
    with Stop() as stop:
        buckets, desk, one = open_buckets(config), Desk(pipe, stop), threading.Lock()
        painter = instant_painter(config, buckets)

        @functools.cache
        def made() -> "JobRunner":
            from painterly.jobs.worker.runner import JobRunner

            return JobRunner(config, buckets, stop, painter, desk.give_way)

        def runner() -> "JobRunner":
            with one:
                return made()

        def instant(order: Order, check_stop: CheckStop) -> bytes:
            if isinstance(order, ResultOrder):
                return runner().result(order, check_stop)
            return painter.file(order, check_stop)

        threading.Thread(target=desk.listen, daemon=True).start()
        previews = functools.partial(desk.paint_previews, instant)
        threading.Thread(target=previews, name="previews", daemon=True).start()
        desk.look.wait(HEARD_S)
        desk.give_way()
        from painterly.jobs.worker.lease import JobClaimer
        from painterly.jobs.worker.worker import WebWorker

        worker = WebWorker(desk, buckets, pipe, stop)
        claimer = JobClaimer(worker.store, owner, gone)
        worker.serve(worker.when_stored(runner, math.inf), claimer)
    return 0


def instant_painter(config: Config, buckets: WebBuckets) -> InstantPainter:
    """Make the painter of pictures that requests wait for. It keeps paintings as large as results
    need them, so that its pictures are the same."""
    sides = TILE_SIDE, int(Settings().size), LARGEST_SIDE
    return InstantPainter(buckets.style.read, config.memory_limit, sides)
