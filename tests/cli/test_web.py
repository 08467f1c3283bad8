"""`painterly web`, as a command."""

import pickle

from painterly import log
from painterly.cli import web
from painterly.configuration import env_file
from painterly.jobs import worker
from painterly.web import app


def test_a_worker_that_starts_later_has_what_the_web_process_has_read(monkeypatch, tmp_path):
    """Its `.env` has become another one since, and a wrong one."""
    folders = {name: str(tmp_path / name) for name in ("SOURCE", "STYLE", "RESULT")}
    variables = {f"BUCKET_{name}": folder for name, folder in folders.items()}
    served, worked = [], []
    monkeypatch.setattr(log.logger, "handlers", [])
    monkeypatch.setattr(app, "serve", lambda *given: served.append(given) or 0)
    monkeypatch.setattr(worker, "work", lambda *given: worked.append(given) or 0)
    for name in variables:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        env_file, "read", lambda _: {**variables, "WEB_HOST": "127.0.0.1", "WEB_KEEP_DAYS": "30"}
    )
    assert web.main([]) == 0
    ((loaded, _, paints),) = served
    other = {"BUCKET_RESULT": str(tmp_path / "elsewhere"), "LOG_FORMAT": "smoke signals"}
    monkeypatch.setattr(env_file, "read", lambda _: variables | other)
    assert pickle.loads(pickle.dumps(paints))("a pipe", "its name", None) == 0
    assert worked == [(loaded, 30, "a pipe", "its name", None)]
    assert loaded.result_bucket == variables["BUCKET_RESULT"]
