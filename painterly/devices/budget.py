"""The memory that painting a picture may take; without TensorFlow."""

import copy
from typing import NamedTuple

from painterly.devices.system_memory import LIMIT_SHARE, least_free_memory, resident_memory
from painterly.errors import MemoryShortError
from painterly.words.wording import memory_size

FREE_SHARE = 0.9  # part of the free memory: other processes allocate, too


class Limits(NamedTuple):
    """The limits of a painting's share of the free memory."""

    # The upper bound for the whole process in bytes (on a GPU, for its memory there), or None for
    # all that is free.
    process: int | None = None
    set_aside: int = 0  # bytes of the host's memory that are free now and that others will take


UNLIMITED = Limits()


class MemoryBudget:
    """The memory that painting a picture may take.

    Attributes:
        bytes: The bytes that painting may take, in addition to those in use.
        in_use: The bytes in use when painting begins; on a GPU, there.

    Args:
        in_use: As the attribute.
        free: The bytes that are free.
        limits: Its limits. Nothing is set aside on a GPU.
        on_gpu: Whether the memory is a GPU's.
    """

    def __init__(
        self, in_use: int, free: int, limits: Limits = UNLIMITED, *, on_gpu: bool = False
    ) -> None:
        self.in_use, self._on_gpu = in_use, on_gpu
        taken = 0 if on_gpu else limits.set_aside
        self._free = max(free - taken, 0)
        self.bytes = int(FREE_SHARE * self._free)
        if limits.process is not None:
            limit = int(LIMIT_SHARE * limits.process)
            self.bytes = max(min(self.bytes, limit - in_use - taken), 0)

    def with_more_in_use(self, more: int) -> "MemoryBudget":
        """Return the budget if `more` bytes of the host's memory are in use."""
        if self._on_gpu:
            return self
        budget = copy.copy(self)
        budget.in_use += more
        budget.bytes, budget._free = max(self.bytes - more, 0), max(self._free - more, 0)
        return budget

    def check(self, needed: int, what: str) -> None:
        """Check that memory which is needed only briefly is free, without the process's limit.

        Args:
            what: Names their use in the error.

        Raises:
            MemoryShortError: They are not free.
        """
        if needed > self._free:
            raise MemoryShortError(
                f"{what} needs {memory_size(needed)} of memory, and {memory_size(self._free)} are "
                "available; make it smaller"
            )

    def lower(self, failed: int) -> None:
        """Lower the budget after a computation estimated at `failed` bytes ran out of memory."""
        self.bytes = min(self.bytes, int(0.9 * failed))


def host_budget(limits: Limits = UNLIMITED) -> MemoryBudget:
    """Return the budget of a painting that TensorFlow has no part in."""
    return MemoryBudget(resident_memory(), least_free_memory(limits.process), limits)
