"""Paints each job as a batch of one picture, with the batch's plan, reader, painter and storer.
TensorFlow and the networks stay loaded between jobs."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from styletransfer import bucket_layout
from styletransfer.batch.context import PaintingContext
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.failures import is_out_of_memory, picture_failure
from styletransfer.batch.names import ResultNames
from styletransfer.batch.network_pool import NetworkPool
from styletransfer.batch.plan import Plan, Selection, Task, make_plan
from styletransfer.batch.records import read_record
from styletransfer.batch.storing import StorageSession
from styletransfer.batch.styles import Style
from styletransfer.config import Config
from styletransfer.engine.schedule import GPU_OVERHEAD, OVERHEAD, step_work, total_work
from styletransfer.errors import PictureError
from styletransfer.gallery.publisher import Gallery
from styletransfer.record import Record
from styletransfer.signals import Stop
from styletransfer.web.buckets import PHOTOS, WebBuckets, inside
from styletransfer.web.catalogue import Catalogue
from styletransfer.web.job_index import USUAL_PHOTO
from styletransfer.web.job_store import StoredJob
from styletransfer.web.previews import PreviewPainter

if TYPE_CHECKING:
    from styletransfer.engine.stylize import Step


MEASURED_SIZE = (192, 256)  # height and width in px, of noise


class JobRunner:
    """Paints jobs on the first device."""

    def __init__(self, config: Config, buckets: WebBuckets, stop: Stop) -> None:
        self._buckets, self._stop = buckets, stop
        self._loader = DeviceLoader(config.device)
        # PHOTO and STYLE are for a batch. The log has a line for each picture, not for its steps.
        self._config = dataclasses.replace(
            config,
            source=inside(config, PHOTOS),
            photo=None,
            style_name=None,
            dry_run=False,
            keep=False,
            progress="none",
        )
        entries = [*buckets.style.list()] if config.vgg_weights else []
        self._networks = NetworkPool(self._config, buckets.style, entries)
        self._catalogue = Catalogue(buckets.style, self._config, max_age_s=0)
        self.previews = PreviewPainter(
            self._loader, self._networks, self._catalogue, buckets.style, config.memory_limit
        )

    def load(self) -> str:
        """Load TensorFlow. Return a description of the device. Raises DeviceError."""
        return str(self._loader.devices().first)

    def seconds_per_work(self) -> float:
        """Measure the seconds per work (schedule.py) by a few steps on noise. The network and its
        steps are then ready for a job. Raises the error of a painting that is impossible."""
        from styletransfer.engine.stylize import step_seconds

        settings = self._config.settings
        if not settings.traits.optimises:  # Other jobs take longer.
            settings = settings.replaced({"preset": "fine", "recipe": "default"})
        first = self._loader.devices().first
        device = first.name
        with first.scope():
            vgg = self._networks.load(settings, device)
            step_s = step_seconds(MEASURED_SIZE, settings, vgg, self._config.memory_limit)
        overhead = GPU_OVERHEAD if device.startswith("GPU") else OVERHEAD
        work = total_work(*USUAL_PHOTO, settings, overhead)
        seconds = step_s * work / step_work(MEASURED_SIZE, overhead)
        return seconds / total_work(*USUAL_PHOTO, settings)

    def paint(self, job: StoredJob, on_step: "Callable[[Step], None]") -> Record:
        """Paint a job, from its checkpoint if it has one, unless its result exists.

        Args:
            job: The job.
            on_step: Is called after each step. Its errors end the painting.

        Returns:
            The record of the result.

        Raises:
            StyleTransferError: The job cannot be painted.
            UnavailableError: The storage does not answer; the job can be painted later.
            Stopped: A signal arrived; the job can be painted later.
            MemoryError: Memory ran out; the job can be painted later.
        """
        self.previews.clear()
        style = dataclasses.replace(self._catalogue.style(job.request), name=job.style)
        plan = self._plan(job, style)
        if plan.refused:
            raise PictureError(plan.refused[0][1])
        if plan.todo:
            self._paint(plan.todo[0], on_step)
        key = bucket_layout.record_key(style.name, job.photo_key)
        record = read_record(self._buckets.result, key)
        if record is None or record.result is None:
            raise PictureError("its record is damaged; paint it again")
        return record

    def _paint(self, task: Task, on_step: "Callable[[Step], None]") -> None:
        from styletransfer.batch.painting import Painter

        device, buckets = self._loader.devices().first, self._buckets
        session = StorageSession(buckets, self._config, unfinished=buckets.unfinished)
        gallery = Gallery(session.result, publishes=False)
        storer = session.storer(gallery)
        context = PaintingContext(
            config=self._config,
            networks=self._networks,
            stop=self._stop,
            checkpoints=session.checkpoints,
            on_step=on_step,
        )
        try:
            task = dataclasses.replace(task, may_resume=True)
            inputs = session.reader.decode(task, session.reader.fetch(task))
            key = storer.result_key(task, inputs.photo.picture)
            self._stop.later = True  # Until its checkpoint is saved.
            finished = Painter(device, context).paint(task, key, inputs)
            self._stop.later = False
            self._stop.obey()
            gallery.begin()
            storer.store(finished)
            gallery.publish()
        except Exception as error:
            if is_out_of_memory(error):
                raise
            failure = picture_failure(error)
            storer.fail(task, failure)
            raise failure from None
        finally:
            self._stop.later = False
            session.close()

    def _plan(self, job: StoredJob, style: Style) -> Plan:
        photo = self._buckets.source.find(job.photo_key)
        if photo is None:
            raise PictureError("the photo has been deleted")
        output = self._config.output
        names = ResultNames([photo.key], [style.name], output)
        selection = Selection([photo], [style], {}, names, partial=True)
        # All that the job can have: its photo's key begins with its own id.
        prefixes = (style.name, f"{bucket_layout.RECORDS}/{style.name}")
        stored = {
            entry.key: entry
            for prefix in prefixes
            for entry in self._buckets.result.list(f"{prefix}/{job.id}/")
        }
        return make_plan(selection, self._networks, output, self._buckets.result, stored)
