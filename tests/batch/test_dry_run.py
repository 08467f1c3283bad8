"""Dry runs."""

import json
from pathlib import Path

import pytest
from support.folder_batches import keys, run

from styletransfer import log


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
