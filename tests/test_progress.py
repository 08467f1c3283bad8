"""The progress of a painting."""

import itertools
import json
import sys
from types import SimpleNamespace

import pytest
from rich import progress as rich_progress
from rich.console import Console

from painterly import log, progress


@pytest.fixture
def text_log(monkeypatch):
    """A log of plain lines on the standard output."""
    monkeypatch.setattr(log.logger, "handlers", [])
    log.log_to_stdout("%(message)s")


def steps(count):
    for number in range(1, count + 1):
        yield SimpleNamespace(
            iteration=number,
            total=count,
            fraction=number / count,
            scale=512,
            eta_s=count - number,
            losses={"total": 1234.5},
        )


def followed(mode="plain", count=200, label="3/60 beach.jpg in monet"):
    return progress.follow(steps(count), label, lambda s: 4000.04 + s, mode, photo="beach.jpg")


@pytest.mark.parametrize("columns", [80, 160])
def test_a_narrow_terminal_keeps_the_bar_and_the_time_of_the_batch(
    monkeypatch, capsys, text_log, columns
):
    monkeypatch.setattr(rich_progress, "get_console", lambda: Console(width=columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    followed("bar", label="3/60 trip/a long name of a photo of the old town.jpg in monet")
    lines = [line for line in capsys.readouterr().out.splitlines() if "100%" in line]
    assert lines and all("━━━━━━━━━━" in line and "batch 1 h 06 min" in line for line in lines)
    assert all(("loss" in line) == (columns > 80) for line in lines)


def test_two_pictures_share_one_display(monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with progress.bar("lake") as lake, progress.bar("hill"):
        lake(1.0, "5 s left")
    out = capsys.readouterr().out
    assert "lake" in out and "hill" in out and "100%" in out
    assert progress._display is None


def test_percent_are_of_the_work_and_not_of_the_steps(monkeypatch, text_log, capsys):
    monkeypatch.setattr(progress, "REFRESH_S", 0)
    monkeypatch.setattr(progress, "PAUSE_S", 0)
    first, last = steps(2)
    first.fraction = 0.125
    progress.follow([first, last], "beach.jpg")
    shown = [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["beach.jpg: 10 %", "beach.jpg: 100 %"]


def test_a_log_gets_one_line_in_half_a_minute_whatever_the_number_of_pictures(
    monkeypatch, text_log, capsys
):
    times = itertools.count(0, 0.01)
    monkeypatch.setattr(progress, "perf_counter", lambda: next(times))
    monkeypatch.setattr(progress, "_line_at", 0)
    for number in range(20):
        followed(label=f"{number}/20 beach.jpg", count=700)
    shown = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert len(shown) == len({*shown}) == 4, "of 200 lines every 10 %, in 140 s"


def test_a_log_gets_plain_lines_or_objects_or_none(monkeypatch, text_log, capsys):
    times = itertools.count(1, 0.25)
    monkeypatch.setattr(progress, "_line_at", 0)
    monkeypatch.setattr(progress, "perf_counter", lambda: next(times))
    monkeypatch.setattr(progress, "PAUSE_S", 0)
    followed()
    lines = capsys.readouterr().out.splitlines()
    numbers = "batch 1 h 09 min, 3 min 00 s left, 512 px, 2.1 steps/s, loss 1234"
    assert (len(lines), lines[0]) == (10, f"3/60 beach.jpg in monet: 10 %, {numbers}")
    followed("none")
    assert capsys.readouterr().out == ""
    log.log_to_stdout("", as_json=True)
    followed("json")
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["percent"] for each in objects] == list(range(1, 101))
    told = {"event": "progress", "photo": "beach.jpg", "step": 200, "steps": 200, "scale": 512}
    told |= {"left_s": 0, "batch_left_s": 4000, "loss": 1234.5, "iterations_per_s": 2.68}
    assert objects[-1] == objects[-1] | told


def test_a_long_count_is_logged_now_and_then(monkeypatch, capsys, text_log):
    times = iter([0, 1, 4, 5, 15])
    monkeypatch.setattr(progress, "monotonic", lambda: next(times))
    tally = progress.Tally("listing photos")
    for count in (10, 1200, 1300, 1400):
        tally.show(count)
    assert capsys.readouterr().out.splitlines() == [
        "listing photos: 1,200 so far",
        "listing photos: 1,400 so far",
    ]
