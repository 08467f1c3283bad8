"""The templates of the pages, rendered in the language of a request."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from painterly.gallery.page import SHARED, configure, languages_context
from painterly.jobs.address import own
from painterly.web.language import language_of
from painterly.web.service import Service

templates = Jinja2Templates([Path(__file__).parent / "templates", SHARED])
configure(templates.env)


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
