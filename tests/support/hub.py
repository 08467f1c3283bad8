"""A local stand-in for the hub that publishes weights, and empty caches."""

import dataclasses
import hashlib
import http.server
import re
import threading
import urllib.request
from collections.abc import Callable

import numpy as np
import pytest

from painterly.storage.files import LOCK_FILE
from painterly.vgg import download, sources
from painterly.vgg.architectures import ARCHITECTURES
from support.polling import until
from support.serving import serving


@pytest.fixture
def empty_caches(monkeypatch, tmp_path):
    """Empty caches, and no proxies of this machine."""
    monkeypatch.setattr(sources, "CACHE", tmp_path / "weights")
    monkeypatch.setattr(download, "PAUSE_S", 0)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # It keeps the proxies of its creation.


def publish(monkeypatch, url, md5, size=300_000):
    """Makes this file the one that is published for vgg19."""
    published = dataclasses.replace(ARCHITECTURES["vgg19"], url=url, md5=md5, size=size)
    monkeypatch.setitem(ARCHITECTURES, "vgg19", published)
    return published


@pytest.fixture
def published(hub, monkeypatch):
    """A small published file, on the local hub."""
    md5 = hashlib.md5(hub.content).hexdigest()
    return publish(monkeypatch, f"{hub.url}/vgg19/small.h5", md5)


def put(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def names(folder):
    """Return the names of files in a folder, without its lock."""
    return sorted(each.name for each in folder.glob("*") if each.name != LOCK_FILE)


# Takes the start of the range that is asked for, or None, and returns status, headers and body.
Reply = Callable[[int | None], tuple[int, dict[str, str], bytes]]


class Hub(http.server.ThreadingHTTPServer):
    """A hub on this machine. mode: ok, or how it fails: missing, not HTTP, cut, stalled; or
    watched, which notes what is in our cache half-way."""

    daemon_threads = True
    content = np.random.default_rng(1).bytes(300_000)
    mode = "ok"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = []
        self.answers = []  # Functions that give the next answers: see `Reply`.
        self.seen = []  # The files in our cache during the download.
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """The client may hang up, for example after a time-out."""


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        hub = self.server
        hub.asked.append(self.path)
        if hub.answers:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            status, headers, body = hub.answers.pop(0)(int(asked[1]) if asked else None)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            return
        if hub.mode == "missing":
            self.send_error(404)
            return
        if hub.mode == "not HTTP":
            self.wfile.write(b"SSH-2.0-OpenSSH\r\nhello\r\n")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(hub.content)))
        self.end_headers()
        half = len(hub.content) // 2
        self.wfile.write(hub.content[:half])
        if hub.mode == "stalled":
            hub.released.wait(30)
        if hub.mode == "watched":
            hub.seen += until(lambda: names(sources.CACHE), 10)
        elif hub.mode != "ok":
            return
        self.wfile.write(hub.content[half:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub():
    with serving(Hub()) as server:
        yield server
        server.released.set()
