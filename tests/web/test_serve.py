"""The start and the end of a web process."""

import pytest
from support.s3_servers import free_ports

from styletransfer import config
from styletransfer.web import serve
from styletransfer.web.options import load_options


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_the_address_in_the_log_is_one_that_a_browser_takes(
    place, host, shown, monkeypatch, caplog
):
    caplog.set_level("INFO", "styletransfer")
    monkeypatch.setattr(serve._Server, "run", lambda *_: None)
    (port,) = free_ports(1)
    options = load_options({"WEB_HOST": host, "WEB_PORT": str(port), "WEB_PUBLIC": "1"})
    assert serve.serve(config.load(place), options, None) == 0
    assert caplog.messages == [f"serving on http://{shown}:{port}"]
