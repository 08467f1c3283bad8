"""A worker of a cluster, without Ray."""

import os
from dataclasses import replace

import pytest

from styletransfer import ENGINE_VERSION, config
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.cluster import actor
from styletransfer.cluster.actor import RemoteWorker, WorkerSetup
from styletransfer.errors import DeviceError


@pytest.fixture
def setup(folders, stand_in, monkeypatch):
    """The set-up of a worker that paints on all cores."""
    monkeypatch.setattr(actor, "log_to_stdout", lambda *_: None)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")  # So that what a worker sets is undone.
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    return WorkerSetup(config.load(folders), {}, False, ENGINE_VERSION, os.cpu_count())


@pytest.mark.parametrize(
    ("cpus", "wanted", "threads"), [(None, "gpu", None), (2, "cpu", "2"), (8, "cpu", None)]
)
def test_a_worker_keeps_to_the_gpu_or_the_cores_it_was_started_for(
    setup, monkeypatch, cpus, wanted, threads
):
    asked, error = [], DeviceError("none")

    def devices(self):
        asked.append(self._wanted)
        raise error

    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(DeviceLoader, "devices", devices)
    assert RemoteWorker(replace(setup, cpus=cpus)).start().problem is error
    assert asked == [wanted]
    assert os.environ.get("TF_NUM_INTRAOP_THREADS") == threads
