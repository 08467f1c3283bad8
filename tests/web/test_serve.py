"""What is logged of a web process as it starts."""

import asyncio
import logging
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import uvicorn
from fastapi import FastAPI

from styletransfer.web import serve


def test_why_an_application_does_not_start_is_logged(caplog):
    """Only a port that cannot be had is said elsewhere, in one line."""

    @asynccontextmanager
    async def broken(_):
        raise RuntimeError("the board is broken")
        yield

    options = SimpleNamespace(host="127.0.0.1", port=0)
    server = serve._Server(serve.server_config(FastAPI(lifespan=broken), options))
    with pytest.raises(SystemExit):
        server.run()
    assert "the board is broken" in caplog.text
    assert server.reason == "" and "serving on" not in caplog.text


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_where_it_serves_is_an_address_that_a_browser_takes(host, shown, monkeypatch, caplog):
    async def nothing(*_):
        return

    monkeypatch.setattr(uvicorn.Server, "startup", nothing)
    options = SimpleNamespace(host=host, port=8080)
    with caplog.at_level(logging.INFO):
        asyncio.run(serve._Server(serve.server_config(FastAPI(), options)).startup())
    # A server of another test may still be ending.
    found = [each.getMessage() for each in caplog.records if each.name == "styletransfer"]
    assert found == [f"serving on http://{shown}:8080"]
