"""Streams of events: what changes in the queue, as it changes."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi.sse import ServerSentEvent

from styletransfer.web.board import Board

AT_MOST_EVERY_S = 0.25  # a listener hears of changes
LONGEST_S = 600.0  # a stream; then the browser connects anew, and its login is checked anew
MOST_LISTENERS = 1000


async def job_changes(
    board: Board, seen: str | None, job_id: str | None = None
) -> AsyncIterator[ServerSentEvent]:
    """An event `job` for each job that changes, with its state; at first for those that have
    changed since the event with the id `seen`. job_id: for this job only."""
    listener, ends = board.listen(), time.monotonic() + LONGEST_S
    try:
        while not board.closed and time.monotonic() < ends:
            listener.clear()
            for change, text in board.since(seen, job_id):
                yield ServerSentEvent(raw_data=text, event="job", id=change)
                seen = change
            await asyncio.sleep(AT_MOST_EVERY_S)
            try:
                await asyncio.wait_for(listener.wait(), ends - time.monotonic())
            except TimeoutError:
                return
    finally:
        board.leave(listener)
