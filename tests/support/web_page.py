"""The web service for a browser, with jobs that a test moves on instead of a worker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from PIL import Image
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse

from painterly.jobs.photo_files import file_and_user
from painterly.jobs.schemas import Blended, JobState
from painterly.jobs.store import JobStore
from painterly.jobs.worker.previews import Previews
from painterly.orders.record import PictureRef, Record, write_record
from support.pictures import saved
from support.polling import until
from support.web_service import served, stored_job

MOSAIC = {"mosaic.jpg": 1.0}
ACTS = "document.body.dataset.acts"  # what the stage offers, in a script


def jpeg(colour, size=(96, 64)):
    return saved(Image.new("RGB", size, colour), "JPEG")


def styled(folder, *names):
    """Make styles of a painting each, and return the variables of a service that offers them."""
    for name in names:
        file = folder / "paintings" / f"{name}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(jpeg("green"))
    places = {"SOURCE": "photos", "STYLE": "paintings", "RESULT": "out"}
    return {f"BUCKET_{name}": str(folder / place) for name, place in places.items()}


def visit(page, server, *files, style=0):
    """Open the page of a service with three styles, choose one by its number, and add files."""
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length === 3")
    page.js("document.querySelectorAll('[name=style]')[arguments[0]].click()", style)
    if files:
        page.one("#photo-files").send_keys("\n".join(map(str, files)))


def previewed(page):
    """Wait until the picture that can be saved is shown; return its address."""
    shown = "document.querySelector('#painting-side').src"
    saved = "document.querySelector('#save').href === %s"
    page.until(f"{ACTS} === 'preview' && {saved % shown}")
    return page.js(shown)


def answered(server, answer=lambda order: (jpeg("blue"), None)):
    """Let a service answer previews, each with a picture or a refusal; `server.asked` has their
    orders. Return the service."""
    server.asked = []

    def send(kind, request):
        if kind == "preview":
            server.asked.append(request.order)
            about = (request.number, *answer(request.order))
            threading.Thread(target=previews.answer, args=about).start()
        return True

    server.service.previews = previews = Previews(SimpleNamespace(pid=1, send=send))
    return server


def preview(page, server, *files, style=0):
    """Open the page with files, and wait for the picture of the last one; return its address."""
    visit(page, server, *files, style=style)
    return previewed(page)


def chosen_photos(page):
    """Return the names of the photos that are chosen."""
    return page.js("[...document.querySelectorAll('#photos .said')].map(e => e.textContent)")


def slide(page, value, released=True):
    """Move the slider of the strength, and let go of it."""
    for kind in ("input", "change")[: 1 + released]:
        page.js(
            "(strength.value = arguments[0],"
            " strength.dispatchEvent(new Event(arguments[1], { bubbles: true })))",
            value,
            kind,
        )


def end_undo(page):
    """End the time in which a deletion can be undone, as when the page is closed."""
    page.js("window.dispatchEvent(new Event('pagehide'))")


class Refusals(dict):
    """Refused requests: the status, the detail and Retry-After by method and path. Each is refused
    once, or while `stay` is set for as long as it is named here."""

    stay = False


class Refusing:
    """Refuses the requests that a test names."""

    def __init__(self, app, answers):
        self._app, self._answers = app, answers

    async def __call__(self, scope, receive, send):
        named = scope["type"] == "http" and (scope["method"], scope["path"])
        read = self._answers.get if self._answers.stay else self._answers.pop
        if (refusal := read(named, None)) is None:
            await self._app(scope, receive, send)
            return
        async for _ in Request(scope, receive).stream():
            pass  # A browser that is still sending would not read the answer.
        status, detail, after = refusal
        headers = {"Retry-After": str(after)} if after else None
        await JSONResponse({"detail": detail}, status, headers)(scope, receive, send)


class Stage:
    """A running service. Photos are red and results are blue."""

    def __init__(self, client, refusals):
        self.address, self.service = str(client.base_url), client.service
        self.client, self.refusals = client, refusals
        self.jobs, self.buckets = client.service.jobs, client.service.buckets
        self._store = JobStore(self.buckets.result)

    @property
    def ordered(self):
        """The jobs that the page has ordered, oldest first."""
        return [job for job in self.jobs.all()[::-1] if job.created]

    def add(self, photo="beach.jpg", style="mosaic", paintings=MOSAIC, **about):
        """Add a job that waits; return it."""
        shares = [Blended(name=name, share=share) for name, share in paintings.items()]
        job = stored_job(self._store, photo=photo, style=style, paintings=shares, **about)
        self.buckets.source.write(job.photo_key, jpeg("red"))
        self.jobs.refresh()
        return job

    def leaves_nothing_of(self, *ids):
        """Wait until the buckets have nothing of these jobs and photos but files that others
        need."""

        def left():
            self.jobs.refresh()
            photos = [file_and_user(entry.key) for entry in self.buckets.source.list()]
            needed = {file for file, user in photos if user not in ids}
            keys = [entry.key for entry in self.buckets.result.list()]
            keys = [key for key in keys if not any(file in key for file in needed)]
            return [key for key in keys if any(each in key for each in ids)]

        until(lambda: not left())

    def paint(self, job, step, fraction, seconds_left=None):
        """Report a step of a hundred, as the worker does."""
        news = {"step": step, "steps": 100, "fraction": fraction, "seconds_left": seconds_left}
        self.jobs.progress(job.id, **news)

    def end(self, job, state=JobState.DONE, **about):
        """End a job, as the worker does."""
        if state == JobState.DONE:
            result, timelapse = f"{job.style}/{job.photo_key}", about.pop("timelapse", None)
            self.buckets.result.write(result, jpeg("blue"))
            animation = timelapse and PictureRef(timelapse, "an ETag")
            record = Record(result=result, width=96, height=64, timelapse=animation)
            write_record(self.buckets.result, job.record_key, record)
        how = {"state": state, "finished": "2026-11-20T10:02:00+00:00", **about}
        self._store.end(job.changed(**how))
        self.jobs.refresh()


@contextmanager
def staged(place: dict[str, str], **how: Any) -> Iterator[Stage]:
    """Serve a configuration; `how` as for `served`."""
    refusals = Refusals()
    middleware = Middleware(Refusing, answers=refusals)
    with served(place, middleware=middleware, **how) as client:
        yield Stage(client, refusals)
