"""Checkpoints in the result bucket."""

import dataclasses
import io
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import strategies as some
from hypothesis.stateful import invariant, precondition, rule
from support.batch_results import s3_batch
from support.folder_batches import RECORDS, RESULTS, keys, run
from support.fuzzing import CASES, generators, mutated
from support.machines import Machine, play
from support.polling import until

from painterly.cli.batch import paint_batch
from painterly.configuration import config
from painterly.painters import checkpoints
from painterly.painters.checkpoints import Snapshot, read_snapshot
from painterly.storage.base import Entry
from painterly.storage.folder import FolderBucket

OWN, OTHER = "_checkpoints/monet/a.png.npz", "_checkpoints/monet/b.jpg.npz"
FOREIGN = "monet/big.tiff"
TASK = SimpleNamespace(checkpoint_mark="", checkpoint_key=OWN, photo=Entry("a.png", 1, ""))


def test_a_storage_that_stalls_holds_up_a_stop_for_less_than_5_s(monkeypatch):
    clock = [0.0]  # Only waiting takes time.
    monkeypatch.setattr(checkpoints, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def wait(saves, timeout):
        if any(not each.done() for each in saves):
            clock[0] += timeout

    monkeypatch.setattr(checkpoints, "wait", wait)
    answers = threading.Event()
    stalling = SimpleNamespace(upload=lambda file, key: answers.wait())
    store = checkpoints.CheckpointStore(stalling, stalling)
    try:
        store.save(TASK, {"iteration": np.array(1)})
        store.save_last(TASK, {"iteration": np.array(2)})
    finally:
        answers.set()
        store.close()
    assert 0 < clock[0] < 5


def test_a_save_under_way_is_over_before_the_last_one_and_before_the_deletion():
    """Otherwise it would replace the last one, or stay next to a finished result."""
    done, answers = [], threading.Event()

    def upload(file, key):
        if not done:
            answers.wait(20)
        done.append("saved")

    storage = SimpleNamespace(upload=upload, delete=lambda key: done.append("deleted"))
    for then in ("save_last", "delete"):
        done.clear()
        answers.clear()
        store = checkpoints.CheckpointStore(storage, storage)
        store.save(TASK, {"iteration": np.array(1)})
        timer = threading.Timer(0.05, lambda: (done.append("waited"), answers.set()))
        timer.start()
        if then == "delete":
            store.delete(TASK)
        else:
            store.save_last(TASK, {"iteration": np.array(2)})
        timer.join()
        store.close()
        assert done == ["waited", "saved", "saved" if then == "save_last" else "deleted"]


@pytest.mark.slow
def test_without_room_for_a_checkpoint_the_painting_goes_on(folders, stand_in, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("PAINTING_S", "0.3")
    loaded = config.load(folders)
    monkeypatch.setattr(np, "savez", full)
    assert paint_batch(dataclasses.replace(loaded, checkpoint_every=0.02)) == 0
    error = "no checkpoint: a temporary file cannot be written: No space left on device"
    assert error in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


def test_uploads_that_killed_runs_left_are_aborted_and_no_others(
    rgw, stand_in, monkeypatch, caplog
):
    caplog.set_level("INFO", "painterly")
    bucket, environment = s3_batch(rgw)
    for key in (OWN, OTHER, FOREIGN):
        rgw.client.create_multipart_upload(Bucket=bucket.name, Key=key)

    def left(**changes):
        assert run(environment, **changes) == 0
        return {each.key for each in bucket.unfinished_uploads()}

    assert left() == {OTHER, FOREIGN}  # The other is young: another run may be at it.
    monkeypatch.setattr(checkpoints, "STALE_S", -60)  # As if an hour had passed.
    assert left(PHOTO="a.png") == {OTHER, FOREIGN}
    assert left() == {FOREIGN}
    said = [each for each in caplog.messages if "upload" in each]
    assert said == ["aborted 1 unfinished upload of earlier runs"] * 2


# --- what is in a checkpoint ------------------------------------------------------------------

SHAPE = (1, 16, 16, 3)
SHAPES = {
    **dict.fromkeys(("image", "momentum", "variance", "average"), SHAPE),
    **dict.fromkeys(("count", "content_weight", "deviation"), ()),
    "windows": (2, 4),
}
KEY = "_checkpoints/monet/beach.jpg.npz"


def state(**changes):
    arrays = {name: np.full(shape, 0.5, np.float32) for name, shape in SHAPES.items()}
    return {"iteration": np.array(4)} | arrays | changes


def packed(content):
    out = io.BytesIO()
    np.savez(out, **content)
    return out.getvalue()


def own(content):
    return packed({"fingerprint": np.array("f"), **content})


WRONG = {
    "a field is missing": own({name: each for name, each in state().items() if name != "variance"}),
    "a field too many": own(state(mood=np.zeros(3))),
    "no fingerprint": packed(state()),
    "of other pictures": packed({**state(), "fingerprint": np.array("other")}),
    "another shape": own(state(image=np.zeros((1, 8, 16, 3), np.float32))),
    "another type": own(state(image=np.zeros(SHAPE, np.int32))),
    "objects": own(state(image=np.full(SHAPE, None))),
    "NaN": own(state(average=np.full(SHAPE, np.nan, np.float32))),
    "infinite": own(state(momentum=np.full(SHAPE, np.inf, np.float32))),
    "a variance below zero": own(state(variance=np.full(SHAPE, -1, np.float32))),
    "a step that is none": own(state(iteration=np.array(9))),
    "a step below zero": own(state(iteration=np.array(-1))),
    "a step in letters": own(state(iteration=np.array("four"))),
    "cut": own(state())[:-100],
    "cut to its start": own(state())[:50],
    "empty": b"",
}


def read(folder, data):
    bucket = FolderBucket(folder, new=True)
    bucket.write(KEY, data)
    return read_snapshot(bucket, KEY, "f", lambda step: SHAPES if 0 < step < 9 else {})


@pytest.mark.parametrize("name", WRONG)
def test_a_checkpoint_that_does_not_fit_is_not_used(tmp_path, caplog, name):
    assert read(tmp_path, WRONG[name]) is None
    [warning] = set(caplog.messages)
    assert warning.startswith(f"checkpoint {KEY} ") and warning.endswith("; starting over")


def test_one_that_fits_is_used(tmp_path):
    Snapshot("f", state()).upload(FolderBucket(tmp_path), KEY)
    written = FolderBucket(tmp_path).read(KEY)
    for data in (written, own(state())):
        found = read(tmp_path, data)
        assert found.keys() == state().keys()
        assert all(np.array_equal(found[name], each) for name, each in state().items())


@pytest.mark.slow
def test_no_damage_to_a_checkpoint_is_more_than_a_line(tmp_path, caplog):
    whole, used = own(state()), 0
    for chance in generators(16):
        found = read(tmp_path, mutated(whole, chance))
        if found is not None:
            used += 1
            assert {name: each.shape for name, each in found.items()} == {"iteration": (), **SHAPES}
            assert all(np.isfinite(each).all() for each in found.values())
    assert used + len(caplog.messages) <= CASES
    assert len(caplog.messages) > CASES / 2


# --- any order of saves, loads, damages and restarts --------------------------------------------


@pytest.mark.slow
def test_a_checkpoint_is_the_last_that_was_saved_or_none(tmp_path):  # noqa: C901
    number, pictures = iter(range(10**6)), some.sampled_from("ab")
    marks = some.sampled_from(["f", "another"])

    class Saves(Machine):
        def __init__(self):
            super().__init__()
            self.bucket = FolderBucket(tmp_path / str(next(number)), new=True)
            self.stored, self.store = {}, None
            self.restart()
            self.save("a", "f", False)
            self.restart()

        def order(self, picture, mark="f"):
            key = f"_checkpoints/monet/{picture}.jpg.npz"
            photo = Entry(f"{picture}.jpg", 1, "")
            return SimpleNamespace(checkpoint_mark=mark, checkpoint_key=key, photo=photo)

        @rule()
        def restart(self):
            self.teardown()
            self.store, self.known = checkpoints.CheckpointStore(self.bucket, self.bucket), set()

        @rule(picture=pictures, mark=marks, last=some.booleans())
        def save(self, picture, mark, last):
            order, saved = self.order(picture, mark), state(count=np.float32(next(number)))
            (self.store.save_last if last else self.store.save)(order, saved)
            until(lambda: not self.store.is_saving(order))
            self.stored[picture] = mark, saved
            self.known.add(picture)

        @rule(picture=pictures, mark=marks)
        def load(self, picture, mark):
            shapes = lambda step: SHAPES if 0 < step < 9 else {}  # noqa: E731
            found = self.store.load(self.order(picture, mark), shapes).result()
            saved_by, saved = self.stored.get(picture, (None, None))
            if saved_by == mark:
                assert {name: each.tobytes() for name, each in found.items()} == {
                    name: each.tobytes() for name, each in saved.items()
                }
            else:
                assert found is None
            self.known |= {picture} & self.stored.keys()
            self.reach(f"{saved_by and 'one'} of {'this' if saved_by == mark else 'another'} order")

        @precondition(lambda self: self.stored)
        @rule(picture=pictures, kept=some.floats(0, 0.99))
        def damage(self, picture, kept):
            if picture in self.stored:
                key = self.order(picture).checkpoint_key
                whole = self.bucket.read(key)
                self.bucket.write(key, whole[: int(kept * len(whole))])
                self.stored[picture] = "damaged", None

        @rule(picture=pictures, of_others=some.booleans())
        def delete(self, picture, of_others):
            self.store.delete(self.order(picture), of_others)
            stays = not of_others and picture not in self.known
            self.reach("a checkpoint of another run", stays and picture in self.stored)
            if not stays:
                self.stored.pop(picture, None)
            self.known.discard(picture)

        @invariant()
        def the_files_are_those(self):
            expected = {self.order(picture).checkpoint_key for picture in self.stored}
            assert {entry.key for entry in self.bucket.list()} == expected

        def teardown(self):
            if self.store:
                self.store.close()

    reaches = {"one of this order", "one of another order", "None of another order"}
    play(Saves, examples=25, steps=15, reaches=reaches | {"a checkpoint of another run"})
