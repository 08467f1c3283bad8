"""The language of a request, and the templates of the pages rendered in it."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from painterly.gallery.page import SHARED, configure, languages_context
from painterly.jobs.address import own
from painterly.web.service import Service
from painterly.words.texts import LANGUAGES, preferred

LANGUAGE_COOKIE = "painterly_language"  # texts.js writes it.

templates = Jinja2Templates([Path(__file__).parent / "templates", SHARED])
configure(templates.env)


def language_of(request: Request) -> str:
    """Return the language that was chosen on a page, or else that the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def asks_for_page(request: HTTPConnection) -> bool:
    """Return whether a request is for a page: a browser shows the answer as one."""
    return "text/html" in request.headers.get("accept", "")


Language = Annotated[str, Depends(language_of)]


def shown(
    request: Request, service: Service, name: str, status: int = 200, **about: Any
) -> Response:
    """Return a page. about: the variables of its template."""
    language = language_of(request)
    about |= languages_context(language, [language], "gallery", "page")
    about["root"] = own("")
    about["user_logged_in"] = service.sessions.is_logged_in(request.session)
    page = templates.TemplateResponse(request, f"{name}.html", about, status)
    page.headers["vary"] = "Accept-Language, Cookie"
    return page
