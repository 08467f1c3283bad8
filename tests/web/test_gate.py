"""Who is asking, and what a request that may not pass is answered, without a server."""

import asyncio

import pytest
from starlette.requests import HTTPConnection

from styletransfer.web import gate
from styletransfer.web.gate import bearer, client_address, is_cross_site, is_secure, middleware
from styletransfer.web.options import load_options
from styletransfer.web.sessions import MAX_WRONG, WRONG_S, LoginRateLimiter, Sessions

PASSWORD = {"WEB_PASSWORD": "a long password"}


def asked(method="GET", path="/api/jobs", scheme="http", **headers):
    """A request as a server hands it on."""
    lines = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return {
        **{"type": "http", "method": method, "path": path, "scheme": scheme, "headers": lines},
        **{"query_string": b"", "client": ("10.1.1.1", 5000), "server": ("localhost", 8080)},
    }


def options(**variables):
    return load_options({**PASSWORD, **variables})


@pytest.fixture
def passed():
    """Sends a request through a gate with a password; the status and the headers of its answer, or
    None where the application got it."""
    own, tries = options(), LoginRateLimiter()
    sessions = Sessions(own)

    async def app(scope, receive, send):
        pass

    def send_through(scope):
        sent = []

        async def send(message):
            sent.append(message)

        through = app
        for each in reversed(middleware(own, sessions, tries)):
            through = each.cls(through, **each.kwargs)
        asyncio.run(through(scope, None, send))
        if not sent:
            return None
        headers = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
        return sent[0]["status"], headers

    return send_through


def test_a_client_is_whom_the_nearest_trusted_proxy_saw():
    def seen(proxies, *forwarded):
        scope = asked()
        scope["headers"] += [(b"x-forwarded-for", each.encode()) for each in forwarded]
        return client_address(HTTPConnection(scope), options(WEB_PROXIES=str(proxies)))

    assert seen(0, "1.1.1.1") == "10.1.1.1"
    assert seen(1) == "10.1.1.1"
    assert seen(1, "1.1.1.1, 2.2.2.2") == "2.2.2.2"
    assert seen(2, "1.1.1.1", "2.2.2.2, 3.3.3.3") == "2.2.2.2"
    assert seen(3, "2.2.2.2 , 3.3.3.3") == "2.2.2.2"


def test_a_request_is_secure_where_the_browser_speaks_tls_as_the_nearest_proxy_says():
    plain, behind = options(), options(WEB_PROXIES="1")
    assert is_secure(asked(scheme="https"), plain)
    assert not is_secure(asked(), plain)
    assert not is_secure(asked(x_forwarded_proto="https"), plain)
    assert is_secure(asked(x_forwarded_proto="http, https"), behind)
    assert not is_secure(asked(x_forwarded_proto="https, http"), behind)


@pytest.mark.parametrize(
    ("headers", "crosses"),
    [
        ({}, False),
        ({"host": "a.example", "origin": "https://a.example"}, False),
        ({"host": "a.example", "origin": "https://b.example"}, True),
        ({"host": "a.example:80", "origin": "http://a.example:81"}, True),
        ({"host": "a.example", "origin": "null"}, True),
        ({"sec_fetch_site": "same-origin", "origin": "https://public", "host": "inner"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "same-site"}, True),
        ({"sec_fetch_site": "cross-site", "host": "a.example", "origin": "http://a.example"}, True),
    ],
)
def test_a_request_of_another_site_is_known_by_what_browsers_add(headers, crosses):
    assert is_cross_site(HTTPConnection(asked("POST", **headers)).headers) == crosses


def test_who_asks_without_a_login_hears_where_there_is_one(passed):
    status, headers = passed(asked())
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    status, headers = passed(asked(path="/gallery", accept="text/html"))
    assert (status, headers["location"]) == (303, "/login?next=%2Fgallery")
    assert passed(asked("POST", accept="text/html"))[0] == 401
    assert passed(asked(path="/login")) is None
    assert passed(asked(authorization="Bearer a long password")) is None


def test_who_gave_too_many_wrong_tokens_hears_how_long_to_wait(passed):
    wrong = asked(authorization="bearer wrong")
    assert [passed(wrong)[0] for _ in range(MAX_WRONG)] == [401] * MAX_WRONG
    status, headers = passed(wrong)
    assert status == 429 and 0 < int(headers["retry-after"]) <= WRONG_S + 1
    assert "www-authenticate" not in headers


def test_a_token_is_what_stands_behind_bearer():
    def given(text):
        return bearer(HTTPConnection(asked(authorization=text)).headers)

    assert [given(each) for each in ("Bearer  x ", "bearer x", "Basic x", "")] == [
        *("x", "x", None, None)
    ]


def test_whoever_has_sent_all_is_not_hurried(monkeypatch):
    """As the reader of a stream, who sends nothing more."""
    monkeypatch.setattr(gate, "STALLED_S", 0.01)

    async def receive():
        if parts:
            return parts.pop()
        await asyncio.sleep(0.03)
        return {"type": "http.disconnect"}

    async def both():
        patient = gate._patient(receive)
        return [(await patient())["type"] for _ in range(2)]

    parts = [{"type": "http.request", "body": b"x", "more_body": False}]
    assert asyncio.run(both()) == ["http.request", "http.disconnect"]
