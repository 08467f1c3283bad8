"""A worker of a cluster, without Ray and without painting: what becomes of its orders."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from styletransfer import ENGINE_VERSION, config
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.cluster import remote_worker
from styletransfer.cluster.orders import Answer, Order, WorkerSetup
from styletransfer.cluster.remote_worker import RemoteWorker
from styletransfer.errors import DeviceError, PictureError, WeightsError
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


class IdleWorker:
    """In place of a Worker: `does` is called with each task and the IdleWorker."""

    def __init__(self, device, context, pipeline):
        self.stop, self.pipeline = context.stop, pipeline

    def paint(self):
        for prefetched in self.pipeline.prefetcher:
            self.does(prefetched.task)


def painted(idle, task):
    idle.pipeline.uploader.outcome.add_painted(task, 2.0)
    idle.pipeline.uploader.outcome.add_end(task)


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """Of a worker that paints on a core; its buckets are folders here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remote_worker, "log_to_stdout", lambda *_: None)
    monkeypatch.setattr(DeviceLoader, "devices", lambda _: SimpleNamespace(first="a core"))
    module = SimpleNamespace(Worker=IdleWorker)
    monkeypatch.setitem(sys.modules, "styletransfer.batch.worker", module)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")  # So that what a worker sets is undone.
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    for folder in ("photos", "paintings", "out"):
        Path(folder).mkdir()
    names = {"BUCKET_SOURCE": "./photos", "BUCKET_STYLE": "./paintings", "BUCKET_RESULT": "./out"}
    return WorkerSetup(config.load(names), {}, False, ENGINE_VERSION, os.cpu_count())


@pytest.fixture
def orders(setup, monkeypatch):
    """Starts a worker whose IdleWorker `does` this, and gives what orders it."""
    pool, workers = ThreadPoolExecutor(2), []

    def start(does):
        monkeypatch.setattr(IdleWorker, "does", does, raising=False)
        workers.append(RemoteWorker(setup))
        assert workers[0].start().device == "a core"

        def order(may_resume=False):
            return pool.submit(workers[0].paint, Order(TASK, may_resume))

        return order, workers[0]

    yield start
    workers[0].leave()


def test_an_order_is_answered_with_its_seconds_or_why_it_failed(orders):
    does = [painted, lambda self, task: self.pipeline.uploader.fail(task, "", PictureError("bad"))]
    order, _ = orders(lambda self, task: does.pop(0)(self, task))
    assert order().result(SOON_S) == Answer(seconds=2.0)
    assert order().result(SOON_S) == Answer(failure="bad")
    assert '"error": "bad"' in Path("out/_records/monet/beach.jpg.json").read_text()


def test_what_ends_a_worker_answers_this_order_and_all_later_ones(orders):
    problem = WeightsError("no weights")

    def does(self, task):
        raise problem

    order, _ = orders(does)
    assert order().result(SOON_S) == Answer(problem=problem)
    assert order().result(SOON_S) == Answer(problem=problem)


def test_what_nobody_foresaw_is_raised(orders):
    def does(self, task):
        raise IndexError("odd")

    order, _ = orders(does)
    for _ in range(2):
        with pytest.raises(IndexError, match="odd"):
            order().result(SOON_S)


def test_storage_that_stays_away_is_the_workers_problem(orders):
    away = UnavailableError("away")

    def does(self, task):
        checks = [lambda: None, lambda: None]

        def check():
            self.pipeline.uploader.check = checks.pop()
            raise away

        self.pipeline.uploader.check = check

    order, _ = orders(does)
    assert order().result(SOON_S) == Answer(problem=away)
    assert order().result(SOON_S) == Answer(problem=away)


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
        self.pipeline.checkpoints.delete(task)
        painted(self, task)

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
