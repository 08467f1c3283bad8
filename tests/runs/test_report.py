"""The log of a run."""

import json

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


# --- results that are not what would be painted -----------------------------------------------
