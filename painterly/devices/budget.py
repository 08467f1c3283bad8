"""The memory that painting a picture may take; without TensorFlow."""

import copy

from painterly.devices.system_memory import LIMIT_SHARE, free_memory, resident_memory
from painterly.errors import MemoryShortError
from painterly.log import gigabytes

FREE_SHARE = 0.9  # part of the free memory: other processes allocate, too


class MemoryBudget:
    """The memory that painting a picture may take.

    Attributes:
        bytes: The bytes that painting may take, in addition to those in use.
        in_use: The bytes in use when painting begins; on a GPU, there.

    Args:
        in_use: As the attribute.
        free: The bytes that are free.
        limit: The upper bound for the whole process in bytes (on a GPU, for its memory there), or
            None for all that is free.
        set_aside: Bytes of the host's free memory that painting on the CPU must not use.
        share: The upper bound for this painting in bytes, if others paint on the same device.
        on_gpu: Whether the memory is a GPU's.
    """

    def __init__(
        self,
        in_use: int,
        free: int,
        limit: int | None = None,
        set_aside: int = 0,
        share: int | None = None,
        *,
        on_gpu: bool = False,
    ) -> None:
        self.in_use, self._on_gpu = in_use, on_gpu
        taken = 0 if on_gpu else set_aside
        self._free = max(free - taken, 0)
        self.bytes = int(FREE_SHARE * self._free)
        if limit is not None:
            self.bytes = max(min(self.bytes, int(LIMIT_SHARE * limit) - in_use - taken), 0)
        if share is not None:
            self.bytes = min(self.bytes, share)

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
            needed: The bytes.
            what: Names their use in the error.

        Raises:
            MemoryShortError: They are not free.
        """
        if needed > self._free:
            raise MemoryShortError(
                f"{what} needs {gigabytes(needed)} of memory, and {gigabytes(self._free)} are "
                "available; make it smaller"
            )

    def lower(self, failed: int) -> None:
        """Lower the budget after a computation estimated at `failed` bytes ran out of memory."""
        self.bytes = min(self.bytes, int(0.9 * failed))


def host_budget(
    limit: int | None = None, set_aside: int = 0, share: int | None = None
) -> MemoryBudget:
    """Return the budget of a painting that TensorFlow has no part in; arguments as in
    `MemoryBudget`."""
    return MemoryBudget(resident_memory(), free_memory(), limit, set_aside, share)
