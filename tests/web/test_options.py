"""WEB_* and PORT: who is served, and where."""

import socket

import pytest
from support.commands import python
from support.s3_servers import free_ports

from painterly.configuration import config
from painterly.configuration.web_options import MEGA, load_options
from painterly.errors import ConfigError
from painterly.web import app
from painterly.web.app import serve

PASSWORD = {"WEB_PASSWORD": "a long password"}


def no_worker(*_):
    """A worker that is never started."""


def where(environment, demo=False):
    options = load_options(environment, demo)
    return options.host, options.port


def test_the_network_is_served_only_with_a_password_or_where_that_is_said():
    assert where({}, demo=True) == ("127.0.0.1", 8080)
    assert where({"WEB_HOST": "127.0.0.1"}) == ("127.0.0.1", 8080)
    assert where(PASSWORD) == ("0.0.0.0", 8080)
    assert where({"WEB_PUBLIC": "1"}, demo=True) == ("0.0.0.0", 8080)
    for environment, demo in (({}, False), ({"PORT": "8080"}, True), ({"WEB_HOST": "::"}, True)):
        with pytest.raises(ConfigError, match="WEB_PASSWORD is not set, and the service would"):
            load_options(environment, demo)


def test_web_port_wins_over_the_platforms():
    assert where({**PASSWORD, "PORT": "8080", "WEB_PORT": "9000"})[1] == 9000
    assert where({**PASSWORD, "PORT": "8081"})[1] == 8081
    assert load_options({**PASSWORD, "INSTANCE_NUMBER": "0"}).proxies == 1


def test_limits_are_taken_up_to_their_bounds_and_no_further():
    bounds = {
        "WEB_PORT": ("port", 1, 65535, 8080, 1),
        "WEB_MAX_MEGABYTES": ("max_upload", 1, 1000, 40, MEGA),
        "WEB_MAX_MEGAPIXELS": ("max_pixels", 1, 200, 52, MEGA),
        "WEB_MAX_WAITING": ("max_waiting", 1, 10_000, 50, 1),
        "WEB_KEEP_DAYS": ("keep_days", 1, 36_500, None, 1),
        "WEB_PROXIES": ("proxies", 0, 10, 0, 1),
    }
    for name, (option, low, high, default, unit) in bounds.items():
        for given, value in ((str(low), low), (f" {high} ", high), (" ", default)):
            loaded = load_options({**PASSWORD, name: given})
            assert getattr(loaded, option) == (value and value * unit)
        for beyond in (low - 1, high + 1):
            with pytest.raises(ConfigError, match=f"{name} is '?{beyond}'?; expected"):
                load_options({**PASSWORD, name: str(beyond)})
    # Photos of phones and cameras with 50 megapixels.
    for width, height in ((8160, 6144), (8192, 6144), (8256, 6192)):
        assert width * height <= load_options(PASSWORD).max_pixels
    both = load_options({**PASSWORD, "WEB_TOKEN": "another token"})
    assert (both.password, both.token) == ("a long password", "another token")


def test_origins_are_taken_as_browsers_write_them():
    written = " https://Booth.example:443, http://[::1]:3000 ,http://a.example:80,"
    found = load_options({**PASSWORD, "WEB_ORIGINS": written}).origins
    assert found == {"https://booth.example", "http://[::1]:3000", "http://a.example"}


def test_a_port_that_is_taken_is_named_and_nothing_else_is_said(place, caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        options = load_options({"WEB_HOST": "127.0.0.1", "WEB_PORT": port})
        with pytest.raises(ConfigError) as found:
            serve(config.load(place), options, no_worker)
    assert str(found.value) == (
        f"nothing can be served on 127.0.0.1, port {port} (address already in use); "
        "set WEB_HOST or WEB_PORT"
    )
    assert not [each for each in caplog.records if each.levelname != "DEBUG"]


@pytest.mark.parametrize(
    ("name", "value", "most"), [("STYLE_SIZE", "full", 5120), ("STYLE_ITERATIONS", "2000", 1000)]
)
def test_settings_that_no_order_may_have_are_refused_at_the_start(place, name, value, most):
    loaded = config.load({**place, name: value})
    options = load_options({**PASSWORD, "WEB_PORT": str(free_ports(1)[0])})
    refused = f"{name} is {value}; the web service takes at most {most}"
    with pytest.raises(ConfigError, match=refused):
        serve(loaded, options, no_worker)


@pytest.mark.slow
def test_the_web_process_never_loads_tensorflow():
    code = (
        "import sys; from painterly.configuration import config;"
        "from painterly.configuration import web_options as options;"
        "from painterly.web.app import create_app; loaded = config.load({});"
        "from painterly.web.service import Service;"
        "create_app(Service(loaded, options.load_options({}, True), print)).openapi();"
        "print({'tensorflow', 'keras', 'scipy', 'h5py'} & {*sys.modules})"
    )
    done = python("-c", code)
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize(
    ("host", "where", "here"),
    [
        ("127.0.0.1", "http://127.0.0.1:{port}", "localhost"),
        ("0.0.0.0", "port {port}", "localhost"),
        ("::", "port {port}", "localhost"),
        ("::1", "http://[::1]:{port}", "[::1]"),
    ],
)
def test_the_address_in_the_log_is_one_that_a_browser_takes_and_opens(
    place, host, where, here, monkeypatch, caplog
):
    caplog.set_level("INFO", "painterly")
    monkeypatch.setattr(app.Server, "run", lambda *_: None)
    (port,) = free_ports(1)
    options = load_options({"WEB_HOST": host, "WEB_PORT": str(port), "WEB_PUBLIC": "1"})
    opened = []

    def show(address, sessions):
        opened.append(address + sessions.path_with_ticket(60))

    assert serve(config.load(place), options, no_worker, show) == 0
    page = f"http://{here}:{port}"
    assert caplog.messages == [f"serving on {where.format(port=port)}; open {page}"]
    assert opened == [f"{page}/"]
