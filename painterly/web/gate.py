"""ASGI middleware: security headers and limits, and a gate for logins, tokens and other sites."""

import asyncio
import base64
import binascii
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import quote

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from painterly.configuration.web_options import MEGA, WebOptions
from painterly.jobs.address import (
    inner_path,
    is_cross_site,
    is_invited,
    is_own_name,
    own,
    under_root,
)
from painterly.jobs.schemas import ApiError
from painterly.web.picture_answers import ONLY_HEADERS
from painterly.web.rendering import asks_for_page, language_of, shown
from painterly.web.service import Service
from painterly.web.sessions import COOKIE, MAX_GUESSES, SESSION_S
from painterly.words.texts import DEFAULT, Texts
from painterly.words.wording import shortened

PROBES = ("/healthz", "/readyz")
OPEN_PATHS = (*PROBES, "/login", "/away", "/favicon.ico", "/robots.txt")
OPEN_FOLDER = "/static/"
METRICS = "/metrics"
API = "/api/"
STALLED_S = 60.0  # without a further byte of a request: its sender has gone
FORM_BYTES = MEGA  # bytes of a form without its file
SLOWEST = 20_000  # bytes of a body in a second, after its first STALLED_S
# A body that comes without a login, and what is still read of one that was refused.
STRANGERS_S, READ_ON_S = 10.0, 10.0
MAX_OF_CLIENT = 300  # requests of one address at once: a party may share one
PART = 65_536  # bytes of an answer that are handed to a connection at once
BODY = "painterly.body"  # the name of a request's body in its scope
NOT_COMPRESSED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "image/tiff", "application/octet-stream")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_WITH_PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+", re.ASCII)
BEARER = {"www-authenticate": "Bearer"}
BASIC = {"www-authenticate": 'Basic realm="metrics", charset="UTF-8"'}
WRONG_TOKEN = "the token is wrong; set WEB_TOKEN, and send that"
MANY = "your address has too many requests at once; wait until some have ended"
WRONG_LOGIN = "the login is wrong; it is WEB_METRICS_USER and WEB_METRICS_PASSWORD"
TOKEN_OF_PAGES = "a page of another site needs the header Authorization: Bearer TOKEN"
# What pages of other sites (WEB_ORIGINS) may send and read. Browsers send their requests without
# cookies, or do not let them read the answer.
OF_OTHER_SITES: Mapping[str, Any] = {
    "allow_methods": ("DELETE", "GET", "POST"),
    "allow_headers": (
        *("authorization", "idempotency-key", "range"),
        *("if-match", "if-modified-since", "if-none-match", "if-range"),
    ),
    "expose_headers": (
        *("accept-ranges", "content-disposition", "content-range", "etag", "location"),
        *("retry-after", "www-authenticate"),
    ),
}
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=(), payment=(), usb=()",
}


def middleware(service: Service) -> list[Middleware]:
    """List what a request passes before it reaches a route, outermost first."""
    origins = service.options.origins
    others = Middleware(CORSMiddleware, allow_origins=origins, **OF_OTHER_SITES)
    return [
        Middleware(Transport, options=service.options),
        *([others] if origins else ()),
        Middleware(
            SessionMiddleware,
            secret_key=service.sessions.key,
            session_cookie=COOKIE,
            max_age=SESSION_S,
            same_site="lax",
        ),
        Middleware(HeadAsGet),
        # All but pictures and events: an ETag names the bytes that are sent.
        Middleware(GZipMiddleware, compresslevel=5, exclude_content_types=NOT_COMPRESSED),
        Middleware(Gate, service=service),
    ]


class Transport:
    """Adds security headers to each answer, sends it in parts, and bounds the requests of one
    address and their bodies."""

    def __init__(self, app: ASGIApp, options: WebOptions) -> None:
        self._app, self._options = app, options
        self._under_way = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = client_address(HTTPConnection(scope), self._options)
        if self._under_way[client] >= MAX_OF_CLIENT and scope["path"] not in PROBES:
            await _problem(429, MANY, {"retry-after": "5"})(scope, receive, send)
            return
        self._under_way[client] += 1
        try:
            await self._pass_on(scope, receive, send)
        finally:
            self._under_way[client] -= 1
            if not self._under_way[client]:
                del self._under_way[client]

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
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


class Gate:
    """Rejects requests without a login or token, and those that pages of other sites send."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Request(scope))
        if refusal is None and not is_open(inner_path(scope)):
            scope[BODY].trust(self._service.options.max_upload)
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        path, method = inner_path(request.scope), request.scope["method"]
        token, options = bearer(request.headers), self._service.options
        if path not in PROBES and not is_own_name(request.headers, options):
            return self._misled(request, 400, "web.wrong_name")
        is_change = token is None and method not in SAFE_METHODS
        if is_change and is_cross_site(request.headers, options):
            if path.startswith(API) and is_invited(request.headers, options):
                return _problem(401, TOKEN_OF_PAGES, BEARER)
            return self._misled(request, 403, "web.other_site")
        return None if is_open(path) else self._stranger(request, path, token)

    def _stranger(self, request: Request, path: str, token: str | None) -> Response | None:
        """Return the answer to a request that needs a login, and has none or a wrong one."""
        sessions = self._service.sessions
        if path == METRICS and self._service.options.metrics_user is not None:
            login = basic(request.headers)
            if login is not None:
                right = sessions.may_read_metrics(login)
                return self._checked(request, login, right, WRONG_LOGIN, BASIC)
            if not sessions.needed:
                return _problem(401, WRONG_LOGIN, BASIC)
        if not sessions.needed:
            return None
        if token is not None:
            return self._checked(request, token, sessions.is_token(token), WRONG_TOKEN, BEARER)
        if not sessions.is_logged_in(request.session):
            return _to_login(request)
        self._service.guesses.was_right(client_address(request, self._service.options))
        return None

    def _misled(self, request: Request, status: int, key: str) -> Response:
        """Return the answer to a request that may come from another site, with the remedy if only
        a proxy makes it look so: a page where a browser shows it."""
        headers = request.headers
        names = {each: shortened(headers.get(each, "")) for each in ("origin", "host")}
        if asks_for_page(request):
            texts = Texts(language_of(request))
            heading, words = texts.text("web.closed"), texts.text(key, **names)
            about = {"heading": heading, "words": words, "reason": None, "sent": False}
            return shown(request, self._service, "notice", status, **about)
        return _problem(status, Texts(DEFAULT).text(key, **names))

    def _checked(
        self, request: HTTPConnection, given: str, right: bool, detail: str, way: Mapping[str, str]
    ) -> Response | None:
        """Return None if a token or login that was given is right, or else the answer, and count
        the guess. A right one passes in spite of some wrong ones: others may share its address."""
        guesses, client = self._service.guesses, client_address(request, self._service.options)
        if wait_s := guesses.wait_s(client, given, right, MAX_GUESSES):
            wait = f"too many wrong passwords; wait {wait_s} s"
            return _problem(429, wait, {"retry-after": str(wait_s)})
        return None if right else _problem(401, detail, way)


class Body:
    """The body of a request, with limits of its bytes and of how long it may take. Otherwise a
    phone that has lost its network would block one of the few uploads at a time indefinitely. Until
    it is known whose body it is, the limits are those of a stranger's form."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._arriving, self._received = True, 0
        self._most, self._refusal = FORM_BYTES, "the request is too long"
        self._ends, self._slowest = time.monotonic() + STRANGERS_S, math.inf

    def trust(self, max_upload: int) -> None:
        """Take a form with a file of `max_upload` bytes, as slowly as SLOWEST."""
        self._most = max_upload + FORM_BYTES
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
        if self._received > self._most:
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


def bearer(headers: Headers) -> str | None:
    """Return the token of a request's Authorization header; None if there is none."""
    token = _authorization(headers, "bearer")
    if token is None:
        return None
    try:  # Headers are read as Latin-1, and most programs send UTF-8.
        return token.encode("latin-1").decode().strip()
    except UnicodeError:
        return token.strip()


def basic(headers: Headers) -> str | None:
    """Return the user and the password of a request's Authorization header, with a colon between;
    None if there are none."""
    encoded = _authorization(headers, "basic")
    try:
        return None if encoded is None else base64.b64decode(encoded).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def _authorization(headers: Headers, wanted: str) -> str | None:
    kind, _, rest = headers.get("authorization", "").partition(" ")
    return rest if kind.lower() == wanted else None


def is_open(path: str) -> bool:
    """Return whether a path needs no login."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


def client_address(request: HTTPConnection, options: WebOptions) -> str:
    """Return a client's address, as the outermost trusted proxy saw it: of IPv6 the /64, which
    everyone has to himself. The client itself may have written the entries before that in
    X-Forwarded-For."""
    direct = request.client.host if request.client else "?"
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    addresses = [each.strip() for each in forwarded if each.strip()]
    if not options.proxies or not addresses:
        return _network(direct)
    return _network(addresses[-min(options.proxies, len(addresses))])


def _network(written: str) -> str:
    plain = _WITH_PORT.fullmatch(written)  # As some proxies write it.
    try:
        ip = ip_address((plain[1] or plain[2]) if plain else written.partition("%")[0])
    except ValueError:
        return written
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return str(ip_network((ip, 64), strict=False))
    return str(getattr(ip, "ipv4_mapped", None) or ip)


def is_secure(scope: Scope, options: WebOptions) -> bool:
    """Return whether the browser uses TLS, to this process or to a proxy in front of it."""
    forwarded = Headers(scope=scope).get("x-forwarded-proto", "") if options.proxies else ""
    return bool(scope.get("scheme") == "https" or forwarded.split(",")[-1].strip() == "https")


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)


def _to_login(request: HTTPConnection) -> Response:
    if request.scope["method"] == "GET" and asks_for_page(request):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(own(f"/login?next={quote(path, safe='')}"), 303)
    way = f"log in first: at {own('/login')}, or with the header Authorization: Bearer TOKEN"
    return _problem(401, way, BEARER)
