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
        self._kept, self._bytes = OrderedDict[Hashable, asyncio.Future[bytes]](), 0
        self._asked = dict[Hashable, _Asked]()

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
            return self._kept[key].result()
        if key not in self._asked:
            if len(self._asked) >= MAX_WAITING:
                raise ApiError(503, "the service is busy; try again in a moment", RETRY_S)
            loop = asyncio.get_running_loop()
            self._asked[key] = _Asked(loop.run_in_executor(self._thread, copy_context().run, make))
        asked = self._asked[key]
        asked.clients += 1
        try:
            await asyncio.wait([asked.result])
        finally:
            asked.clients -= 1
            if not asked.clients:
                asked.result.cancel()
                del self._asked[key]
        self._keep(key, asked.result)
        return asked.result.result()

    def _keep(self, key: Hashable, result: asyncio.Future[bytes]) -> None:
        error = result.exception()
        if key in self._kept or (error and not isinstance(error, PictureError)):
            return
        self._kept[key] = result
        self._bytes += _cost(result)
        while self._bytes > MOST_BYTES:
            self._bytes -= _cost(self._kept.popitem(last=False)[1])


def _cost(result: asyncio.Future[bytes]) -> int:
    return LEAST_BYTES + (0 if result.exception() else len(result.result()))
