"""Dry runs."""

import json
from pathlib import Path

import pytest
from PIL import Image
from support.folder_batches import keys, run
from support.pictures import saved

from styletransfer import log
from styletransfer.batch import dry_run
from styletransfer.devices.system_memory import resident_memory


def test_a_dry_run_logs_everything_and_writes_nothing(folders, small_vgg, capsys):
    assert run(folders, DRY_RUN="1", STYLE_ITERATIONS="50") == 0
    out = capsys.readouterr().out
    assert keys() == set() and not Path("out").exists()
    assert "beach.jpg in monet: would be painted, 64 × 48 px, 100 steps, about" in out
    assert (
        "dry run: 4 to paint in about" in out and "GB of memory for the largest, 64 × 48 px" in out
    )


@pytest.mark.slow
def test_a_dry_run_measures_about_what_the_run_then_takes(folders, small_vgg, capsys):
    folders |= {"STYLE_SIZE": "160", "STYLE_ITERATIONS": "40"}
    run(folders, STYLE_SEED="1")  # Nothing is set up for the first time in either.
    log.log_to_stdout("", as_json=True)
    capsys.readouterr()
    run(folders, DRY_RUN="1")
    estimate = [json.loads(line) for line in capsys.readouterr().out.splitlines()][-1]
    run(folders)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    took = sum(each["seconds"] for each in events if "result" in each)
    assert estimate["to_paint"] == 4 and estimate["memory_gb"] > 0.1
    assert took / 5 < estimate["seconds"] < took * 5  # The speed of the machine varies.


def test_a_dry_run_names_what_cannot_be_painted(folders, small_vgg, capsys):
    Path("photos/text.jpg").write_text("dear diary")
    assert run(folders, DRY_RUN="1") == 1
    assert "text.jpg in monet: cannot be painted: text.jpg: is text" in capsys.readouterr().out


def test_a_dry_run_names_every_photo_and_look_that_cannot_be_painted(folders, small_vgg, capsys):
    Path("photos/a wall.png").write_bytes(saved(Image.new("RGB", (4000, 4000)), "PNG"))
    Path("paintings/torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    limit = str(resident_memory() + 150_000_000)
    assert run(folders, DRY_RUN="1", MEMORY_LIMIT=limit) == 1
    out = capsys.readouterr().out
    for look in ("both", "monet"):
        assert f"a wall.png in {look}: cannot be painted: a wall.png: decoding it takes" in out
        assert f"beach.jpg in {look}: would be painted" in out
    assert "beach.jpg in torn: cannot be painted: painting torn.jpg" in out
    assert "dry run: 4 to paint in about" in out and "5 that cannot be painted" in out


def test_what_a_run_spends_once_is_counted_once(folders, small_vgg, monkeypatch, capsys):
    """As TensorFlow's programs, which are built for the first picture."""
    times = iter([[60.0, 1, 1, 1], *[[2.0, 1, 1, 1]] * 9])
    monkeypatch.setattr(dry_run, "_step_sizes", lambda *_: [(48, 64)] * 4)
    monkeypatch.setattr(dry_run.Trial, "_step_times", lambda *_: next(times))
    log.log_to_stdout("", as_json=True)
    assert run(folders, DRY_RUN="1") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["seconds"] for each in lines if "photo" in each] == [5, 5, 5, 5]
    assert lines[-1]["seconds"] == 58 + 4 * 5
