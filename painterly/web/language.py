"""The language of a request."""

from typing import Annotated

from fastapi import Depends, Request

from painterly.words.texts import LANGUAGES, preferred

LANGUAGE_COOKIE = "painterly_language"  # texts.js writes it.


def language_of(request: Request) -> str:
    """Return the language that was chosen on a page, or else that the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", ""))


Language = Annotated[str, Depends(language_of)]
