"""The progress of a run over a cluster."""

import logging

import pytest

from painterly.cluster import driver
from painterly.cluster.driver import Throughput


@pytest.fixture
def clock(monkeypatch, caplog):
    """The time, in a list of one number."""
    caplog.set_level(logging.INFO)
    now = [1000.0]
    monkeypatch.setattr(driver.time, "monotonic", lambda: now[0])
    return now


def test_a_log_has_a_line_every_quarter_of_a_minute_with_the_rate_of_the_last_five(clock, caplog):
    """Nodes come and go: the rate of an hour ago says nothing."""
    shown = Throughput(100, None)
    for _ in range(30):
        clock[0] += 1
        shown.add(failed=False)
        shown.show(2, 3)
    clock[0] += 3600
    for _ in range(10):
        shown.add(failed=False)
    shown.show(1, 1)
    assert caplog.messages == [
        "15 of 100: 1 min 25 s left, 60.0 pictures/min, 2 nodes, 3 devices",
        "30 of 100: 1 min 10 s left, 60.0 pictures/min, 2 nodes, 3 devices",
        "40 of 100: 30 min 00 s left, 2.0 pictures/min, 1 node, 1 device",
    ]


def test_failures_and_what_another_run_has_stored_are_done_but_are_no_paintings(clock, caplog):
    shown = Throughput(10, None)
    clock[0] += 60
    shown.add(failed=True)
    shown.show(1, 1)
    shown.add(failed=False)
    for _ in range(6):
        shown.add(failed=False, already_stored=True)
    clock[0] += 60
    shown.show(1, 1)
    assert caplog.messages == [
        "1 of 10: 0.0 pictures/min, 1 node, 1 device, 1 failed",
        "8 of 10: 4 min 00 s left, 0.5 pictures/min, 1 node, 1 device, 1 failed",
    ]
    [first, second] = [each.fields for each in caplog.records]
    assert first["left_s"] is None and second["left_s"] == 240
    assert second["failed"] == 1 and second["pictures_per_min"] == 0.5


def test_a_bar_moves_every_second(clock):
    bars = []
    shown = Throughput(4, lambda *bar: bars.append(bar))
    shown.add(failed=False)
    clock[0] += 0.5
    shown.show(1, 2)
    assert bars == []
    clock[0] += 0.5
    shown.show(1, 2)
    [(fraction, status)] = bars
    assert fraction == 0.25 and status.endswith("1 node, 2 devices")
