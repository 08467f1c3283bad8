"""The Python of a script if python3 is too old or lacks packages."""

import os
import signal
import sys

import pytest

from styletransfer.cli import right_python
from styletransfer.cli.right_python import use_right_python


@pytest.fixture
def python_of_venv(monkeypatch, tmp_path):
    """Put a .venv next to the scripts that prints how it is started."""
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    monkeypatch.setattr(right_python, "PROGRAM", tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # The tests keep their own Ctrl-C.
    started = []
    monkeypatch.setattr(os, "execv", lambda file, words: started.append([file, *words]))
    monkeypatch.setattr(sys, "argv", ["./script.py", "a", "b c"])
    return python, started


def test_a_python_without_a_package_hands_over_to_the_one_of_venv(python_of_venv, monkeypatch):
    python, started = python_of_venv
    use_right_python("sys")
    assert not started
    use_right_python("sys", "no_such_package")
    assert started == [[str(python), str(python), "./script.py", "a", "b c"]]
    monkeypatch.setattr(sys, "executable", str(python))
    use_right_python("no_such_package")
    assert len(started) == 1


def test_an_old_python_hands_over_or_says_how_to_get_another(python_of_venv, monkeypatch, capsys):
    python, started = python_of_venv
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit):  # In the test, exec returns.
        use_right_python()
    assert started
    python.unlink()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        use_right_python()
    err = capsys.readouterr().err
    assert ended.value.code == 2 and err.count("\n") == 1
    assert "script.py: needs Python 3.11 or later, and this is 3.9; ./start.sh setup" in err
