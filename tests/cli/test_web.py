"""`painterly web`, as a command."""

import pickle
import sys

import pytest

from painterly import log
from painterly.cli import web, web_worker
from painterly.cli.command import verb
from painterly.configuration import env_file
from painterly.configuration.config import BUCKETS
from painterly.web import app, lan
from painterly.web.sessions import Sessions

VARIABLES = (*BUCKETS, "WEB_HOST", "WEB_PORT", "WEB_PASSWORD", "WEB_PUBLIC", "PORT")


@pytest.fixture
def given(monkeypatch, tmp_path):
    """The variables of a `.env`, and no others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log.logger, "handlers", [])
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    variables = {name: str(tmp_path / name) for name in BUCKETS}
    monkeypatch.setattr(env_file, "read", lambda _: {**variables})
    return variables


@pytest.fixture
def served(given, monkeypatch, capsys):
    """What each service was started with, and what was said before it answered, as it does."""
    started = []

    def serve(config, options, paints, show, phones):
        started.append((config, options, paints, capsys.readouterr().out))
        show("http://localhost:8080", Sessions(options))
        return 0

    monkeypatch.setattr(app, "serve", serve)
    return started


def test_phones_are_told_address_and_password_once_the_service_answers(
    given, served, monkeypatch, capsys
):
    monkeypatch.setattr(lan, "local_host", lambda: "192.168.1.20")
    for own, password in (("", ""), ("a long password", "WEB_PASSWORD")):
        given["WEB_PASSWORD"] = own
        assert verb("web", ["--lan"]) == 0
        _, options, _, before = served[-1]
        said = capsys.readouterr().out
        assert "http://192.168.1.20:8080/" in said and "192.168.1.20" not in before
        assert f"password: {password or options.password}\n" in said
        assert "a long password" not in said and options.host == "0.0.0.0"
        assert "█" not in said, "no terminal"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert verb("web", ["--lan"]) == 0
    said = capsys.readouterr().out
    assert said.count("█") > 100 and "The code lets one phone in" in said and "ticket" not in said


def test_a_family_reads_that_the_browser_opens_how_it_ends_and_where_pictures_are(
    given, served, monkeypatch, capsys
):
    given.clear()
    monkeypatch.setattr(web, "IN_CHECKOUT", False)
    monkeypatch.setattr(web, "open_in_browser", lambda address: None)
    ends = "Ctrl-C ends it; pictures are kept in ./results\n"
    for flags, opens in ((["--open"], " your browser should open it now; "), ([], " ")):
        assert verb("web", flags) == 0
        assert capsys.readouterr().out.endswith(f"{opens}{ends}")


def test_a_worker_that_starts_later_has_what_the_web_process_has_read(given, served, monkeypatch):
    """Its `.env` has become another one since, and a wrong one."""
    worked, results = [], given["BUCKET_RESULT"]
    given["WEB_HOST"] = "127.0.0.1"
    monkeypatch.setattr(web_worker, "work", lambda *about: worked.append(about) or 0)
    assert verb("web", []) == 0
    ((loaded, _, paints, _),) = served
    given |= {"BUCKET_RESULT": "elsewhere", "LOG_FORMAT": "smoke signals"}
    assert pickle.loads(pickle.dumps(paints))("a pipe", "its name", None) == 0
    assert worked == [(loaded, "a pipe", "its name", None)]
    assert loaded.result_bucket == results


def test_port_and_host_are_those_of_flags_before_variables(given, served):
    given |= {"WEB_HOST": "0.0.0.0", "PORT": "9000", "WEB_PUBLIC": "1"}
    assert verb("web", ["--port", "8123", "--host", "127.0.0.1"]) == verb("web", []) == 0
    places = [(options.host, options.port) for _, options, *_ in served]
    assert places == [("127.0.0.1", 8123), ("0.0.0.0", 9000)]
