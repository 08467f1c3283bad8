"""The devices and nodes that get a worker."""

from types import SimpleNamespace

import pytest
from support.fake_ray import DiedError, FakeRay

from styletransfer.cluster import fleet
from styletransfer.cluster.actor import WorkerSetup
from styletransfer.cluster.fleet import Fleet
from styletransfer.cluster.queues import MAX_TASKS


class Idle:
    """Takes what a worker is given, and waits."""

    def __init__(self, setup):
        self.cpus = setup.cpus

    def start(self):
        return None


HEAD, PLAIN, GPUS = {}, {"CPU": 8.0}, {"CPU": 16.0, "GPU": 2.0}


@pytest.fixture
def clock(monkeypatch):
    """The time, in a list of one number."""
    now = [1000.0]
    monkeypatch.setattr(fleet.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def made(monkeypatch):
    """Makes a fleet on a cluster of these nodes."""
    monkeypatch.setattr(fleet, "RemoteWorker", Idle)

    def make(device="auto", **nodes):
        ray = FakeRay()
        ray.alive = nodes
        setup = WorkerSetup(SimpleNamespace(device=device), {}, False, "5", None)
        return Fleet(ray, setup), ray

    return make


@pytest.fixture
def started(made):
    """Starts workers on nodes: by node, the cores that each worker uses, or None for a GPU."""

    def start(device, most=100, **nodes):
        found, ray = made(device, **nodes)
        found.look(most)
        found.look(most, now=True)
        cpus = {name: [] for name in nodes}
        for actor in ray.actors:
            cpus[actor.node].append(actor._made.cpus)
        return cpus, ray

    return start


@pytest.mark.parametrize(
    ("device", "most", "nodes", "expected"),
    [
        ("auto", 9, {"plain": PLAIN, "gpus": GPUS}, {"plain": [], "gpus": [None, None]}),
        ("gpu", 9, {"plain": PLAIN, "gpus": GPUS}, {"plain": [], "gpus": [None, None]}),
        ("cpu", 9, {"plain": PLAIN, "gpus": GPUS}, {"plain": [8], "gpus": [16]}),
        ("auto", 9, {"plain": PLAIN}, {"plain": [8]}),
        ("gpu", 9, {"plain": PLAIN}, {"plain": []}),
        ("auto", 1, {"gpus": GPUS}, {"gpus": [None]}),  # There is one picture.
    ],
)
def test_each_gpu_has_a_worker_or_each_nodes_cores_have_one(started, device, most, nodes, expected):
    assert started(device, most, head=HEAD, **nodes)[0] == {"head": []} | expected


def test_machines_with_gpus_are_asked_for_as_many_as_there_are_pictures(started):
    _, ray = started("gpu", most=7, head=HEAD)
    assert ray.asked_for == [{"GPU": 1}] * 7
    _, ray = started("gpu", most=1_000_000, head=HEAD)
    assert len(ray.asked_for) == fleet.MAX_REQUESTED
    for device in ("auto", "cpu"):  # Machines with GPUs cost more.
        assert started(device, most=7, head=HEAD)[1].asked_for == []


def test_nodes_that_come_and_go_are_seen_within_two_seconds_and_named(made, clock, caplog):
    caplog.set_level("INFO")
    found, ray = made(plain=PLAIN)
    found.look(9)
    ray.alive["later"] = PLAIN
    found.look(9)
    assert not found.is_there("later")
    clock[0] += fleet.NODES_EVERY_S
    found.look(9)
    assert found.is_there("later") and len(found.members) == 2
    del ray.alive["plain"]
    found.look(9, now=True)
    assert caplog.messages == ["node plain has gone"] and not found.is_there("plain")


def test_a_gpu_is_reserved_for_its_worker_and_a_nodes_cores_for_another(made):
    _, ray = found = made("auto", gpus=GPUS)
    found[0].look(2)
    assert [each.options["num_gpus"] for each in ray.actors] == [1, 1]
    assert [each.options["num_cpus"] for each in ray.actors] == [0, 0]
    # All orders of the window, `start`, and `leave`, which comes while these wait.
    assert {each.options["max_concurrency"] for each in ray.actors} == {MAX_TASKS + 2}
    _, ray = found = made("cpu", gpus=GPUS)
    found[0].look(2)
    assert [each.options["num_gpus"] for each in ray.actors] == [0]
    assert [each.options["num_cpus"] for each in ray.actors] == [16]


def test_nodes_are_counted_once_whose_workers_are_ready(made):
    found, _ = made(gpus=GPUS, others=GPUS)
    found.look(9)
    assert found.nodes == 0 and len(found.members) == 4
    for member in found.members.values():
        member.device = "a GPU" if member.node == "gpus" else ""
    assert found.nodes == 1 and len(found.ready()) == 2


def test_machines_are_given_back_at_the_end(made):
    found, ray = made("gpu", gpus=GPUS)
    found.look(2)
    assert ray.asked_for
    found.close(0)
    assert ray.asked_for == [] and not found.members
    with pytest.raises(DiedError):
        ray.actors[0].start.remote().future.result()
