"""A worker of a cluster, without Ray."""

import os
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from support.polling import until

from painterly import ENGINE_VERSION
from painterly.cluster import actor
from painterly.cluster.actor import RemoteWorker, WorkerSetup
from painterly.configuration import config
from painterly.errors import DeviceError
from painterly.images.output import OutputFormat
from painterly.orders.order import PlannedOrder
from painterly.orders.styles import Painting, Style
from painterly.settings.settings import Settings
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
