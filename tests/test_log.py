"""The texts in the log."""

import json
import logging
import os
import subprocess
import sys

import pytest
from rich.console import Console

from styletransfer.log import event, log_to_stdout, logger, printable, shortened


def test_keys_are_shown_as_one_harmless_line():
    assert printable("a\nb\x1b[31m\u202egpj.é 富.jpg") == r"a\nb\x1b[31m\u202egpj.é 富.jpg"
    for name in (
        "at 9.41\u202fPM.png",
        "a\u00a0b\u3000c.jpg",
        "👨\u200d👩\u200d👧.jpg",
        "می\u200cخواهم.jpg",
    ):
        assert printable(name) == name


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


def test_a_wrong_value_is_shown_in_a_short_line():
    deep = [[[[[["x" * 1000]]]]]] * 1000
    for value in ("x" * 1000, 10**400, 1 << 40_000, deep, {"a": deep}):
        assert len(shortened(value)) < 200
    assert shortened("a\n") == r"'a\n'" and shortened(1.5) == "1.5"


def test_work_goes_on_without_a_word_when_the_reader_of_the_log_has_gone():
    code = (
        "import sys; from styletransfer.log import event, log_to_stdout;"
        "log_to_stdout('%(message)s'); event('one'); event('two'); print('three');"
        "sys.stderr.write('went on')"
    )
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (run.returncode, run.stderr) == (0, b"went on")
