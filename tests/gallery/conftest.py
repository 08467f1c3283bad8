"""Galleries for a browser to look at."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.browser import Viewer
from support.gallery import HOSTILE, LONG, published, record
from support.serving import serving


class GalleryViewer(Viewer):
    """A browser looking at one gallery."""

    def hung(self):
        """The styles in the captions of the pictures that hang."""
        return self.js(
            "[...document.querySelectorAll('.card small')].map(each => each.textContent)"
        )

    def names(self):
        return self.js("[...document.querySelectorAll('.card b')].map(each => each.textContent)")

    def find(self, words):
        self.one("#find").clear()
        self.one("#find").send_keys(words)

    def open(self, number=0):
        self.all(".card a")[number].click()
        self.until("document.querySelector('dialog').open")

    def large(self):
        """Waits until the pictures in full screen are no longer the embedded thumbnails."""
        for name in ("before", "after"):
            self.until(f"!{name}.src.startsWith('data:') && {name}.complete")


@pytest.fixture
def viewer(chromium):
    """A browser that looks at a gallery."""
    return GalleryViewer(chromium)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A gallery of photos with hostile and long names."""
    path = tmp_path_factory.mktemp("gallery with space #1")
    styles = ("monet", "ünï & co")
    names = ("beach.jpg", HOSTILE, LONG)
    published(path, [record(photo, style) for photo in names for style in styles])
    return path


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def gallery_address(folder):
    """The address of the gallery on a server."""
    about = partial(Handler, directory=folder)
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), about)) as server:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
