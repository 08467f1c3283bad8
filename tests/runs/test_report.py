"""The log of a run."""

import json
import os
from pathlib import Path

import pytest
from support import tiny
from support.folder_batches import run

from painterly import log


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


@pytest.mark.parametrize(
    ("there", "changes", "said"),
    [
        ([], {}, "Nothing to paint: 2 FAILED."),
        (["a.jpg"], {}, "Nothing to paint: 2 results are in ./out, 2 FAILED."),
        ([], {"DRY_RUN": "1"}, "Nothing to paint: 2 that cannot be painted."),
    ],
)
def test_where_nothing_can_be_painted_the_summary_does_not_sound_like_success(
    folders, stand_in, capsys, there, changes, said
):
    for path in ("photos/beach.jpg", "photos/trip/old town é.png"):
        Path(path).unlink()
    for name in there:
        Path("photos", name).write_bytes(tiny.file(40, 50, 1))
        run(folders)
    Path(os.fsdecode(b"photos/caf\xe9.jpg")).write_bytes(tiny.file(40, 50, 1))
    log.log_to_stdout("", as_json=True)
    capsys.readouterr()
    assert run(folders, **changes) == 1
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    [summary] = [each for each in lines if each.get("event") == "summary"]
    assert summary["message"] == said
    assert (summary["to_paint"], summary["failed"]) == (0, 2)


# --- results that are not what would be painted -----------------------------------------------
