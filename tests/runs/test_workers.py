"""Several devices, one photo each, side by side. The devices are halves of the CPU: how GPUs are
found, proved and set up is in tests/devices/."""

import json
import os
import signal
import threading
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import programs, tiny
from support import stand_in as stand_in_engine
from support.folder_batches import keys, run
from support.polling import until

from painterly.devices.device import Devices
from painterly.errors import DeviceError, PainterlyError
from painterly.painters import loading, reading
from painterly.painters.painter import Painter
from painterly.painters.reading import Reader
from painterly.runs import workers
from painterly.runs.workers import SavingPool, run_side_by_side

PHOTOS = ("beach.jpg", "hill.jpg", "lake.jpg", "trip/old town é.png")


@pytest.fixture
def four_photos(folders):
    """Four photos and one style."""
    for seed, name in enumerate(PHOTOS[1:3], start=20):
        Path("photos", name).write_bytes(tiny.file(60, 80, seed))
    for path in Path("paintings/both").iterdir():
        path.unlink()
    return folders


@pytest.mark.thorough
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
    for record in records.values():  # Halves of a CPU may add in another order.
        half, alone = (
            np.int16(Image.open(Path(each, record["result"]))) for each in ("out", "alone")
        )
        np.testing.assert_allclose(half, alone, atol=1)


@pytest.mark.thorough
def test_nothing_is_computed_on_a_device_that_was_not_chosen(folders, start_program, tmp_path):
    """Such as the first of two GPUs, if only the second one works."""
    child = start_program(
        programs.on_the_second_half_of_the_cpu,
        environment=os.environ | folders | {"STYLE": "monet", "VGG_WEIGHTS": "builtin"},
        log=tmp_path / "log",
    )
    assert child.wait() == 0, child.output
    *outputs, rest = child.output.split("memory of CPU:1\n")
    assert len(outputs) == 3 and "CPU:0" not in rest
    for output in outputs:  # Photos are resampled on the host, whatever paints.
        convolutions = [line for line in output.splitlines() if "(Conv2D" in line]
        # A dry run has some only on a processor with bfloat16, which it tries.
        assert convolutions or output is outputs[0]
        assert all(line.endswith("device:CPU:1") for line in convolutions)


def test_a_large_photo_is_decoded_when_no_finished_picture_keeps_another(
    folders, stand_in, monkeypatch
):
    monkeypatch.setattr(reading, "AHEAD_SHARE", 0)  # Every photo counts as large.
    store, decode, wait = Painter.store, Reader.decode, workers.SavingPool.wait
    waits, storing, overlaps = threading.Event(), [], []

    def stored_late(painter, order, finished):
        storing.append(finished)
        assert waits.wait(10)
        record = store(painter, order, finished)
        storing.remove(finished)
        return record

    monkeypatch.setattr(Painter, "store", stored_late)
    monkeypatch.setattr(workers.SavingPool, "wait", lambda saving: waits.set() or wait(saving))
    monkeypatch.setattr(
        Reader, "decode", lambda *given: overlaps.append(bool(storing)) or decode(*given)
    )
    assert run(folders) == 0
    assert overlaps == [False] * 4


@pytest.mark.slow
def test_a_signal_saves_the_painting_of_each_device(four_photos, start_program, tmp_path):
    child = start_program(
        programs.batch_on_two_devices,
        environment=os.environ | four_photos | {"PAINTING_S": "10", "PROGRESS": "json"},
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


@pytest.mark.slow
def test_an_error_on_one_device_ends_the_run_and_saves_the_painting_of_the_other(
    four_photos, stand_in, monkeypatch
):
    devices = tuple(stand_in_engine.Device(f"CPU:{number}", f"half {number}") for number in (0, 1))
    found = Future()
    found.set_result(Devices(devices))
    monkeypatch.setattr(loading, "load_devices", lambda *_: found)
    steps, going, lost = stand_in_engine.StyleTransfer.steps, threading.Event(), []

    def steps_of_both(transfer, *arguments):
        """The first painting fails once the second one has begun, which only ends if it has to."""
        is_first = not lost
        lost.append(transfer)
        for step in steps(transfer, *arguments):
            if is_first:
                assert going.wait(20)
                raise DeviceError("the GPU is lost")
            yield step
            going.set()
            if step.iteration == 5:
                until(lambda: arguments[-1](), 20)

    monkeypatch.setattr(stand_in_engine.StyleTransfer, "steps", steps_of_both)
    with pytest.raises(DeviceError, match="the GPU is lost"):
        run(four_photos)
    saved = [key for key in keys() if key.startswith("_checkpoints/")]
    assert len(saved) == 1
    with np.load(Path("out", saved[0])) as checkpoint:
        assert 1 <= checkpoint["iteration"] <= 5


def test_an_error_ends_the_run_though_another_device_does_not_answer(monkeypatch):
    monkeypatch.setattr(workers, "LAST_STEPS_S", 0.1)
    ended, painted = threading.Event(), []

    def painting():
        ended.wait(20)
        painted.append("beach.jpg")

    def failing():
        raise PainterlyError("away")

    with pytest.raises(PainterlyError, match="away"):
        run_side_by_side([painting, failing], lambda: None)
    assert not painted
    ended.set()


def test_the_first_error_is_the_one_that_ends_the_run():
    asked = threading.Event()

    def failing():
        raise PainterlyError("away")

    def failing_later():
        assert asked.wait(60)
        raise PainterlyError("another one")

    with pytest.raises(PainterlyError, match="away"):
        run_side_by_side([failing, failing_later], asked.set)


@pytest.mark.slow
def test_several_devices_need_a_part_of_the_time_for_the_rest():
    pool = object.__new__(SavingPool)
    pool._lock, pool._ended, pool._seconds = threading.Lock(), 2, 20.0
    assert [pool.batch_left(1.0, 5.0, 4, slots) for slots in (1, 2)] == [45.0, 25.0]
