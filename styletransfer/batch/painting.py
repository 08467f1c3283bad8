"""A place on a device paints one task after another, with its checkpoints."""

import dataclasses
from collections.abc import Callable, Iterator
from logging import DEBUG, INFO
from time import perf_counter

from styletransfer import ENGINE_VERSION
from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.context import PaintingContext
from styletransfer.batch.looks import Look
from styletransfer.batch.network_pool import RANDOM_NOTE
from styletransfer.batch.plan import Task
from styletransfer.batch.reading import Inputs, LookInput
from styletransfer.batch.records import record_of_inputs
from styletransfer.batch.storing import FinishedPicture
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


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What goes on beside a painting. Its defaults are those of a painting that is alone.

    Attributes:
        set_aside: Gives the bytes that painting has to leave alone.
        make_room: Waits until others have freed the memory that they can. Raises UnavailableError,
            Stopped.
        batch_left: Gives the seconds left for the whole batch, from those that this picture has
            taken and those that it is still to take; None: nobody asks.
        on_step: Is called with every step. What it raises ends the run, if it is no Exception.
    """

    set_aside: Callable[[], int] = lambda: 0
    make_room: Callable[[], None] = lambda: None
    batch_left: Callable[[float, float], float] | None = None
    on_step: Callable[[Step], None] = lambda step: None


class Painter:
    """Keeps the targets of the look painted last: the next task is most likely in the same one."""

    def __init__(
        self,
        device: Device,
        run: PaintingContext,
        checkpoints: CheckpointStore,
        share: int | None = None,
    ) -> None:
        """share: the most bytes that a picture may take on the device; None: all that is free."""
        self._device, self._run, self._checkpoints = device, run, checkpoints
        self._share = share
        self._look: Look | None = None
        self._style: StyleTargets | None = None

    def paint(
        self, task: Task, key: str, label: str, inputs: Inputs, beside: Surroundings
    ) -> FinishedPicture:
        """The painting of one task, from its checkpoint if it has one.

        Args:
            task: The task.
            key: Of its result.
            label: The task's name in the log.
            inputs: The photo and the look.
            beside: What goes on beside it.

        Raises what StyleTransfer, weights and storage raise; Stopped after a signal, with a
        checkpoint in the bucket.
        """
        with self._device.scope():
            return self._painted(task, key, label, inputs, beside)

    def _painted(
        self, task: Task, key: str, label: str, inputs: Inputs, beside: Surroundings
    ) -> FinishedPicture:
        vgg = self._run.networks.load(task.look.settings, self._device.name)
        started, left = perf_counter(), beside.batch_left

        def batch_left(eta_s: float) -> float:
            assert left is not None
            return left(perf_counter() - started, eta_s)

        last = follow(
            self._steps(task, inputs, vgg, beside),
            label,
            batch_left if left else None,
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
            task, key, label, inputs.photo.picture, inputs.look.paintings, image, record, seconds
        )

    def _steps(self, task: Task, inputs: Inputs, vgg: VGG, beside: Surroundings) -> Iterator[Step]:
        """The steps of the optimisation. A checkpoint is saved every CHECKPOINT_EVERY seconds, and
        when a signal has come."""
        stop, checkpoints = self._run.stop, self._checkpoints
        try:
            transfer = self._transfer(task, inputs, vgg, beside.set_aside(), self._share)
        except MemoryShortError:
            # Pictures that are read before their turn, or that wait to be stored, may be the cause;
            # or it takes more than its share.
            beside.make_room()
            transfer = self._transfer(task, inputs, vgg, 0, None)
        self._log_memory(task, transfer.memory_plan)
        resume = result_of(checkpoints.load(task, transfer.snapshot_shapes), stop)
        if resume is not None:
            done = int(resume["iteration"])
            event(f"{printable(task.photo.key)}: resuming from step {done}")
        steps = transfer.steps(resume)
        del resume  # As large as the picture and the optimiser's state.
        saved = perf_counter()
        for step in steps:
            beside.on_step(step)
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
        self, task: Task, inputs: Inputs, vgg: VGG, set_aside: int, share: int | None
    ) -> StyleTransfer:
        photo = inputs.photo
        return StyleTransfer(
            photo.picture.pixels_int,
            self._targets(task.look, inputs.look),
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
