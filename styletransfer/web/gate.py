"""What every request passes before anything of it is read: the host, the login, the form's token;
the patience with whoever sends it; and the headers that every answer gets."""

import asyncio
import re
import time
from collections.abc import Mapping
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from styletransfer.web.options import LOOPBACK, WebOptions
from styletransfer.web.refusals import RefusedError
from styletransfer.web.sessions import COOKIE, Sessions, Tries

FORM_TOKEN = "x-csrf-token"
OPEN_PATHS = ("/healthz", "/readyz", "/login", "/favicon.ico", "/robots.txt")
OPEN_FOLDER = "/static/"
STALLED_S = 60.0  # without a further byte of a request: whoever sent it has gone
SLOWEST = 2000  # bytes a second of a request, after its first minute
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=(), payment=(), usb=()",
}


class Gate:
    """Lets through what may pass. The route finds the session, if there is one, in
    `request.state.session`."""

    def __init__(self, app: ASGIApp, options: WebOptions, sessions: Sessions, tries: Tries) -> None:
        self._app, self._options = app, options
        self._sessions, self._tries = sessions, tries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        secure = is_secure(scope, self._options)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                kept = scope["path"].startswith(OPEN_FOLDER)
                headers.setdefault("cache-control", "no-cache" if kept else "no-store")
                if secure:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        connection = HTTPConnection(scope)
        refusal = self._refusal(connection)
        await (refusal or self._app)(scope, _patient(receive), with_headers)

    def _refusal(self, request: HTTPConnection) -> Response | None:
        """The answer to a request that may not pass."""
        if self._options.local and _host(request.headers) not in LOOPBACK:
            # Another site's name that leads to this machine would make its pages ours.
            return _problem(400, "this service is for this machine only: open it as localhost")
        session = self._sessions.read(request.cookies.get(COOKIE))
        request.state.session = session
        path, method = request.url.path, request.scope["method"]
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDER):
            return None
        if (given := bearer(request.headers)) is not None:
            return self._wrong_token(request, given)
        if self._sessions.needed and not (session and session.logged_in):
            return _to_login(request)
        if method in SAFE_METHODS or self._sessions.is_form_token(
            session, request.headers.get(FORM_TOKEN)
        ):
            return None
        if not self._sessions.needed and not _from_browser(request.headers):
            return None
        return _problem(
            403, f"this page is out of date: load it anew (its {FORM_TOKEN} is not the session's)"
        )

    def _wrong_token(self, request: HTTPConnection, given: str) -> Response | None:
        client = client_address(request, self._options)
        if wait_s := self._tries.wait_s(client, alone=True):
            return too_many_tries(wait_s)
        if not self._sessions.needed or self._sessions.is_token(given):
            return None
        self._tries.failed(client)
        return _problem(401, "the token is wrong; it is WEB_TOKEN, or else WEB_PASSWORD")


def _patient(receive: Receive) -> Receive:
    """Takes the parts of a request's body. Raises RefusedError where none comes any more, or next
    to none: a telephone that has lost its network would hold a place among those that send for
    ever."""
    arriving, patience_s = True, STALLED_S

    async def receive_in_time() -> Message:
        nonlocal arriving, patience_s
        if not arriving:  # What is awaited now is that the client leaves.
            return await receive()
        since = time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), min(STALLED_S, patience_s))
        except TimeoutError:
            reason = "the request arrives too slowly, or no more of it does; send it again"
            raise RefusedError(408, reason) from None
        arriving = message.get("more_body", False)
        patience_s += len(message.get("body", b"")) / SLOWEST - (time.monotonic() - since)
        return message

    return receive_in_time


def _host(headers: Headers) -> str:
    """The host that a client has asked for. In `request.url`, this machine stands for a name that
    is none by the rules."""
    host = re.sub(r":[0-9]+$", "", headers.get("host", "localhost"))
    return host.removeprefix("[").removesuffix("]").lower()


def bearer(headers: Headers) -> str | None:
    """The token of a request's Authorization header; None where there is none."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return None
    try:  # Headers are read as Latin-1, and most programs send UTF-8.
        return given.encode("latin-1").decode().strip()
    except UnicodeError:
        return given.strip()


def client_address(request: HTTPConnection, options: WebOptions) -> str:
    """The address of a client, as the nearest trusted proxy saw it: what is before that in
    X-Forwarded-For, the client may have written itself."""
    direct = request.client.host if request.client else "?"
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    seen = [each.strip() for each in forwarded if each.strip()]
    if not options.proxies or not seen:
        return direct
    return seen[-min(options.proxies, len(seen))]


def is_secure(scope: Scope, options: WebOptions) -> bool:
    """Whether the browser speaks TLS, to this process or to a proxy in front of it."""
    forwarded = Headers(scope=scope).get("x-forwarded-proto", "") if options.proxies else ""
    return bool(scope.get("scheme") == "https" or forwarded.split(",")[-1].strip() == "https")


def too_many_tries(wait_s: int) -> Response:
    """The answer to somebody who gave too many wrong passwords."""
    refusal = _problem(429, f"too many wrong passwords; wait {wait_s} s")
    refusal.headers["retry-after"] = str(wait_s)
    return refusal


def _problem(status: int, detail: str) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"detail": detail}, status, headers)


def _to_login(request: HTTPConnection) -> Response:
    if request.scope["method"] == "GET" and "text/html" in request.headers.get("accept", ""):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(path, safe='')}", 303)
    return _problem(401, "log in first: at /login, or with the header Authorization: Bearer TOKEN")


def _from_browser(headers: Headers) -> bool:
    """Whether a request was sent by a page: browsers add these, and pages cannot leave them out."""
    return any(name in headers for name in ("origin", "sec-fetch-site", "cookie", "referer"))
