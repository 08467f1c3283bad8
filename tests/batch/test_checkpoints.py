"""Checkpoints in the result bucket."""

from pathlib import Path

import numpy as np
import pytest
from support import tiny
from support.folder_batches import RECORDS, RESULTS, keys, run

from styletransfer import config
from styletransfer.batch import checkpoints
from styletransfer.batch import run as batch
from styletransfer.storage.folder import FolderBucket


def test_a_checkpoint_of_other_settings_is_not_used_and_stale_ones_are_cleared(
    folders, small_vgg, capsys
):
    run(folders)
    one = tiny.picture(4, 4)
    state = {"iteration": np.array(1), "image": one}
    bucket = FolderBucket(Path("out"))
    checkpoints.Snapshot("another", state).upload(bucket, "_checkpoints/monet/beach.jpg.npz")
    checkpoints.Snapshot("another", state).upload(bucket, "_checkpoints/gone/beach.jpg.npz")
    bucket.write("_checkpoints/both/beach.jpg.npz", b"torn")
    capsys.readouterr()
    assert run(folders, STYLE_SEED="3") == 0
    assert "resuming" not in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


@pytest.mark.slow
def test_checkpoints_are_saved_while_a_painting_takes_long_and_gone_after(
    folders, small_vgg, monkeypatch, capsys
):
    import dataclasses

    loaded = config.load(folders | {"STYLE_ITERATIONS": "60"})
    assert batch.run(dataclasses.replace(loaded, checkpoint_every=0.02)) == 0
    assert "checkpoint saved: _checkpoints/" in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


@pytest.mark.slow
def test_without_room_for_a_checkpoint_the_painting_goes_on(
    folders, small_vgg, monkeypatch, capsys
):
    import dataclasses

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    loaded = config.load(folders | {"STYLE_ITERATIONS": "60"})
    monkeypatch.setattr(np, "savez", full)
    assert batch.run(dataclasses.replace(loaded, checkpoint_every=0.02)) == 0
    error = "no checkpoint: a temporary file cannot be written: No space left on device"
    assert error in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS
