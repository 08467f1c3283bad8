"""The batch as a process: exit codes, errors, signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.folder_batches import keys, run

REPOSITORY = Path(__file__).parents[2]


def process(environment, folder, *arguments):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUCKET_", "STYLE_"))}
    return subprocess.run(
        [sys.executable, "-m", "styletransfer", *arguments],
        cwd=folder,
        env=clean | {"PYTHONPATH": str(REPOSITORY)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    "changes, code, message",
    [
        ({"BUCKET_STYLE": ""}, 2, "BUCKET_STYLE missing"),
        ({"STYLE_SIZE": "huge"}, 2, "STYLE_SIZE is 'huge'"),
        ({"STYLE_MODE": "mix"}, 2, "STYLE_MODE is 'mix'"),
        ({"OUTPUT_QUALITY": "0"}, 2, "OUTPUT_QUALITY is '0'"),
        ({"BUCKET_SOURCE": "./nowhere"}, 5, "./nowhere does not exist"),
        ({"VGG_WEIGHTS": "missing.h5"}, 3, "missing.h5"),
        ({"DEVICE": "tpu"}, 2, "DEVICE is 'tpu'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_one_line_and_an_exit_code(folders, tmp_path, changes, code, message):
    done = process(folders | changes, tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_a_secret_is_never_shown(folders, tmp_path):
    buckets = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}
    cellar = {
        "CELLAR_ADDON_HOST": "127.0.0.1:9",
        "CELLAR_ADDON_KEY_ID": "id-of-mine",
        "CELLAR_ADDON_KEY_SECRET": "secret-of-mine",
    }
    done = process(folders | buckets | cellar, tmp_path)
    assert done.returncode == 5
    assert "127.0.0.1:9" in done.stderr and "of-mine" not in done.stdout + done.stderr


def test_nothing_to_paint_never_imports_tensorflow(folders, small_vgg, tmp_path):
    run(folders)
    code = (
        "import sys; from styletransfer.cli.paint import main; code = main([]);"
        "sys.exit(code or 9 * ('tensorflow' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | folders,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing to paint: all 4 results" in done.stdout


def test_help_answers_without_loading_anything(tmp_path):
    done = process({}, tmp_path, "--help")
    assert done.returncode == 0 and "exit codes" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("signum, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_a_checkpoint_that_the_next_run_resumes_from(
    folders, tmp_path, signum, code
):
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | folders
    environment["STYLE_ITERATIONS"] = "150"
    Path("paintings/monet.jpg").unlink()
    Path("photos/trip/old town é.png").unlink()
    command = [sys.executable, "-u", "-m", "styletransfer"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) as child:
        for line in child.stdout:
            if "20 %" in line:
                break
        child.send_signal(signum)
        sent = time.perf_counter()
        out, _ = child.communicate(timeout=60)
    assert time.perf_counter() - sent < 10  # 5 s on an idle machine
    assert child.returncode == code
    assert f"stopped by {signum.name}" in out and "Traceback" not in out
    assert keys() == {"_checkpoints/both/beach.jpg.npz"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, timeout=200, check=False, **pipes)
    assert done.returncode == 0
    assert "beach.jpg: resuming from step" in done.stdout and " 10 %" not in done.stdout
    assert keys() == {"both/beach.jpg", "_records/both/beach.jpg.json"}
