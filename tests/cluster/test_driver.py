"""A run over a cluster, with actors that are threads here; see support.fake_ray."""

import json
import os
import signal
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest
from support.batch_results import RECORD, results
from support.fake_ray import DiedError, FakeRay
from support.folder_batches import RECORDS, RESULTS, TIMELAPSES, keys, replace_while_read, run
from support.polling import until

from painterly.cli.batch import paint_batch
from painterly.cluster import actor, driver, fleet, queues
from painterly.cluster.actor import Answer
from painterly.configuration import config
from painterly.errors import ConfigError, PainterlyError
from painterly.gallery import page as gallery_page
from painterly.gallery.gallery import Gallery
from painterly.painters.painter import Painter
from painterly.runs import run as rounds
from painterly.signals import Stopped
from painterly.storage.base import UnavailableError

pytestmark = pytest.mark.slow  # Nodes and actors start, as threads.

OF_THE_RUN = {"finished", "seconds", "device"}


@pytest.fixture
def cluster(folders, stand_in, monkeypatch):
    """A cluster of two nodes, and what paints `folders` on it."""
    ray = FakeRay("one", "two")
    monkeypatch.setattr(driver, "connected", ray.connected)
    monkeypatch.setattr(driver, "prepare", lambda *_: None)  # It sets variables.
    monkeypatch.setattr(fleet, "NODES_EVERY_S", 0.05)
    monkeypatch.setattr(actor, "log_to_stdout", lambda *_: None)

    def paint(**changes):
        loaded = config.load(folders | {"CLUSTER": "auto", "DEVICE": "cpu"} | changes)
        return paint_batch(loaded, driver.on_cluster(loaded.cluster, {}))

    ray.paint = paint
    yield ray
    for each in ray.actors:  # While the current folder and the engine are still the test's.
        each.threads.shutdown()


@pytest.fixture
def at_each_order(monkeypatch):
    """A list of functions that are called with each order when a worker begins it."""
    happens, whole = [], Painter.paint

    def finished(worker, order, *others, **named):
        for each in happens:
            each(order)
        return whole(worker, order, *others, **named)

    monkeypatch.setattr(Painter, "paint", finished)
    return happens


def once(function):
    """Calls a function when the first order begins."""
    calls = iter([function])
    return lambda order: next(calls, lambda: None)()


def test_a_cluster_stores_what_one_machine_stores_with_a_gallery(folders, cluster, stand_in):
    assert run(folders, BUCKET_RESULT="./alone", STYLE_TIMELAPSE="1") == 0
    assert cluster.paint(STYLE_TIMELAPSE="1") == 0
    assert keys() == keys("alone") == RESULTS | RECORDS | TIMELAPSES
    for key in RESULTS | TIMELAPSES:
        assert Path("out", key).read_bytes() == Path("alone", key).read_bytes()
    for key in RECORDS:
        ours, alone = (json.loads(Path(each, key).read_text()) for each in ("out", "alone"))
        assert ours.keys() == alone.keys()
        assert {name for name in ours if ours[name] != alone[name]} <= OF_THE_RUN
    assert {actor.node for actor in cluster.actors} == {"one", "two"}
    page = Path("out/index.html").read_text()
    assert "old town" in page and "beach" in page
    assert not Path("out/_gallery/unpublished").exists()
    assert Path("out/_gallery/results/monet/beach.jpg.jpg").exists()


def test_a_driver_that_starts_again_paints_only_what_is_missing(cluster, capsys):
    assert cluster.paint(STYLE="monet") == 0
    cluster.actors.clear()
    assert cluster.paint() == 0 and results() == RESULTS
    assert "2 already done, 2 to paint" in capsys.readouterr().out
    cluster.actors.clear()
    assert cluster.paint() == 0 and cluster.actors == []


@pytest.mark.parametrize(
    ("others", "own", "found"),
    [({}, {}, 3), ({"OUTPUT_QUALITY": "60"}, {}, 0), ({"OUTPUT_QUALITY": "60"}, {"KEEP": "1"}, 3)],
)
def test_what_another_run_stored_after_the_plan_was_made_is_not_painted_again(
    folders, cluster, at_each_order, monkeypatch, capsys, others, own, found
):
    monkeypatch.setattr(queues, "MAX_ORDERS", 1)
    del cluster.alive["two"]
    at_each_order.append(once(lambda: run(folders, **others)))
    assert cluster.paint(**own) == 0 and results() == RESULTS
    last = capsys.readouterr().out.rpartition("painted in")
    assert last[0].endswith(f"\n{4 - found} ")
    assert (f", {found} already done" in last[2]) == bool(found)
    assert "old town" in Path("out/index.html").read_text()


def test_a_photo_that_is_replaced_while_others_are_painted_waits_for_a_later_round(
    cluster, monkeypatch, capsys
):
    rests = iter([lambda: None])
    replace_while_read(Path("photos/beach.jpg"), monkeypatch)
    monkeypatch.setattr(queues, "MAX_ORDERS", 1)
    del cluster.alive["two"]
    stop = lambda: signal.raise_signal(signal.SIGHUP)  # noqa: E731
    monkeypatch.setattr(rounds, "rest", lambda *_: next(rests, stop)())
    with pytest.raises(Stopped, match="SIGHUP"):
        cluster.paint(WATCH="1", WATCH_SETTLE="0")
    out = capsys.readouterr().out
    assert "FAILED" not in out and out.count("beach.jpg is being changed; it is waited for") == 2
    assert out.count("\n2 painted in") == 2


def test_a_gallery_of_too_many_results_is_not_made(cluster, monkeypatch, capsys):
    monkeypatch.setattr(gallery_page, "MAX_SHOWN", 3)
    assert cluster.paint() == 0 and results() == RESULTS
    assert "no gallery is made of more than 3 results" in capsys.readouterr().out
    assert not Path("out/index.html").exists() and not Path("out/_gallery/results").exists()


def test_a_lost_nodes_pictures_are_painted_by_another(cluster, at_each_order, capsys):
    at_each_order.append(
        once(lambda: cluster.lose(next(each.node for each in cluster.actors if each.paints)))
    )
    assert cluster.paint() == 0
    assert results() == RESULTS
    assert "has gone" in capsys.readouterr().out


def test_a_photo_that_kills_its_worker_twice_fails_alone_with_a_record(
    cluster, at_each_order, capsys
):
    def kill(order):
        if str(order) == "beach.jpg in monet":
            raise MemoryError

    at_each_order.append(kill)
    assert cluster.paint() == 1
    assert results() == RESULTS - {"monet/beach.jpg"}
    assert "2 workers died" in json.loads(RECORD.read_text())["error"]
    assert "FAILED: beach.jpg in monet: 2 workers died" in capsys.readouterr().out
    at_each_order.clear()
    assert cluster.paint() == 0 and results() == RESULTS


def test_a_photo_that_cannot_be_read_fails_as_on_one_machine(cluster, capsys):
    Path("photos/torn.jpg").write_bytes(b"\xff\xd8 no picture")
    Path(os.fsdecode(b"photos/caf\xe9.jpg")).write_bytes(b"")
    assert cluster.paint() == 1
    assert results() >= RESULTS
    assert "torn.jpg" in Path("out/index.html").read_text()
    assert "torn.jpg" in json.loads(Path("out/_records/monet/torn.jpg.json").read_text())["error"]
    said = capsys.readouterr().out
    assert "FAILED: torn.jpg in 2 styles" in said and "4 FAILED" in said
    assert "FAILED: caf\\udce9.jpg in 2 styles (both, monet): the name of the photo" in said


AWAY, MISSING = UnavailableError("the bucket is away"), ImportError("no module tensorflow")


@pytest.mark.parametrize(
    ("module", "name", "value", "error", "said"),
    [
        (Gallery, "store_pictures", Mock(side_effect=AWAY), UnavailableError, "the bucket is away"),
        (
            *(actor.RemoteWorker, "start", Mock(side_effect=MISSING), PainterlyError),
            r"before they can paint \(no module",
        ),
        (driver, "ENGINE_VERSION", "1", ConfigError, "the driver has version 1 of the engine"),
    ],
    ids=["storage", "death", "version"],
)
def test_if_no_worker_can_paint_the_run_ends_with_the_reason(
    cluster, monkeypatch, module, name, value, error, said
):
    monkeypatch.setattr(fleet, "REST_S", 0.1)
    monkeypatch.setattr(module, name, value)
    with pytest.raises(error, match=said):
        cluster.paint()
    assert results() == set()


@pytest.mark.slow
def test_one_node_that_cannot_paint_does_not_end_the_run_of_another(
    cluster, at_each_order, monkeypatch, capsys
):
    """However often it is tried again while the other paints a picture that takes long, and if
    there is one picture, for which the first worker is on that node."""
    whole, tried = actor.RemoteWorker.start, []

    def start(worker):
        node = next(each.node for each in cluster.actors if each.made is worker)
        if node != "one":
            return whole(worker)
        tried.append(worker)
        return Answer(problem=ConfigError("this node has another version"))

    monkeypatch.setattr(actor.RemoteWorker, "start", start)
    assert cluster.paint(PHOTO="beach.jpg", STYLE="monet") == 0
    assert "1 painted" in capsys.readouterr().out
    tried.clear()
    monkeypatch.setattr(fleet, "REST_S", 0.1)
    at_each_order.append(lambda order: until(lambda: len(tried) > 3))
    assert cluster.paint() == 0
    assert capsys.readouterr().out.count("this node has another version") >= 3


RAISED = DiedError("\x1b[36mray::RemoteWorker.start()\x1b[39m ^^^^^^^^")
RAISED.cause = ModuleNotFoundError("No module named 'boto3'")
DIED = DiedError(
    "The actor died unexpectedly before finishing this task.\n\tclass_name: RemoteWorker\n"
    f"\tactor_id: {40 * 'ab'}\n\tpid: 1\n\tnamespace: painterly\n\tip: 10.0.0.1\nThe actor is "
    "dead because its worker process has died. Worker exit type: SYSTEM_ERROR"
)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RAISED, "ModuleNotFoundError: No module named 'boto3'"),
        (DIED, "its worker process has died. Worker exit type: SYSTEM_ERROR"),
    ],
    ids=["raised", "died"],
)
def test_why_a_worker_was_lost_is_said_in_one_line(cluster, at_each_order, capsys, error, reason):
    at_each_order.append(
        once(lambda: next(each for each in cluster.actors if each.paints).die(error))
    )
    assert cluster.paint() == 0
    assert results() == RESULTS
    assert f": {reason}\n" in capsys.readouterr().out


@pytest.mark.slow
def test_after_a_signal_what_is_under_way_is_saved_for_the_next_run(
    cluster, at_each_order, monkeypatch, capsys
):
    monkeypatch.setenv("PAINTING_S", "10")
    monkeypatch.setattr(driver._Painting, "_lose_gone", lambda self: stop(self._stop))
    for module in (driver, actor):  # However slow the machine is.
        monkeypatch.setattr(module, "LEAVE_S", 60.0)
    begun = threading.Event()
    at_each_order.append(lambda order: begun.set())

    def stop(found):
        if begun.is_set():
            found.signum = 15

    with pytest.raises(Stopped):
        cluster.paint()
    assert results() == set(), "nor does a worker begin its next order"
    assert [key for key in keys() if key.startswith("_checkpoints/")]
    monkeypatch.setenv("PAINTING_S", "0")
    at_each_order.clear()
    begun.clear()
    assert cluster.paint() == 0 and results() == RESULTS
    assert "resuming from step" in capsys.readouterr().out


def test_what_is_missing_for_a_cluster_is_said_before_anything_is_read(folders, monkeypatch):
    loaded = config.load(folders | {"CLUSTER": "auto", "BUCKET_SOURCE": "./nowhere"})
    monkeypatch.setattr(os, "environ", {"HOME": "/nowhere"})
    with pytest.raises(ConfigError, match="RAY_AUTH_TOKEN is not set"):
        driver.on_cluster(loaded.cluster, {})
    monkeypatch.setattr(fleet, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="Ray is not installed"):
        driver.on_cluster(loaded.cluster, {})
