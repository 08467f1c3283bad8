"""A batch from and to folders, with a VGG so small that a painting takes milliseconds."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from painterly import log
from painterly.cli.batch import paint_batch
from painterly.cluster import actor
from painterly.configuration import config
from painterly.jobs.worker import runner
from painterly.orders.network_pool import NetworkPool
from painterly.orders.order import Order
from painterly.painters import loading, reading, single
from painterly.painters.loading import load_devices
from painterly.storage.folder import FolderBucket
from support import stand_in as stand_in_engine
from support import tiny
from support.commands import fill_with_photos
from support.pictures import saved

QUICK = {"STYLE_SIZE": "64", "STYLE_ITERATIONS": "2", "VGG_WEIGHTS": "random"}
# The results of a run of `folders`.
RESULTS = {
    "monet/beach.jpg",
    "monet/trip/old town é.png",
    "both/beach.jpg",
    "both/trip/old town é.png",
}
RECORDS = {f"_records/{key}.json" for key in RESULTS}
TIMELAPSES = {f"{key.rpartition('.')[0]}.timelapse.webp" for key in RESULTS}


@pytest.fixture
def small_vgg(monkeypatch):
    """The batch paints with a tiny VGG, and counts how often it loads it."""
    loads = []
    monkeypatch.setattr(NetworkPool, "build", lambda *_: loads.append(1) or tiny.network())
    return loads


@pytest.fixture
def stand_in(monkeypatch):
    """The batch paints with support.stand_in, and counts how often it loads a network. TensorFlow
    is not loaded."""
    loads = []
    stand_in_engine.install(monkeypatch.setattr)
    for module in (loading, single, actor, runner):
        host = partial(load_devices, optimises=False)
        monkeypatch.setattr(module, "load_devices", lambda wanted, *_, host=host: host(wanted))
    build = NetworkPool.build
    monkeypatch.setattr(NetworkPool, "build", lambda *_: loads.append(1) or build(*_))
    return loads


_networks = {}  # By the identity of their weights.


@pytest.fixture
def traced_once(monkeypatch):
    """The same weights are the same network whenever a test of this process reads them: what
    TensorFlow traces for a network takes seconds."""
    from painterly.vgg import network

    real = network.VGG

    def shared(weights):
        which = weights.model, weights.identity
        if which not in _networks:
            _networks[which] = real(weights)
        found = _networks[which]
        found._adapted.clear()  # So that it says again what it has said to another test.
        return found

    monkeypatch.setattr(network, "VGG", shared)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Three folders as buckets, and the variables that name them; the log goes to stdout."""
    log.log_to_stdout("%(message)s")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "trip").mkdir(parents=True)
    (tmp_path / "paintings" / "both").mkdir(parents=True)
    (tmp_path / "photos" / "beach.jpg").write_bytes(tiny.file(60, 80, 1))
    (tmp_path / "photos" / "trip" / "old town é.png").write_bytes(tiny.file(80, 60, 2, "PNG"))
    (tmp_path / "paintings" / "monet.jpg").write_bytes(tiny.file(50, 50, 3))
    (tmp_path / "paintings" / "both" / "a.jpg").write_bytes(tiny.file(50, 40, 4))
    (tmp_path / "paintings" / "both" / "b.webp").write_bytes(tiny.file(40, 50, 5, "WEBP"))
    return QUICK | {
        "BUCKET_SOURCE": "./photos",
        "BUCKET_STYLE": "./paintings",
        "BUCKET_RESULT": "./out",
    }


def run(environment, **changes):
    return paint_batch(config.load(environment | changes))


def keys(folder="out"):
    """Return the keys in the result bucket, without the gallery."""
    found = {entry.key for entry in FolderBucket(Path(folder), new=True).list()}
    return {key for key in found if not key.startswith("_gallery/")} - {"index.html"}


def grey_file(values):
    """A mask [h, w], 0…1, as a file's bytes."""
    grey = np.round(np.asarray(values) * 255).astype(np.uint8)
    return saved(Image.fromarray(grey), "PNG")


def replace_while_read(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a photo be replaced twice while it is read, by half of another one and then by all of it:
    once for each style."""
    whole, real = tiny.file(60, 80, 9), reading.read_photo
    news, in_turn = iter([whole[:300], whole]), threading.Lock()  # Two are read at a time.

    def read(order: Order, *arguments: Any) -> Any:
        with in_turn:
            if order.photo.key == photo.name and (data := next(news, None)):
                photo.write_bytes(data)
        return real(order, *arguments)

    monkeypatch.setattr(reading, "read_photo", read)


@pytest.fixture
def folder_to_send(tmp_path: Path) -> Path:
    """A folder with photos, and files of other kinds, to be sent."""
    return fill_with_photos(tmp_path / "photos")
