"""A run with WATCH: it stays, and paints what is new or changed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support import programs, tiny
from support.commands import configure_buckets, python
from support.folder_batches import QUICK, keys, run
from support.polling import until
from support.processes import STOP_S
from support.receiver import receiving

from painterly.paths import PROGRAM

pytestmark = pytest.mark.slow  # Each test starts a program.


@pytest.fixture
def receiver():
    """A server for NOTIFY_URL."""
    with receiving() as running:
        yield running


@pytest.fixture
def watching(start_program, tmp_path, receiver):
    """Start a watch over the places that some variables name."""

    def start(variables):
        environment = os.environ | variables | {"WATCH": "1", "NOTIFY_URL": receiver.address}
        program = programs.batch_that_counts_networks
        return start_program(program, environment=environment, log=tmp_path / "log")

    return start


def painted(output: str) -> list[int]:
    """The number of results of each round that has painted."""
    return [int(each) for each in re.findall(r"(\d+) painted in", output)]


def test_what_is_new_changed_or_deleted_is_painted_and_a_stop_is_obeyed_at_rest(folders, watching):
    child = watching(folders)
    child.wait_until(lambda out: "watching ./photos and ./paintings, every 1 s" in out)
    photo = Path("photos/new.jpg")
    photo.write_bytes(tiny.file(60, 80, 7))
    child.wait_until(lambda out: painted(out) == [4, 2])
    first = Path("out/monet/new.jpg").read_bytes()
    photo.write_bytes(tiny.file(60, 80, 8))
    child.wait_until(lambda out: painted(out) == [4, 2, 2])
    assert Path("out/monet/new.jpg").read_bytes() != first
    Path("out/monet/new.jpg").unlink()
    child.wait_until(lambda out: painted(out) == [4, 2, 2, 1])
    child.wait_until(lambda out: "Nothing to paint: all 6 results are in ./out." in out)
    assert child.output.count("network loaded") == 1
    asked = time.monotonic()
    assert child.stop(signal.SIGTERM) == 143
    assert time.monotonic() - asked < STOP_S
    assert "stopped by SIGTERM; the next start paints the rest" in child.output
    assert "Traceback" not in child.output and "_gallery/ended.txt" not in keys()


def test_each_round_that_paints_sends_one_word_and_a_failure_is_not_tried_again(
    folders, watching, receiver
):
    Path("photos/text.jpg").write_bytes(b"dear diary")
    child = watching(folders)
    child.wait_until(lambda out: "watching" in out)
    child.wait_until(lambda out: "Nothing to paint: 4 results are in ./out, 2 FAILED." in out)
    record = Path("out/_records/monet/text.jpg.json")
    tried = record.read_bytes()  # with the time of the attempt
    Path("photos/new.jpg").write_bytes(tiny.file(60, 80, 7))
    until(lambda: len(receiver.posts) == 2)
    assert record.read_bytes() == tried
    Path("photos/text.jpg").write_bytes(tiny.file(60, 80, 9))
    until(lambda: len(receiver.posts) == 3)
    Path("paintings/styles.toml").write_text("[monet]\n")
    assert child.wait() == 2
    contents = [content for _, _, content in receiver.posts]
    numbers = [(each.get("painted"), each.get("failed")) for each in contents]
    assert numbers == [(4, 2), (2, 2), (2, 0), (None, None)]
    assert receiver.texts[0].startswith("4 painted in ")
    assert contents[-1]["exit_code"] == 2 and "styles.toml: [monet]" in receiver.texts[-1]
    assert "s3cr3t" not in child.output


def test_an_outage_of_the_storage_does_not_end_it(moto, proxy, watching, monkeypatch):
    buckets = configure_buckets(moto.open, monkeypatch)
    buckets["BUCKET_SOURCE"].write("beach.jpg", tiny.file(60, 80, 1))
    buckets["BUCKET_STYLE"].write("monet.jpg", tiny.file(50, 50, 3))
    child = watching(QUICK | moto.environment | {"CELLAR_ADDON_HOST": proxy.url})
    child.wait_until(lambda out: "Nothing to paint: the result is in" in out)
    rule = proxy.add("^GET", "status", times=999, code=403, error="RequestTimeTooSkewed")
    child.wait_until(lambda out: out.count("; retrying in 1 s") >= 2)
    buckets["BUCKET_SOURCE"].write("new.jpg", tiny.file(60, 80, 2))
    rule.times = 0
    child.wait_until(lambda out: painted(out) == [1, 1])
    assert child.stop(signal.SIGTERM) == 143


def test_at_rest_it_has_not_loaded_tensorflow(folders, stand_in, tmp_path):
    run(folders)
    command = (sys.executable, "-m", "painterly", "--watch")
    environment = {**os.environ, **folders, "PYTHONPATH": str(PROGRAM)}
    log = tmp_path / "log"
    with log.open("w") as out:
        child = subprocess.Popen(command, env=environment, stdout=out, stderr=out, text=True)
    try:
        until(lambda: "watching ./photos and ./paintings, every 1 min" in log.read_text())
        files = {each.path for each in psutil.Process(child.pid).memory_maps()}
        assert any("numpy" in each for each in files)
        assert not any("tensorflow" in each for each in files)
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    finally:
        child.kill()
        child.wait(60)
    assert "Nothing to paint: all 4 results" in log.read_text()


def test_a_dry_run_ends_all_the_same_and_no_page_is_opened_at_an_end_that_never_comes(
    folders, stand_in, tmp_path
):
    run(folders)
    dry = python("-m", "painterly", "--watch", "--dry-run", cwd=tmp_path, **folders)
    assert dry.returncode == 0 and "Nothing to paint: all 4 results" in dry.stdout
    refused = python("-m", "painterly", "--watch", "--open", cwd=tmp_path, **folders)
    assert refused.returncode == 2 and "--open do not go together" in refused.stderr
