"""The batch as a process: its end, its signals, and `kill -9` at a random moment, after which the
next run makes or finds every result, and leaves nothing else behind."""

import itertools
import json
import os
import re
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import programs, tiny
from support.commands import contents, python
from support.folder_batches import keys, run
from support.s3_servers import MOTO, RGW

from painterly.configuration.config import BUCKETS
from painterly.storage import open_bucket
from painterly.storage.address import Account

CHECKPOINT_EVERY = "0.03"
SETTINGS = {
    "STYLE_SIZE": "64",
    "STYLE_TIMELAPSE": "1",
    "VGG_WEIGHTS": "random",
    "PAINTING_S": "0.15",
}
PHOTOS = ("beach.jpg", "trip/old town é.png")
STYLES = ("monet", "waves")
RESULTS = {f"{style}/{photo}" for style in STYLES for photo in PHOTOS}
RECORDS = {f"_records/{key}.json" for key in RESULTS}
TIMELAPSES = {f"{key.rpartition('.')[0]}.timelapse.webp" for key in RESULTS}
FOREIGN = {"monet/mine.jpg": b"1", "_records/mine.txt": b"2", "_checkpoints.txt": b"3"}


@pytest.fixture(params=["folder", MOTO, RGW])
def batch(request, tmp_path):
    """Buckets of one kind with photos and paintings. `results` has two buckets for results, with
    foreign objects in them; `environment` returns the variables for one of them."""
    if request.param == "folder":
        account, variables = Account(), {}
        names = [str(tmp_path / name) for name in ("photos", "paintings", "whole", "killed")]
    else:
        server = request.getfixturevalue(request.param)
        account, variables = server.account, server.environment
        names = [server.new_bucket() for _ in range(4)]
    source, style, *results = (open_bucket(name, account, new=True) for name in names)
    for seed, key in enumerate(PHOTOS):
        kind = "PNG" if key.endswith(".png") else "JPEG"
        source.write(key, tiny.file(*((60, 80) if seed else (80, 60)), seed, kind))
    for seed, name in enumerate(STYLES, start=10):
        style.write(f"{name}.jpg", tiny.file(50, 50, seed))

    for bucket, key in itertools.product(results, FOREIGN):
        bucket.write(key, FOREIGN[key])

    def environment(result):
        buckets = zip(BUCKETS, (source.name, style.name, result.name), strict=True)
        return os.environ | SETTINGS | variables | dict(buckets)

    return SimpleNamespace(results=results, environment=environment)


@pytest.mark.thorough
def test_a_batch_killed_at_any_moment_and_run_again_loses_and_leaves_nothing(
    batch, start_program, tmp_path, dice
):
    whole, killed = batch.results

    def start(result, **variables):
        return start_program(
            programs.batch_without_tensorflow,
            CHECKPOINT_EVERY,
            environment=batch.environment(result) | variables,
            log=tmp_path / f"{Path(result.name).name}.log",
        )

    def kill(program):
        program.process.kill()
        program.process.join()

    started = time.monotonic()
    undisturbed = start(whole)
    assert undisturbed.wait() == 0, undisturbed.output
    moment = dice.uniform(0, time.monotonic() - started)

    after_a_checkpoint = start(killed, PAINTING_S="10")
    after_a_checkpoint.wait_until(lambda out: "checkpoint saved" in out)
    kill(after_a_checkpoint)
    at_any_moment = start(killed)
    at_any_moment.process.join(moment)
    kill(at_any_moment)
    last = start(killed)
    assert last.wait() == 0, last.output
    assert "resuming from step" in last.output

    found, expected = contents(killed), contents(whole)
    ours = {key for key in found if not key.startswith("_gallery/")} - {"index.html"}
    assert ours == RESULTS | RECORDS | TIMELAPSES | FOREIGN.keys(), moment
    assert {key: found[key] for key in FOREIGN} == FOREIGN
    differ = {key for key in RESULTS if found[key] != expected[key]}
    assert not differ, f"killed after {moment} s: {differ} differ from an undisturbed run's"
    assert [*killed.unfinished_uploads()] == []
    for key in RECORDS:
        assert f"_records/{json.loads(found[key])['result']}.json" == key


@pytest.mark.slow
def test_a_run_over_folders_that_is_killed_is_finished_by_the_next_one(
    folders, start_program, tmp_path
):
    def start(name, seconds):
        return start_program(
            programs.batch_without_tensorflow,
            CHECKPOINT_EVERY,
            environment=os.environ | folders | {"STYLE": "monet", "PAINTING_S": seconds},
            log=tmp_path / name,
        )

    killed = start("killed", "10")
    killed.wait_until(lambda out: "checkpoint saved" in out)
    killed.process.kill()
    killed.process.join()
    last = start("last", "0")
    assert last.wait() == 0 and "resuming from step" in last.output, last.output
    wanted = {key for key in RESULTS if key.startswith("monet/")}
    assert keys() == wanted | {f"_records/{key}.json" for key in wanted}


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
