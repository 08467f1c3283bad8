"""A run with WATCH: it stays, and paints what is new or changed."""

import dataclasses
import io
import logging
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support import tiny
from support.commands import configure_buckets
from support.folder_batches import QUICK, keys, run
from support.polling import until
from support.processes import STOP_S
from support.receiver import receiving

from painterly import config, log
from painterly.batch import run as batch
from painterly.cli.batch import main
from painterly.installation import PROGRAM
from painterly.signals import Stop, Stopped


@pytest.fixture
def receiver():
    """A server for NOTIFY_URL."""
    with receiving() as running:
        yield running


class Watch:
    """A run that stays, in a thread: looks for news every 20 ms."""

    def __init__(self, variables, stop) -> None:
        self._lines, self._stop = io.StringIO(), stop
        log.log_to_stdout("%(message)s")
        log.logger.addHandler(logging.StreamHandler(self._lines))
        watched = dataclasses.replace(config.load(variables), watch=0.02)
        pool = ThreadPoolExecutor(1)
        self._running = pool.submit(batch.run, watched)
        pool.shutdown(wait=False)

    @property
    def output(self) -> str:
        return self._lines.getvalue()

    def wait_until(self, holds) -> None:
        """Wait until `holds` is true of the output; fail if the run ends before."""
        until(lambda: self._running.done() or holds(self.output), every_s=0.01)
        assert holds(self.output), self._running.exception() or self.output

    def end(self):
        """Wait for the run's error, and return it."""
        return self._running.exception(60)

    def stop(self) -> Stopped:
        """End the run as SIGTERM does, and return what it raises."""
        self._stop.signum = signal.SIGTERM
        return self.end()


@pytest.fixture
def watching(monkeypatch, stand_in, receiver):
    """Start a watch over the places that some variables name."""
    stop = Stop()
    monkeypatch.setattr(batch, "Stop", lambda: stop)
    started = []

    def start(variables):
        started.append(Watch(variables | {"WATCH": "1", "NOTIFY_URL": receiver.address}, stop))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def painted(output: str) -> list[int]:
    """The number of results of each round that has painted."""
    return [int(each) for each in re.findall(r"(\d+) painted in", output)]


def test_what_is_new_changed_or_deleted_is_painted(folders, watching, stand_in):
    child = watching(folders)
    child.wait_until(lambda out: "watching ./photos and ./paintings, every " in out)
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
    assert len(stand_in) == 1  # The network was loaded once.
    stopped = child.stop()
    assert stopped.exit_code == 143 and stopped.kept == "the next start paints the rest"
    assert "_gallery/ended.txt" not in keys()


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
    assert child.end().exit_code == 2
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
    child = watching(os.environ | QUICK | moto.environment | {"CELLAR_ADDON_HOST": proxy.url})
    child.wait_until(lambda out: "Nothing to paint: the result is in" in out)
    rule = proxy.add("^GET", "status", times=999, code=403, error="RequestTimeTooSkewed")
    child.wait_until(lambda out: out.count("; retrying in ") >= 2)
    buckets["BUCKET_SOURCE"].write("new.jpg", tiny.file(60, 80, 2))
    rule.times = 0
    child.wait_until(lambda out: painted(out) == [1, 1])


@pytest.mark.slow
def test_at_rest_it_has_not_loaded_tensorflow_and_obeys_a_stop(folders, stand_in, tmp_path):
    run(folders)
    command = (sys.executable, "-m", "painterly", "--watch")
    environment = {**os.environ, **folders, "PYTHONPATH": str(PROGRAM)}
    written = tmp_path / "log"
    with written.open("w") as out:
        child = subprocess.Popen(command, env=environment, stdout=out, stderr=out, text=True)
    try:
        until(lambda: "watching ./photos and ./paintings, every 1 min" in written.read_text())
        files = {each.path for each in psutil.Process(child.pid).memory_maps()}
        assert any("numpy" in each for each in files)
        assert not any("tensorflow" in each for each in files)
        asked = time.monotonic()
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 143
        assert time.monotonic() - asked < STOP_S
    finally:
        child.kill()
        child.wait(60)
    output = written.read_text()
    assert "Nothing to paint: all 4 results" in output
    assert "stopped by SIGTERM; the next start paints the rest" in output
    assert "Traceback" not in output


def test_a_dry_run_ends_all_the_same_and_no_page_is_opened_at_an_end_that_never_comes(
    folders, stand_in, monkeypatch, capsys
):
    monkeypatch.setattr(config, "environment", lambda: os.environ | folders)
    run(folders)
    assert main(["--watch", "--dry-run"]) == 0
    assert "Nothing to paint: all 4 results" in capsys.readouterr().out
    assert main(["--watch", "--open"]) == 2
    assert "--open do not go together" in capsys.readouterr().err
