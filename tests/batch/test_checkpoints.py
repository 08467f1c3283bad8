"""Checkpoints in the result bucket."""

import dataclasses
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support import tiny
from support.folder_batches import RECORDS, RESULTS, keys, run

from styletransfer import config
from styletransfer.batch import checkpoints
from styletransfer.batch import run as batch
from styletransfer.batch.names import ResultNames
from styletransfer.batch.plan import Selection
from styletransfer.batch.snapshots import Snapshot
from styletransfer.images.output import OutputFormat
from styletransfer.storage import open_bucket
from styletransfer.storage.address import Account
from styletransfer.storage.base import Entry
from styletransfer.storage.folder import FolderBucket


def test_a_checkpoint_of_other_settings_is_not_used_and_stale_ones_are_cleared(
    folders, small_vgg, capsys
):
    run(folders)
    one = tiny.picture(4, 4)
    state = {"iteration": np.array(1), "image": one}
    bucket = FolderBucket(Path("out"))
    Snapshot("another", state).upload(bucket, "_checkpoints/monet/beach.jpg.npz")
    Snapshot("another", state).upload(bucket, "_checkpoints/gone/beach.jpg.npz")
    whole = bucket.read("_checkpoints/gone/beach.jpg.npz")
    bucket.write("_checkpoints/both/beach.jpg.npz", whole[:-9])
    np.savez("out/_checkpoints/gone/earlier.jpg.npz", **state, fingerprint=np.array("another"))
    capsys.readouterr()
    assert run(folders, STYLE_SEED="3") == 0
    assert "resuming" not in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


def test_what_is_only_beside_checkpoints_is_left_alone(folders, small_vgg):
    mine = {"_checkpoints/mine.txt": b"1", "_checkpoints.txt": b"2"}
    bucket = FolderBucket(Path("out"), new=True)
    for key, data in mine.items():
        bucket.write(key, data)
    bucket.write("_checkpoints/gone/beach.jpg.npz", b"torn")
    assert run(folders) == 0
    assert {key: bucket.read(key) for key in mine} == mine
    assert keys() == RESULTS | RECORDS | mine.keys()


@pytest.mark.slow
def test_checkpoints_are_saved_while_a_painting_takes_long_and_gone_after(
    folders, small_vgg, monkeypatch, capsys
):
    loaded = config.load(folders | {"STYLE_ITERATIONS": "20"})
    assert batch.run(dataclasses.replace(loaded, checkpoint_every=0.02)) == 0
    assert "checkpoint saved: _checkpoints/" in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


def test_a_storage_that_stalls_holds_up_a_stop_for_less_than_5_s(monkeypatch):
    clock = [0.0]  # of which nothing but waiting takes any
    monkeypatch.setattr(checkpoints, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def wait(saves, timeout):
        if any(not each.done() for each in saves):
            clock[0] += timeout

    monkeypatch.setattr(checkpoints, "wait", wait)
    answers = threading.Event()
    stalling = SimpleNamespace(upload=lambda file, key: answers.wait())
    task = SimpleNamespace(fingerprint="", checkpoint_key=OWN, photo=Entry("a b.jpg", 1, ""))
    store = checkpoints.CheckpointStore(stalling, stalling, set())
    try:
        store.save(task, {"iteration": np.array(1)})
        store.save_last(task, {"iteration": np.array(2)})
    finally:
        answers.set()
        store.close()
    assert 0 < clock[0] < 5


def test_a_save_under_way_is_over_before_the_last_one_and_before_the_deletion():
    """Otherwise it would replace the last one, and stay for ever beside a finished result."""
    done, answers = [], threading.Event()

    def upload(file, key):
        if not done:
            answers.wait(20)
        done.append("saved")

    storage = SimpleNamespace(upload=upload, delete=lambda key: done.append("deleted"))
    task = SimpleNamespace(fingerprint="", checkpoint_key=OWN, photo=Entry("a b.jpg", 1, ""))
    for then in ("save_last", "delete"):
        done.clear()
        answers.clear()
        store = checkpoints.CheckpointStore(storage, storage, set())
        store.save(task, {"iteration": np.array(1)})
        timer = threading.Timer(0.05, lambda: (done.append("waited"), answers.set()))
        timer.start()
        if then == "delete":
            store.delete(task)
        else:
            store.save_last(task, {"iteration": np.array(2)})
        timer.join()
        store.close()
        assert done == ["waited", "saved", "saved" if then == "save_last" else "deleted"]


@pytest.mark.slow
def test_without_room_for_a_checkpoint_the_painting_goes_on(
    folders, small_vgg, monkeypatch, capsys
):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    loaded = config.load(folders | {"STYLE_ITERATIONS": "20"})
    monkeypatch.setattr(np, "savez", full)
    assert batch.run(dataclasses.replace(loaded, checkpoint_every=0.02)) == 0
    error = "no checkpoint: a temporary file cannot be written: No space left on device"
    assert error in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


def selection(*, partial=False):
    """One photo, `a b.jpg`, in one look, `monet`."""
    photos, look = [Entry("a b.jpg", 1, "")], SimpleNamespace(name="monet")
    return Selection(
        photos, [look], masks={}, names=ResultNames([], [], OutputFormat(None)), partial=partial
    )


OWN, OTHER = "_checkpoints/monet/a b.jpg.npz", "_checkpoints/monet/b.jpg.npz"
FOREIGN = "monet/big.tiff"


@pytest.mark.parametrize("partial", [False, True])
def test_uploads_that_killed_runs_left_are_aborted_and_no_others(rgw, partial, monkeypatch, caplog):
    caplog.set_level("INFO", "styletransfer")
    name = rgw.new_bucket()
    for key in (OWN, OTHER, FOREIGN):
        rgw.client.create_multipart_upload(Bucket=name, Key=f"deep/{key}")
    bucket = rgw.open(f"{name}/deep")

    def left():
        checkpoints.abort_stale_uploads(bucket, selection(partial=partial))
        return {each.key for each in bucket.unfinished_uploads()}

    assert left() == {OTHER, FOREIGN}  # The other is young: another run may be at it.
    assert caplog.messages == ["aborted 1 unfinished upload of earlier runs"]
    monkeypatch.setattr(checkpoints, "STALE_S", -60)  # As if an hour had passed.
    assert left() == ({OTHER, FOREIGN} if partial else {FOREIGN})


def test_a_run_that_may_not_list_uploads_logs_one_line_and_goes_on(moto, proxy, caplog):
    bucket = open_bucket(moto.new_bucket(), Account(proxy.url, "k", "s"))
    proxy.add("^GET .*uploads", "status", code=403, error="AccessDenied")
    checkpoints.abort_stale_uploads(bucket, selection())
    [line] = (each.getMessage() for each in caplog.records if each.levelname == "WARNING")
    assert line.startswith("unfinished uploads of earlier runs may be left: ")
    assert "AccessDenied" in line


def test_in_a_folder_the_hidden_files_of_killed_runs_are_deleted_after_an_hour(tmp_path):
    folder = FolderBucket(tmp_path)
    old, young = (f"_checkpoints/monet/.{digit * 16}.part" for digit in "0a")
    mine = "_checkpoints/monet/.mine.part"
    for key in (old, young, mine):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).touch()
    os.utime(tmp_path / old, (1e9, 1e9))
    checkpoints.abort_stale_uploads(folder, selection())
    assert sorted(path.name for path in (tmp_path / old).parent.iterdir()) == [
        *(Path(young).name, Path(mine).name)
    ]
