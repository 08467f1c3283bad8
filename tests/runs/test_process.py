"""The batch as a process: exit codes, errors, signals."""

import os
import re
import signal
from pathlib import Path

import pytest
from support import programs
from support.commands import python
from support.folder_batches import keys, run


@pytest.mark.slow
def test_nothing_to_paint_never_imports_tensorflow(folders, stand_in, tmp_path):
    run(folders)
    code = (
        "import sys; from painterly.cli.command import main;"
        "code = main([]) or main(['--dry-run']);"
        "sys.exit(code or 9 * ('tensorflow' in sys.modules))"
    )
    done = python("-c", code, cwd=tmp_path, **folders)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Nothing to paint: all 4 results") == 2


@pytest.mark.slow
def test_help_answers_without_loading_anything_slow(tmp_path):
    done = python("-m", "painterly", "--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0 and "Exit codes" in done.stdout
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "painterly" in imported
    assert imported.isdisjoint({"tensorflow", "keras", "boto3", "numpy", "PIL"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "program, signum, code",
    [
        pytest.param(programs.batch, signal.SIGTERM, 143, marks=pytest.mark.thorough),
        (programs.batch_without_tensorflow, signal.SIGINT, 130),
        (programs.batch_without_tensorflow, signal.SIGHUP, 129),
    ],
)
def test_a_signal_saves_a_checkpoint_within_5_s_from_which_the_next_run_resumes(
    folders, start_program, tmp_path, program, signum, code
):
    environment = os.environ | folders | {"STYLE_ITERATIONS": "200", "PROGRESS": "json"}
    Path("paintings/monet.jpg").unlink()
    Path("photos/trip/old town é.png").unlink()

    def start(name, seconds):
        own = environment | {"PAINTING_S": seconds}
        return start_program(program, environment=own, log=tmp_path / name)

    child = start("first", "5")
    child.wait_until(lambda out: re.search(r" [234][0-9] %", out))  # Not each has a line.
    assert child.stop(signum) == code
    out = child.output
    assert f"stopped by {signum.name}" in out and "Traceback" not in out
    assert keys() == {"_checkpoints/both/beach.jpg.npz"}
    resumed = start("second", "0")
    assert resumed.wait() == 0
    assert "beach.jpg: resuming from step" in resumed.output and " 1 %" not in resumed.output
    assert keys() == {"both/beach.jpg", "_records/both/beach.jpg.json"}
