"""The painting of one job: a photo, the frames of a clip, or a sheet."""

import dataclasses
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from painterly.devices.device import Devices
from painterly.errors import PictureError
from painterly.jobs.store import StoredJob
from painterly.orders.frames import frames_of, stamps_of
from painterly.orders.order import PlannedOrder
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.orders.styles import Style
from painterly.painters.failures import is_out_of_memory, raise_if_fatal, reason_of
from painterly.painters.finished import Finished, PartStep
from painterly.painters.instant_painter import InstantPainter
from painterly.painters.painter import DeviceSlot, Painter
from painterly.painters.reading import decodable_memory, decode_photo, read_photo
from painterly.painters.sheet import drawn, paint_ordered
from painterly.painters.story import kindest, told
from painterly.runs.clips import Clips
from painterly.runs.workers import paint_all
from painterly.settings.bucket_layout import CHECKPOINTS
from painterly.signals import POLL_S

if TYPE_CHECKING:
    from painterly.engine.transfer import Step

_Read = TypeVar("_Read")
# A job does not wait for one that was cancelled as it was read, but many of them would fill the
# memory.
_reading = threading.Semaphore(2)


@dataclass(frozen=True)
class JobPainting:
    """A job with all that paints it."""

    job: StoredJob
    order: PlannedOrder
    painter: Painter
    loading: Future[Devices]
    set_aside: int  # bytes that painting leaves free
    preview: "tuple[Finished, Step] | None"  # its picture, if it was painted before it was ordered
    on_step: "Callable[[Step | PartStep], None]"  # Its errors end the painting.
    check: Callable[[], None]  # called several times a second, with the same effect
    begin: Callable[[PlannedOrder], None]  # called before anything is read

    def record(self) -> Record:
        """Paint it, store the result, and return its record. Raises as `JobRunner.paint`."""
        painter, stop = self.painter, self.painter.stop
        try:
            self.begin(self.order)
            if self.job.source_key:
                return self._clip()
            order, finished = self._sheet() if self.job.sheet else (self.order, self._photo())
            stop.obey()
            painter.mark_gallery()
            record = painter.store(order, finished)
            painter.mark_gallery()  # Again: a whole run may have removed the mark since.
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise_if_fatal(error)
            reason = reason_of(error)
            painter.fail(self.order, reason)
            raise PictureError(reason) from None
        finally:
            stop.later = False
        return record

    def _photo(self) -> Finished:
        if self.preview is not None:
            finished, last = self.preview
            self.on_step(last)
            return finished
        inputs = self._read(lambda: self.painter.read(self.order))
        self.painter.stop.later = True  # Until its checkpoint is saved.
        slot = DeviceSlot(self.loading.result().first, self.set_aside)
        return self.painter.paint(self.order, inputs, slot, self.on_step, resume=True)

    def _clip(self) -> Record:
        painter, order = self.painter, self.order
        start = f"{CHECKPOINTS}/{order.style.name}/{order.photo.key}/"
        stored = {entry.key: entry for entry in painter.unfinished.list(start)}
        stamps = self._read(lambda: stamps_of(painter.source, order.photo.key))
        plan = Plan((*frames_of(order, stamps, stored),), (), (), (), stored, {}, ())
        painter.config = dataclasses.replace(painter.config, shard=(0, 1))
        clips = functools.partial(Clips, painter, plan, on_step=self.on_step)
        outcome = paint_all(painter, plan, self.loading, self.set_aside, clips)
        if outcome.failures:
            raise PictureError(outcome.failures[0][1])
        record = painter.finished_record(order)
        if record is None:
            raise PictureError("its result was deleted at once")
        return record

    def _sheet(self) -> tuple[PlannedOrder, Finished]:
        """Paint a sheet or a story: the same one as a run with `--sheet` or `--story`. It begins
        again after a stop: it takes some minutes at most."""
        painter, limit = self.painter, self.painter.config.memory_limit
        available = decodable_memory(limit)
        files = read_photo(self.order, painter.source.read)
        photo = self._read(lambda: decode_photo(files, available))

        def check_stop() -> None:
            painter.stop.obey()
            self.check()

        instant_painter = InstantPainter(painter.style.read, limit)
        title = PurePosixPath(self.job.photo).stem
        assert self.job.sheet
        order, draw = self.order, drawn
        if self.job.story:
            parts = (*kindest(order.style.parts, photo.picture.pixels_int),)
            order = dataclasses.replace(order, style=dataclasses.replace(order.style, parts=parts))
            extension = PurePosixPath(order.result).suffix[1:]
            draw = functools.partial(told, extension=extension, limit=limit, check_stop=check_stop)

        def paint(style: Style) -> np.ndarray:
            return instant_painter.paint(photo.picture.pixels_int, style, photo.mask, check_stop)

        picture, language = photo.picture, self.job.sheet
        return paint_ordered(order, picture, title, language, paint, self.on_step, draw)

    def _read(self, function: Callable[[], _Read]) -> _Read:
        """Call a function that reads pictures. `check` and a signal end that at once, although a
        thread may still be decoding."""
        future: Future[_Read] = Future()

        def read() -> None:
            with _reading:
                if future.set_running_or_notify_cancel():
                    try:
                        future.set_result(function())
                    except BaseException as error:
                        future.set_exception(error)

        threading.Thread(target=read, daemon=True, name="reading").start()
        try:
            while not wait([future], POLL_S).done:
                self.painter.stop.obey()
                self.check()
        finally:
            future.cancel()
        return future.result()
