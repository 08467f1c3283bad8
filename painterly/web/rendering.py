"""The language of a request, the templates of the pages rendered in it, and the page that stands
in for the service: while the storage does not answer, and, as a copy that a proxy has, while the
service itself does not."""

import functools
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends
from markupsafe import Markup
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.templating import Jinja2Templates

from painterly.gallery.page import SHARED, configure, languages_context, policy_hash
from painterly.jobs.address import own
from painterly.web.service import Service
from painterly.words.texts import LANGUAGES, Texts, preferred

LANGUAGE_COOKIE = "painterly_language"  # texts.js writes it.

RETRY_S = 10
_STATIC = Path(__file__).parent / "static"
_STYLESHEETS = SHARED / "theme.css", _STATIC / "page.css", SHARED / "bare.css"

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


def away_response(status: int = 503) -> Response:
    """Make the answer with the page, which needs no other file."""
    page, policy = _page()
    headers = {"content-security-policy": policy}
    if status != 200:
        headers["retry-after"] = str(RETRY_S)
    return HTMLResponse(page, status, headers)


@functools.cache
def _page() -> tuple[str, str]:
    """Return the page and the Content-Security-Policy that allows what it holds, and no more."""
    css = "".join(path.read_text("utf-8") for path in _STYLESHEETS)
    script = (_STATIC / "away.js").read_text("utf-8")
    spoken = [Texts(language) for language in LANGUAGES]
    template = templates.get_template("away.html")
    page = template.render(css=Markup(css), script=Markup(script), spoken=spoken)
    policy = (
        f"default-src 'none'; style-src '{policy_hash(css)}'; script-src '{policy_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy
