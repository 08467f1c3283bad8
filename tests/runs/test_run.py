"""The runner from and to real storage, with a VGG so small that a painting takes a second; its end
and its log."""

import dataclasses
import gzip
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import stand_in as stand_in_engine
from support.folder_batches import RECORDS, RESULTS, keys, run

from painterly import log
from painterly.cli.batch import paint_batch
from painterly.configuration import config
from painterly.engine.style_transfer import StyleTransfer
from painterly.errors import DeviceError, WeightsError
from painterly.orders import record as records
from painterly.runs import run as runs
from painterly.runs import workers
from painterly.settings.bucket_layout import ENDED
from painterly.signals import Stop, Stopped
from painterly.storage.folder import FolderBucket


def test_every_photo_is_painted_in_every_style_with_a_record(folders, small_vgg, capsys):
    assert run(folders) == 0
    assert keys() == RESULTS | RECORDS
    assert Image.open("out/monet/beach.jpg").size == (64, 48)
    assert Image.open("out/both/trip/old town é.png").size == (48, 64)
    record = json.loads(Path("out/_records/both/beach.jpg.json").read_text())
    assert record["result"] == "both/beach.jpg"
    assert [each["key"] for each in record["paintings"]] == ["both/a.jpg", "both/b.webp"]
    assert record["settings"]["size"] == 64
    assert record["losses"]["total"] > 0 and record["network"] == "random features"
    out = capsys.readouterr().out
    assert "painting with random features" in out and "4 painted" in out
    assert out.count("random") == 1  # They were chosen, so there is no warning.


def test_a_gpu_asked_for_and_not_there_fails_before_anything_is_read(folders, stand_in):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="DEVICE=gpu"):
        run(folders, DEVICE="gpu", BUCKET_SOURCE="./nowhere")


@pytest.mark.parametrize("changes", [{}, {"DRY_RUN": "1"}], ids=["run", "dry run"])
def test_a_signal_that_python_discarded_stops_the_run_before_it_paints(folders, stand_in, changes):
    """As one that arrived inside `__del__`, before the batch began."""
    with Stop():

        class Dying:
            def __del__(self):
                signal.raise_signal(signal.SIGTERM)

        Dying()
        with pytest.raises(Stopped, match="SIGTERM"):
            run(folders, **changes)
    assert keys() == set() and stand_in == []


@pytest.mark.parametrize(
    ("engine", "transfer", "optimised"),
    [("small_vgg", StyleTransfer, 2), ("stand_in", stand_in_engine.StyleTransfer, 9)],
)
def test_a_signal_while_the_picture_is_rebuilt_saves_it_and_the_next_run_only_rebuilds(
    folders, request, monkeypatch, capsys, engine, transfer, optimised
):
    request.getfixturevalue(engine)
    folders |= {"STYLE": "monet", "PHOTO": "beach.jpg", "STYLE_TIMELAPSE": "1"}
    undisturbed = folders | {"BUCKET_RESULT": "./undisturbed"}
    assert run(undisturbed) == 0
    steps = transfer.steps

    def stopped(painting, resume, check_stop):
        def check():
            signal.raise_signal(signal.SIGTERM)
            check_stop()

        return steps(painting, resume, check)

    with monkeypatch.context() as platform, Stop():
        platform.setattr(transfer, "steps", stopped)
        with pytest.raises(Stopped, match="SIGTERM"):
            run(folders)
    assert keys() == {"_checkpoints/monet/beach.jpg.npz"}
    capsys.readouterr()
    assert run(folders) == 0
    assert f"beach.jpg: resuming from step {optimised}\n" in capsys.readouterr().out
    assert keys() == keys("undisturbed")
    assert not Path("out/_checkpoints").exists()
    first, second = (
        np.int16(Image.open(f"{out}/monet/beach.jpg")) for out in ("undisturbed", "out")
    )
    assert np.abs(first - second).max() <= 2
    films = (Image.open(f"{out}/monet/beach.timelapse.webp") for out in ("undisturbed", "out"))
    frames = [film.n_frames for film in films]
    assert frames == [optimised + 1, 1], "what the last process has seen"


def test_the_next_run_reads_many_records_at_once_and_those_alone_that_have_changed(
    folders, stand_in, monkeypatch, capsys
):
    monkeypatch.setattr(runs, "MANY", 1)
    read, real = [], records.read_record
    monkeypatch.setattr(records, "read_record", lambda *a: read.append(a[1]) or real(*a))
    assert run(folders) == 0 and not read, "it has just written them"
    assert run(folders) == 0 and not read
    changed = Path("out/_records/monet/beach.jpg.json")
    changed.write_text(changed.read_text().replace(" ", ""))
    assert run(folders) == 0 and read == ["_records/monet/beach.jpg.json"]
    lines = b"[1", b"1", b'2\n["a", "b", 3]', b'2\n[["a"], "b", {}]', b'2\n["a", "b", {"c": 1}]'
    for damaged in (b"", b"no gzip", *map(gzip.compress, lines)):
        Path("out/_gallery/records.gz").write_bytes(damaged)
        assert run(folders) == 0
    assert "already done" in capsys.readouterr().out.splitlines()[-2]


def test_without_a_gallery_nothing_is_stored_for_one(folders, stand_in):
    loaded = config.load(folders | {"PHOTO": "beach.jpg", "STYLE": "monet"})
    assert paint_batch(dataclasses.replace(loaded, gallery=False)) == 0
    stored = {entry.key for entry in FolderBucket(Path("out")).list()}
    assert stored == {"monet/beach.jpg", "_records/monet/beach.jpg.json"}


FILE = Path("out", ENDED)


def test_a_run_that_fails_says_why_and_one_that_is_stopped_has_no_ending(
    folders, stand_in, monkeypatch
):
    with pytest.raises(WeightsError) as caught:
        run(folders, VGG_WEIGHTS="./nowhere.h5")
    assert f" UTC: FAILED: {caught.value}\nRun " in FILE.read_text()

    def stopped(*_):
        assert not FILE.exists()
        raise Stopped(15)

    monkeypatch.setattr(workers, "paint_all", stopped)
    with pytest.raises(Stopped):
        run(folders)
    assert not FILE.exists()


@pytest.mark.thorough
def test_json_logs_have_one_object_a_line_with_the_numbers(folders, small_vgg, capsys):
    log.log_to_stdout("", as_json=True)
    run(folders, STYLE_ITERATIONS="10")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    progressed = next(each for each in events if "percent" in each)
    [memory, *_] = [each for each in events if each.get("event") == "memory"]
    assert (memory["width"], memory["height"]) == (64, 48) and memory["memory_bytes"] > 1e6
    assert {"result", "width", "seconds"} <= next(
        e for e in events if e.get("event") == "done"
    ).keys()
    fields = {"photo", "style", "loss", "iterations_per_s", "left_s", "batch_left_s"}
    assert fields <= set(progressed)
    assert events[-1]["painted"] == 4 and all(each["level"] for each in events)


# --- results that are not what would be painted -----------------------------------------------
