"""A local stand-in for the hub that publishes weights, and empty caches."""

import dataclasses
import hashlib
import http.server
import threading
import urllib.request

import numpy as np
import pytest

from painterly.vgg import sources
from painterly.vgg.architectures import ARCHITECTURES
from support.polling import until
from support.serving import serving


@pytest.fixture
def empty_caches(monkeypatch, tmp_path):
    """Empty caches, and no proxies of this machine."""
    monkeypatch.setattr(sources, "CACHE", tmp_path / "weights")
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
    return sorted(each.name for each in folder.glob("*"))


PAGE = b"<html>Welcome to our network</html>"


class Hub(http.server.ThreadingHTTPServer):
    """A hub on this machine. mode: ok, or how it fails: missing, not HTTP, cut, longer, page,
    stalled; or watched, which notes what is in our cache half-way."""

    daemon_threads = True
    content = np.random.default_rng(1).bytes(300_000)
    mode = "ok"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = []
        self.seen = []  # The files in our cache during the download.
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """The client may hang up, for example after a time-out."""


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        hub = self.server
        hub.asked.append(self.path)
        if hub.mode == "missing":
            self.send_error(404)
            return
        if hub.mode == "not HTTP":
            self.wfile.write(b"SSH-2.0-OpenSSH\r\nhello\r\n")
            return
        content = PAGE if hub.mode == "page" else hub.content + b"x" * (hub.mode == "longer")
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        if hub.mode == "page":
            self.send_header("Content-Type", "text/html")
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        if hub.mode == "stalled":
            hub.released.wait(30)
        if hub.mode == "watched":
            hub.seen += until(lambda: names(sources.CACHE), 10)
        if hub.mode not in ("cut", "stalled"):
            self.wfile.write(content[half:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub():
    """A server of published weights."""
    with serving(Hub()) as server:
        yield server
        server.released.set()
