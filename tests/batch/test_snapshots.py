"""Checkpoints with the right fingerprint that do not fit, and files that only look like one."""

import io

import numpy as np
import pytest
from support.folder_batches import keys
from support.fuzzing import CASES, generators
from support.tiny import picture

from styletransfer import config
from styletransfer.batch import painting
from styletransfer.batch import run as batch
from styletransfer.batch.snapshots import Snapshot, read_snapshot
from styletransfer.storage.folder import FolderBucket

SHAPE = (1, 16, 16, 3)
SHAPES = {
    **dict.fromkeys(("image", "momentum", "variance", "average"), SHAPE),
    **dict.fromkeys(("count", "content_weight", "deviation"), ()),
    "windows": (2, 4),
}
KEY = "_checkpoints/monet/beach.jpg.npz"


def shapes(iteration):
    return SHAPES if 0 < iteration < 9 else {}


def state(**changes):
    arrays = {name: np.full(shape, 0.5, np.float32) for name, shape in SHAPES.items()}
    return {"iteration": np.array(4)} | arrays | changes


def packed(content):
    out = io.BytesIO()
    np.savez(out, **content)
    return out.getvalue()


def without(name):
    return {key: value for key, value in state().items() if key != name}


def own(content):
    return packed({"fingerprint": np.array("f"), **content})


WRONG = {
    "a field is missing": own(without("variance")),
    "a field too many": own(state(mood=np.zeros(3))),
    "no fingerprint": packed(state()),
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
    return read_snapshot(bucket, KEY, "f", shapes)


@pytest.mark.parametrize("name", WRONG)
def test_a_checkpoint_that_does_not_fit_is_not_used(tmp_path, caplog, name):
    assert read(tmp_path, WRONG[name]) is None
    [warning] = set(caplog.messages)
    assert warning.startswith(f"checkpoint {KEY} ") and warning.endswith("; starting over")


def test_one_that_fits_is_used_also_of_an_earlier_version(tmp_path):
    for data in (own(state()), packed({**state(), "fingerprint": np.array("f")})):
        found = read(tmp_path, data)
        assert found.keys() == state().keys()
        assert all(np.array_equal(found[name], each) for name, each in state().items())
    assert read(tmp_path, packed({**state(), "fingerprint": np.array("other")})) is None


def test_a_batch_paints_anew_what_a_misfit_was_left_of(folders, small_vgg, capsys, monkeypatch):
    """The right fingerprint and shapes of another photo's size."""
    seen = []
    whole = painting.StyleTransfer.steps

    def steps(transfer, resume=None):
        seen.append(resume)
        return whole(transfer, resume)

    def load(store, task, expected):
        data = state() | {"fingerprint": np.array(task.fingerprint)}
        store._retrying.write(task.checkpoint_key, packed(data))
        return store._pool.submit(
            read_snapshot, store._retrying, task.checkpoint_key, task.fingerprint, expected
        )

    monkeypatch.setattr(painting.StyleTransfer, "steps", steps)
    monkeypatch.setattr("styletransfer.batch.checkpoints.CheckpointStore.load", load)
    assert batch.run(config.load(folders | {"PHOTO": "beach.jpg", "LOOK": "monet"})) == 0
    assert seen == [None]
    assert "does not fit" in capsys.readouterr().out and "monet/beach.jpg" in keys()


def test_the_engine_says_which_shapes_each_step_has(tiny):
    from styletransfer import Settings
    from styletransfer.engine.style_targets import StyleTargets
    from styletransfer.engine.stylize import StyleTransfer

    photo, painting = picture(90, 200), picture(50, 50)
    transfer = StyleTransfer(
        photo,
        StyleTargets([painting], [1.0], [None], [None]),
        Settings(size=200, iterations=1),
        tiny,
    )
    for step in transfer.steps():
        found = {name: each.shape for name, each in step.snapshot().items() if name != "iteration"}
        last = step.iteration == step.total
        assert transfer.snapshot_shapes(step.iteration) == ({} if last else found)
    assert transfer.snapshot_shapes(0) == transfer.snapshot_shapes(step.total + 1) == {}


def spoilt(data, chance):
    """A file's bytes with some of them changed, cut out, repeated or added."""
    content = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content))
        if chance.random() < 0.5:  # Headers are where it hurts.
            at = chance.choice([i for i in range(len(content)) if content[i : i + 2] == b"PK"])
            at = min(len(content) - 1, at + chance.randrange(130))
        length = chance.choice([1, 2, 4, 40])
        new = chance.choice([b"", chance.randbytes(length), b"\xff" * length, bytes(length)])
        content[at : at + chance.choice([0, length])] = new
        if not content:
            return b""
    return bytes(content)


def test_no_damage_to_a_checkpoint_is_more_than_a_line(tmp_path, caplog):
    whole, used = own(state()), 0
    for chance in generators(16):
        found = read(tmp_path, spoilt(whole, chance))
        if found is not None:
            used += 1
            assert {name: each.shape for name, each in found.items()} == {"iteration": (), **SHAPES}
            assert all(np.isfinite(each).all() for each in found.values())
    assert used + len(caplog.messages) <= CASES
    assert len(caplog.messages) > CASES / 2


def test_a_snapshot_is_written_as_it_is_read(tmp_path):
    bucket = FolderBucket(tmp_path)
    Snapshot("f", state()).upload(bucket, KEY)
    assert read_snapshot(bucket, KEY, "f", shapes).keys() == state().keys()
