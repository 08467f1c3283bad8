"""A place on a device paints one task after another, with its checkpoints."""

import dataclasses
from collections.abc import Iterator
from logging import DEBUG, INFO
from time import perf_counter

from styletransfer import ENGINE_VERSION
from styletransfer.batch.context import PaintingContext
from styletransfer.batch.plan import Task
from styletransfer.batch.reading import Inputs, StyleInput
from styletransfer.batch.records import record_of_inputs
from styletransfer.batch.storing import FinishedPicture
from styletransfer.batch.styles import Style
from styletransfer.devices.choose import Device
from styletransfer.engine.memory_model import MemoryPlan
from styletransfer.engine.paintings import Paintings
from styletransfer.engine.stylize import Step, StyleTransfer
from styletransfer.errors import MemoryShortError
from styletransfer.log import event, printable
from styletransfer.progress import follow
from styletransfer.record import Record
from styletransfer.vgg.network import VGG


class Painter:
    """A place on a device. It keeps the targets of the last style, since the next task most likely
    has the same one."""

    def __init__(self, device: Device, run: PaintingContext) -> None:
        self._device, self._run = device, run
        self._style: Style | None = None
        self._style_targets: Paintings | None = None

    def paint(self, task: Task, key: str, inputs: Inputs) -> FinishedPicture:
        """Paints a task, from its checkpoint if it has one.

        Args:
            task: The task.
            key: The key of its result.
            inputs: The photo and the style.

        Raises:
            Stopped: A signal has arrived; a checkpoint is in the bucket.
            Exception: StyleTransfer, the weights or the storage have failed.
        """
        left = self._run.batch_left
        with self._device.scope():
            vgg = self._run.networks.load(task.style.settings, self._device.name)
            started = perf_counter()
            last = follow(
                self._steps(task, inputs, vgg),
                task.label,
                left and (lambda eta_s: left(perf_counter() - started, eta_s)),
                self._run.config.progress,
                photo=task.photo.key,
                style=task.style.name,
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
            task=task,
            key=key,
            photo=inputs.photo.picture,
            paintings=inputs.style.paintings,
            image=image,
            record=record,
            seconds=seconds,
        )

    def _steps(self, task: Task, inputs: Inputs, vgg: VGG) -> Iterator[Step]:
        """Runs the optimisation, and saves a checkpoint every CHECKPOINT_EVERY seconds and after a
        signal."""
        stop, checkpoints = self._run.stop, self._run.checkpoints
        try:
            transfer = self._transfer(task, inputs, vgg, self._run.set_aside, self._run.share)
        except MemoryShortError:
            # The cause may be pictures that were read in advance or wait to be stored; or this one
            # takes more than its share.
            self._run.make_room()
            transfer = self._transfer(task, inputs, vgg, 0, None)
        self._log_memory(task, transfer.memory_plan)
        resume = stop.result_of(checkpoints.load(task, transfer.snapshot_shapes))
        if resume is not None:
            done = int(resume["iteration"])
            event(f"{printable(task.photo.key)}: resuming from step {done}")
        steps = transfer.steps(resume)
        del resume  # As large as the picture and the optimiser's state.
        saved = perf_counter()
        for step in steps:
            self._run.on_step(step)
            yield step
            if step.iteration == step.total:
                return
            if stop.signum is not None:
                if step.can_resume:
                    checkpoints.save_last(task, step.snapshot())
                stop.obey()
            due = perf_counter() - saved >= self._run.config.checkpoint_every
            if due and step.can_resume and not checkpoints.is_saving(task):
                checkpoints.save(task, step.snapshot())
                saved = perf_counter()

    def _log_memory(self, task: Task, plan: MemoryPlan) -> None:
        height, width = plan.size
        task.log(
            f"{task}: {plan}",
            # With a bar, each picture has only one line, at its end.
            level=DEBUG if self._run.config.progress == "bar" else INFO,
            event="memory",
            width=width,
            height=height,
            memory_bytes=plan.in_all,
            tile_px=plan.side,
        )

    def _transfer(
        self, task: Task, inputs: Inputs, vgg: VGG, set_aside: int, share: int | None
    ) -> StyleTransfer:
        photo = inputs.photo
        return StyleTransfer(
            photo.picture.pixels_int,
            self._targets(task.style, inputs.style),
            task.style.settings,
            vgg,
            content_mask=photo.content_mask(task.style.settings, task.photo.key),
            memory_limit=self._run.config.memory_limit,
            set_aside=set_aside,
            share=share,
        )

    def _targets(self, style: Style, given: StyleInput) -> Paintings:
        if self._style_targets is None or self._style != style:
            self._style, self._style_targets = style, Paintings(*given)
        return self._style_targets

    def _record(self, task: Task, vgg: VGG) -> Record:
        """Returns the task's record, with all that is needed to paint it a second time."""
        config, networks, settings = self._run.config, self._run.networks, task.style.settings
        return dataclasses.replace(
            record_of_inputs(task.photo, task.mask, task.style),
            network=networks.described(settings),
            weights=vgg.identity,
            vgg_weights=config.vgg_weights,
            engine=ENGINE_VERSION,
            device=str(self._device),
            source=config.source,
            style=config.style,
            output=dataclasses.astuple(config.output),
            fingerprint=task.fingerprint,
        )
