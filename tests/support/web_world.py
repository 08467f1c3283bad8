"""The web service on folders, with a network so small that painting takes milliseconds."""

import os
import threading
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from painterly import log
from painterly.configuration import config
from painterly.jobs.buckets import open_buckets
from painterly.jobs.store import JobStore
from painterly.jobs.worker.lease import JobClaimer
from painterly.signals import Stop
from painterly.web import stored_pictures
from support import tiny
from support.browser import Viewer
from support.web_page import staged
from support.web_service import served

PASSWORD = "a long password"


@pytest.fixture(autouse=True)
def fresh_gallery(monkeypatch):
    """The gallery lists the bucket for each request."""
    monkeypatch.setattr(stored_pictures, "FRESH_S", 0.0)


@pytest.fixture
def place(tmp_path):
    """Folders with two paintings, one of them in a style of two, and the variables that name
    them."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "paintings" / "both").mkdir(parents=True)
    (tmp_path / "paintings" / "monet.jpg").write_bytes(tiny.file(50, 50, 3))
    (tmp_path / "paintings" / "both" / "a.png").write_bytes(tiny.file(50, 40, 4, "PNG"))
    (tmp_path / "paintings" / "both" / "b.jpg").write_bytes(tiny.file(40, 50, 5))
    return {
        "BUCKET_SOURCE": str(tmp_path / "photos"),
        "BUCKET_STYLE": str(tmp_path / "paintings"),
        "BUCKET_RESULT": str(tmp_path / "out"),
        "STYLE_SIZE": "64",
        "STYLE_ITERATIONS": "2",
        "VGG_WEIGHTS": "random",
    }


@pytest.fixture
def server(place):
    """The service of `place`, for a browser."""
    with staged(place) as running:
        yield running


@pytest.fixture
def page(chromium):
    """A browser that looks at a page of the service."""
    return Viewer(chromium)


@pytest.fixture
def web(place):
    """A client of a service that needs no login."""
    with served(place) as client:
        yield client


@pytest.fixture
def locked(place):
    """A client of a service with a password."""
    with served({**place, "WEB_PASSWORD": PASSWORD, "WEB_MAX_MEGABYTES": "1"}) as client:
        yield client


@pytest.fixture
def buckets(place):
    """The folders of `place`."""
    return open_buckets(config.load(place))


@pytest.fixture
def store(buckets):
    """The jobs in the result folder."""
    return JobStore(buckets.result)


@pytest.fixture
def engine(small_vgg):
    """The engine of the worker; a file of tests may have a fixture of this name that needs no
    network."""


def runner_of(loaded, buckets, stop):
    """The runner of a worker's jobs."""
    from painterly.jobs.worker.process import instant_painter
    from painterly.jobs.worker.runner import JobRunner

    return JobRunner(loaded, buckets, stop, instant_painter(loaded, buckets))


@pytest.fixture
def worker(place, buckets, engine):
    """The worker in this process: `worker.paint()` paints the oldest free job, `worker.said` has
    its messages."""
    from painterly.jobs.worker.desk import Desk
    from painterly.jobs.worker.worker import WebWorker

    log.log_to_stdout("%(message)s")
    loaded = config.load(place)
    said = []
    pipe = SimpleNamespace(send=lambda *message: said.append(message))
    with Stop() as stop:
        own = WebWorker(Desk(pipe, stop), buckets, pipe, stop)
        runner = runner_of(loaded, buckets, stop)
        runner.load()
        claims = JobClaimer(own.store, "this worker")
        yield SimpleNamespace(
            web=own,
            desk=own.desk,
            runner=runner,
            stop=stop,
            said=said,
            paint=lambda: own.paint_next(runner, claims),
        )


@pytest.fixture
def hand(buckets, monkeypatch):
    """A worker without a painter: `hand.hears` hands it messages of the web process, and then the
    end of that; `hand.said` has its own messages, `hand.ended` its signals to itself."""
    from painterly.jobs.worker.desk import Desk
    from painterly.jobs.worker.worker import WebWorker

    said, inbox, ended = [], [], []
    monkeypatch.setattr(os, "kill", lambda *which: ended.append(which))
    pipe = SimpleNamespace(
        send=lambda *message: said.append(message),
        receive=lambda: inbox.pop(0) if inbox else None,
    )
    stop = Stop()
    desk = Desk(pipe, stop)
    web = WebWorker(desk, buckets, pipe, stop)

    def hears(*messages):
        inbox.extend(messages)
        desk.listen()

    return SimpleNamespace(
        web=web, desk=desk, store=web.store, stop=stop, said=said, ended=ended, hears=hears
    )


@pytest.fixture
def painting(place, hand):
    """A client of a service whose pictures are painted in this process, one after the other;
    `client.busy` says whether it refuses."""
    from painterly.jobs.worker.previews import Previews

    place = place | {"STYLES": "hokusai"}
    with served(place) as client:
        painter = runner_of(config.load(place), hand.web.buckets, hand.stop)

        def work(asked):
            try:
                answer = (
                    (None, None)
                    if client.busy
                    else (painter.instant_painter.file(asked.order), None)
                )
            except Exception as error:
                answer = None, str(error)
            asking.answer(asked.number, *answer)

        def send(kind, *asked):
            if kind == "preview":
                threading.Thread(target=work, args=asked).start()
            return True

        client.busy = False
        client.service.supervisor = Mock(device=None, problem="", pid=None, send=send)
        client.service.jobs.problem = None
        client.service.previews = asking = Previews(client.service.supervisor)
        yield client
