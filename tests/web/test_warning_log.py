"""Warnings that repeat."""

from styletransfer.web import warning_log
from styletransfer.web.warning_log import WarningLog


def test_the_same_warning_is_logged_once_a_minute_and_another_at_once(monkeypatch, caplog):
    log, now = WarningLog(), [100.0]
    monkeypatch.setattr(warning_log.time, "monotonic", lambda: now[0])
    assert log.warn("no connection")
    now[0] += 59
    assert not log.warn("no connection")
    assert log.warn("no space")
    now[0] += 2
    assert log.warn("no connection")
    assert not log.warn("no space")
    assert caplog.messages == ["no connection", "no space", "no connection"]
