"""A worker of a cluster, without Ray."""

import os

import pytest

from styletransfer import ENGINE_VERSION, config
from styletransfer.cluster import actor
from styletransfer.cluster.actor import RemoteWorker, WorkerSetup
from styletransfer.errors import DeviceError


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
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(actor, "load_devices", load_devices)
    setup = WorkerSetup(config.load(folders), False, ENGINE_VERSION, True, cpus)
    assert RemoteWorker(setup).start().problem is error
    assert asked == [wanted]
    assert os.environ.get("TF_NUM_INTRAOP_THREADS") == threads
    assert os.environ.get("OPENBLAS_NUM_THREADS") == threads
