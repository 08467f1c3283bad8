"""What is logged of a web process that cannot start."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
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
