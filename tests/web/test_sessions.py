"""Limits to guessing passwords, with a clock that the test sets."""

from types import SimpleNamespace

import pytest

from styletransfer.web import sessions
from styletransfer.web.sessions import MAX_WRONG, WRONG_S, LoginRateLimiter


@pytest.fixture
def clock(monkeypatch):
    """Seconds, in a list, which a test lets pass."""
    now = [1000.0]
    monkeypatch.setattr(sessions, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_client_that_tried_too_often_may_try_again_later_and_others_at_once(clock):
    tries = LoginRateLimiter()
    for _ in range(MAX_WRONG - 1):
        tries.failed("a")
    assert tries.wait_s("a") == 0
    tries.succeeded("a")
    tries.failed("a")
    assert tries.wait_s("a") == 0
    for _ in range(MAX_WRONG - 1):
        clock[0] += 10
        tries.failed("a")
    assert 0 < tries.wait_s("a") <= WRONG_S and tries.wait_s("b") == 0
    clock[0] += tries.wait_s("a") + 1
    assert tries.wait_s("a") == 0


def test_no_number_of_addresses_fills_the_memory(clock, monkeypatch):
    monkeypatch.setattr(sessions, "MAX_CLIENTS", 3)
    tries = LoginRateLimiter()
    for number in range(50):
        tries.failed(str(number))
    assert [*tries._of_clients] == ["47", "48", "49"]
