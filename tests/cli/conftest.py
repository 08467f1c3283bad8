"""Buckets, folders and pictures of the scripts' tests."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from support import tiny
from support.commands import configure_buckets, leave_out_env_file, set_variables
from support.inetwork_runs import grey
from support.s3_servers import MOTO, RGW

from painterly.cli import init
from painterly.configuration.config import BUCKETS
from painterly.storage.folder import FolderBucket


@pytest.fixture(params=[MOTO, RGW])
def s3_server(request):
    """The servers without TLS, which makes no difference to scripts; tests/storage tries it."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def reachable(s3_server, monkeypatch):
    """The server, with the scripts' environment set to reach it."""
    set_variables(monkeypatch, s3_server.environment)
    return s3_server


@pytest.fixture
def on_moto(moto, monkeypatch):
    """Three new buckets, set as the configuration's; by variable."""
    set_variables(monkeypatch, moto.environment)
    return configure_buckets(moto.open, monkeypatch)


@pytest.fixture
def in_folders(tmp_path, monkeypatch):
    """Three new folders in the buckets' place."""
    leave_out_env_file(monkeypatch)
    names = iter(("photos-there", "paintings-there", "results-there"))
    buckets = configure_buckets(lambda: FolderBucket(tmp_path / next(names)), monkeypatch)
    for bucket in buckets.values():
        bucket.create()
    return buckets


@pytest.fixture
def inetwork_files(inetwork_pictures, traced_once):
    """The same, for a network that paints them."""


@pytest.fixture
def inetwork_pictures(tmp_path, monkeypatch):
    """Pictures and masks in the current folder, and a VGG with few channels as the random one."""
    from painterly.vgg import sources

    monkeypatch.chdir(tmp_path)
    Path("beach.jpg").write_bytes(tiny.file(60, 80, 1))
    Path("monet.jpg").write_bytes(tiny.file(50, 50, 2))
    Path("klimt.png").write_bytes(tiny.file(40, 60, 3, "PNG"))
    Path("text.jpg").write_text("dear diary")
    grey("left.png", np.tile([255] * 40 + [0] * 40, (60, 1)))
    grey("right.png", np.tile([0] * 40 + [255] * 40, (60, 1)))
    grey("black.png", np.zeros((60, 80)))
    real = sources.read_source

    def read_source(source, model, seed):
        if source.given != "random":
            return real(source, model, seed)
        return dataclasses.replace(tiny.weights(model, seed), identity=source.identity)

    monkeypatch.setattr(sources, "read_source", read_source)


@pytest.fixture
def beside_a_photo(tmp_path, monkeypatch):
    """The current folder, with a photo."""
    leave_out_env_file(monkeypatch)
    for name in ("CELLAR_ADDON_HOST", *BUCKETS, "STARTED_IN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("beach.jpg").write_bytes(tiny.file(60, 80, 1))


@pytest.fixture
def files(beside_a_photo):
    """Photos and paintings in the current folder and in two others, and an empty folder."""
    for folder in ("photos", "paintings", "there", "klimt"):
        Path(folder).mkdir()
    for name in (
        "town.jpg",
        "photos/a.jpg",
        "paintings/b.jpg",
        "photos/munch.jpg",
        "IMG_1.JPG",
        "-d.jpg",
        "--e.jpg",
    ):
        Path(name).write_bytes(Path("beach.jpg").read_bytes())
    Path("monet.jpg").write_bytes(tiny.file(50, 50, 2))
    Path("notes.txt").write_text("not a picture")


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Path:
    """An empty folder as the workspace, and no variable that a script would read."""
    for name in os.environ:
        if name.startswith(("CELLAR_", "BUCKET_", "AWS_ACCESS", "AWS_SECRET", "AWS_DEFAULT")):
            monkeypatch.delenv(name)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.setattr(init, "WORKSPACE", folder)
    monkeypatch.setenv("STARTED_IN", str(tmp_path))
    return folder
