"""A clip in the gallery."""

from pathlib import Path

import pytest
from support.browser import Viewer
from support.folder_batches import run

pytestmark = pytest.mark.slow  # A browser starts.


def test_a_clip_shows_its_first_frame_and_plays(here, chromium):
    assert run(here) == 0
    viewer = Viewer(chromium)
    viewer.look(Path("out/index.html").resolve().as_uri())
    viewer.until("document.querySelector('.card img').naturalWidth > 0")
    viewer.all(".card a")[0].click()
    viewer.until("document.querySelector('dialog').open && !clip.hidden")
    viewer.js("(clip.muted = true, clip.play())")
    viewer.until("clip.currentTime > 0 && clip.videoWidth == 64")
    assert not viewer.js("document.querySelector('#line-of').checkVisibility()")
    viewer.click("#close", "clip.paused && !document.querySelector('dialog').open")
    assert viewer.errors() == []
