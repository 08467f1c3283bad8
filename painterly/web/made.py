"""What is made when it is asked for: once, in a thread of its own, and kept.

Otherwise those who ask for a picture again and again would take all threads that answer others.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from painterly.errors import PictureError
from painterly.jobs.schemas import ApiError

MAX_WAITING = 100  # different ones; a page with many pictures asks for some at once
RETRY_S = 5
MOST_BYTES, LEAST_BYTES = 32_000_000, 1_000  # of all that is kept, and counted for each


class _Asked:
    """A result that is being made, or waits for that, and the number of clients who wait for it."""

    def __init__(self, result: asyncio.Future[bytes]) -> None:
        self.result, self.clients = result, 0


class Made:
    """The latest results, and the line of those that are waited for. Only the event loop's thread
    uses it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="making")
        self._kept = OrderedDict[Hashable, bytes | str]()  # a text is that of a PictureError
        self._bytes = 0
        self.asked = dict[Hashable, _Asked]()

    async def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return what is kept under a key, or make it when its turn comes, unless all that wait for
        it are cancelled by then.

        Args:
            key: All that decides it.
            make: Makes it. Its errors are raised, and a PictureError is kept.

        Raises:
            ApiError: Too many wait.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            kept = self._kept[key]
            if isinstance(kept, str):
                raise PictureError(kept)
            return kept
        if key not in self.asked:
            if len(self.asked) >= MAX_WAITING:
                raise ApiError(503, "the service is busy; try again in a moment", RETRY_S)
            loop = asyncio.get_running_loop()
            self.asked[key] = _Asked(loop.run_in_executor(self._thread, copy_context().run, make))
        asked = self.asked[key]
        asked.clients += 1
        try:
            await asyncio.wait([asked.result])
        finally:
            asked.clients -= 1
            if not asked.clients:
                asked.result.cancel()
                del self.asked[key]
        try:
            self._keep(key, asked.result.result())
        except PictureError as error:  # Itself, it would keep what was read until it was raised.
            self._keep(key, str(error))
        return asked.result.result()

    def _keep(self, key: Hashable, made: bytes | str) -> None:
        if key in self._kept:
            return
        self._kept[key] = made
        self._bytes += LEAST_BYTES + len(made)
        while self._bytes > MOST_BYTES:
            self._bytes -= LEAST_BYTES + len(self._kept.popitem(last=False)[1])
