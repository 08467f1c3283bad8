"""The web service for tests: in the tests' own process, or as the processes that `./start.sh web`
starts."""

import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import Mock

import httpx
import psutil
import uvicorn
from PIL import Image
from starlette.middleware import Middleware

from painterly.configuration import config
from painterly.configuration.web_options import load_options
from painterly.jobs.index import UNREAD
from painterly.jobs.schemas import Preset
from painterly.jobs.store import StoredJob, new_id
from painterly.settings.installation import PROGRAM
from painterly.web.app import create_app
from painterly.web.lan import Lan
from painterly.web.server import listen, server_config
from painterly.web.service import Service
from support import tiny
from support.polling import until, until_threads_end
from support.s3_servers import free_ports


def step_news(step, seconds_left):
    """A worker's message at one of nine steps, with half of the work done."""
    return {"step": step, "steps": 9, "fraction": 0.5, "seconds_left": seconds_left}


def stored_job(jobs, job_id=None, **about):
    """Store a job that waits, after those before it; return it. jobs: a JobStore."""
    time.sleep(0.002)  # Ids of one millisecond are in no order.
    job_id, photo = job_id or new_id(), about.get("photo", "beach.jpg")
    fields = {"photo": photo, "style": "monet", "paintings": [], "settings": {}, "created": ""}
    fields |= {"size": (60, 80), "named_style": True, "preset": Preset.DRAFT}
    job = StoredJob(id=job_id, photo_key=f"{job_id}/{photo}", **fields | about)
    jobs.create(job)
    return job


DRAFT = {"style": "monet", "preset": "draft"}


def send(client, request=DRAFT, photo=None, name="beach.jpg", mask=None, **headers):
    """Send a request for a job with a photo, by default one that can be painted, and a mask if
    there is one."""
    files = {"photo": (name, tiny.file(60, 80, 1) if photo is None else photo)}
    files |= {"mask": ("mask.png", mask)} if mask else {}
    form = {"request": json.dumps(request)}
    return client.post("/api/jobs", data=form, files=files, headers=headers)


def begun_upload(port: int) -> bytes:
    """A request that sends a photo, cut off soon after its headers."""
    return (
        f"POST /api/jobs HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 100000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    ).encode()


@contextmanager
def served(
    environment: dict[str, str],
    port: int = 0,
    middleware: Middleware | None = None,
    lan: Lan | None = None,
) -> Iterator[httpx.Client]:
    """Serve the web process's application in a thread, without a worker.

    Args:
        environment: The variables of the service.
        port: Its port; 0 takes any.
        middleware: Handles requests before the application does.
        lan: As in `Service`.

    Yields:
        A client. Its attribute `service` has the parts that the routes share.
    """
    variables, before = {"WEB_HOST": "127.0.0.1", **environment}, threading.enumerate()
    loaded = config.load(variables, demo_settings={})
    service = Service(loaded, load_options(variables, loaded.demo), lambda *_: 0, lan)
    service.supervisor = Mock(device=None, problem="", pid=None)  # No process is started.
    service.deletions.clean_at = math.inf  # A test asks for that.
    app = create_app(service)
    app.user_middleware[:0] = [middleware] if middleware else []
    # The thread ends a moment after the test: the next one would get its log lines.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    listening = listen("127.0.0.1", port)
    server = uvicorn.Server(server_config(app))
    threading.Thread(target=server.run, args=([listening],), daemon=True).start()
    until(lambda: server.started, every_s=0.005)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    # There is no TLS, and loading its certificates takes most of a short test.
    with httpx.Client(verify=False, base_url=address, timeout=30) as client:
        client.service, index = service, service.jobs
        until(lambda: index.problem != UNREAD, every_s=0.005)  # Before, it refuses to paint.
        yield client
        index.close()
        service.deletions.close()
        # Otherwise the next test would get their log lines.
        until_threads_end("job index", "deletions", before=before)
    server.should_exit = True  # The thread closes the socket as well.


class WebProcess:
    """The web process and its worker, as `./start.sh web` starts them."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        (port,) = free_ports(1)
        own = {"WEB_HOST": "127.0.0.1", "WEB_PORT": str(port), "LOG_FORMAT": "json"}
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environment = {
            **kept,
            "PYTHONPATH": str(PROGRAM),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **own,
            **environment,
        }
        self.log = log
        self.address = f"http://127.0.0.1:{port}"
        # A photo of 38 MB takes half a minute where other tests take the processors.
        self.client = httpx.Client(verify=False, base_url=self.address, timeout=60)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Starts the web process, and waits until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "painterly", "web"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        until(self.answers)

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def kill_worker(self) -> bool:
        """Kill the worker by `kill -9`. Return False if there is none at the moment."""
        if self.process.poll() is not None:
            return False
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # It may end by itself.
                if any("spawn_main" in each for each in child.cmdline()):
                    child.kill()
                    return True
        return False

    def kill(self) -> None:
        """Kill it and its worker, as a machine that is switched off does."""
        while self.kill_worker():
            pass
        self.process.kill()
        self.process.wait()

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """End it as a platform does. Return the exit code."""
        self.process.send_signal(signum)
        return self.process.wait(60)


# Paints with support.stand_in, and a dead worker's job is free after a second: for deaths and
# restarts, which concern no pixels.
SLEEPING = {"PYTHONPATH": f"{PROGRAM / 'tests/support/sleeping'}:{PROGRAM}", "LEASE_S": "1"}


def two_styles(place: Path, **environment: str) -> WebProcess:
    """Return a service with the styles blue and green, on new folders in a place, which is its
    home, too; it is not started.

    Args:
        place: The folder.
        environment: Further variables.
    """
    for folder, colours in (("paintings", ("blue", "green")), ("photos", ())):
        (place / folder).mkdir()
        for each in colours:
            Image.effect_noise((64, 64), 90).save(place / folder / f"{each}.png")
    names = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}
    folders = {name: str(place / folder) for name, folder in names.items()}
    usual = {"VGG_WEIGHTS": "builtin", "STYLES": "none", "HOME": str(place)}
    return WebProcess({**folders, **usual, **environment}, place / "log")
