"""The devices and nodes that get a worker."""

from types import SimpleNamespace

import pytest
from support.fake_ray import DiedError, FakeRay

from painterly.cluster import fleet
from painterly.cluster.actor import WorkerSetup
from painterly.cluster.fleet import Fleet
from painterly.cluster.queues import MAX_ORDERS

HEAD, PLAIN, GPUS = {}, {"CPU": 8.0}, {"CPU": 16.0, "GPU": 2.0}
GPU = {"num_gpus": 1, "num_cpus": 0}  # reserved for a worker


def cores(count):
    return {"num_gpus": 0, "num_cpus": count}


def idle(setup):
    """A worker that paints nothing."""
    return SimpleNamespace(cpus=setup.cpus, start=lambda: None)


@pytest.fixture
def make_fleet(monkeypatch):
    """Makes a fleet on a cluster of these nodes, with workers for this number of pictures."""
    monkeypatch.setattr(fleet, "RemoteWorker", idle)

    def make(device, pictures, **nodes):
        ray = FakeRay()
        ray.alive = nodes
        found = Fleet(ray, WorkerSetup(SimpleNamespace(device=device), False, "5", True, None))
        found.look(pictures)
        return found, ray

    return make


@pytest.mark.parametrize(
    ("device", "pictures", "nodes", "expected"),
    [
        ("auto", 9, {"plain": PLAIN, "gpus": GPUS}, {"plain": [], "gpus": [GPU, GPU]}),
        ("gpu", 9, {"plain": PLAIN, "gpus": GPUS}, {"plain": [], "gpus": [GPU, GPU]}),
        ("cpu", 9, {"plain": PLAIN, "gpus": GPUS}, {"plain": [cores(8)], "gpus": [cores(16)]}),
        ("auto", 9, {"plain": PLAIN}, {"plain": [cores(8)]}),
        ("gpu", 9, {"plain": PLAIN}, {"plain": []}),
        ("auto", 1, {"gpus": GPUS}, {"gpus": [GPU]}),
    ],
)
def test_each_gpu_has_a_worker_or_each_nodes_cores_have_one(
    make_fleet, device, pictures, nodes, expected
):
    found, ray = make_fleet(device, pictures, head=HEAD, **nodes)
    found.look(pictures, now=True)
    reserved = {name: [] for name in nodes}
    for actor in ray.actors:
        # All orders of the window, `start`, and `leave`, which comes while these wait.
        assert actor.options.pop("max_concurrency") == MAX_ORDERS + 2
        assert actor.made.cpus == (actor.options["num_cpus"] or None)
        reserved[actor.node].append(actor.options)
    assert reserved == expected
    assert found.nodes == 0 and len(found.members) == len(ray.actors)
    for member in found.members.values():
        member.device = "ready"
    assert found.nodes == len([node for node in expected.values() if node])


def test_machines_with_gpus_are_asked_for_as_many_as_there_are_pictures_and_given_back(make_fleet):
    assert make_fleet("gpu", 7, head=HEAD)[1].asked_for == [{"GPU": 1}] * 7
    assert len(make_fleet("gpu", 1_000_000, head=HEAD)[1].asked_for) == fleet.MAX_REQUESTED
    for device in ("auto", "cpu"):  # Machines with GPUs cost more.
        assert make_fleet(device, 7, head=HEAD)[1].asked_for == []
    found, ray = make_fleet("gpu", 2, gpus=GPUS)
    assert ray.asked_for
    found.close(0)
    assert ray.asked_for == [] and not found.members
    with pytest.raises(DiedError):
        ray.actors[0].start.remote().result()


def test_nodes_that_come_and_go_are_seen_within_two_seconds_and_named(
    make_fleet, monkeypatch, caplog
):
    caplog.set_level("INFO")
    now = [1000.0]
    monkeypatch.setattr(fleet.time, "monotonic", lambda: now[0])
    found, ray = make_fleet("auto", 9, plain=PLAIN)
    ray.alive["later"] = PLAIN
    found.look(9)
    assert not found.is_there("later")
    now[0] += fleet.NODES_EVERY_S
    found.look(9)
    assert found.is_there("later") and len(found.members) == 2
    del ray.alive["plain"]
    found.look(9, now=True)
    assert caplog.messages == ["node plain has gone"] and not found.is_there("plain")
