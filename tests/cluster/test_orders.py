"""What a worker of a cluster gets of the plan."""

import pickle
from dataclasses import fields

import pytest

from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Plan, Task
from styletransfer.batch.result_keys import ResultKeys
from styletransfer.cluster.orders import OrderBook
from styletransfer.images.output import OutputFormat
from styletransfer.record import Record
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry

PHOTOS = ("trip/beach.jpg", "trip/beach.png", "trip/beach.2.jpg", "trip//pier.jpg")
TASKS = {
    key: Task(Entry(key, 9, "e"), None, Look("monet", (), Settings()), "f", None) for key in PHOTOS
}
OF_BEACH = {
    "monet/trip/beach.jpg",
    "monet/trip/beach.png.png",
    "_records/monet/trip/beach.jpg.json",
    "_records/monet/trip/beach.png.json",
    "_checkpoints/monet/trip/beach.jpg.npz",
}
OF_OTHERS = {
    "index.html",
    "monet/trip/beach.2.jpg",
    "monet/trip/beachball.jpg",
    "monet/trip/a.jpg",
    "hokusai/trip/beach.jpg",
    "_records/monet/trip/beach.2.jpg.json",
    "_records/monet/trip//pier.jpg.json",
    "_checkpoints/monet/trip/beach.png.npz",
}


@pytest.fixture
def plan():
    stored = {key: Entry(key, 9, "e") for key in OF_BEACH | OF_OTHERS}
    of_all = {
        "output": OutputFormat("same"),
        "todo": tuple(TASKS.values()),
        "done": (Record(),),
        "refused": ((TASKS[PHOTOS[2]], "why"),),
        "kept": (TASKS[PHOTOS[2]],),
        "keys": ResultKeys(PHOTOS, ["monet"], OutputFormat("same")),
        "stored": stored,
        "records": {key: Record(photo=key) for key in stored if key.startswith("_records/")},
        "intact": {"_records/monet/trip/beach.2.jpg.json": Record()},
        "checkpoints": frozenset(key for key in stored if key.startswith("_checkpoints/")),
        "stale": ("_checkpoints/gone",),
        "partial": False,
    }
    assert of_all.keys() == {each.name for each in fields(Plan)}
    return Plan(**of_all)


def test_an_order_has_what_its_task_needs_and_no_more(plan):
    order = OrderBook(plan).of(TASKS["trip/beach.jpg"], lost_before=False)
    part = order.plan
    assert part.stored == {key: plan.stored[key] for key in OF_BEACH}
    assert part.records.keys() == {key for key in OF_BEACH if key.startswith("_records/")}
    assert part.checkpoints == {"_checkpoints/monet/trip/beach.jpg.npz"}
    assert b"beach.2" not in pickle.dumps(order)
    assert part.todo == (order.task,) == (TASKS["trip/beach.jpg"],)
    assert not any((part.done, part.refused, part.kept, part.intact, part.stale))
    for photo in PHOTOS[:2]:
        assert part.keys.planned("monet", photo) == plan.keys.planned("monet", photo)


def test_a_record_belongs_to_a_key_that_file_systems_write_in_another_way(plan):
    part = OrderBook(plan).of(TASKS["trip//pier.jpg"], lost_before=False).plan
    assert part.records.keys() == {"_records/monet/trip//pier.jpg.json"}


def test_a_checkpoint_is_looked_for_where_one_was_or_a_worker_was_lost(plan):
    book = OrderBook(plan)
    assert book.of(TASKS["trip/beach.jpg"], lost_before=False).may_resume
    assert not book.of(TASKS["trip/beach.2.jpg"], lost_before=False).may_resume
    assert book.of(TASKS["trip/beach.2.jpg"], lost_before=True).may_resume
