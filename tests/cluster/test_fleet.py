"""On which devices of which nodes workers are started."""

from types import SimpleNamespace

import pytest
from support.fake_ray import FakeRay

from styletransfer.cluster import fleet
from styletransfer.cluster.fleet import Fleet
from styletransfer.cluster.orders import WorkerSetup


class Idle:
    """Takes what a worker is given, and waits."""

    def __init__(self, setup):
        self.cpus = setup.cpus

    def start(self):
        return None


@pytest.fixture
def started(monkeypatch):
    """Starts workers on nodes: by node, the cores that each worker uses (None: a GPU)."""
    monkeypatch.setattr(fleet, "RemoteWorker", Idle)

    def start(device, most=100, **nodes):
        ray = FakeRay()
        ray.alive = nodes
        setup = WorkerSetup(SimpleNamespace(device=device), {}, False, "5", None)
        found = Fleet(ray, setup, lambda *_: None)
        found.look(most)
        found.look(most, now=True)
        cpus = {name: [] for name in nodes}
        for actor in ray.actors:
            cpus[actor.node].append(actor._made.cpus)
        return cpus, ray

    return start


HEAD, PLAIN, GPUS = {}, {"CPU": 8.0}, {"CPU": 16.0, "GPU": 2.0}


@pytest.mark.parametrize(
    "device, expected",
    [
        ("auto", {"head": [], "plain": [], "gpus": [None, None]}),
        ("gpu", {"head": [], "plain": [], "gpus": [None, None]}),
        ("cpu", {"head": [], "plain": [8], "gpus": [16]}),
    ],
)
def test_each_gpu_has_a_worker_or_each_nodes_cores_have_one(started, device, expected):
    assert started(device, head=HEAD, plain=PLAIN, gpus=GPUS)[0] == expected


def test_without_a_gpu_in_the_cluster_auto_means_cores_and_gpu_means_waiting(started):
    assert started("auto", head=HEAD, plain=PLAIN)[0] == {"head": [], "plain": [8]}
    assert started("gpu", head=HEAD, plain=PLAIN)[0] == {"head": [], "plain": []}


def test_no_more_workers_are_started_than_there_are_pictures(started):
    assert started("auto", most=1, gpus=GPUS)[0] == {"gpus": [None]}


def test_machines_with_gpus_are_asked_for_as_many_as_there_are_pictures(started):
    _, ray = started("gpu", most=7, head=HEAD)
    assert ray.asked_for == [{"GPU": 1}] * 7
    _, ray = started("gpu", most=1_000_000, head=HEAD)
    assert len(ray.asked_for) == fleet.MOST_ASKED_FOR
