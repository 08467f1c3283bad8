"""Buckets and folders of the scripts' tests."""

import os

import pytest
from support.commands import configure_buckets, fill_with_photos

from styletransfer import config
from styletransfer.storage.folder import FolderBucket


@pytest.fixture
def reachable(server, monkeypatch):
    """The server, with the scripts' environment set to reach it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def photos(tmp_path):
    return fill_with_photos(tmp_path / "photos")


@pytest.fixture
def configured(reachable, monkeypatch):
    """Three new buckets, set as the configuration's; by variable."""
    return configure_buckets(reachable.open, monkeypatch)


@pytest.fixture
def on_moto(moto, monkeypatch):
    """The same on moto alone, where all servers would do the same."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return configure_buckets(moto.open, monkeypatch)


@pytest.fixture
def in_folders(tmp_path, monkeypatch):
    """Three new folders in the buckets' place."""
    monkeypatch.setattr(config, "environment", lambda: dict(os.environ))
    names = iter(("photos-there", "paintings-there", "results-there"))

    def new_folder():
        return FolderBucket(tmp_path / next(names))

    buckets = configure_buckets(new_folder, monkeypatch)
    for bucket in buckets.values():
        bucket.create()
    return buckets
