"""One picture, painted for someone who waits: the command, `inetwork.py`, a record, or a program.

Nothing else makes a painter for one order.
"""

import math
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager

from painterly.configuration.config import Config
from painterly.devices.device import Devices
from painterly.engine.transfer import Step
from painterly.images.picture import Picture
from painterly.log import logger
from painterly.orders.buckets import Buckets
from painterly.orders.network_pool import NetworkPool
from painterly.orders.order import SingleOrder
from painterly.painters.finished import Finished
from painterly.painters.loading import load_devices
from painterly.painters.painter import DeviceSlot, Painter
from painterly.painters.timelapse import Timelapse
from painterly.signals import Stop
from painterly.storage.files_bucket import FilesBucket


class Hooks:
    """The parts of the caller at the stages of a picture; by default, none. Errors end the
    painting."""

    def before(self, photo: Picture) -> None:
        """Take the photo as the result shows it, before anything is painted."""

    def on_step(self, step: Step) -> None:
        """Take a step."""

    def on_stop(self, step: Step, timelapse: Timelapse | None) -> None:
        """Take the latest step after a signal, and the time-lapse so far."""

    def store(self, finished: Finished) -> None:
        """Take the painting. Its checkpoint is deleted afterwards."""


@contextmanager
def painter_of_files(
    buckets: Buckets, config: Config, stop: Stop, optimises: bool
) -> Iterator[tuple[Painter, "Future[Devices]"]]:
    """Yield a painter of orders that name their weights, and what paints, which is being loaded.

    Args:
        buckets: The buckets of photos and of paintings, and in the place of results that of
            checkpoints.
        config: The configuration.
        stop: The signals of the process.
        optimises: As in `load_devices`.
    """
    with closing(Painter(config, buckets, NetworkPool(None, buckets.style), stop)) as painter:
        yield painter, load_devices(config.device, optimises)


def paint_single(
    order: SingleOrder,
    buckets: Buckets,
    config: Config,
    stop: Stop,
    hooks: Hooks,
    *,
    resume: bool = True,
) -> Finished:
    """Paint an order, from its checkpoint if it has one, unless the configuration keeps none.

    Args:
        buckets, config, stop: As in `painter_of_files`.
        hooks: Takes the result, and what comes before.
        resume: Whether a checkpoint is used.

    Raises:
        PainterlyError: It cannot be painted.
        Stopped: A signal has arrived; a checkpoint is stored.
    """
    settings, has_checkpoint = order.style.settings, config.checkpoint_every < math.inf
    with painter_of_files(buckets, config, stop, settings.traits.optimises) as (painter, loading):
        painter.leave()  # An outage ends it at once: someone waits.
        inputs = painter.read(order)
        # Or paintings may be read once more.
        if isinstance(buckets.source, FilesBucket) and not settings.has_default_size:
            buckets.source.clear()
        hooks.before(inputs.photo.picture.printed(settings))
        device = loading.result().first
        logger.info("painting on %s", device)
        logger.info("painting with %s", order.network)
        finished = painter.paint(
            order,
            inputs,
            DeviceSlot(device),
            on_step=hooks.on_step,
            on_stop=hooks.on_stop,
            resume=resume and has_checkpoint,
        )
        hooks.store(finished)
        if has_checkpoint:
            painter.delete_checkpoint(order)
        return finished
