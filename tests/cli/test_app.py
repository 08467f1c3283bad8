"""Errors, unknown flags and signals that end a program: one line and an exit code."""

import json
import os
import signal
import subprocess
import sys

import pytest
from support.commands import leave_out_env_file

from painterly import errors, log
from painterly.cli.app import run_program, run_service
from painterly.cli.command import main
from painterly.settings.installation import PROGRAM
from painterly.signals import Stopped

STAYS = "what is done stays; the same command continues"


def program_that_raises(error):
    def run() -> int:
        raise error

    return run_program("./program", run)


def test_a_program_that_is_stopped_says_what_stays_and_a_bug_is_not_hidden(capsys):
    """test_picture.py has the other ends."""
    for error, code, line in (
        (Stopped(signal.SIGTERM), 143, f"stopped by SIGTERM; {STAYS}"),
        (KeyboardInterrupt(), 130, f"stopped; {STAYS}"),
    ):
        assert program_that_raises(error) == code
        printed = capsys.readouterr()
        assert (printed.out, printed.err) == ("", f"./program: {line}\n")
    for bug in (KeyError("x"), ModuleNotFoundError("x", name="painterly.x")):
        with pytest.raises(type(bug)):
            program_that_raises(bug)


def test_what_ends_a_service_is_an_object_where_the_log_has_objects(monkeypatch, capsys):
    monkeypatch.setattr(log.logger, "handlers", [])
    leave_out_env_file(monkeypatch)
    ends = iter([errors.StorageError("no bucket"), KeyError("a bug"), Stopped(signal.SIGTERM)])

    def run(_) -> int:
        raise next(ends)

    codes = [
        run_program("./program", lambda: run_service(run, {"PROGRESS": "json"})) for _ in range(3)
    ]
    printed = capsys.readouterr()
    storage, bug, stopped = map(json.loads, printed.out.splitlines())
    assert printed.err == "" and codes == [5, 1, 143]
    assert storage["message"] == "./program: no bucket" and storage["exit_code"] == 5
    assert storage["level"] == "critical" and "KeyError" in bug["trace"]
    assert stopped["exit_code"] == 143


@pytest.mark.parametrize(
    ("module", "program", "named"),
    [
        ("boto3", "cl_get_results.py", "the Python package boto3 is missing; install all in .venv"),
        (
            "dotenv",
            "cl_send_source.py",
            "-m venv .venv && .venv/bin/pip install boto3 cyclopts python-dotenv rich",
        ),
        (
            "numpy",
            "./start.sh",
            "the Python package numpy is missing; ./start.sh setup installs all",
        ),
    ],
)
def test_a_missing_package_is_named_with_the_way_to_install_all(
    monkeypatch, capsys, module, program, named
):
    monkeypatch.setitem(sys.modules, module, None)
    assert run_program(program, lambda: bool(__import__(module))) == 2
    err = capsys.readouterr().err
    assert named in err and err.count("\n") == 1


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_a_program_without_a_traceback_and_a_log_not_at_all():
    program = (
        "import sys; from painterly.cli.app import run_program\n"
        "sys.exit(run_program('./program', lambda: print('line\\n' * 100_000) or 0))"
    )
    logging = (
        "import sys; from painterly.log import event, log_to_stdout;"
        "log_to_stdout('%(message)s'); event('one'); event('two'); print('three');"
        "sys.stderr.write('went on')"
    )
    for code, ends in ((program, (1, "")), (logging, (0, "went on"))):
        reading, writing = os.pipe()
        os.close(reading)
        ran = subprocess.run(
            [sys.executable, "-c", code],
            cwd=PROGRAM,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(writing)
        assert (ran.returncode, ran.stderr) == ends


@pytest.mark.slow
def test_a_program_runs_with_stdout_and_stderr_closed(tmp_path):
    code = (
        "import os, sys\n"
        "from painterly.cli.app import fail, run_program\n"
        "from painterly.devices.native_stderr import hold_native_stderr\n"
        "def run():\n"
        "    with open(sys.argv[1], 'wb') as file, hold_native_stderr():\n"
        "        os.write(2, b'native')\n"
        "        print('said')\n"
        "    return fail('./program', 'a message', 4)\n"
        "sys.exit(run_program('./program', run))"
    )
    written = tmp_path / "written"
    line = f"exec '{sys.executable}' -c \"$0\" '{written}' >&- 2>&-"
    assert subprocess.run(["sh", "-c", line, code], cwd=PROGRAM).returncode == 4
    assert written.read_bytes() == b""  # not opened as one of the two


def test_an_unknown_flag_is_an_object_where_the_log_has_objects(monkeypatch, capsys):
    """The scenarios have the line that it is otherwise."""
    monkeypatch.setattr(log.logger, "handlers", [])
    monkeypatch.setenv("LOG_FORMAT", "json")
    assert main(["--strenght=0.3"]) == 2
    printed = capsys.readouterr()
    line = json.loads(printed.out)
    assert line["exit_code"] == 2 and line["event"] == "end"
    assert "Did you mean --strength?" in line["message"] and not printed.err
