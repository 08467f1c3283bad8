"""Paints tasks one after another on one device, and hands each result to the uploader."""

import dataclasses
from collections.abc import Iterator
from logging import DEBUG, INFO
from time import perf_counter

from styletransfer import ENGINE_VERSION
from styletransfer.batch.context import PaintingContext, Pipeline
from styletransfer.batch.failures import picture_failure
from styletransfer.batch.inputs import LookInput, PhotoInput
from styletransfer.batch.looks import Look
from styletransfer.batch.network_pool import RANDOM_NOTE
from styletransfer.batch.plan import Task
from styletransfer.batch.prefetch import PrefetchedTask
from styletransfer.batch.records import record_of_inputs
from styletransfer.batch.uploader import FinishedPicture
from styletransfer.batch.waiting import result_of
from styletransfer.devices.tensorflow import Device
from styletransfer.engine.memory_model import MemoryPlan
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.stylize import Step, StyleTransfer
from styletransfer.errors import MemoryShortError
from styletransfer.log import event, printable
from styletransfer.progress import follow
from styletransfer.record import Record
from styletransfer.vgg.network import VGG


class Worker:
    """Takes the next task whenever its last one is done. The pipeline is shared by all workers.

    number: of the workers of its device. share: the most bytes that a picture may take there.
    """

    def __init__(
        self,
        device: Device,
        run: PaintingContext,
        pipeline: Pipeline,
        number: int = 0,
        share: int | None = None,
    ) -> None:
        self._device, self._run, self._pipeline = device, run, pipeline
        self._name, self._share = f"{device.name}/{number}", share
        # The targets of the look painted last: the next task is most likely in the same look.
        self._look: Look | None = None
        self._style: StyleTargets | None = None

    def paint(self) -> None:
        """Paints until no task is left. Raises UnavailableError if the storage stays away; Stopped
        after a signal, with a checkpoint of the current painting in the result bucket."""
        with self._device.scope():
            for prefetched in self._pipeline.prefetcher:
                self._run.stop.obey()
                self._pipeline.uploader.check()
                self._paint_one(prefetched)

    def _paint_one(self, prefetched: PrefetchedTask) -> None:
        """A task, from its inputs to the uploader. What fails, fails alone."""
        task, label = prefetched.task, prefetched.label
        try:
            photo = result_of(prefetched.photo, self._run.stop)
            look = result_of(prefetched.look, self._run.stop)
            key = self._pipeline.uploader.result_key(task, photo.picture)
            finished = self._finished(task, key, label, photo, look)
        except Exception as error:
            self._pipeline.uploader.fail(task, label, picture_failure(error))
        else:
            self._pipeline.uploader.upload(finished, self._run.stop)
        finally:
            self._pipeline.eta.finished(self._name)

    def _finished(
        self, task: Task, key: str, label: str, photo: PhotoInput, look: LookInput
    ) -> FinishedPicture:
        """The painting of one task. Raises what StyleTransfer, weights and storage raise."""
        vgg = self._run.networks.load(task.look.settings, self._device.name)
        started = perf_counter()

        def batch_left(eta_s: float) -> float:
            elapsed = perf_counter() - started
            return self._pipeline.eta.left(self._name, elapsed, eta_s)

        last = follow(
            self._steps(task, photo, look, vgg),
            label,
            batch_left,
            self._run.config.progress,
            photo=task.photo.key,
            look=task.look.name,
            on=self._device.name,
        )
        image, seconds = last.image, perf_counter() - started
        record = dataclasses.replace(
            self._record(task, vgg),
            width=image.shape[1],
            height=image.shape[0],
            losses=last.losses,
            content_weight=float(f"{last.content_weight:.4g}"),
            seconds=round(seconds, 1),
        )
        return FinishedPicture(
            task, key, label, photo.picture, look.paintings, image, record, seconds
        )

    def _steps(self, task: Task, photo: PhotoInput, look: LookInput, vgg: VGG) -> Iterator[Step]:
        """The steps of the optimisation. A checkpoint is saved every CHECKPOINT_EVERY seconds, and
        when a signal has come."""
        stop, checkpoints = self._run.stop, self._pipeline.checkpoints
        try:
            set_aside = self._pipeline.memory.set_aside()
            transfer = self._transfer(task, photo, look, vgg, set_aside, self._share)
        except MemoryShortError:
            # Pictures that are read before their turn, or that wait to be stored, may be the cause;
            # or it takes more than its share.
            self._pipeline.memory.set_nothing_aside()
            self._pipeline.uploader.drain(stop)
            transfer = self._transfer(task, photo, look, vgg, 0, None)
        self._log_memory(task, transfer.memory_plan)
        resume = result_of(checkpoints.load(task, transfer.snapshot_shapes), stop)
        if resume is not None:
            done = int(resume["iteration"])
            event(f"{printable(task.photo.key)}: resuming from step {done}")
        steps = transfer.steps(resume)
        del resume  # As large as the picture and the optimiser's state.
        saved = perf_counter()
        for step in steps:
            if self._run.on_step:
                self._run.on_step(step)
            yield step
            if step.iteration == step.total:
                return
            if stop.signum is not None:
                checkpoints.save_last(task, step.snapshot())
                stop.obey()
            due = perf_counter() - saved >= self._run.config.checkpoint_every
            if due and not checkpoints.is_saving(task):
                checkpoints.save(task, step.snapshot())
                saved = perf_counter()
            del step  # Steps that are still referenced may take memory.

    def _log_memory(self, task: Task, plan: MemoryPlan) -> None:
        height, width = plan.size
        event(
            f"{task}: {plan}",
            # Beside a bar, every picture has one line: that it is done.
            level=DEBUG if self._run.config.progress == "bar" else INFO,
            event="memory",
            photo=task.photo.key,
            look=task.look.name,
            width=width,
            height=height,
            memory_bytes=plan.in_all,
            tile_rows=plan.tiling.rows,
        )

    def _transfer(
        self,
        task: Task,
        photo: PhotoInput,
        look: LookInput,
        vgg: VGG,
        set_aside: int,
        share: int | None,
    ) -> StyleTransfer:
        return StyleTransfer(
            photo.picture.pixels_int,
            self._targets(task.look, look),
            task.look.settings,
            vgg,
            content_mask=photo.content_mask(task.look.settings, task.photo.key),
            memory_limit=self._run.config.memory_limit,
            set_aside=set_aside,
            share=share,
        )

    def _targets(self, look: Look, given: LookInput) -> StyleTargets:
        if self._style is None or self._look != look:
            self._look, self._style = look, StyleTargets(*given)
        return self._style

    def _record(self, task: Task, vgg: VGG) -> Record:
        """How the task is painted: all that is needed to paint it a second time."""
        config, networks, settings = self._run.config, self._run.networks, task.look.settings
        return dataclasses.replace(
            record_of_inputs(task.photo, task.mask, task.look),
            network=networks.described(settings),
            weights=vgg.identity,
            vgg_weights=config.vgg_weights,
            engine=ENGINE_VERSION,
            device=str(self._device),
            source=config.source,
            style=config.style,
            output=dataclasses.astuple(config.output),
            fingerprint=task.fingerprint,
            note=RANDOM_NOTE if networks.is_random(settings) else None,
        )
