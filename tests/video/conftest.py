"""Folders with clips, for runs and commands, and the web service."""

import os
import shutil

import pytest
from support import clips, tiny
from support.commands import leave_out_env_file
from support.web_world import buckets, engine, fresh_gallery, place, server, store, web, worker  # noqa: F401

from painterly import log

SETTINGS = {"PRESET": "instant", "STYLE_SIZE": "64", "PROGRESS": "plain"}
COUNT = 6  # frames


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """The file of a clip with sound."""
    return clips.write(tmp_path_factory.mktemp("clips") / "walk.mp4", COUNT, sound="aac")


@pytest.fixture
def folder_with_clip(film, tmp_path, monkeypatch):
    """The current folder, with a clip, a photo and a painting, and the variables of a run."""
    log.log_to_stdout("%(message)s")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if "BUCKET" in name]:
        monkeypatch.delenv(name)
    leave_out_env_file(monkeypatch)
    for folder in ("clips", "paintings"):
        (tmp_path / folder).mkdir()
    shutil.copy(film, tmp_path / "clips")
    (tmp_path / "paintings/monet.jpg").write_bytes(tiny.file(50, 50, 3))
    return SETTINGS | {
        "BUCKET_SOURCE": "./clips",
        "BUCKET_STYLE": "./paintings",
        "BUCKET_RESULT": "./out",
    }


@pytest.fixture
def here(folder_with_clip):
    """The same; a file of tests may have a fixture of this name that needs no engine."""
    return folder_with_clip
