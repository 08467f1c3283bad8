"""Paints each job by the batch's painter, without TensorFlow only those with preset instant.

TensorFlow and the networks stay loaded between jobs.
"""

import dataclasses
import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from logging import WARNING
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from painterly.configuration.config import Config
from painterly.devices.device import HOST
from painterly.devices.processor import NO_AVX, check_tensorflow, has_avx
from painterly.engine.schedule import step_work, total_work
from painterly.errors import PictureError
from painterly.gallery.gallery import Gallery
from painterly.images.small import jpeg_of
from painterly.jobs.buckets import PHOTOS, WebBuckets, inside
from painterly.jobs.catalogue import Catalogue
from painterly.jobs.estimates import USUAL_PHOTO
from painterly.jobs.schemas import Preset
from painterly.jobs.store import StoredJob
from painterly.jobs.worker.desk import AbandonedError, ResultOrder
from painterly.jobs.worker.painting import JobPainting
from painterly.log import event
from painterly.orders.buckets import Buckets
from painterly.orders.network_pool import NetworkPool
from painterly.orders.order import PlannedOrder, result_name, timelapse_name
from painterly.orders.plan import check_names
from painterly.orders.record import Record
from painterly.orders.styles import Style
from painterly.painters.finished import Finished, PartStep, encoded
from painterly.painters.instant_painter import CACHED_PHOTOS, LARGEST_SIDE, InstantPainter
from painterly.painters.loading import load_devices
from painterly.painters.painter import Painter
from painterly.painters.reading import PhotoInput, decodable_memory
from painterly.settings.clips import ffmpeg
from painterly.settings.installation import install_command
from painterly.signals import CheckStop, Stop
from painterly.storage.base import Bucket, Entry, View
from painterly.storage.files import new_md5
from painterly.storage.retry import RetryingBucket

if TYPE_CHECKING:
    from painterly.engine.transfer import Step


PHOTO_GONE = "the photo has been deleted"
MEASURED_SIZE = (192, 256)  # height and width in px, of noise
MAX_FINISHED = 3  # previews of the stage that a job need not paint again
# The free bytes before a job that allow previews during it, and the bytes that such a job leaves
# free: for the paintings that are kept, and for painting.
ROOMY_BYTES, BESIDE_BYTES = 3_000_000_000, 1_000_000_000


class FilesOf(View):
    """The photos, of which that of a job has its `painted_key`, whichever job has stored it."""

    def __init__(self, job: StoredJob, photos: Bucket) -> None:
        super().__init__(photos)
        self._job = job

    def _at(self, key: str, *, write: bool = False) -> tuple[Bucket, str]:
        return self._bucket, self._job.stored_key if key == self._job.painted_key else key


class JobRunner:
    """Paints jobs on the first device."""

    def __init__(
        self,
        config: Config,
        buckets: WebBuckets,
        stop: Stop,
        instant_painter: InstantPainter,
        give_way: CheckStop | None = None,
    ) -> None:
        """instant_painter: paints what a request waits for. `give_way` is as in `load_devices`."""
        self._buckets, self._stop = buckets, stop
        self._logged: set[str] = set()  # identities of weights
        self._optimises = find_spec("tensorflow") is not None and has_avx()
        loading = functools.partial(load_devices, config.device, self._optimises, give_way)
        self._loading = functools.cache(loading)
        # KEEP is for a batch. The log has a line for each picture, not for its steps.
        self._config = dataclasses.replace(
            config,
            photo_bucket=inside(config, PHOTOS),
            keep=False,
            repaint=False,
            progress="none",
        )
        entries = [*buckets.style.list()] if config.vgg_weights else []
        self._networks = NetworkPool(config.vgg_weights, buckets.style, entries)
        self.catalogue = Catalogue(buckets.style, self._config, max_age_s=0)
        self.instant_painter = instant_painter
        self._read_photo = functools.lru_cache(CACHED_PHOTOS)(buckets.source.read)
        # By the fingerprint of their order.
        self._finished = OrderedDict[str, "tuple[Finished, Step]"]()
        self.beside = True
        self._unprepared: list[Style] | None = None  # None until the styles are listed.

    def make_room(self) -> bool:
        """Return whether there is enough memory for previews during a job that begins now."""
        self.beside = decodable_memory(self._config.memory_limit) >= ROOMY_BYTES
        return self.beside

    def load(self) -> str:
        """Load TensorFlow, if it is installed. Return a description of the device. Raises
        DeviceError."""
        return str(self._loading().result().first)

    def seconds_per_work(self, preset: Preset, check_stop: CheckStop = lambda: None) -> float:
        """Measure the seconds per work (schedule.py): of instant pictures, or of others by a few
        steps on noise, after which the network and its steps are ready for a job. `check_stop` is
        as in `result`. Raises the error of a painting that is impossible."""
        if preset == Preset.INSTANT:
            return self.instant_painter.seconds_per_work(check_stop)
        from painterly.engine.style_transfer import step_seconds

        check_tensorflow()
        settings, first = self._config.settings, self._loading().result().first
        if not settings.traits.optimises:  # Other jobs take other times.
            settings = settings.replaced({"preset": "fine", "recipe": "default"})
        with first.scope():
            vgg = self._networks.load(settings, first.name)
            assert vgg is not None  # Only recipe instant has none.
            limit = self._config.memory_limit
            step_s = step_seconds(MEASURED_SIZE, settings, vgg, limit, check_stop)
        on_gpu = first.name.startswith("GPU")
        work = total_work(*USUAL_PHOTO, settings, on_gpu)
        seconds = step_s * work / step_work(MEASURED_SIZE, on_gpu)
        return seconds / total_work(*USUAL_PHOTO, settings)

    def result(self, order: ResultOrder, check_stop: CheckStop = lambda: None) -> bytes:
        """Return the file of the result that a job would have, and keep the picture for one.
        `check_stop` and errors are as in `InstantPainter.file`."""
        photo = self._buckets.source.find(order.photo)
        if photo is None:
            raise PictureError(PHOTO_GONE)
        mask = order.mask and Entry("mask", len(order.mask), new_md5(order.mask).hexdigest())
        planned = self._planned(photo, mask or None, order.style)
        finished = self._finished.get(planned.fingerprint)
        if finished is None:
            decoded = self.instant_painter.photo(self._read_photo(order.photo), order.mask)
            finished = self._at_desk(planned, decoded, check_stop)
            self._finished[planned.fingerprint] = finished
            while len(self._finished) > MAX_FINISHED:
                self._finished.popitem(last=False)
        if not planned.result.endswith(order.extension):
            return jpeg_of(finished[0].image, LARGEST_SIDE)
        return encoded(planned, finished[0])[0]

    def _at_desk(
        self, order: PlannedOrder, photo: PhotoInput, check_stop: CheckStop
    ) -> "tuple[Finished, Step]":
        style, pixels = order.style, photo.picture.pixels_int
        steps: list[Step] = []

        def run(painted: "Iterator[Step]") -> "Step":
            steps[:] = [*painted][-1:]
            return steps[0]

        started = time.perf_counter()
        self.instant_painter.paint(pixels, style, photo.mask, check_stop, run)
        [last] = steps
        finished = Finished(
            order,
            photo.picture.printed(style.settings),
            self.instant_painter.paintings(style).paintings,
            last.end,
            order.weights.identity,
            str(HOST),
            time.perf_counter() - started,
        )
        return finished, last

    def prepare_next(self, check_stop: CheckStop) -> bool:
        """Make the paintings of one more style ready for tiles, and return True; return False if
        those of all styles are ready, or no more fit. Raises PainterlyError. `check_stop` is as in
        `result`; a style that was abandoned is the next one again."""
        if self._unprepared is None:
            self._unprepared = []  # If they cannot be listed, the page reports it.
            self._unprepared = self.catalogue.all()
        if not self._unprepared or not self.instant_painter.has_room:
            return False
        style = self._unprepared.pop(0)
        try:
            self.instant_painter.prepare(style, check_stop)
        except AbandonedError:
            self._unprepared.insert(0, style)
            raise
        return True

    def paint(
        self,
        job: StoredJob,
        on_step: "Callable[[Step | PartStep], None]",
        check: Callable[[], None] = lambda: None,
    ) -> Record:
        """Paint a job, from its checkpoint if it has one, unless its result exists, and return the
        record of the result. Raises PainterlyError if it cannot be painted; UnavailableError,
        Stopped or MemoryError if it can be painted later.

        Args:
            on_step: Is called after each step. Its errors end the painting.
            check: Is called several times a second, also while pictures are read and the finished
                one is rebuilt, with the same effect.
        """
        order = self.order(job)
        if not self.beside:
            self.instant_painter.clear()  # It may need its memory.
            self._read_photo.cache_clear()
            self._finished.clear()
            self._unprepared = None
        if order.style.settings.traits.optimises and not self._optimises:
            why = f"for other presets than instant: {install_command('cpu')}"
            event(why if has_avx() else NO_AVX, level=WARNING)
            raise PictureError("only preset instant is painted here; the service's log says why")
        with closing(self._painter(job, check)) as painter:
            if record := painter.finished_record(order):
                return record
            return JobPainting(
                job,
                order,
                painter,
                self._loading(),
                BESIDE_BYTES if self.beside else 0,
                None if order.timelapse else self._finished.get(order.fingerprint),
                on_step,
                check,
                self._log_network,
            ).record()

    def _painter(self, job: StoredJob, check: Callable[[], None]) -> Painter:
        # Others may be painting for the same gallery, so its page is left to a whole run.
        leaving, web = threading.Event(), self._buckets
        return Painter(
            self._config,
            Buckets(FilesOf(job, web.source), web.style, web.result),
            self._networks,
            self._stop,
            Gallery(RetryingBucket(web.result, leaving)),
            unfinished=web.unfinished,
            leaving=leaving,
            check=check,
        )

    def _log_network(self, order: PlannedOrder) -> None:
        weights = order.weights.identity
        if weights not in self._logged:
            self._logged.add(weights)
            event(f"painting with {order.network}", weights=weights)

    def _photo_and_mask(self, job: StoredJob) -> tuple[Entry, Entry | None]:
        photo = FilesOf(job, self._buckets.source).find(job.painted_key)
        if photo is None:
            raise PictureError(PHOTO_GONE)
        mask = self._buckets.source.find(job.mask_key) if job.mask_key else None
        if job.mask_key and mask is None:  # All of the photo would be painted.
            raise PictureError("the photo's mask has been deleted")
        return photo, mask

    def order(self, job: StoredJob) -> PlannedOrder:
        """Return the order that a job gives. Raises PainterlyError."""
        photo, mask = self._photo_and_mask(job)
        if job.sheet:
            style = self.catalogue.sheet(job.settings, job.story)
        else:
            style = self.catalogue.style(job.request)
            style = dataclasses.replace(style, name=job.style)
        order = self._planned(photo, mask, style)
        if job.story:
            result = PurePosixPath(order.result).with_suffix(".mp4" if ffmpeg() else ".webp")
            order = dataclasses.replace(order, result=str(result))
        check_names(order, self._buckets.result)
        return order

    def _planned(self, photo: Entry, mask: Entry | None, style: Style) -> PlannedOrder:
        # Other results are elsewhere: the photo's key begins with the job's id.
        result = f"{style.name}/{result_name(photo.key, self._config.output)}"
        return PlannedOrder(
            photo=photo,
            mask=mask,
            style=style,
            weights=self._networks.source(style.settings),
            output=self._config.output,
            result=result,
            timelapse=timelapse_name(result) if style.settings.timelapse else "",
        )
