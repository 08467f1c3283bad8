"""A worker of a cluster, without Ray, and the order in which workers get orders."""

import os
import threading
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.polling import until

from painterly import ENGINE_VERSION, Settings
from painterly.cluster import actor
from painterly.cluster.actor import RemoteWorker, WorkerSetup
from painterly.cluster.queues import Queues
from painterly.configuration import config
from painterly.errors import DeviceError
from painterly.images.output import OutputFormat
from painterly.orders.order import PlannedOrder
from painterly.orders.styles import Painting, Style
from painterly.storage.base import Entry, UnavailableError
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import WeightsSource


@pytest.mark.parametrize(
    ("cpus", "wanted", "threads"), [(None, "gpu", None), (2, "cpu", "2"), (8, "cpu", None)]
)
def test_a_worker_keeps_to_the_gpu_or_the_cores_it_was_started_for(
    folders, monkeypatch, cpus, wanted, threads
):
    asked, error = [], DeviceError("none")

    def load_devices(device, optimises):
        asked.append(device)
        raise error

    monkeypatch.setattr(actor, "log_to_stdout", lambda *_: None)
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(actor, "cores", lambda: 8)
    monkeypatch.setattr(actor, "load_devices", load_devices)
    setup = WorkerSetup(config.load(folders), False, ENGINE_VERSION, True, cpus)
    assert RemoteWorker(setup).start().problem is error
    assert asked == [wanted]
    assert os.environ.get("TF_NUM_INTRAOP_THREADS") == threads
    assert os.environ.get("OPENBLAS_NUM_THREADS") == threads


@pytest.mark.slow
def test_a_worker_that_leaves_waits_no_longer_for_weights_in_a_bucket(folders, monkeypatch, caplog):
    device = SimpleNamespace(name="CPU:0", scope=nullcontext)
    loaded = SimpleNamespace(result=lambda: SimpleNamespace(first=device))
    monkeypatch.setattr(actor, "log_to_stdout", lambda *_: None)
    monkeypatch.setattr(actor, "load_devices", lambda *_: loaded)

    def away(*_):
        raise UnavailableError("no connection")

    monkeypatch.setattr(FolderBucket, "download", away)
    style = Style("monet", (Painting(Entry("monet.jpg", 1, "e"), 1.0),), Settings(size=64))
    weights, output = WeightsSource("bucket:vgg.h5", "md5:a"), OutputFormat(None)
    photo, result = Entry("beach.jpg", 1, "e"), "monet/beach.jpg"
    order = PlannedOrder(photo, None, style, weights, output, result=result)
    worker = RemoteWorker(WorkerSetup(config.load(folders), False, ENGINE_VERSION, True, 1))
    assert worker.start().problem is None
    answers = []
    painting = threading.Thread(target=lambda: answers.append(worker.paint(order)))
    painting.start()
    until(lambda: any("retrying in" in message for message in caplog.messages))
    worker.leave()
    painting.join(60)
    [answer] = answers
    assert str(answer.problem) == "no connection"


def queues_of(count):
    style, weights = Style("monet", (), Settings()), WeightsSource("builtin", "md5:a")
    orders = [
        PlannedOrder(
            Entry(str(number), 9, "e"), None, style, weights, OutputFormat(None), result=""
        )
        for number in range(count)
    ]
    return orders, Queues(orders)


def after_a_loss(orders):
    """The orders as a lost worker leaves them, with a checkpoint."""
    return [replace(each, may_resume=True) for each in orders]


def taken(queues, under_way=()):
    """Gives a worker with these orders as many as it takes, and returns all of them."""
    found = [*under_way]
    while (order := queues.take(found)) is not None:
        found.append(order)
    return found


def test_suspects_come_last_and_alone_also_if_they_are_given_back():
    orders, queues = queues_of(7)
    suspects = taken(queues)
    queues.lose(suspects, with_node=False)
    others = taken(queues)
    assert others == orders[4:] and queues.take(others) is None
    for _ in range(2):
        alone = taken(queues)
        assert alone == after_a_loss(suspects[:1])
        queues.give_back(alone)


def test_of_several_photos_that_kill_their_workers_each_fails_alone():
    poison = {"7", "100", "333"}
    _, queues = queues_of(400)
    failed, deaths, workers = [], 0, [[], [], []]
    while queues.left:
        for worker in workers:
            worker[:] = taken(queues, worker)
            if {each.photo.key for each in worker} & poison:
                deaths += 1
                failed += queues.lose(worker, with_node=False)
            else:
                for _ in worker:
                    queues.end()
            worker.clear()
    assert {order.photo.key for order, _ in failed} == poison
    assert deaths == 9  # Each once among others, and twice alone.


def test_nodes_that_go_are_no_photos_fault_until_five_of_them_have():
    orders, queues = queues_of(1)
    for number in range(5):
        assert taken(queues) == (after_a_loss(orders) if number else orders)
        failed = queues.lose(orders, with_node=True)
        assert bool(failed) == (number == 4)
    assert queues.left == 0
