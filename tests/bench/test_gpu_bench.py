"""The benchmark of GPUs, without one: what it measures is kept and not measured twice, and its
tables follow from it."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"
WORKER = """
import sys, time
sys.path.insert(0, {bench!r})
from stepping import serve
def prepare(name):
    if name.startswith("crowsonkb"):
        raise SystemExit("CUDA out of memory")
    if name.startswith("plain"):
        raise SystemExit("no kernel image is available")
    return lambda: time.sleep(0.001)
serve(prepare)
"""


@pytest.fixture(scope="module")
def bench():
    """Its modules, imported the way they run: with their folder first on the path."""
    sys.path.insert(0, str(BENCH))
    try:
        import gpu
        import gpu_batch
        import gpu_document
        import what_fits

        yield SimpleNamespace(gpu=gpu, batch=gpu_batch, document=gpu_document, fits=what_fits)
    finally:
        sys.path.remove(str(BENCH))


@pytest.fixture
def quick(bench, monkeypatch, tmp_path):
    """Arguments → a run on the CPU, whose processes take a millisecond a step and need no library;
    crowsonkb's has no memory, and VGG alone ends with an error."""
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER.format(bench=str(BENCH)))
    monkeypatch.setattr(bench.gpu, "THEIRS", str(worker))
    monkeypatch.setattr(bench.gpu, "versions", lambda python: {"PyTorch": "2"})
    monkeypatch.setattr(bench.gpu, "ROUND_S", 0.01)

    def make(*more):
        given = ["--out", str(tmp_path), "--device", "cpu", "--sizes", "64", *more]
        return bench.gpu.Measuring(bench.gpu.arguments().parse_args(given))

    return make


def test_it_runs_where_the_package_is_not_installed():
    site = Path(np.__file__).parents[1]  # As a path alone, it brings no editable installation.
    said = subprocess.run(
        [sys.executable, "-S", str(BENCH / "gpu.py"), "--help"],
        env={"PYTHONPATH": str(site)},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0 and "--parts" in said.stdout, said.stderr


@pytest.mark.slow
def test_what_is_measured_is_kept_and_the_next_run_goes_on_there(quick, bench, tmp_path, capsys):
    quick().part("steps")
    entries = json.loads((tmp_path / "results.json").read_text())["sizes"]["64"]["entries"]
    peer = entries["neural-style-pt, float32"]
    assert len(peer["seconds"]) == bench.gpu.ROUNDS and peer["first_s"] > min(peer["seconds"])
    assert entries["crowsonkb, float32"] == {"skipped": "not enough memory"}
    del entries["neural-style-pt, float32"]
    (tmp_path / "results.json").write_text(
        json.dumps(
            quick().results | {"sizes": {"64": {"height": 43, "width": 64, "entries": entries}}}
        )
    )
    capsys.readouterr()
    quick().part("steps")
    said = capsys.readouterr()
    assert said.out.count(": {") == 2  # Only what was missing, and what had ended.
    assert "VGG alone, bfloat16, 64 px, ended:\nno kernel image is available" in said.err
    quick().part("batch")
    assert "needs TensorFlow, which is not here" in capsys.readouterr().out


def entry(milliseconds, gib=1.0):
    return {"seconds": [milliseconds / 1000] * 3, "first_s": 9.0, "memory": gib * 2**30}


def results(bench, **others):
    ours, peer = bench.document.COMPILED, bench.document.PEER
    missing = {"skipped": "not enough memory"}
    return (
        {
            "machine": {"device": "NVIDIA T4", "precision": "float16", "PyTorch": "2"},
            "sizes": {
                "2048": {
                    "height": 1365,
                    "width": 2048,
                    "entries": {ours: entry(20), peer: missing},
                },
                "512": {"height": 341, "width": 512, "entries": {ours: entry(3), peer: entry(7)}},
            },
        }
        | {"batch": {}}
        | others
    )


def test_the_tables_have_times_shares_of_the_peak_and_what_was_to_be_reached(bench):
    several = {"per_minute": 12.0, "painted": 32, "first_s": 11.0}
    batch = {
        bench.document.ALL_WORKERS: several,
        bench.document.ONE_WORKER: {**several, "per_minute": 2.5},
    }
    text = bench.document.document(results(bench, peak=1e14, batch=batch))
    assert "On NVIDIA T4, with PyTorch 2; this engine's convolutions in float16" in text
    assert "| ms a step | 512 × 341 px | 2048 × 1365 px |" in text
    assert f"| {bench.document.PEER} | 7 | not enough memory |" in text
    assert "| by a step of neural-style-pt, float32 | ≤ 0.5 | 0.43 |" in text
    assert "| pictures a minute by those one at a time | ≥ 4 | 4.80 |" in text
    at_2048 = results(bench)["sizes"]["2048"]
    share = bench.document.step_share(entry(20), at_2048, 1e14)
    # Of a canvas of 1392 × 2064 px, in 20 ms.
    assert share == pytest.approx(36 * 26816 * 1392 * 2064 / 0.02 / 1e14)
    assert f"| share of the peak at 2048 px | ≥ 40 % | {share:.0%} |" in text


def test_a_page_without_its_marks_is_left_alone(bench, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("By hand.\n" + bench.document.BEGIN + "old" + bench.document.END + "After.\n")
    bench.document.publish(results(bench), page)
    text = page.read_text()
    assert text.startswith("By hand.\n") and text.endswith("After.\n") and "old" not in text
    page.write_text("By hand.\n")
    with pytest.raises(ValueError, match="has no marks"):
        bench.document.publish(results(bench), page)
    assert page.read_text() == "By hand.\n"


def test_pictures_a_minute_are_counted_from_a_batchs_log(bench):
    events = [
        ("plan", 0),
        ("memory", 5),
        ("progress", 8),
        ("done", 15),
        ("memory", 16),
        ("done", 25),
    ]
    lines = [
        json.dumps({"time": f"2026-01-01T00:00:{second:02}.000+00:00", "event": event})
        for event, second in events
    ]
    found = bench.batch.counted_pictures("\n".join(["a warning", *lines]))
    assert found == {"painted": 2, "per_minute": pytest.approx(6), "first_s": 8}
    with pytest.raises(RuntimeError, match="no picture was painted:\na warning"):
        bench.batch.counted_pictures("a warning")


def test_the_table_of_what_fits_is_what_the_memory_model_says(bench):
    fits = bench.fits
    assert f"{fits.BEGIN}{fits.what_fits()}\n{fits.END}" in fits.PAGE.read_text()
