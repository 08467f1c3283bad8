"""A worker of a cluster, without Ray and without painting: what becomes of its orders."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support import tiny

from styletransfer import ENGINE_VERSION, config
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.batch.storing import FinishedPicture
from styletransfer.cluster import actor
from styletransfer.cluster.actor import RemoteWorker
from styletransfer.cluster.wire import Answer, Order, WorkerSetup
from styletransfer.errors import DeviceError, PictureError
from styletransfer.images import decode
from styletransfer.record import Record
from styletransfer.settings import Settings
from styletransfer.signals import Stopped
from styletransfer.storage.base import Entry, UnavailableError

TASK = Task(
    Entry("beach.jpg", 9, "e"),
    None,
    Look("monet", (), Settings()),
    "monet/beach.jpg",
    None,
    "f",
    None,
)
SOON_S = 10


class IdlePainter:
    """In place of a Painter: `does` is called with the IdlePainter and each task."""

    def __init__(self, device, context, checkpoints):
        self.stop, self.checkpoints = context.stop, checkpoints

    def paint(self, task, key, label, inputs, beside):
        return self.does(task)


def painted(self, task):
    record = Record(photo=task.photo.key, look=task.look.name)
    image = np.zeros((16, 16, 3), np.float32)
    picture = decode.decode(tiny.file(16, 16), "x")
    return FinishedPicture(task, "monet/beach.jpg", "", picture, [], image, record, 2.0)


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """Of a worker that paints on a core; its buckets are folders here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(actor, "log_to_stdout", lambda *_: None)
    monkeypatch.setattr(DeviceLoader, "devices", lambda _: SimpleNamespace(first="a core"))
    module = SimpleNamespace(Painter=IdlePainter, Surroundings=lambda **_: None)
    monkeypatch.setitem(sys.modules, "styletransfer.batch.painting", module)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")  # So that what a worker sets is undone.
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    for folder in ("photos", "paintings", "out"):
        Path(folder).mkdir()
    Path("photos/beach.jpg").write_bytes(tiny.file(16, 16))
    names = {"BUCKET_SOURCE": "./photos", "BUCKET_STYLE": "./paintings", "BUCKET_RESULT": "./out"}
    return WorkerSetup(config.load(names), {}, False, ENGINE_VERSION, os.cpu_count())


@pytest.fixture
def orders(setup, monkeypatch):
    """Starts a worker whose IdlePainter `does` this, and gives what orders it."""
    pool, workers = ThreadPoolExecutor(2), []

    def start(does):
        monkeypatch.setattr(IdlePainter, "does", does, raising=False)
        workers.append(RemoteWorker(setup))
        assert workers[0].start().device == "a core"

        def order(may_resume=False):
            return pool.submit(workers[0].paint, Order(TASK, may_resume))

        return order, workers[0]

    yield start
    workers[0].leave()


def test_an_order_is_answered_with_its_seconds_or_why_it_failed(orders):
    def fails(self, task):
        raise PictureError("bad")

    does = [fails, painted]
    order, _ = orders(lambda self, task: does.pop(0)(self, task))
    assert order().result(SOON_S) == Answer(failure="bad")
    assert '"error": "bad"' in Path("out/_records/monet/beach.jpg.json").read_text()
    assert order().result(SOON_S) == Answer(seconds=2.0)
    assert Path("out/monet/beach.jpg").exists()


@pytest.mark.parametrize("problem", [DeviceError("no GPU"), UnavailableError("away")])
def test_what_ends_a_worker_is_its_problem(orders, problem):
    def does(self, task):
        raise problem

    order, _ = orders(does)
    assert order().result(SOON_S) == Answer(problem=problem)
    assert not Path("out/_records").exists()


def test_memory_that_is_exhausted_is_raised(orders):
    def does(self, task):
        raise MemoryError

    order, _ = orders(does)
    with pytest.raises(MemoryError):
        order().result(SOON_S)


def test_a_worker_that_is_to_leave_stops_what_is_under_way(orders):
    begun, saved = threading.Event(), []

    def does(self, task):
        begun.set()
        try:
            while True:
                self.stop.obey()
        except Stopped:
            time.sleep(0.05)  # A checkpoint takes its time.
            saved.append(task)
            raise

    order, worker = orders(does)
    answer = order()
    assert begun.wait(SOON_S)
    worker.leave()
    assert saved, "it has left before what was under way was saved"
    assert str(answer.result(SOON_S).problem) == "the run was stopped"


def test_an_order_that_comes_after_a_worker_was_to_leave_is_not_painted(orders):
    order, worker = orders(painted)
    worker.leave()
    assert str(order().result(SOON_S).problem) == "the run was stopped"


@pytest.mark.parametrize("may_resume", [False, True])
def test_a_checkpoint_is_known_where_there_may_be_one(orders, may_resume):
    checkpoint = Path("out") / TASK.checkpoint_key

    def does(self, task):
        self.checkpoints.delete(task)
        return painted(self, task)

    order, _ = orders(does)
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"x")
    order(may_resume).result(SOON_S)
    assert checkpoint.exists() != may_resume


def test_a_node_without_its_device_or_with_another_version_says_so(setup, monkeypatch):
    other = RemoteWorker(SimpleNamespace(**vars(setup) | {"engine": "0"})).start().problem
    assert "version 0 of the engine" in str(other)
    none = DeviceError("no GPU")

    def devices(self):
        raise none

    monkeypatch.setattr(DeviceLoader, "devices", devices)
    assert RemoteWorker(setup).start().problem is none


@pytest.mark.parametrize(("cpus", "threads"), [(2, "2"), (8, None)])
def test_a_node_with_a_share_of_the_cores_keeps_to_it(setup, monkeypatch, cpus, threads):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    RemoteWorker(SimpleNamespace(**vars(setup) | {"cpus": cpus}))
    assert os.environ.get("TF_NUM_INTRAOP_THREADS") == threads


@pytest.mark.parametrize(("cpus", "wanted"), [(None, "gpu"), (4, "cpu")])
def test_a_worker_paints_on_what_it_was_started_for(setup, monkeypatch, cpus, wanted):
    asked = []

    def devices(self):
        asked.append(self._wanted)
        raise DeviceError("none")

    monkeypatch.setattr(DeviceLoader, "devices", devices)
    RemoteWorker(SimpleNamespace(**vars(setup) | {"cpus": cpus})).start()
    assert asked == [wanted]
