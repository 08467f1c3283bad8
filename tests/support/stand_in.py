"""An engine that paints without TensorFlow, for tests of what surrounds a painting: reading, kills,
signals, checkpoints, records, results.

In ten steps, a picture moves from the photo to the photo in its painting's mean colour. If it is
resumed from a checkpoint, it ends with the same bytes as without a pause. It is as strict as the
engine: a step is over when the next one is asked for, and a stop is asked for before the last one,
while the one before stays.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from painterly.engine.schedule import Schedule
from painterly.engine.transfer import End
from painterly.images.arrays import resize

STEPS = 10
STATE = ("image", "momentum", "variance", "average")  # as large as the engine's


class VGG:
    """A network without layers."""

    def __init__(self, weights: Any = None) -> None:
        self.identity = getattr(weights, "identity", "stand-in")


class Step:
    """One step, as the engine's."""

    def __init__(self, iteration: int, image: np.ndarray) -> None:
        self.iteration, self.total, self.scale = iteration, STEPS, max(image.shape)
        self.fraction, self.eta_s = iteration / STEPS, 0.0
        self._image: np.ndarray | None = image

    @property
    def can_resume(self) -> bool:
        return self._image is not None and self.iteration < STEPS

    @property
    def is_over(self) -> bool:
        return self._image is None

    @property
    def image(self) -> np.ndarray:
        if self._image is None:
            raise RuntimeError(f"step {self.iteration} is over")
        return self._image

    @property
    def preview(self) -> np.ndarray:
        return self.image

    @property
    def content_weight(self) -> float:
        return float(self.image.max())

    @property
    def end(self) -> End:
        return End(self.image, self.losses, self.content_weight)

    @property
    def losses(self) -> dict[str, float]:
        return {"total": float(self.image.mean())}

    def snapshot(self) -> dict[str, np.ndarray]:
        assert self.can_resume
        return {"iteration": np.array(self.iteration), **dict.fromkeys(STATE, self.image)}

    def expire(self) -> None:
        self._image = None


class MemoryPlan(SimpleNamespace):
    """A plan that needs no memory."""

    def __str__(self) -> str:
        return "no memory"


class StyleTransfer:
    """A photo to be painted, which takes PAINTING_S seconds if that is in the environment.

    A photo whose first pixel is (1, 1, 1) kills the process that paints it.
    """

    def __init__(self, inputs: Any, *_: Any) -> None:
        content, styles, settings = inputs.content, inputs.styles, inputs.settings
        self._is_deadly = int(content[0, 0].sum()) == 3
        self.schedule = Schedule.of(*content.shape[:2], settings)
        size = self.schedule.sizes[-1]
        grain = np.random.default_rng(settings.seed).normal(0, 0.02, (*size, 3))
        self._photo = np.clip(resize(content, *size) + grain, 0, 1).astype(np.float32)
        colour = np.mean([each.mean(axis=(0, 1)) for each in styles.paintings], axis=0)
        self._goal = (self._photo * colour).astype(np.float32)
        self.memory_plan = MemoryPlan(size=size, in_all=0, side=None)
        self.is_masked, self.result_size = inputs.content_mask is not None, size

    def snapshot_shapes(self, iteration: int) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(STATE, self._photo.shape) if 0 < iteration < STEPS else {}

    def steps(
        self, resume: Any = None, check_stop: Callable[[], object] = lambda: None
    ) -> Iterator[Step]:
        if self._is_deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        done, image = 0, self._photo
        if resume is not None:
            done, image = int(resume["iteration"]), resume["image"]
        for number in range(done + 1, STEPS + 1):
            if number == STEPS:
                check_stop()
            time.sleep(float(os.environ.get("PAINTING_S", "0")) / STEPS)
            image = image + (self._goal - image) * np.float32(0.3)
            step = Step(number, image)
            yield step
            if number < STEPS - 1:
                step.expire()


prepared = StyleTransfer


def signal_after(number: int, patch: Any) -> None:
    """Lets each painting get SIGTERM after the given number of steps. patch: pytest's."""
    real = StyleTransfer.steps

    def steps(transfer: StyleTransfer, *arguments: Any) -> Iterator[Step]:
        for step in real(transfer, *arguments):
            if step.iteration == number:
                signal.raise_signal(signal.SIGTERM)
            yield step

    patch.setattr(StyleTransfer, "steps", steps)


@dataclass(frozen=True)
class Device:
    """A device that computes nothing."""

    name: str = "CPU:0"
    description: str = "a sleeping device"

    def __str__(self) -> str:
        return self.description

    def scope(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def budget(self, *_: object) -> None:
        """Limits nothing."""


# All else that is used of TensorFlow and of the modules that load it, for sleeping/.
Devices = object


def choose_devices(wanted: str) -> SimpleNamespace:
    return SimpleNamespace(all=(Device(),), first=Device())


def device(name: str) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()


def device_budget(*_: object) -> None:
    """Limits nothing."""


def install(set_attribute: Any = setattr) -> None:
    """Lets the batch of this process paint with the stand-in, where TensorFlow is loaded.

    Args:
        set_attribute: Takes an object, a name and a value, as pytest's `monkeypatch.setattr`.
    """
    from painterly.orders.network_pool import NetworkPool
    from painterly.painters import painter

    set_attribute(painter, "prepared", StyleTransfer)
    set_attribute(NetworkPool, "build", lambda _, settings, weights: VGG(weights))
