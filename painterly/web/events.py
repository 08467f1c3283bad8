"""Streams of server-sent events: the jobs, and what changes of them."""

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from painterly.jobs.address import own
from painterly.jobs.index import JobIndex
from painterly.jobs.schemas import ApiError, DeletedJobs, Places

MAX_STREAMS = 800
PAUSE_S = 0.25  # seconds between two groups of events in a stream
MAX_STREAM_S = 600.0  # Then the browser reconnects, and its login is checked again.
RECONNECT_MS = 1000  # less than the page's patience before it reports the server as unavailable
# As OpenAPI describes an event.
EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["job", "places", "deleted"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer", "minimum": 0},
    },
}
# The whole is a list of events: FastAPI would describe a text.
EVENTS = {"schema": {"type": "array", "items": EVENT}, "itemSchema": EVENT}
PING_S = 15.0  # Proxies end connections that are silent for longer.


class EventResponse(StreamingResponse):
    """The answer with a stream of events. FastAPI's own takes 0.3 ms for each event and reader."""

    media_type = "text/event-stream"


class Events:
    """The open streams. A change is encoded once for all of them: hundreds of pages may be open,
    and as many jobs may wait.

    Attributes:
        streams: Their number.
    """

    def __init__(self, jobs: JobIndex) -> None:
        self._jobs = jobs
        self.streams = 0
        # By the version that streams have seen, what they show, and the path of their clients.
        self._texts = dict[tuple[int | None, bool, str], asyncio.Task[tuple[int, bytes]]]()
        self._version = -1  # the index's, for which they were asked

    async def answer(self, places: bool) -> EventResponse:
        """Return the answer with a new stream. Raises ApiError if there are too many.

        Args:
            places: Whether jobs that have only moved in the queue come together.
        """
        if self.streams >= MAX_STREAMS:
            raise ApiError(429, "too many pages are open", 10)
        # Before the answer begins: a page lists all jobs once it has begun, and would miss one that
        # ends between that list and the first version of its stream.
        seen, text = await self._since(None, places)
        headers = {"x-accel-buffering": "no"}  # nginx would keep events back.
        return EventResponse(self._stream(seen, text, places), headers=headers)

    async def _stream(self, seen: int, text: bytes, places: bool) -> AsyncIterator[bytes]:
        self.streams += 1
        try:
            ends, sent = time.monotonic() + MAX_STREAM_S, time.monotonic()
            # The browser learns at once that it is connected, and how soon to reconnect.
            yield f": connected\nretry: {RECONNECT_MS}\n\n".encode() + text
            while not self._jobs.closed and time.monotonic() < ends:
                await asyncio.sleep(PAUSE_S)
                text = b""
                if seen != self._jobs.version:
                    seen, text = await self._since(seen, places)
                if not text and time.monotonic() - sent > PING_S:
                    text = b": ping\n\n"
                if text:
                    sent = time.monotonic()
                    yield text
        finally:
            self.streams -= 1

    async def _since(self, version: int | None, places: bool) -> tuple[int, bytes]:
        if self._version != self._jobs.version:
            self._texts, self._version = {}, self._jobs.version
        key = version, places, own("")
        if key not in self._texts:
            asked = run_in_threadpool(self._text, version, places)
            self._texts[key] = asyncio.create_task(asked)
        return await asyncio.shield(self._texts[key])  # Others wait for it as well.

    def _text(self, version: int | None, places: bool) -> tuple[int, bytes]:
        changes = self._jobs.changes(version, apart=places)
        data = [("job", each.model_dump_json(by_alias=True)) for each in changes.jobs]
        if changes.places:
            data.append(("places", Places(jobs=changes.places).model_dump_json()))
        if changes.deleted:
            data.append(("deleted", DeletedJobs(jobs=changes.deleted).model_dump_json()))
        text = "".join(f"event: {kind}\ndata: {each}\n\n" for kind, each in data)
        return changes.version, text.encode()
