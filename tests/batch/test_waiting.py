"""Waiting for what another thread does."""

import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from styletransfer.batch.waiting import result_of


class SignalError(Exception):
    """In place of Stopped."""


def test_a_result_or_an_error_is_passed_on():
    done, failed = Future(), Future()
    done.set_result(5)
    failed.set_exception(KeyError("odd"))
    stop = SimpleNamespace(obey=lambda: None)
    assert result_of(done, stop) == 5
    with pytest.raises(KeyError, match="odd"):
        result_of(failed, stop)


def test_a_signal_ends_the_waiting():
    never, looks = Future(), iter([None, SignalError()])
    late = threading.Timer(10, lambda: never.set_result("too late"))
    late.start()

    def obey():
        if error := next(looks):
            raise error

    with pytest.raises(SignalError):
        result_of(never, SimpleNamespace(obey=obey))
    late.cancel()


def test_a_signal_counts_more_than_an_error_that_comes_with_it():
    """As of a read that was given up because of the signal."""
    given_up, signals = Future(), SimpleNamespace(obey=lambda: None)

    def obey():
        raise SignalError

    def stop():
        signals.obey = obey
        given_up.cancel()

    threading.Timer(0.05, stop).start()
    with pytest.raises(SignalError):
        result_of(given_up, SimpleNamespace(obey=lambda: signals.obey()))
