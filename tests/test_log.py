"""The texts in the log."""

import json
import logging
import sys

import pytest
from rich.console import Console

from painterly.log import event, log_to_stdout, logger
from painterly.words.wording import shortened


def test_a_quiet_log_has_warnings_errors_and_the_summary(capsys, monkeypatch):
    monkeypatch.setattr(logger, "handlers", [])
    log_to_stdout("%(message)s", quiet=True)
    event("painting")
    event("memory is short", level=logging.WARNING)
    event("2 painted", summary=True)
    assert capsys.readouterr().out == "memory is short\n2 painted\n"


def test_an_error_stands_out_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr("rich.get_console", lambda: Console(color_system="standard"))
    log_to_stdout("%(message)s")
    event("FAILED: [a].jpg", level=logging.ERROR)
    event("painted")
    coloured, plain = capsys.readouterr().out.splitlines()
    assert coloured == "\x1b[1;31mFAILED: [a].jpg\x1b[0m" and plain == "painted"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_name_cannot_change_how_a_line_is_shown(as_json, capsys, monkeypatch):
    monkeypatch.setattr(logger, "handlers", [])
    log_to_stdout("%(message)s", as_json)
    name = "a\u202egpj.é\x9b\n\x1b[31m\U000e0001"
    event(f"{name}: done", photo=name)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isprintable() and "é" in line
    if as_json:
        assert json.loads(line)["photo"] == name
    else:
        assert line == r"a\u202egpj.é\x9b\n\x1b[31m\U000e0001: done"
        for harmless in ("9.41\u202fPM", "a\u00a0b\u3000c", "👨\u200d👩\u200d👧", "می\u200cخواهم"):
            event(harmless)
            assert capsys.readouterr().out == f"{harmless}\n"


def test_a_wrong_value_is_shown_in_a_short_line():
    deep = [[[[[["x" * 1000]]]]]] * 1000
    for value in ("x" * 1000, 10**400, 1 << 40_000, deep, {"a": deep}):
        assert len(shortened(value)) < 200
    assert shortened("a\n") == r"'a\n'" and shortened(1.5) == "1.5"
