"""The painter, which makes a result of an order: read, paint, store.

It stores the complete record, then the pictures of the gallery, then the result. A picture is done
if the object is what its record says. After a kill in between, the next run paints the picture
again and stores it under the same key.
"""

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from logging import DEBUG, ERROR, INFO, WARNING
from time import perf_counter

from painterly.configuration.config import Config
from painterly.devices.budget import Limits, MemoryBudget
from painterly.devices.device import HOST, Device
from painterly.engine.paintings import Paintings
from painterly.engine.stylize import prepared
from painterly.engine.transfer import PhotoCache, Step, Transfer, TransferInputs
from painterly.errors import MemoryShortError
from painterly.gallery.gallery import Gallery
from painterly.log import event, logs_json
from painterly.orders.buckets import Buckets
from painterly.orders.frames import FrameOrder
from painterly.orders.network_pool import NetworkPool, Networks
from painterly.orders.order import (
    Order,
    PlannedOrder,
    claim,
    intact_record,
    latest_record,
    outdated_timelapse,
)
from painterly.orders.plan import differences, stays
from painterly.orders.record import PictureRef, Record, now, write_record
from painterly.orders.styles import Style
from painterly.painters.checkpoints import CheckpointStore, SavedState
from painterly.painters.finished import Finished, encoded, record_of, record_of_frame
from painterly.painters.reading import Inputs, Reader
from painterly.painters.timelapse import Timelapse
from painterly.progress import follow
from painterly.settings.settings import Settings
from painterly.signals import Stop, Stopped
from painterly.storage.base import BadKeyError, Bucket, ObjectError
from painterly.storage.file_names import folded
from painterly.storage.files import new_md5
from painterly.storage.retry import RetryingBucket
from painterly.video.reading import ClipsView
from painterly.words.wording import duration, printable

MAX_CLAIMS = 64  # records that are written at a time


class Ended(BaseException):
    """An error ends the run elsewhere. A BaseException, as Stopped is."""


class DeviceSlot:
    """A place on a device, for one picture at a time.

    It keeps the paintings of the last style, since the next order most likely has the same one, and
    what is computed from the last photo alone.
    """

    def __init__(
        self,
        device: Device,
        set_aside: int = 0,
        make_room: Callable[[], None] | None = None,
        batch_left: Callable[[float, float], float] | None = None,
    ) -> None:
        """Set it up.

        Args:
            device: The device.
            set_aside: The bytes that painting must leave free.
            make_room: Waits until others have freed the memory that they can. Raises
                UnavailableError, Stopped.
            batch_left: Returns the seconds left for the whole batch, from the seconds that a
                picture has taken and will still take.
        """
        self.device, self.batch_left = device, batch_left
        self._set_aside, self._make_room = set_aside, make_room
        self._photo = PhotoCache()
        self._style: Style | None = None
        self._paintings: Paintings | None = None

    def device_for(self, settings: Settings) -> Device:
        """Return the device that paints with these settings: recipe instant takes the CPU."""
        return self.device if settings.traits.optimises else HOST

    def begin(
        self,
        order: Order,
        inputs: Inputs,
        networks: Networks,
        config: Config,
        budget: MemoryBudget | None = None,
    ) -> Transfer:
        """Plan the memory of a painting, and return it before its first step.

        Args:
            order: The order.
            inputs: Its photo and style.
            networks: Its networks.
            config: The configuration.
            budget: The memory that it may take; by default, what is free, and what others free.

        Raises:
            MemoryShortError: There is too little memory, even if others free theirs.
            PictureError: The masks leave nothing to paint.
        """
        photo, settings = inputs.photo, order.style.settings
        device = self.device_for(settings)
        if self._paintings is None or self._style != order.style:
            self._style, self._paintings = order.style, Paintings(*inputs.style)
        painted = TransferInputs(
            photo.picture.pixels_int,
            self._paintings,
            settings,
            photo.mask,
            photo.color_mask,
            photo.start,
            self._photo.entries(photo.picture.pixels_int),
        )

        def within(budget: MemoryBudget) -> Transfer:
            if beside := order.bytes_beside(*photo.picture.size):
                budget = budget.with_more_in_use(beside)
            return prepared(painted, networks.vgg, budget)

        if budget is not None:
            return within(budget)
        try:
            return within(device.budget(Limits(config.memory_limit, self._set_aside)))
        except MemoryShortError:
            # The cause may be pictures that were read in advance or wait to be stored.
            painted.styles.measured.clear()
            if self._make_room:
                self._make_room()
            return within(device.budget(Limits(config.memory_limit)))


class Painter:
    """All that a process needs to paint orders. Thread-safe.

    Requests to the buckets outlast outages, and threads run, until `close`.
    """

    def __init__(  # noqa: PLR0913  All that painting needs.
        self,
        config: Config,
        buckets: Buckets,
        networks: NetworkPool,
        stop: Stop,
        gallery: Gallery | None = None,
        unfinished: Bucket | None = None,
        leaving: threading.Event | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Set it up.

        Args:
            config: The configuration.
            buckets: The buckets.
            networks: The networks.
            stop: The signals of the process.
            gallery: The gallery of the results, if they get one.
            unfinished: The bucket of checkpoints; by default, that of results.
            leaving: Is set by `leave`, for the RetryingBuckets of networks and gallery.
            check: Is called between steps and several times a second in a long one, as when a
                finished picture is rebuilt. Its errors end the painting.
        """
        self.config, self.networks, self.stop, self.gallery = config, networks, stop, gallery
        self._leaving, self._check = leaving or threading.Event(), check
        self._ending, photos = threading.Event(), buckets.source
        self._photos = photos if isinstance(photos, ClipsView) else ClipsView(photos)
        self._claims = [threading.Lock() for _ in range(MAX_CLAIMS)]
        self.source, self.style, self.result = (
            RetryingBucket(bucket, self._leaving)
            for bucket in (self._photos, buckets.style, buckets.result)
        )
        watched = config.watch is not None
        self.reader = Reader(self.source, self.style, config.memory_limit, watched)
        self.unfinished = RetryingBucket(unfinished or buckets.result, self._leaving)
        self._checkpoints = CheckpointStore(unfinished or buckets.result, self.unfinished)

    def finished_record(self, order: PlannedOrder) -> Record | None:
        """Return the record of the order's result if it has been stored since the plan was made,
        or else None. Raises UnavailableError."""
        record = intact_record(self.result, order)
        done = record is not None and stays(differences(order, record), self.config)
        return record if done else None

    def read(self, order: Order) -> Inputs:
        """Begin to read an order's weights, and return its photo and style. Raises the errors of
        `Reader.decode`."""
        self.networks.prefetch(order.style.settings, order.weights)
        return self.reader.decode(order, self.reader.fetch(order))

    def paint(
        self,
        order: Order,
        inputs: Inputs,
        slot: DeviceSlot,
        on_step: Callable[[Step], None] | None = None,
        on_stop: Callable[[Step, Timelapse | None], None] | None = None,
        resume: bool = False,
    ) -> Finished:
        """Paint an order.

        Args:
            order: The order.
            inputs: The photo and the style.
            slot: The place on a device.
            on_step: Is called with every step. Its errors end the painting.
            on_stop: Is called after a signal or `end`, with the latest step and the time-lapse so
                far.
            resume: Whether to start from its checkpoint, if it has one.

        Raises:
            Stopped: A signal has arrived; a checkpoint is in the bucket.
            Ended: `end` was called; a checkpoint is in the bucket.
            Exception: The painting, the weights or the storage have failed.
        """
        settings, batch_left = order.style.settings, slot.batch_left
        timelapse = Timelapse() if settings.timelapse else None
        device = slot.device_for(settings)

        with device.scope():
            networks = self.networks.load(settings, device.name, order.weights)
            started = perf_counter()
            order, inputs, transfer = self.begin(order, inputs, slot, networks)
            self._log_plan(order, transfer)
            last = follow(
                self._steps(order, transfer, timelapse, on_step, on_stop, resume),
                order.label,
                batch_left and (lambda eta_s: batch_left(perf_counter() - started, eta_s)),
                "none" if order.quiet else self.config.progress,
                photo=order.photo.key,
                style=order.style.name,
                on=device.name,
            )
        return Finished(
            order,
            inputs.photo.picture.printed(settings),
            inputs.style.paintings,
            last.end,
            networks.identity,
            str(device),
            perf_counter() - started,
            timelapse,
        )

    def begin(
        self,
        order: Order,
        inputs: Inputs,
        slot: DeviceSlot,
        networks: Networks,
        budget: MemoryBudget | None = None,
    ) -> tuple[Order, Inputs, Transfer]:
        """Return a painting before its first step, and what it paints: the order and its inputs, or
        those of a halved default size if that does not fit.

        Args:
            order: The order.
            inputs: The photo and the style.
            slot: The place on a device. The caller is in the scope of the device.
            networks: The order's networks.
            budget: As in `DeviceSlot.begin`.

        Raises:
            Exception: The errors of `DeviceSlot.begin` and `Reader.decode`.
        """
        while True:
            try:
                return order, inputs, slot.begin(order, inputs, networks, self.config, budget)
            except MemoryShortError as error:
                smaller = order.halved()
                if smaller is None:
                    raise
                size = smaller.style.settings.size
                level = WARNING if budget is None else DEBUG  # A forecast sums up all sizes.
                order.log(f"{order}: {error}; {size} px are tried instead", level=level)
            # Read for its own size, so that its record gives the same bytes.
            order, inputs = smaller, self.reader.decode(smaller, inputs.photo)

    def store(self, order: PlannedOrder, finished: Finished) -> Record:
        """Store a painting, delete its checkpoint, and return its record. Raises the errors that
        fail the picture or end the run."""
        if isinstance(order, FrameOrder):
            data, _ = encoded(order, finished)
            self.unfinished.write(order.result, data, "image/png")
            return record_of_frame(order, finished)
        # A default size may have been halved.
        order = order.with_settings(finished.settings)
        data, animated = encoded(order, finished)
        record = record_of(order, finished, self.config, data)
        if animated:
            etag = str(new_md5(animated).hexdigest())
            record = replace(record, timelapse=PictureRef(order.timelapse, etag))
        # Or two threads could find one file free, by two names that its disk takes for one.
        with self._claims[hash(folded(order.result)) % MAX_CLAIMS]:
            record, before = claim(self.result, order, record)
        if self.gallery:  # Before the result: the next run would not add them.
            keys = [painting.entry.key for painting in order.style.paintings]
            paintings = dict(zip(keys, finished.paintings, strict=True))
            self.gallery.store_pictures(
                record, finished.photo.pixels_int, finished.image, paintings
            )
        stored = record
        if record.timelapse:
            etag = self.result.write(order.timelapse, animated, "image/webp")
            stored = replace(stored, timelapse=PictureRef(order.timelapse, etag))
        stored = replace(stored, result_etag=self.result.write(order.result, data))
        if stored != record:  # ETags differ in a bucket that encrypts with a KMS key.
            record = stored
            write_record(self.result, order.record_key, record)
        order.log(
            f"{order.label}: done, {printable(order.result)} ({duration(finished.seconds)})",
            event="done",
            result=order.result,
            width=record.width,
            height=record.height,
            seconds=record.seconds,
            **({"timelapse": record.timelapse.key} if record.timelapse else {}),
        )
        try:
            if outdated := outdated_timelapse(self.result, before, record):
                self.result.delete(outdated)
        except ObjectError as error:  # The result and its record are stored.
            order.log(str(error), level=WARNING)
        self._checkpoints.delete(order)
        return record

    def fail(self, order: PlannedOrder, reason: str) -> Record:
        """Log a failure, and add it to the order's record. Return that. Raises StorageError."""
        if isinstance(order, FrameOrder):  # Its clip has a record.
            return Record(error=reason)
        order.log(f"{order.label}: FAILED: {reason}", level=ERROR, event="failed")
        before = latest_record(self.result, order)
        record = replace(
            before or Record(order.photo.key, style=order.style.name), error=reason, tried=now()
        )
        try:
            if before:  # Or another photo's record is in its place.
                write_record(self.result, order.record_key, record)
        except BadKeyError as refused:  # As long as the result's key, which may be why that failed.
            order.log(f"{order.label}: no record: {refused}", level=WARNING)
        return record

    def mark_gallery(self) -> None:
        """Mark the gallery, if there is one, as outdated."""
        if self.gallery:
            self.gallery.mark()

    def delete_checkpoint(self, order: Order) -> None:
        """Delete the checkpoint of a finished painting, which may be an earlier process's; as
        `CheckpointStore.delete`."""
        self._checkpoints.delete(order, of_others=True)

    def leave(self) -> None:
        """Give up requests that wait for a bucket. From now on, none outlasts an outage."""
        self._leaving.set()

    def end(self) -> None:
        """End what is being painted, and save its checkpoints, as after a signal."""
        self._ending.set()

    def obey(self) -> None:
        """Raise Stopped after a signal, Ended after `end`, and the errors of `check`."""
        self.stop.obey()
        if self._ending.is_set():
            raise Ended
        self._check()

    def close(self) -> None:
        """Give up requests that wait for a bucket, and end the threads."""
        self.leave()
        self._checkpoints.close()
        self._photos.close()

    def _log_plan(self, order: Order, transfer: Transfer) -> None:
        plan = transfer.memory_plan
        height, width = plan.size
        order.log(
            f"{order}: {plan}",
            # Each of several pictures has one line, at its end.
            level=DEBUG if order.place and not logs_json() else INFO,
            event="memory",
            width=width,
            height=height,
            memory_bytes=plan.in_all,
            tile_px=plan.side,
        )

    def _steps(
        self,
        order: Order,
        transfer: Transfer,
        timelapse: Timelapse | None,
        on_step: Callable[[Step], None] | None,
        on_stop: Callable[[Step, Timelapse | None], None] | None,
        resume: bool,
    ) -> Iterator[Step]:
        """Paint step by step, and save a checkpoint every CHECKPOINT_EVERY seconds and after a
        signal or `end`, which may also come while the finished picture is rebuilt. The time-lapse
        gets its frames."""
        checkpoints, saved = self._checkpoints, perf_counter()
        state = self._saved_state(order, transfer) if resume else None
        step: Step | None = None
        try:
            for step in transfer.steps(state, self.obey):
                if on_step:
                    on_step(step)
                yield step
                if step.iteration == step.total:
                    return
                if timelapse:
                    timelapse.add(step)
                self.obey()
                due = perf_counter() - saved >= self.config.checkpoint_every
                if due and step.can_resume and not checkpoints.is_saving(order):
                    checkpoints.save(order, step.snapshot())
                    saved = perf_counter()
        except (Stopped, Ended):
            if step and not step.is_over:  # It is if a second signal has ended the next one.
                if step.can_resume and self.config.checkpoint_every < math.inf:
                    checkpoints.save_last(order, step.snapshot())
                if on_stop:
                    on_stop(step, timelapse)
            raise

    def _saved_state(self, order: Order, transfer: Transfer) -> SavedState | None:
        state = self.stop.result_of(self._checkpoints.load(order, transfer.snapshot_shapes))
        if state is not None:
            event(f"{printable(order.photo.key)}: resuming from step {int(state['iteration'])}")
        return state
