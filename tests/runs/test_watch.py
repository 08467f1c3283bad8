"""A run with WATCH: it stays, and paints what is new or changed."""

import dataclasses
import hashlib
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support import tiny
from support.commands import configure_buckets, contents
from support.disks import below
from support.folder_batches import QUICK, keys, replace_while_read, run
from support.polling import until
from support.processes import STOP_S

from painterly import log
from painterly.cli import batch
from painterly.configuration import config
from painterly.configuration.config import BUCKETS
from painterly.errors import ConfigError
from painterly.orders.buckets import Listing
from painterly.runs import report
from painterly.runs import run as batch_rounds
from painterly.runs.watch import News
from painterly.settings.installation import PROGRAM
from painterly.signals import Stop, Stopped
from painterly.storage.base import Entry
from painterly.storage.folder import FolderBucket

pytestmark = pytest.mark.slow  # A process decodes the photos of each run.


class Watch:
    """A run that stays, in a thread: looks for news every 20 ms."""

    def __init__(self, variables, stop) -> None:
        self._lines, self._stop = io.StringIO(), stop
        log.log_to_stdout("%(message)s")
        log.logger.addHandler(logging.StreamHandler(self._lines))
        watched = dataclasses.replace(config.load(variables), watch=0.02, settle=0)
        pool = ThreadPoolExecutor(1)
        self._running = pool.submit(batch.paint_batch, watched)
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
    assert stopped.exit_code == 143 and stopped.note == "the next start paints the rest"
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
    contents = [content for _, _, content in receiver.posts]
    numbers = [(each.get("painted"), each.get("failed")) for each in contents]
    assert numbers == [(4, 2), (2, 2), (2, 0)]
    assert receiver.texts[0].startswith("4 painted in ")
    assert "s3cr3t" not in child.output


def rounds(monkeypatch, capsys, variables, *acts) -> str:
    """Run a watch with an act after each round, until there is none left, and return its output. A
    file is taken once it has been the same in two rounds."""
    left = iter(acts)

    def act_instead(*_) -> None:
        next(left, lambda: signal.raise_signal(signal.SIGTERM))()

    monkeypatch.setattr(batch_rounds, "rest", act_instead)
    capsys.readouterr()
    with pytest.raises(Stopped):
        run({"WATCH": "1", "WATCH_SETTLE": "1e-9", **variables})
    return capsys.readouterr().out


def rest() -> None:
    """Do nothing after a round."""


@pytest.fixture(params=["folder", pytest.param("moto", marks=pytest.mark.thorough)])
def watched(request, folders, monkeypatch):
    """The buckets of `folders`, and the same on moto, with the variables that name them."""
    here = {name: FolderBucket(Path(folders[name]), new=True) for name in BUCKETS}
    if request.param == "folder":
        return here, folders
    server = request.getfixturevalue("moto")
    there = configure_buckets(server.open, monkeypatch)
    for name, bucket in there.items():
        for key, data in contents(here[name]).items():
            bucket.write(key, data)
    names = {name: bucket.name for name, bucket in there.items()}
    return there, folders | server.environment | names


def test_what_is_still_being_written_or_empty_is_neither_painted_nor_announced(
    watched, stand_in, monkeypatch, capsys, receiver
):
    buckets, variables = watched
    whole = tiny.file(60, 80, 7, "BMP")
    half = whole[: len(whole) // 2]

    def write(data, key="new.bmp", name="BUCKET_SOURCE"):
        return lambda: buckets[name].write(key, data)

    acts = [
        *(write(b""), rest, rest),
        *(write(half[:100]), write(half), write(half + bytes(len(whole) - len(half)))),
        *(write(whole), rest),
        *(write(half, "ink.bmp", "BUCKET_STYLE"), write(whole, "ink.bmp", "BUCKET_STYLE"), rest),
        *(write(b"", "beach.mask.png"), rest, rest),
    ]
    out = rounds(monkeypatch, capsys, variables | {"NOTIFY_URL": receiver.address}, *acts)
    assert painted(out) == [4, 2, 3] and "FAILED" not in out
    assert out.count("new.bmp: taken once there is content that has stayed the same for ") == 1
    record = json.loads(buckets["BUCKET_RESULT"].read("_records/monet/new.bmp.json"))
    assert record["photo_etag"] == hashlib.md5(whole).hexdigest()
    until(lambda: len(receiver.posts) == 3)


def test_a_stop_waits_a_moment_for_the_word_of_the_last_round_and_says_if_it_is_lost(
    folders, stand_in, monkeypatch, capsys
):
    def painted_as(notify):
        monkeypatch.setattr(report, "deliver", notify)
        Path("photos/new.jpg").write_bytes(tiny.file(60, 80, len(sent)))
        return rounds(monkeypatch, capsys, folders | {"NOTIFY_URL": "http://127.0.0.1"}, rest)

    sent, ends = [], threading.Event()
    out = painted_as(lambda *word: ends.wait(0.3) or sent.append(word))
    assert len(sent) == 1 and "not sent" not in out
    monkeypatch.setattr(report, "LEAVE_S", 0.01)
    out = painted_as(lambda *_: ends.wait())
    assert "the word of the last round is not sent" in out
    ends.set()


def test_half_saved_or_wrong_styles_do_not_end_it_and_those_of_before_stay(
    folders, stand_in, monkeypatch, capsys
):
    file, photo = Path("paintings/styles.toml"), Path("photos/new.jpg")
    good = '[sea]\npaintings = ["monet.jpg"]\n'
    acts = [
        *(lambda: file.write_text('[ink2]\npaintings = ["ink.jpg"'), rest),
        *(lambda: file.write_text(f'{good}[ink2]\npaintings = ["ink.jpg"]\n'), rest),
        *(lambda: photo.write_bytes(tiny.file(60, 80, 7)), rest),  # In the styles of before.
        *(lambda: Path("paintings/ink.jpg").write_bytes(tiny.file(50, 50, 8)), rest),
        *(lambda: file.write_text(f"{good}size = -1\n"), rest),
        *(file.unlink, lambda: file.write_text(good), rest),  # Some programs save so.
        *(lambda: photo.write_bytes(tiny.file(60, 80, 9)), rest),
    ]
    out = rounds(monkeypatch, capsys, folders, *acts)
    assert painted(out) == [4, 2, 3, 3, 1] and "FAILED" not in out
    assert "styles.toml: Unclosed array" in out and "names the painting 'ink.jpg'" in out
    assert out.count("until then, the styles of before stay") == 4


def test_wrong_styles_at_the_start_end_it(folders, stand_in, monkeypatch, capsys):
    Path("paintings/styles.toml").write_text("[monet]\n")
    with pytest.raises(ConfigError):
        rounds(monkeypatch, capsys, folders)


def test_a_photo_that_is_replaced_while_others_are_painted_waits_for_a_later_round(
    folders, stand_in, monkeypatch, capsys, receiver
):
    photo = Path("photos/new.jpg")
    replace_while_read(photo, monkeypatch)
    acts = (lambda: photo.write_bytes(tiny.file(60, 80, 7)), *(7 * [rest]))
    out = rounds(monkeypatch, capsys, folders | {"NOTIFY_URL": receiver.address}, *acts)
    first, *waited, last = painted(out)  # Both replacements may fall into one round.
    assert (first, {*waited}, last) == (4, {0}, 2) and "FAILED" not in out
    assert out.count("new.jpg is being changed; it is waited for") == 2
    until(lambda: len(receiver.posts) == 2)


def test_what_is_not_taken_yet_keeps_its_checkpoint_and_is_not_missed(
    folders, stand_in, monkeypatch, capsys
):
    checkpoint, kept = Path("out/_checkpoints/monet/beach.jpg.npz"), []

    def replace() -> None:
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_bytes(b"x")
        Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 7))

    out = rounds(monkeypatch, capsys, folders, replace, lambda: kept.append(checkpoint.exists()))
    assert painted(out) == [4, 2] and kept == [True]
    out = rounds(monkeypatch, capsys, folders | {"WATCH_SETTLE": "3600"}, rest)
    assert painted(out) == [] and "there is no" not in out


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


def test_photos_whose_disk_is_gone_do_not_count_as_deleted(
    folders, stand_in, disk, monkeypatch, capsys
):
    photo, checkpoint = tiny.file(60, 80, 1), Path("out/_checkpoints/monet/beach.jpg.npz")
    (disk.path / "beach.jpg").write_bytes(photo)

    def begin() -> None:
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_bytes(b"x")
        (disk.path / "beach.jpg").write_bytes(tiny.file(60, 80, 7))  # Not taken yet.

    def come_back() -> None:
        disk.come_back()
        (disk.path / "beach.jpg").write_bytes(photo)
        (disk.path / "new.jpg").write_bytes(tiny.file(60, 80, 2))

    variables = folders | {"BUCKET_SOURCE": str(disk.path)}
    kept = []
    acts = (begin, disk.go, lambda: kept.append(checkpoint.exists()), come_back, rest, rest)
    out = rounds(monkeypatch, capsys, variables, *acts)
    assert (
        kept == [True] and painted(out) == [2, 2] and below(disk.path) == ["beach.jpg", "new.jpg"]
    )
    assert out.count("is no longer on the disk mounted at ") == 2
    assert "mount it again; retrying in " in out


def test_at_rest_it_has_not_loaded_tensorflow_and_obeys_a_stop(folders, stand_in, tmp_path):
    run(folders)
    command = (sys.executable, "-m", "painterly", "--watch")
    environment = {**os.environ, **folders, "PYTHONPATH": str(PROGRAM), "WATCH_SETTLE": "0"}
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


def test_a_round_that_did_not_end_is_made_again_though_all_is_as_before_it():
    """It may have painted something, or missed something."""
    news = News(0.0)
    before, changed = (Listing([Entry("beach.jpg", 9, each, 1.0)], [], {}) for each in "ab")
    assert news.marked(before)
    news.complete()
    assert news.marked(before) is None
    assert news.marked(changed) and news.marked(before), "that round was not complete"
    news.complete()
    assert news.marked(before) is None
