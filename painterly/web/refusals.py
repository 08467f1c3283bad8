"""The answers to errors: JSON with one line, or a page where a browser asks for one."""

from collections.abc import Awaitable, Callable, Mapping
from logging import DEBUG, WARNING

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from painterly.errors import ConfigError, StorageError
from painterly.jobs.schemas import ApiError
from painterly.log import event, log_trace
from painterly.storage.base import BadKeyError
from painterly.web.rendering import RETRY_S, asks_for_page, away_response, language_of, shown
from painterly.words.texts import Texts
from painterly.words.wording import printable

GONE = (404, 410)
FORBIDDEN = 403
EXPLAINED = (403, 404, 413, 415, 422, 429, 503)
Handler = Callable[[Request, Exception], Response | Awaitable[Response]]


def _answer(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Make the answer that refuses a request, with the reason in English."""
    detail = printable(detail)  # It may repeat parts of the request.
    if not asks_for_page(request):
        return JSONResponse({"detail": detail}, status, headers)
    texts, sent = Texts(language_of(request)), request.method == "POST"
    if status in GONE and not sent:
        heading, words, reason = texts.text("web.missing"), texts.text("web.missing_for"), None
    else:
        key = "web.closed" if status == FORBIDDEN else "web.not_done"
        # In the reader's language; the server's own reason is in English.
        words = texts.text(f"page.refused.{status}" if status in EXPLAINED else "page.refused")
        heading, reason = texts.text(key), detail
    about = {"heading": heading, "words": words, "reason": reason, "sent": sent}
    page = shown(request, request.app.state.service, "notice", status, **about)
    page.headers.update(headers or {})
    return page


def _refused(request: Request, error: Exception) -> Response:
    match error:
        case ApiError():
            headers = {"retry-after": str(error.retry_s)} if error.retry_s else None
            return _answer(request, error.status, str(error), headers)
        case HTTPException():
            return _answer(request, error.status_code, str(error.detail), error.headers)
        case RequestValidationError():
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"][1:])
            return _answer(request, 422, f"{where or 'the request'}: {first['msg']}"[:300])
    return _answer(request, 422, str(error))  # Wrong settings, or a name that is no key.


def _no_storage(request: Request, error: Exception) -> Response:
    request.app.state.warnings.warn(str(error))
    request.app.state.service.metrics.storage_failed()
    if asks_for_page(request):
        return away_response()
    detail = "the storage does not answer at the moment; try again later"
    return JSONResponse({"detail": detail}, 503, {"retry-after": str(RETRY_S)})


def _left(request: Request, _: Exception) -> Response:
    """Handle a page that is closed while it sends. This answer reaches no client."""
    event(f"{request.url.path}: the client disconnected during the upload", level=DEBUG)
    return JSONResponse({"detail": "the request was interrupted"}, 400)


def _unexpected(_: Request, error: Exception) -> Response:
    event(f"unexpected {type(error).__name__}: {error}", level=WARNING)
    log_trace(error)
    return JSONResponse({"detail": "an unexpected error occurred; see the log"}, 500)


HANDLERS: Mapping[type[Exception], Handler] = {
    **dict.fromkeys(
        (ApiError, BadKeyError, ConfigError, HTTPException, RequestValidationError), _refused
    ),
    StorageError: _no_storage,
    ClientDisconnect: _left,
    Exception: _unexpected,
}
