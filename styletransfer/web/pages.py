"""The pages: HTML around what the API gives."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import StrictUndefined
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from styletransfer.bucket_layout import PICTURES
from styletransfer.gallery.page import SHARED
from styletransfer.settings import QUALITIES
from styletransfer.web.gate import client_address, is_secure
from styletransfer.web.schemas import MOST_BLENDED
from styletransfer.web.service import Service, Shared
from styletransfer.web.sessions import COOKIE, SESSION_S, Session

LONGEST_FIELD = 10_000  # bytes of a field of the login
pages = APIRouter(include_in_schema=False)
# How pictures are compared is a template that the gallery of a bucket has as well.
templates = Jinja2Templates([Path(__file__).parent / "templates", SHARED])
templates.env.undefined = StrictUndefined
templates.env.trim_blocks = templates.env.lstrip_blocks = True


@pages.get("/")
def index(request: Request, service: Shared) -> Response:
    """The page to paint from."""
    options, usual = service.options, service.config.settings
    return _shown(
        request,
        service,
        "index",
        qualities=[
            {"name": name, "size": usual.replaced({"quality": name}).size} for name in QUALITIES
        ],
        usual=usual,
        accept=",".join(sorted(PICTURES)),
        most={"upload_bytes": options.max_upload, "blended": MOST_BLENDED},
    )


@pages.get("/gallery")
def gallery_page(request: Request, service: Shared) -> Response:
    """The page of all results."""
    return _shown(request, service, "gallery")


@pages.get("/login")
def login_page(request: Request, service: Shared, next: str = "/") -> Response:
    """The form for the password."""
    session = request.state.session
    if not service.sessions.needed or (session and session.logged_in):
        return RedirectResponse(own_path(next), 303)
    return _shown(request, service, "login", error=None, next=own_path(next))


@pages.post("/login")
async def log_in(request: Request, service: Shared) -> Response:
    """Takes the password."""
    async with request.form(max_files=0, max_fields=5, max_part_size=LONGEST_FIELD) as form:
        password, token, after = (str(form.get(name, "")) for name in ("password", "csrf", "next"))
    after = own_path(after)
    client = client_address(request, service.options)
    if not service.sessions.is_form_token(request.state.session, token):
        error, status = "This page was open for too long. Try once more.", 403
    elif wait_s := service.tries.wait_s(client):
        error, status = f"Too many wrong passwords. Wait {wait_s} seconds.", 429
    elif service.sessions.is_password(password):
        service.tries.succeeded(client)
        response: Response = RedirectResponse(after, 303)
        _give(request, response, service, service.sessions.new(logged_in=True))
        return response
    else:
        service.tries.failed(client)
        error, status, wait_s = "The password is wrong.", 401, 0
    response = _shown(request, service, "login", status, error=error, next=after)
    if status == 429:
        response.headers["retry-after"] = str(wait_s)
    return response


@pages.post("/logout")
def log_out(request: Request, service: Shared) -> Response:
    """Ends the session: its cookie counts no longer."""
    if request.state.session:
        service.log_out(request.state.session)
    response = RedirectResponse("/login" if service.sessions.needed else "/", 303)
    response.delete_cookie(COOKIE)
    return response


def own_path(given: str) -> str:
    """A path on this site to go to after the login; `/` for anything that leads elsewhere."""
    safe = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable()
    return given if safe and len(given) < 2000 else "/"


def _shown(
    request: Request, service: Service, name: str, status: int = 200, **about: Any
) -> Response:
    """A template. A browser without a session gets one, which the form's token belongs to."""
    known = request.state.session
    session = known or service.sessions.new()
    about |= {
        "csrf": service.sessions.form_token(session),
        "user_logged_in": service.sessions.needed and session.logged_in,
    }
    response = templates.TemplateResponse(request, f"{name}.html", about, status)
    if known is None:
        _give(request, response, service, session)
    return response


def _give(request: Request, response: Response, service: Service, session: Session) -> None:
    response.set_cookie(
        COOKIE,
        service.sessions.cookie(session),
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        secure=is_secure(request.scope, service.options),
    )
