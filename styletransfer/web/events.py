"""Streams of events: what changes in the queue, as it changes."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi.sse import KEEPALIVE_COMMENT

from styletransfer.web.board import Board

AT_MOST_EVERY_S = 0.25  # a listener hears of changes
HEARTBEAT_S = 15.0
LONGEST_S = 600.0  # a stream; then the browser connects anew, and its login is checked anew
MOST_LISTENERS = 1000
_RECONNECT_MS = 1000  # sooner than a page says that the service is away


async def job_changes(
    board: Board, seen: str | None, job_id: str | None = None
) -> AsyncIterator[bytes]:
    """The bytes of a stream with an event `job` for each job that changes, with its state; at first
    for those that have changed since the event with the id `seen`. job_id: for this job only."""
    listener, ends = board.listen(), time.monotonic() + LONGEST_S
    try:
        # The browser knows at once that it is connected, and how soon to connect anew.
        yield f"retry: {_RECONNECT_MS}\n\n".encode() + KEEPALIVE_COMMENT
        while not board.closed and time.monotonic() < ends:
            listener.clear()
            seen, news = board.since(seen, job_id)
            if news:
                yield b"".join(news)
                await asyncio.sleep(AT_MOST_EVERY_S)
            try:
                await asyncio.wait_for(listener.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield KEEPALIVE_COMMENT
    finally:
        board.leave(listener)
