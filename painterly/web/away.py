"""The page that stands in for the service: while the storage does not answer, and, as a copy that a
proxy has, while the service itself does not."""

import base64
import functools
import hashlib
from pathlib import Path

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from painterly.gallery.page import SHARED
from painterly.web.rendering import templates
from painterly.words.texts import LANGUAGES, Texts

_STATIC = Path(__file__).parent / "static"
_STYLESHEETS = SHARED / "theme.css", _STATIC / "page.css", SHARED / "bare.css"
RETRY_S = 10


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
        f"default-src 'none'; style-src '{_digest(css)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
