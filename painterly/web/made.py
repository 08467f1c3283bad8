"""What is made when it is asked for: once, in a thread of its own, and kept.

Otherwise those who ask for a picture again and again would take all threads that answer others.
Clients take turns: who asks for many things waits for them longer than others for a few.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from weakref import WeakValueDictionary

from painterly.errors import PictureError
from painterly.jobs.address import CLIENT
from painterly.web.clients import Shares

MAX_WAITING = 300  # requests; a page with many pictures asks for some at once
RETRY_S = 5
MOST_BYTES, LEAST_BYTES = 32_000_000, 1_000  # of all that is kept, and counted for each


class _Asked:
    """A result that is being made, or waits for that, and the number of requests that wait for
    it."""

    def __init__(self, result: asyncio.Task[bytes]) -> None:
        self.result, self.requests = result, 0


class Made:
    """The latest results, and the line of those that are waited for. Only the event loop's thread
    uses it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="making")
        self._kept = OrderedDict[Hashable, bytes | str]()  # a text is that of a PictureError
        self._bytes = 0
        self.asked = dict[Hashable, _Asked]()
        self._places = Shares(MAX_WAITING, "requests", RETRY_S)
        self._turns = WeakValueDictionary[str, asyncio.Lock]()  # by client

    async def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return what is kept under a key, or make it when its turn comes, unless all that wait for
        it are cancelled by then.

        Args:
            key: All that decides it.
            make: Makes it. Its errors are raised, and a PictureError is kept.

        Raises:
            ApiError: Too many wait.
        """
        if (kept := self._found(key)) is not None:
            return kept
        async with self._places.taken():
            wanted = CLIENT.get(), key  # It may come sooner in another client's turn.
            if wanted not in self.asked:
                self.asked[wanted] = _Asked(asyncio.create_task(self._made(key, make)))
            asked = self.asked[wanted]
            asked.requests += 1
            try:
                await asyncio.wait([asked.result])
            finally:
                asked.requests -= 1
                if not asked.requests:
                    asked.result.cancel()
                    del self.asked[wanted]
        return asked.result.result()

    async def _made(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        async with self._turns.setdefault(CLIENT.get(), asyncio.Lock()):
            if (kept := self._found(key)) is not None:
                return kept
            loop, context = asyncio.get_running_loop(), copy_context()
            try:
                made = await loop.run_in_executor(self._thread, context.run, make)
            except PictureError as error:
                self._keep(key, str(error))  # Itself, it would keep what was read by then.
                raise
            self._keep(key, made)
            return made

    def _found(self, key: Hashable) -> bytes | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        if isinstance(kept, str):
            raise PictureError(kept)
        return kept

    def _keep(self, key: Hashable, made: bytes | str) -> None:
        if key in self._kept:
            return
        self._kept[key] = made
        self._bytes += LEAST_BYTES + len(made)
        while self._bytes > MOST_BYTES:
            self._bytes -= LEAST_BYTES + len(self._kept.popitem(last=False)[1])
