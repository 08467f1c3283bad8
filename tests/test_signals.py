"""A signal stops a run, wherever it arrives."""

import signal
import threading
import time
import weakref
from concurrent.futures import Future
from datetime import datetime, timedelta

import pytest
from support.polling import until

from painterly.signals import POLL_S, Stop, Stopped, stopping_at


def test_a_loop_that_saves_its_work_is_left_until_it_asks():
    with Stop() as stop:
        stop.later = True
        signal.raise_signal(signal.SIGINT)
        until(lambda: stop.signum is not None)  # Python calls handlers when it gets to it.
        with pytest.raises(Stopped) as caught:
            stop.obey()
        assert caught.value.exit_code == 130
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)  # The second does not wait.


def test_a_signal_inside_a_weak_references_callback_is_obeyed(capfd):
    with Stop() as outer:
        with Stop() as inner:
            dying = set()
            reference = weakref.ref(dying, lambda _: signal.raise_signal(signal.SIGTERM))
            del dying  # Python discards what its callback raises.
            assert reference() is None
            with pytest.raises(Stopped, match="SIGTERM"):
                inner.obey()
        with pytest.raises(Stopped, match="SIGTERM"):
            outer.obey()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("ends", [False, True])
def test_a_signal_ends_the_wait_for_a_future_even_if_it_ends_the_future_as_well(ends):
    future, stop = Future(), Stop()

    def strike():
        stop.signum = signal.SIGTERM
        if ends:
            future.set_result(None)

    threading.Timer(0.05, strike).start()
    with pytest.raises(Stopped):
        stop.result_of(future)


@pytest.mark.parametrize(
    "signals",
    [("SIGHUP", "SIGHUP"), ("SIGTERM", "SIGHUP"), ("SIGHUP", "SIGTERM"), ("SIGINT", "SIGTERM")],
)
def test_a_terminal_and_a_platform_that_both_signal_interrupt_no_saving(signals):
    first, second = (getattr(signal, name) for name in signals)
    with Stop() as stop:
        stop.later = True
        signal.raise_signal(first)
        signal.raise_signal(second)
        with pytest.raises(Stopped, match="SIGTERM" if "SIGTERM" in signals else "SIGHUP"):
            stop.obey()


def test_under_nohup_a_closed_terminal_stops_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            signal.raise_signal(signal.SIGHUP)
            stop.obey()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("begun", [datetime(2026, 11, 30, 22), datetime(2026, 12, 1, 5)])
def test_a_block_that_waits_stops_once_the_clock_shows_the_time_even_after_a_sleep(begun):
    seven, minutes = datetime(2026, 12, 1, 7), timedelta(minutes=1)
    clock = iter([begun, seven - 30 * minutes, seven - minutes, seven + 30 * minutes])
    started = time.monotonic()
    with (
        pytest.raises(Stopped, match="SIGTERM") as caught,
        Stop(),
        stopping_at("7:00", lambda: next(clock, seven + minutes)),
    ):
        threading.Event().wait(60)  # As for a storage, or a program.
    assert time.monotonic() - started < 5
    assert next(clock, None) is None, "not before"
    assert caught.value.note == "it is 7:00; the same command continues"
    assert caught.value.exit_code == 143


def test_without_a_time_and_at_the_time_of_the_start_nothing_stops():
    for clock in (None, "7:00"):
        with Stop() as stop, stopping_at(clock, lambda: datetime(2026, 11, 30, 7, 0)):
            time.sleep(3 * POLL_S)  # The clock is looked at meanwhile.
            stop.obey()
