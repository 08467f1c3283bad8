"""Several devices, one photo each, side by side. The devices are halves of the CPU: how GPUs are
found, proved and set up is in tests/devices/."""

import json
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import programs, tiny
from support.folder_batches import keys, run

from styletransfer import Settings
from styletransfer.batch import reading, workers
from styletransfer.batch.plan import Task
from styletransfer.batch.reading import Reader
from styletransfer.batch.storing import Storer
from styletransfer.batch.styles import Painting, Style
from styletransfer.batch.workers import run_side_by_side
from styletransfer.errors import StyleTransferError
from styletransfer.signals import Stopped
from styletransfer.storage.base import Entry

PHOTOS = ("beach.jpg", "hill.jpg", "lake.jpg", "trip/old town é.png")


@pytest.fixture
def four_photos(folders):
    """Four photos and one style."""
    for seed, name in enumerate(PHOTOS[1:3], start=20):
        Path("photos", name).write_bytes(tiny.file(60, 80, seed))
    for path in Path("paintings/both").iterdir():
        path.unlink()
    return folders


@pytest.mark.slow
def test_two_halves_of_the_cpu_share_the_photos_and_paint_what_one_device_would(
    four_photos, start_program, small_vgg, tmp_path
):
    child = start_program(
        programs.batch_on_two_halves_of_the_cpu,
        environment=os.environ | four_photos | {"STYLE_ITERATIONS": "4"},
        log=tmp_path / "log",
    )
    assert child.wait() == 0, child.output
    out = child.output
    records = {
        name: json.loads(Path(f"out/_records/monet/{name}.json").read_text()) for name in PHOTOS
    }
    assert {record["device"] for record in records.values()} == {"half 0", "half 1"}
    held = sorted(line for line in out.splitlines() if line.startswith("kernels on"))
    assert [line[-5:] for line in held] == ["CPU:0", "CPU:1"]
    assert "Keras" not in out
    assert out.count(": done, ") == 4 and "4 painted" in out and "half 0; half 1" in out
    assert run(four_photos, STYLE_ITERATIONS="4", BUCKET_RESULT="./alone") == 0
    for record in records.values():
        alone = Path("alone", record["result"]).read_bytes()
        assert Path("out", record["result"]).read_bytes() == alone


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "paint",
        "paint --dry-run",
        "inetwork photos/beach.jpg paintings/monet.jpg x --size 64 --num_iter 1",
    ],
    ids=["batch", "dry run", "one picture"],
)
def test_nothing_is_computed_on_a_device_that_was_not_chosen(
    folders, start_program, tmp_path, words
):
    """Such as the first of two GPUs, if only the second one works."""
    child = start_program(
        programs.on_the_second_half_of_the_cpu,
        *words.split(),
        environment=os.environ | folders | {"STYLE": "monet", "VGG_WEIGHTS": "builtin"},
        log=tmp_path / "log",
    )
    assert child.wait() == 0, child.output
    assert "memory of CPU:1\n" in child.output and "device:CPU:1" in child.output
    # Photos are resampled on the host, whatever paints.
    convolutions = [line for line in child.output.splitlines() if "(Conv2D" in line]
    assert convolutions and all(line.endswith("device:CPU:1") for line in convolutions)


@pytest.mark.slow
def test_several_pictures_at_a_time_on_one_device_are_what_one_at_a_time_would_be(
    four_photos, small_vgg, capsys
):
    assert run(four_photos, BUCKET_RESULT="./alone") == 0
    assert "at a time" not in capsys.readouterr().out
    assert run(four_photos, PAINTERS="9", MEMORY_LIMIT="8GB") == 0
    out = capsys.readouterr().out
    assert "4 pictures at a time on each device" in out and "4 painted" in out
    for name in PHOTOS:
        record = json.loads(Path(f"out/_records/monet/{name}.json").read_text())
        alone = Path("alone", record["result"]).read_bytes()
        assert Path("out", record["result"]).read_bytes() == alone


def test_a_large_photo_is_decoded_when_no_finished_picture_keeps_another(
    folders, stand_in, monkeypatch
):
    monkeypatch.setattr(reading, "AHEAD_SHARE", 0)  # Every photo counts as large.
    store, decode, drain = Storer.store, Reader.decode, workers.Stores.drain
    waits, storing, overlaps = threading.Event(), [], []

    def stored_late(storer, finished):
        storing.append(finished)
        assert waits.wait(10)
        store(storer, finished)
        storing.remove(finished)

    monkeypatch.setattr(Storer, "store", stored_late)
    monkeypatch.setattr(workers.Stores, "drain", lambda stores: waits.set() or drain(stores))
    monkeypatch.setattr(
        Reader, "decode", lambda *given: overlaps.append(bool(storing)) or decode(*given)
    )
    assert run(folders) == 0
    assert overlaps == [False] * 4


@pytest.mark.slow
def test_a_gpu_that_computes_nothing_is_set_up_first_and_the_cpu_paints(
    folders, start_program, tmp_path
):
    Path("paintings/monet.jpg").unlink()
    child = start_program(
        programs.batch_with_a_gpu_that_fails,
        environment=os.environ | folders | {"DEVICE": "auto"},
        log=tmp_path / "log",
    )
    assert child.wait() == 0, child.output
    assert child.output.count("set up, TensorFlow had started: False") == 1
    assert "THERE IS A GPU IN THIS MACHINE (NVIDIA A10G), BUT TENSORFLOW CANNOT" in child.output
    assert "painting on the CPU" in child.output and "2 painted" in child.output


@pytest.mark.slow
def test_a_signal_saves_the_painting_of_each_device(four_photos, start_program, tmp_path):
    child = start_program(
        programs.batch_on_two_devices,
        environment=os.environ | four_photos | {"PAINTING_S": "10"},
        log=tmp_path / "log",
    )

    def begun():
        lines = [line for line in child.output.splitlines() if "%, " in line]
        return {line.split(" in monet")[0].split()[-1] for line in lines}

    child.wait_until(lambda _: len(begun()) == 2)
    assert child.stop(signal.SIGTERM) == 143, child.output
    out = child.output
    assert out.count("checkpoint saved") == 2
    saved = {key for key in keys() if key.startswith("_checkpoints/")}
    assert saved == {f"_checkpoints/monet/{name}.npz" for name in begun()}


def test_an_error_ends_the_run_at_once_and_a_signal_when_every_worker_has_saved():
    def saves_when(event, saved):
        def worker():
            event.wait(20)
            saved.append("checkpoint")

        return worker

    def failing(error):
        raise error

    endless, at_failure = threading.Event(), []
    with pytest.raises(StyleTransferError, match="away"):
        run_side_by_side(
            [saves_when(endless, at_failure), lambda: failing(StyleTransferError("away"))]
        )
    assert at_failure == []
    endless.set()
    soon, at_signal = threading.Event(), []
    threading.Timer(0.3, soon.set).start()
    with pytest.raises(Stopped):
        run_side_by_side([saves_when(soon, at_signal), lambda: failing(Stopped(signal.SIGTERM))])
    assert at_signal == ["checkpoint"]


def test_workers_that_save_after_a_signal_have_the_processor(monkeypatch):
    waits, real, saved = [], workers.wait, threading.Event()

    def wait(*arguments, **options):
        waits.append(arguments)
        return real(*arguments, **options)

    def stopped():
        raise Stopped(signal.SIGTERM)

    monkeypatch.setattr(workers, "wait", wait)
    threading.Timer(0.3, saved.set).start()
    with pytest.raises(Stopped):
        run_side_by_side([stopped, saved.wait])
    assert len(waits) < 10


def tasks_of_styles(*sizes):
    """Two tasks in a style of each size."""
    paintings = (Painting(Entry("monet.jpg", 9, "e"), 1.0),)
    styles = [Style(str(size), paintings, Settings(size=size)) for size in sizes]
    return [
        Task(Entry(f"{number}.jpg", 9, "e"), None, style, "", None, "", None)
        for style in styles
        for number in range(2)
    ]


def test_the_time_left_is_shared_by_the_painters():
    run = SimpleNamespace(stop=None, plan=SimpleNamespace(refused=()))
    stores = workers.Stores(None, None, run)
    assert stores.batch_left(5, 10, 4, painters=2) == 10 + 4 * 15 / 2
    stores.outcome.add_painted(10.0)
    stores.outcome.add_painted(20.0)
    assert stores.batch_left(1, 2, 6, painters=2) == 2 + 6 * 15 / 2
    assert stores.batch_left(5, 3, 0, painters=2) == 3
