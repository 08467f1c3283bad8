"""`painterly web`, as a command."""

import pickle
import sys

from painterly import log
from painterly.cli import web, web_worker
from painterly.cli.command import verb
from painterly.configuration import env_file
from painterly.web import app, lan
from painterly.web.sessions import Sessions


def test_phones_are_told_address_and_password_once_the_service_answers(
    monkeypatch, tmp_path, capsys
):
    folders = {f"BUCKET_{name}": str(tmp_path / name) for name in ("SOURCE", "STYLE", "RESULT")}
    for name in (*folders, "WEB_HOST", "WEB_PASSWORD", "WEB_PUBLIC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(log.logger, "handlers", [])
    monkeypatch.setattr(lan, "local_host", lambda: "192.168.1.20")
    served = []

    def serve(_, options, worker, show, phones):
        served.append((options, capsys.readouterr().out))
        show("http://localhost:8080", Sessions(options))
        return 0

    monkeypatch.setattr(app, "serve", serve)
    for variables, password in (({}, ""), ({"WEB_PASSWORD": "a long password"}, "WEB_PASSWORD")):
        monkeypatch.setattr(env_file, "read", lambda _, own=variables: folders | own)
        assert verb("web", ["--lan"]) == 0
        options, before = served[-1]
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
    monkeypatch, tmp_path, capsys
):
    for name in (*web.FOLDERS, "WEB_HOST", "WEB_PASSWORD", "WEB_PUBLIC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log.logger, "handlers", [])
    monkeypatch.setattr(web, "IN_CHECKOUT", False)
    monkeypatch.setattr(web, "open_in_browser", lambda address: None)
    monkeypatch.setattr(env_file, "read", lambda _: {})

    def serve(_, options, worker, show, phones):
        show("http://localhost:8080", Sessions(options))
        return 0

    monkeypatch.setattr(app, "serve", serve)
    ends = "Ctrl-C ends it; pictures are kept in ./results\n"
    for flags, opens in ((["--open"], " your browser should open it now; "), ([], " ")):
        assert verb("web", flags) == 0
        assert capsys.readouterr().out.endswith(f"{opens}{ends}")


def test_a_worker_that_starts_later_has_what_the_web_process_has_read(monkeypatch, tmp_path):
    """Its `.env` has become another one since, and a wrong one."""
    folders = {name: str(tmp_path / name) for name in ("SOURCE", "STYLE", "RESULT")}
    variables = {f"BUCKET_{name}": folder for name, folder in folders.items()}
    served, worked = [], []
    monkeypatch.setattr(log.logger, "handlers", [])
    monkeypatch.setattr(app, "serve", lambda *given: served.append(given[:3]) or 0)
    monkeypatch.setattr(web_worker, "work", lambda *given: worked.append(given) or 0)
    for name in variables:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(env_file, "read", lambda _: {**variables, "WEB_HOST": "127.0.0.1"})
    assert verb("web", []) == 0
    ((loaded, _, paints),) = served
    other = {"BUCKET_RESULT": str(tmp_path / "elsewhere"), "LOG_FORMAT": "smoke signals"}
    monkeypatch.setattr(env_file, "read", lambda _: variables | other)
    assert pickle.loads(pickle.dumps(paints))("a pipe", "its name", None) == 0
    assert worked == [(loaded, "a pipe", "its name", None)]
    assert loaded.result_bucket == variables["BUCKET_RESULT"]


def test_port_and_host_are_those_of_flags_before_variables(monkeypatch, tmp_path):
    folders = {f"BUCKET_{name}": str(tmp_path / name) for name in ("SOURCE", "STYLE", "RESULT")}
    place = {"WEB_HOST": "0.0.0.0", "PORT": "9000", "WEB_PUBLIC": "1"}
    served = []
    monkeypatch.setattr(log.logger, "handlers", [])
    monkeypatch.setattr(app, "serve", lambda *given: served.append(given[1]) or 0)
    for name in (*folders, *place, "WEB_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(env_file, "read", lambda _: folders | place)
    assert verb("web", ["--port", "8123", "--host", "127.0.0.1"]) == verb("web", []) == 0
    assert [(each.host, each.port) for each in served] == [("127.0.0.1", 8123), ("0.0.0.0", 9000)]
