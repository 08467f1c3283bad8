"""The connection to Telegram: with retries, and for one invocation only."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from telegram.error import InvalidToken, NetworkError
from telegram.ext import Application
from telegram.request import HTTPXRequest

from bot.resources import Resources
from bot.updates import CONTEXT
from styletransfer.errors import ConfigError

PASSING = (429, 500, 502, 503, 504)  # HTTP codes of failures that pass
_PAUSES_S = (0.5, 1, 2, 4, 8)
_CONNECT_S, _READ_S, _UPLOAD_S = 5.0, 30.0, 120.0

# Loading the certificate authorities takes longer than most answers: once per cold start.
HTTPX_OPTIONS: dict[str, Any] = {"verify": httpx.create_ssl_context()}

log = logging.getLogger(__name__)


class RetryingRequest(HTTPXRequest):
    """Repeats requests that Telegram defers (429) or loses (502), or that a connection loses.

    It stops at a deadline, a value of `time.monotonic`. A message may come twice, but not never.
    """

    def __init__(self, deadline: float) -> None:
        super().__init__(
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            media_write_timeout=_UPLOAD_S,
            httpx_kwargs=HTTPX_OPTIONS,
        )
        self._deadline = deadline

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        for pause in _PAUSES_S:
            try:
                code, payload = await super().do_request(*args, **kwargs)
            except NetworkError as error:
                if time.monotonic() + pause > self._deadline:
                    raise
                log.info("Telegram: %s; retrying in %g s", error, pause)
            else:
                if code == 429:
                    pause = _retry_after(payload) or pause
                if code not in PASSING or time.monotonic() + pause > self._deadline:
                    return code, payload
                log.info("Telegram answered %d; retrying in %g s", code, pause)
            await asyncio.sleep(pause)
        return await super().do_request(*args, **kwargs)


@contextlib.asynccontextmanager
async def connected(resources: Resources, seconds: float) -> AsyncIterator[Application]:
    """Yield an application for one invocation, as its connections belong to one event loop.

    Its bot can send at once; `initialize`, which makes a request, is for handlers.

    Args:
        resources: The bot's.
        seconds: The time left to the invocation.

    Raises:
        ConfigError: Telegram refuses the token.
    """
    request = RetryingRequest(time.monotonic() + seconds)
    application = (
        Application.builder()
        .token(resources.token)
        .base_url(f"{resources.api}/bot")
        .base_file_url(f"{resources.api}/file/bot")
        .request(request)
        .get_updates_request(request)
        .context_types(CONTEXT)
        .updater(None)
        .job_queue(None)
        .build()
    )
    application.bot_data["resources"] = resources
    try:
        yield application
    except InvalidToken:  # Its message has the token in it.
        raise ConfigError(
            "Telegram refuses the bot's token; store the right one in TOKEN_PARAMETER"
        ) from None
    finally:
        await application.shutdown()
        await request.shutdown()


def _retry_after(payload: bytes) -> float:
    """Return the seconds that Telegram asks to wait, or 0."""
    try:
        return float(json.loads(payload)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return 0.0
