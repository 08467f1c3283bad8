"""Paints one job after another as a batch of one picture each: with the batch's plan, its worker
and its uploader. TensorFlow and the networks stay loaded in between."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from styletransfer import bucket_layout
from styletransfer.batch.context import Buckets, RunContext
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.looks import Look
from styletransfer.batch.names import ResultNames
from styletransfer.batch.network_pool import NetworkPool
from styletransfer.batch.plan import Plan, Selection, make_plan
from styletransfer.batch.records import read_record
from styletransfer.config import Config
from styletransfer.engine.schedule import GPU_OVERHEAD, OVERHEAD, step_work, total_work
from styletransfer.errors import PictureError
from styletransfer.gallery.publisher import Gallery
from styletransfer.record import Record
from styletransfer.signals import Stop
from styletransfer.web.estimates import USUAL_PHOTO
from styletransfer.web.job_store import PHOTOS, StoredJob
from styletransfer.web.looks import job_look
from styletransfer.web.places import WebBuckets, inside

if TYPE_CHECKING:
    from styletransfer.engine.stylize import Step


MEASURED_SIZE = (192, 256)  # height and width in px, of noise


class JobFailedError(PictureError):
    """A picture could not be painted; the reason is for the one who asked for it."""


class JobRunner:
    """Paints jobs on the first device."""

    def __init__(self, config: Config, buckets: WebBuckets, stop: Stop) -> None:
        self._buckets, self._stop = buckets, stop
        self._loader = DeviceLoader(config.device)
        # PHOTO and LOOK are for a batch. The log has a line for each picture, not for its steps.
        self._config = dataclasses.replace(
            config,
            source=inside(config, PHOTOS),
            photo=None,
            look=None,
            dry_run=False,
            keep=False,
            progress="none",
        )
        entries = [*buckets.style.list()] if config.vgg_weights else []
        self._networks = NetworkPool(self._config, buckets.style, entries)

    def load(self) -> str:
        """Loads TensorFlow; what paints, in words. Raises DeviceError."""
        return str(self._loader.devices().first)

    def seconds_per_work(self) -> float:
        """How long pictures take here by their work (schedule.py), from a few steps on noise. The
        network and its steps are then ready for a job.

        Raises what makes painting impossible.
        """
        from styletransfer.engine.objective import Objective
        from styletransfer.engine.step_rate import StepRate

        settings = self._config.settings
        first = self._loader.devices().first
        device = first.name
        with first.scope():
            objective = Objective.of(settings, self._networks.load(settings, device))
        step_s = 1 / StepRate(objective, MEASURED_SIZE, settings, device).measure(1)
        overhead = GPU_OVERHEAD if device.startswith("GPU") else OVERHEAD
        work = total_work(*USUAL_PHOTO, settings, overhead)
        seconds = step_s * work / step_work(MEASURED_SIZE, overhead)
        return seconds / total_work(*USUAL_PHOTO, settings)

    def paint(self, job: StoredJob, on_step: "Callable[[Step], None]") -> Record:
        """Paints a job, from its checkpoint if it has one; the record of the result. One that is
        done already is not painted.

        Raises JobFailedError, ConfigError; what `on_step` raises; UnavailableError, Stopped, and
        MemoryError, after which the job can be painted another time.
        """
        look = job_look(job, self._buckets.style, self._config)
        plan = self._plan(job, look)
        if plan.refused:
            raise JobFailedError(plan.refused[0][1])
        if plan.todo:
            from styletransfer.batch import workers

            run = RunContext(
                config=self._config,
                buckets=Buckets(
                    self._buckets.photos,
                    self._buckets.style,
                    self._buckets.result,
                    self._buckets.unfinished,
                ),
                plan=plan,
                networks=self._networks,
                stop=self._stop,
                on_step=on_step,
            )
            gallery = Gallery(self._buckets.result, publishes=False)
            outcome = workers.paint_all(run, gallery, self._loader.devices)
            if outcome.failures:
                raise JobFailedError(outcome.failures[0][1].removeprefix(f"{job.photo_key}: "))
        key = bucket_layout.record_key(look.name, job.photo_key)
        record = read_record(self._buckets.result, key)
        if record is None or record.result is None:
            raise JobFailedError("its record was damaged meanwhile; paint it once more")
        return record

    def _plan(self, job: StoredJob, look: Look) -> Plan:
        photo = self._buckets.photos.find(job.photo_key)
        if photo is None:
            raise JobFailedError("the photo is gone")
        output = self._config.output
        names = ResultNames([photo.key], [look.name], output)
        selection = Selection([photo], [look], {}, names, partial=True)
        # All that the job can have: its photo's key begins with its own id.
        prefixes = (look.name, f"{bucket_layout.RECORDS}/{look.name}")
        stored = {
            entry.key: entry
            for prefix in prefixes
            for entry in self._buckets.result.list(f"{prefix}/{job.id}/")
        }
        plan = make_plan(selection, self._networks, output, self._buckets.result, stored)
        wanted = (task.checkpoint_key for task in plan.todo)
        checkpoints = frozenset(key for key in wanted if self._buckets.unfinished.find(key))
        return dataclasses.replace(plan, checkpoints=checkpoints)
