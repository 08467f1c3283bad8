"""The log of a run."""

import json
import os
from pathlib import Path

import pytest
from support import tiny
from support.folder_batches import keys, run

from painterly import log
from painterly.orders import plan


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


def test_results_that_stay_are_counted_with_what_differs(folders, stand_in, monkeypatch, capsys):
    """KEEP says of each what it says otherwise before it replaces it."""
    run(folders)
    before = {key: Path("out", key).read_bytes() for key in keys()}

    def differs(**changes):
        capsys.readouterr()
        assert run(folders, KEEP="1", **changes) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1].startswith("Nothing to paint")
        return [line for line in lines if " there " in line]

    assert differs() == []
    assert differs(STYLE_STRENGTH="0.3") == [
        "4 are there with other settings (strength 0.5 → 0.3): they are kept"
    ]
    many = differs(STYLE_SIZE="96", STYLE_SEED="2", STYLE_ITERATIONS="9", STYLE_PADDING="zero")
    assert many == [
        "4 are there with other settings (size 64 → 96, iterations 2 → 9, padding replicate → "
        "zero and 1 more): they are kept"
    ]
    assert differs(OUTPUT_QUALITY="60", OUTPUT_FORMAT="png") == [
        "4 are there in another format (format unset → png, quality 95 → 60): they are kept"
    ]
    Path("paintings/monet.jpg").write_bytes(tiny.file(50, 50, 9))
    assert differs() == [
        "2 are there of other paintings, masks or shares (monet.jpg): they are kept"
    ]
    assert differs(VGG_WEIGHTS="builtin")[-1] == (
        "2 are there of other paintings, masks or shares (monet.jpg) and by another network "
        "(random features → the built-in network): they are kept"
    )
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 9))
    monkeypatch.setattr(plan, "ENGINE_VERSION", "later")
    assert (
        "1 is there of another photo of the same name (beach.jpg) and by another version of the "
        "engine (" in "".join(differs())
    )
    assert {key: Path("out", key).read_bytes() for key in keys()} == before


def test_what_has_no_result_is_painted_and_what_has_one_stays(folders, stand_in, capsys):
    run(folders)
    Path("photos/new.jpg").write_bytes(tiny.file(60, 80, 9))
    Path("out/both/beach.jpg").unlink()
    before = Path("out/monet/beach.jpg").read_bytes()
    assert run(folders, KEEP="1", STYLE_SEED="3") == 0
    out = capsys.readouterr().out
    assert "3 photos × 2 styles: 3 already done, 3 to paint" in out and "3 painted" in out
    assert Path("out/monet/beach.jpg").read_bytes() == before
    assert json.loads(Path("out/_records/both/beach.jpg.json").read_text())["settings"]["seed"] == 3


def test_results_that_differ_from_their_records_or_in_their_format_are_counted(
    folders, stand_in, capsys
):
    run(folders, STYLE="monet")
    Path("out/monet/beach.jpg").write_bytes(b"cut")
    Path("photos/trip/old town é.png").unlink()
    capsys.readouterr()
    run(folders)
    assert "1 is there with other content than recorded (monet/beach.jpg): it will" in (
        capsys.readouterr().out
    )
    run(folders, OUTPUT_FORMAT="png")
    out = capsys.readouterr().out
    assert "2 are there in another format (format unset → png): they will be replaced" in out
    Path("out/_records/monet/beach.jpg.json").write_bytes(b"{")
    run(folders, OUTPUT_FORMAT="png")
    out = capsys.readouterr().out
    assert "1 painted" in out and "is there" not in out, "nothing is known of what it was"
