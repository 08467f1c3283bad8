"""Details of the gate that no request of a test could show. test_attacks.py has the rest."""

import asyncio

from starlette.requests import HTTPConnection

from styletransfer.web import gate
from styletransfer.web.gate import client_address, is_secure
from styletransfer.web.options import load_options


def connection(*headers):
    lines = [(name.encode(), text.encode()) for name, text in headers]
    return HTTPConnection({"type": "http", "client": ("10.1.1.1", 5000), "headers": lines})


def test_the_nearest_trusted_proxy_names_the_client():
    def seen(proxies, *forwarded):
        options = load_options({"WEB_PUBLIC": "1", "WEB_PROXIES": str(proxies)})
        return client_address(
            connection(*(("x-forwarded-for", each) for each in forwarded)), options
        )

    assert seen(0, "1.1.1.1") == "10.1.1.1"
    assert seen(1) == "10.1.1.1"
    assert seen(1, "1.1.1.1, 2.2.2.2") == "2.2.2.2"
    assert seen(2, "1.1.1.1", "2.2.2.2, 3.3.3.3") == "2.2.2.2"
    assert seen(3, "2.2.2.2 , 3.3.3.3") == "2.2.2.2"


def test_tls_to_this_process_is_secure():
    scope = {"type": "http", "scheme": "https", "headers": []}
    assert is_secure(scope, load_options({"WEB_PUBLIC": "1"}))


def test_a_client_that_has_sent_its_request_is_not_hurried(monkeypatch):
    """For example, the reader of a stream sends nothing more."""
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
