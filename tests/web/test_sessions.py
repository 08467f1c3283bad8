"""Sessions, the token, and how often one may try a password, without a service around them."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from styletransfer.web import sessions
from styletransfer.web.options import WebOptions
from styletransfer.web.sessions import (
    MAX_WRONG,
    WRONG_S,
    LoginRateLimiter,
    Sessions,
)

OPTIONS = WebOptions("localhost", 8080, password="a long password", token="a long token")


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch):
    """The key of a password takes no time: it is slow on purpose."""

    def scrypt(known, *, salt, **_):
        return hashlib.sha512(known + salt).digest()

    monkeypatch.setattr(hashlib, "scrypt", scrypt)


@pytest.fixture
def clock(monkeypatch):
    """Seconds, in a list, which a test lets pass."""
    now = [1000.0]
    monkeypatch.setattr(sessions, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_all_instances_with_the_same_passwords_sign_with_one_key():
    key = Sessions(OPTIONS, "secret").key
    assert Sessions(OPTIONS, "secret").key == key
    for other in (replace(OPTIONS, password="another"), replace(OPTIONS, token="another")):
        assert Sessions(other, "secret").key != key
    assert Sessions(OPTIONS, "another secret").key != key


def test_the_token_is_not_the_password_where_there_are_both():
    both, alone = Sessions(OPTIONS), Sessions(replace(OPTIONS, token=None))
    assert both.is_token("a long token") and not both.is_token("a long password")
    assert both.is_password("a long password") and not both.is_password("a long token")
    assert alone.is_token("a long password")
    nobody = Sessions(WebOptions("localhost", 8080))
    assert both.needed and not nobody.needed
    assert not nobody.is_password("") and not nobody.is_token("")


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
