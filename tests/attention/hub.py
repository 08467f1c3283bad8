"""A local stand-in for the hub that publishes Stable Diffusion 1.5's files, here small ones."""

import hashlib
import http.server
import re
from pathlib import Path

import numpy as np
import pytest
from support.serving import serving

from painterly.attention.diffusion import sources
from painterly.attention.diffusion.sources import FILES, PublishedFile
from painterly.vgg import download


@pytest.fixture
def small_files(monkeypatch, tmp_path):
    """Small files in the places of the published ones, by their paths; the cache is empty. They are
    safetensors files without an array."""
    monkeypatch.setattr(sources, "CACHE", tmp_path / "weights/attention")
    contents = {}
    for seed, (name, file) in enumerate([*FILES.items()]):
        content = bytes([2, *[0] * 7]) + b"{}" + np.random.default_rng(seed).bytes(99_990)
        contents[file.path] = content
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(FILES, name, PublishedFile(file.path, len(content), digest))
    return contents


def place(folder: Path, contents) -> None:
    """Write files into a folder by their paths there."""
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


class DiffusionHub(http.server.ThreadingHTTPServer):
    """A hub. It cuts the first answers after `cuts[0]`, `cuts[1]` … bytes; with `redirects`, an
    address leads to another one; without `ranges`, each answer begins at the start."""

    daemon_threads = True

    def __init__(self, contents):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.contents = contents
        self.cuts, self.redirects, self.ranges, self.status = [], False, True, 200
        self.asked = []  # (path, start of the range)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """The client may hang up."""


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        hub, path = self.server, self.path.lstrip("/")
        start = int(re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
        hub.asked.append((path, start))
        if hub.redirects and not path.startswith("elsewhere/"):
            self.send_response(302)
            self.send_header("Location", f"{hub.url}/elsewhere/{path}")
            self.end_headers()
            return
        content = hub.contents.get(path.removeprefix("elsewhere/"))
        if content is None or hub.status != 200:
            self.send_error(404 if content is None else hub.status)
            return
        start = start if hub.ranges else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            last, size = len(content) - 1, len(content)
            self.send_header("Content-Range", f"bytes {start}-{last}/{size}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + hub.cuts.pop(0) if hub.cuts else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def diffusion_hub(small_files, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSE_S", 0)
    with serving(DiffusionHub(dict(small_files))) as server:
        yield server
