"""The pages in HTML."""

import gzip
import math
from collections.abc import Callable, Hashable
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from painterly.jobs.address import CLIENT, own
from painterly.jobs.catalogue import display_name
from painterly.jobs.requests import LARGEST_WHOLE, PAPERS, print_dpi
from painterly.jobs.schemas import MAX_BLENDED, not_found
from painterly.orders.styles import title_of_files
from painterly.settings import clips, paper, ready_styles
from painterly.settings.bucket_layout import PICTURE_EXTENSIONS
from painterly.settings.installation import install_command
from painterly.settings.kindness import KIND_TO, Subject
from painterly.web.picture_answers import Asking
from painterly.web.rendering import Language, away_response, language_of, shown
from painterly.web.service import Service, Shared
from painterly.web.sessions import PHONE_TICKET_S
from painterly.words.style_title import StyleTitle
from painterly.words.texts import Texts

# The first screen shows a portrait in this style, and in the others in their tiles.
SAMPLE_STYLE = KIND_TO[Subject.FACES][0]
SAMPLE_COLUMNS = 5  # tiles in a row of wall.webp
ON_PAGE = (
    "preserve_color",
    "faces",
    "strength",
    "stroke_size",
    "timelapse",
)  # settings of the form
NAMED_KINDS = ("JPG", "PNG", "HEIC", "WEBP", "TIFF")  # formats that a refusal names
PLAIN_SIZES = (1024, 1600, LARGEST_WHOLE)  # px of the longer side, of the plain form
LEVEL = 5  # zlib's, as for other pages
MAX_FIELD = 10_000  # bytes of a field of the login
MAX_STYLE = 1000  # characters of its name, which is kept with the page
pages = APIRouter(include_in_schema=False)


@pages.get("/")
def index(request: Request, service: Shared) -> Response:
    """Show the form and the queue."""
    options, settings = service.options, service.config.settings
    sizes, presets = service.orders.preset_sizes(), service.orders.presets
    sent = PICTURE_EXTENSIONS | (clips.EXTENSIONS if clips.can_be_painted() else frozenset())
    return shown(
        request,
        service,
        "index",
        presets=[{"name": preset.value, "size": sizes[preset.value]} for preset in presets],
        usual="fine" if "fine" in presets else "instant",
        fine_command=None if "fine" in presets else install_command("cpu"),
        sample=_sample(),
        papers=[_paper(each) for each in PAPERS],
        masters=bool(service.config.styles),
        defaults={name: getattr(settings, name) for name in ON_PAGE},
        accept=_accepted(sent),
        accept_pictures=_accepted(PICTURE_EXTENSIONS),
        kinds=", ".join(NAMED_KINDS),
        most={"upload_bytes": options.max_upload, "blended": MAX_BLENDED},
        lan=service.lan,
    )


@pages.get("/styles")
def styles(request: Request, service: Shared, language: Language) -> Response:
    """List the styles to choose from, for the form."""
    return shown(request, service, "styles", choices=_choices(service, language))


@pages.get("/plain")
def plain_page(request: Request, service: Shared, language: Language) -> Response:
    """Show a form that works without JavaScript."""
    seconds = [service.orders.estimate(size).instant for size in PLAIN_SIZES]
    return shown(
        request,
        service,
        "plain",
        styles=service.catalogue.styles(language),
        sizes=[
            (size, each and max(1, math.ceil(each)))
            for size, each in zip(PLAIN_SIZES, seconds, strict=True)
        ],
        accept=_accepted(PICTURE_EXTENSIONS),
    )


@pages.get("/gallery/")
async def gallery_page(
    request: Request,
    service: Shared,
    style: Annotated[str, Query(max_length=MAX_STYLE)] = "",
    start: Annotated[int, Query(alias="from", ge=0)] = 0,
) -> Response:
    """Show all results on the page that a batch writes as index.html.

    Args:
        style, start: As for `page_context`.
    """

    def render(variables: dict[str, Any]) -> bytes:
        return gzip.compress(bytes(shown(request, service, "gallery", **variables).body), LEVEL)

    logged_in = service.sessions.is_logged_in(request.session)

    def look() -> tuple[Hashable, Callable[[], bytes]]:
        unfinished = any(service.jobs.counts())
        return service.results.page(unfinished, render, style=style, start=start)

    shows, make = await run_in_threadpool(look)
    page = await service.pages.get((language_of(request), own(""), logged_in, shows), make)
    headers = {"vary": "Accept-Language, Cookie, Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return HTMLResponse(page, headers={**headers, "content-encoding": "gzip"})
    return HTMLResponse(await run_in_threadpool(gzip.decompress, page), headers=headers)


@pages.get("/gallery/{key:path}")
def gallery_picture(key: str, service: Shared, asked: Asking) -> Response:
    """Send a picture under its address relative to index.html."""
    return service.results.picture(asked, key)


@pages.get("/login")
def login_page(request: Request, service: Shared, next: str = "/", ticket: str = "") -> Response:
    """Render the password form. A ticket replaces it."""
    sessions, error = service.sessions, None
    if ticket and not sessions.may_enter(request.session):
        if sessions.take_ticket(ticket):  # Nobody guesses 16 random bytes.
            sessions.log_in(request.session)
        else:
            error = Texts(language_of(request)).text("page.ticket_void")
    if sessions.may_enter(request.session):
        return RedirectResponse(own_path(next), 303)
    return shown(request, service, "login", error=error, next=own_path(next), sample=_sample())


@pages.post("/login")
async def log_in(request: Request, service: Shared) -> Response:
    """Check the password."""
    async with request.form(max_files=0, max_fields=5, max_part_size=MAX_FIELD) as form:
        password, after = (str(form.get(name, "")) for name in ("password", "next"))
    return await run_in_threadpool(_logged_in, request, service, password, own_path(after))


def _logged_in(request: Request, service: Service, password: str, after: str) -> Response:
    client, texts = CLIENT.get(), Texts(language_of(request))
    right = service.sessions.is_password(password)
    if wait_s := service.guesses.wait_s(client, password, right):
        error, status = texts.counted("page.passwords_wrong", math.ceil(wait_s / 60)), 429
    elif right:
        service.guesses.forget(client)
        service.sessions.log_in(request.session)
        return RedirectResponse(after, 303)
    else:
        error, status = texts.text("page.password_wrong"), 401
    response = shown(request, service, "login", status, error=error, next=after, sample=_sample())
    if wait_s:
        response.headers["retry-after"] = str(wait_s)
    return response


@pages.post("/phone")
def phone_code(service: Shared) -> dict[str, str]:
    """Make a code that lets one phone in the local network in, as the address of an SVG."""
    if service.lan is None:
        raise not_found("page for phones")
    return {"code": service.lan.code(service.sessions.path_with_ticket(PHONE_TICKET_S))}


@pages.get("/away")
def away_page() -> Response:
    """Show the page that a proxy has a copy of, for the time when this service does not answer."""
    return away_response(200)


@pages.post("/logout")
def log_out(request: Request, service: Shared) -> Response:
    """End the session."""
    service.sessions.log_out(request.session)
    return RedirectResponse(own("/login" if service.sessions.needed else "/"), 303)


def own_path(path: str) -> str:
    """Return the path to open after the login, or the form's if the given one leads elsewhere."""
    home = own("/")
    safe = path.startswith(home) and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if safe and len(path) < 2000 else home


def _choices(service: Service, language: str) -> list[dict[str, Any]]:
    """Return the styles of the style bucket, and each painting that is not one of them by itself,
    with what a page orders of each: the part of a request that chooses it, the shares of its
    paintings, and its own settings."""
    paintings = {each.name: each for each in service.catalogue.paintings()}
    choices, alone = [], set[str]()
    for style in service.catalogue.styles(language):
        shares = {each.name: each.share for each in style.paintings}
        name = next(iter(shares)) if len(shares) == 1 else ""
        alone.add(name)
        about = style.model_dump(include={"name", "title", "short", "year", "medium", "settings"})
        about |= {"shares": shares, "order": {"style": style.name}, "thumb": style.thumbnail}
        about["sample"] = sample_in(style.name) if style.ready else None
        about["own"] = uploaded = name in paintings and paintings[name].uploaded
        choices.append({"id": f"style {style.name}", "choice": about, "uploaded": uploaded})
    for painting in paintings.values():
        if painting.name not in alone:
            name = display_name(painting.name)
            stem, title = PurePosixPath(name).stem, title_of_files([name]) or StyleTitle()
            about = {"name": stem, "title": title.title_in(language, stem), "settings": {}}
            about |= {"short": title.short_artist, "year": title.year_in(language), "medium": None}
            about |= {"shares": {painting.name: 1}, "thumb": painting.thumbnail, "sample": None}
            about |= {"order": {"paintings": {painting.name: 1}}, "own": painting.uploaded}
            identified = f"painting {painting.name}"
            choices.append({"id": identified, "choice": about, "uploaded": painting.uploaded})
    return choices


def _paper(name: str) -> dict[str, Any]:
    dpi = print_dpi(name)
    about = {"mm": paper.sides_mm(name), "px": paper.sides_px(name, 0, dpi), "dpi": dpi}
    return {"name": name, "shown": paper.shown(name), **about}


def _accepted(extensions: frozenset[str]) -> str:
    return ",".join(sorted(extensions))


def _sample() -> dict[str, str]:
    title = ready_styles.title(SAMPLE_STYLE)
    name = (title and title.short_artist) or SAMPLE_STYLE
    photo, painted = (own(f"/static/samples/{file}.webp") for file in ("portrait", "stage"))
    return {"photo": photo, "painted": painted, "style": SAMPLE_STYLE, "name": name}


def sample_in(style: str) -> str | None:
    """Return where the sample photo in a ready style is in the picture with all tiles, as a CSS
    position; None for other styles."""
    names = [*ready_styles.tables()]
    if style not in names:
        return None
    row, column = divmod(names.index(style), SAMPLE_COLUMNS)
    rows = -(-len(names) // SAMPLE_COLUMNS)
    return f"{100 * column / (SAMPLE_COLUMNS - 1):g}% {100 * row / (rows - 1):g}%"
