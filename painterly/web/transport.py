"""ASGI middleware around all else: security headers, parts of answers, bodies with limits, and how
many requests a client may have at once."""

import asyncio
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from painterly.configuration.web_options import MEGA, WebOptions
from painterly.jobs.address import CLIENT, inner_path, own, under_root
from painterly.jobs.schemas import ApiError
from painterly.web.clients import Shares, client_address
from painterly.web.picture_answers import ONLY_HEADERS

PROBES = ("/healthz", "/readyz")
OPEN_FOLDER = "/static/"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
STALLED_S = 60.0  # without a further byte of a request: its sender has gone
FORM_BYTES = MEGA  # bytes of a form without its file
SLOWEST = 20_000  # bytes of a body in a second, after its first STALLED_S
# A body that comes without a login, and what is still read of one that was refused.
STRANGERS_S, READ_ON_S = 10.0, 10.0
PART = 65_536  # bytes of an answer that are handed to a connection at once
BODY = "painterly.body"  # the name of a request's body in its scope
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; connect-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
TOO_MANY = "your address has too many requests at once; wait until some have ended"
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=(), payment=(), usb=()",
}


class Transport:
    """Adds security headers to each answer, sends it in parts, and bounds the requests of a client
    and their bodies."""

    def __init__(self, app: ASGIApp, options: WebOptions, places: Shares) -> None:
        self._app, self._options, self._places = app, options, places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        CLIENT.set(client_address(HTTPConnection(scope), self._options))
        if scope["path"] in PROBES and scope["method"] in SAFE_METHODS:
            await self._answer(scope, receive, send)
        elif self._places.full:  # Nothing more of it is read.
            refusal = problem(429, TOO_MANY, {**HEADERS, "retry-after": "5"})
            await refusal(scope, receive, send)
        else:
            async with self._places.taken():
                await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        secure = is_secure(scope, self._options)
        body = Body(receive)
        scope = {**under_root(scope, self._options), BODY: body}
        if secure:
            scope["scheme"] = "https"  # For redirections, which name it.
        static = inner_path(scope).startswith(OPEN_FOLDER)
        sends, waits = scope["method"] not in SAFE_METHODS, "expect" in Headers(scope=scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                # With `Expect: 100-continue`, a client sends nothing before something is read.
                if sends and (body.has_begun or not waits):
                    await body.read_on()
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-cache" if static else "no-store")
                if secure:
                    headers["strict-transport-security"] = "max-age=31536000"
                if cookie := headers.get("set-cookie"):
                    cookie = cookie.replace("path=/;", f"path={own('') or '/'};")
                    headers["set-cookie"] = f"{cookie}; secure" if secure else cookie
            for part in _parts(message):
                await send(part)

        if sends:
            await self._app(scope, body.receive, with_headers)
        else:
            await _while_there(self._app, scope, receive, with_headers)


async def _while_there(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that sends nothing until its client leaves. It may wait for a thread, or for
    a picture: that place is for others then."""
    messages: list[Message] = [{"type": "http.request"}]

    async def only_the_request() -> Message:
        if not messages:
            await anyio.sleep_forever()
        return messages.pop()

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await app(scope, only_the_request, send)
            group.cancel_scope.cancel()
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _parts(message: Message) -> Iterator[Message]:
    """Yield a message in parts, each of which waits for room: a connection would copy the whole,
    whether its client takes it or not."""
    data = message.get("body", b"")
    if len(data) <= PART:
        yield message
        return
    for at in range(0, len(data), PART):
        more = at + PART < len(data) or message.get("more_body", False)
        yield {**message, "body": data[at : at + PART], "more_body": more}


class HeadAsGet:
    """Answers HEAD wherever GET is answered, with the headers of that answer alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def headers_only(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:  # A stream would last until its reader leaves: it has left.
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app({**scope, "method": "GET", ONLY_HEADERS: True}, receive, headers_only)


class Body:
    """The body of a request, with limits of its bytes and of how long it may take. Otherwise a
    phone that has lost its network would block one of the few uploads at a time indefinitely. Until
    it is known whose body it is, the limits are those of a stranger's form."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._arriving, self._received = True, 0
        self.most_bytes, self._refusal = FORM_BYTES, "the request is too long"
        self._ends, self._slowest = time.monotonic() + STRANGERS_S, math.inf

    def trust(self, max_upload: int) -> None:
        """Take a form with a file of `max_upload` bytes, as slowly as SLOWEST."""
        self.most_bytes = max_upload + FORM_BYTES
        self._refusal = f"a file may have {max_upload // MEGA} MB at most; make it smaller"
        self._ends, self._slowest = time.monotonic() + STALLED_S, SLOWEST

    @property
    def has_begun(self) -> bool:
        return self._received > 0

    async def receive(self) -> Message:
        """Receive a message. Raises ApiError if the body is too slow, or too large."""
        if not self._arriving:  # Now a route waits for the client to disconnect.
            return await self._receive()
        ends = self._ends + self._received / self._slowest
        try:
            patience_s = min(STALLED_S, ends - time.monotonic())
            message = await asyncio.wait_for(self._receive(), patience_s)
        except TimeoutError:
            self._arriving = False
            raise ApiError(408, "the request arrives too slowly; send it again") from None
        self._arriving = message.get("more_body", False)
        self._received += len(message.get("body", b""))
        if self._received > self.most_bytes:
            raise ApiError(413, self._refusal)
        return message

    async def read_on(self) -> None:
        """Read what is still sent of a request that is answered already, for a while. Otherwise its
        client would see a reset instead of the answer, if its connection ends with it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_ON_S):
                while self._arriving:
                    message = await self._receive()
                    self._arriving = message.get("more_body", False)


def is_secure(scope: Scope, options: WebOptions) -> bool:
    """Return whether the browser uses TLS, to this process or to a proxy in front of it."""
    forwarded = Headers(scope=scope).get("x-forwarded-proto", "") if options.proxies else ""
    return bool(scope.get("scheme") == "https" or forwarded.split(",")[-1].strip() == "https")


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make the answer that refuses a request, with the reason in English."""
    return JSONResponse({"detail": detail}, status, headers)
