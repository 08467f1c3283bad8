"""ASGI middleware: a gate for logins, tokens and other sites."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from painterly.jobs.address import (
    CLIENT,
    inner_path,
    is_cross_site,
    is_invited,
    is_own_name,
    own,
)
from painterly.web.rendering import asks_for_page, language_of, shown
from painterly.web.service import Service
from painterly.web.sessions import COOKIE, MAX_GUESSES, SESSION_S
from painterly.web.transport import (
    BODY,
    OPEN_FOLDER,
    PROBES,
    SAFE_METHODS,
    HeadAsGet,
    Transport,
    problem,
)
from painterly.words.texts import DEFAULT, Texts
from painterly.words.wording import shortened

OPEN_PATHS = (*PROBES, "/login", "/away", "/favicon.ico", "/robots.txt")
METRICS = "/metrics"
API = "/api/"
NOT_COMPRESSED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "image/tiff", "application/octet-stream")
BEARER = {"www-authenticate": "Bearer"}
BASIC = {"www-authenticate": 'Basic realm="metrics", charset="UTF-8"'}
WRONG_TOKEN = "the token is wrong; set WEB_TOKEN, and send that"
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


def middleware(service: Service) -> list[Middleware]:
    """List what a request passes before it reaches a route, outermost first."""
    origins = service.options.origins
    others = Middleware(CORSMiddleware, allow_origins=origins, **OF_OTHER_SITES)
    return [
        Middleware(Transport, options=service.options, places=service.requests),
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
                return problem(401, TOKEN_OF_PAGES, BEARER)
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
                return problem(401, WRONG_LOGIN, BASIC)
        if not sessions.needed:
            return None
        if token is not None:
            return self._checked(request, token, sessions.is_token(token), WRONG_TOKEN, BEARER)
        if not sessions.is_logged_in(request.session):
            return _to_login(request)
        self._service.guesses.was_right(CLIENT.get())
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
        return problem(status, Texts(DEFAULT).text(key, **names))

    def _checked(
        self, request: HTTPConnection, given: str, right: bool, detail: str, way: Mapping[str, str]
    ) -> Response | None:
        """Return None if a token or login that was given is right, or else the answer, and count
        the guess. A right one passes in spite of some wrong ones: others may share its address."""
        wait_s = self._service.guesses.wait_s(CLIENT.get(), given, right, MAX_GUESSES)
        if wait_s:
            wait = f"too many wrong passwords; wait {wait_s} s"
            return problem(429, wait, {"retry-after": str(wait_s)})
        return None if right else problem(401, detail, way)


def is_open(path: str) -> bool:
    """Return whether a path needs no login."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


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


def _to_login(request: HTTPConnection) -> Response:
    if request.scope["method"] == "GET" and asks_for_page(request):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(own(f"/login?next={quote(path, safe='')}"), 303)
    way = f"log in first: at {own('/login')}, or with the header Authorization: Bearer TOKEN"
    return problem(401, way, BEARER)
