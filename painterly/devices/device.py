"""The devices that paint; without TensorFlow."""

import contextlib
from collections import Counter
from dataclasses import dataclass

from painterly.devices.budget import UNLIMITED, Limits, MemoryBudget, host_budget
from painterly.devices.processor import cpu_description


@dataclass(frozen=True)
class Device:
    """A device, which paints one photo at a time. `name` is TensorFlow's, such as `GPU:0`."""

    name: str
    description: str

    def __str__(self) -> str:
        return self.description

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which the calling thread computes on this device.

        Outside of it, TensorFlow takes the first GPU that it lists, even one that does not work.
        """
        import tensorflow as tf

        scope: contextlib.AbstractContextManager[None] = tf.device(self.name)
        return scope

    def budget(self, limits: Limits = UNLIMITED) -> MemoryBudget:
        """Return the memory that a painting may take here."""
        from painterly.devices.memory import device_budget

        with self.scope():
            return device_budget(limits)


class Host(Device):
    """The CPU without TensorFlow, which paints by recipe `instant`."""

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """Return a context that changes nothing."""
        return contextlib.nullcontext()

    def budget(self, limits: Limits = UNLIMITED) -> MemoryBudget:
        """Return the memory that a painting may take here."""
        return host_budget(limits)


HOST = Host("CPU", cpu_description())


@dataclass(frozen=True)
class Devices:
    """The devices of a run: all GPUs that work, or the CPU."""

    all: tuple[Device, ...]

    @property
    def first(self) -> Device:
        """The one that memory is estimated on, for all of them."""
        return self.all[0]

    def __str__(self) -> str:
        counts = Counter(str(device) for device in self.all)
        return "; ".join(f"{n} × {text}" if n > 1 else text for text, n in counts.items())
