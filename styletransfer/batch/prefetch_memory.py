"""The memory that photos and paintings may take before their turn. Does not load TensorFlow.

A part of the memory is set aside for them, which painting leaves alone. What does not fit into it
waits for its turn, when nothing is painted.
"""

import threading
from dataclasses import dataclass

from styletransfer.devices.system_memory import LIMIT_SHARE, free_memory, resident_memory
from styletransfer.errors import MemoryShortError

USUAL_SHARE, LARGEST_SHARE = 1 / 8, 1 / 4  # of the memory that is free at the start
USUAL_BYTES = 1_000_000_000  # at most, before anything is known to need more


@dataclass(eq=False)
class MemoryShare:
    """What one photo or look takes of the memory for reading. bytes: taken; wanted: waited for;
    is_due: whether its turn has come, so that it no longer counts; given_up: that it has none."""

    bytes: int = 0
    wanted: int = 0
    is_due: bool = False
    given_up: bool = False


def decodable_memory(limit: int | None) -> int:
    """The most bytes that decoding one picture may take while nothing is painted.

    Args:
        limit: Bytes for the whole process (MEMORY_LIMIT), if there is such a limit.
    """
    free = free_memory()
    if limit is not None:
        free = min(free, int(LIMIT_SHARE * limit) - resident_memory())
    return max(0, free)


class PrefetchMemory:
    """Counts the bytes of all pictures that are decoded, or being decoded, before their turn.
    Threads wait here until there is room for their next one.

    limit: bytes for the whole process (MEMORY_LIMIT), if there is such a limit.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = None if limit is None else int(LIMIT_SHARE * limit) - resident_memory()
        free = self.available()
        self._set_aside = min(int(USUAL_SHARE * free), USUAL_BYTES)
        self._usual, self._largest = self._set_aside, int(LARGEST_SHARE * free)
        self._changed = threading.Condition()
        self._shares: list[MemoryShare] = []  # those whose turn has not come
        self._closed = False

    def available(self) -> int:
        """The most bytes that decoding one picture may take while nothing is painted."""
        free = free_memory()
        return max(0, free if self._limit is None else min(free, self._limit))

    def share(self) -> MemoryShare:
        """For a photo or look that is about to be read."""
        found = MemoryShare()
        with self._changed:
            self._shares.append(found)
        return found

    def set_aside(self) -> int:
        """Bytes that reading may take from now on, until the next call: painting must leave them
        free. They are more than usual while a larger picture waits."""
        with self._changed:
            waiting = max((each.wanted for each in self._shares), default=0)
            self._set_aside = max(self._usual, waiting if waiting <= self._largest else 0)
            self._changed.notify_all()
            return max(0, self._set_aside - self._taken())

    def set_nothing_aside(self) -> None:
        """Nothing more is decoded until the next call of `set_aside`: painting needs it all."""
        with self._changed:
            self._set_aside = 0

    def close(self) -> None:
        """Ends all waiting: what waits is not read any more, but for what has its turn."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def admit(self, share: MemoryShare, needed: int) -> int | None:
        """Waits until decoding a picture may take so many bytes. The most that it may take, where
        `needed` did not fit before its turn; None where it did.

        Raises MemoryShortError at the end of the run, or when the share is given up.
        """
        with self._changed:
            share.wanted = needed
            self._changed.wait_for(
                lambda: self._closed or share.given_up or share.is_due or self._fits(share)
            )
            share.wanted = 0
            if not share.is_due and (self._closed or share.given_up):
                raise MemoryShortError("nobody waits for it")
            share.bytes = max(share.bytes, needed)
            return self.available() if share.is_due else None

    def keep(self, share: MemoryShare, size: int) -> None:
        """Everything of a share is decoded and takes so many bytes."""
        with self._changed:
            share.bytes = size
            self._changed.notify_all()

    def begin_turn(self, share: MemoryShare) -> None:
        """Somebody waits for it, and paints it when it is decoded."""
        with self._changed:
            share.is_due = True
            if share in self._shares:
                self._shares.remove(share)
            self._changed.notify_all()

    def give_up(self, share: MemoryShare) -> None:
        """Nobody will wait for it: it is not decoded any more."""
        with self._changed:
            share.given_up = True
            self._shares.remove(share)
            self._changed.notify_all()

    def _fits(self, share: MemoryShare) -> bool:
        others = self._taken() - share.bytes
        return others + max(share.bytes, share.wanted) <= self._set_aside

    def _taken(self) -> int:
        return sum(each.bytes for each in self._shares)
