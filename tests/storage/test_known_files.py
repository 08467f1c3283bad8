"""Files whose content is known are not read again, unless there is any doubt."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import strategies as some
from hypothesis.stateful import rule
from support import file_lister
from support.machines import Machine, play
from support.polling import until

from painterly.cli.picture_files import check_is_painted
from painterly.errors import ConfigError
from painterly.settings.installation import PROGRAM
from painterly.storage import files, known_files
from painterly.storage.download import download_all
from painterly.storage.files import new_md5, was_at_rest
from painterly.storage.folder import FolderBucket
from painterly.storage.known_files import LIST, KnownFiles, MadeFiles, announce
from painterly.storage.upload import upload_all

SECOND = 10**9
DAMAGES = (b"", b"\x00\xff" * 9, b"[1]\n{}\nnull", b'{"key": "0", "etag": "0", "size": "many"}')
SIZE = 500_000  # bytes of a photo; all else that a test reads takes less


@pytest.fixture
def results(tmp_path):
    """An empty folder of results."""
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


@pytest.fixture
def resting_photo(tmp_path):
    """A photo that has not just changed."""
    path = tmp_path / "photos/beach.jpg"
    path.parent.mkdir()
    path.write_bytes(os.urandom(SIZE))
    at_rest(path)
    return path


def at_rest(*paths):
    until(lambda: all(was_at_rest(path.stat(), time.time_ns()) for path in paths))


def listed_in(folder):
    known = KnownFiles()
    known.keep_in(folder)
    return known


def etag(photo, known):
    """The ETag of a photo as a run of now lists it; a restart of the program if `known` is the
    list's folder."""
    known = listed_in(known) if isinstance(known, Path) else known
    entry = FolderBucket(photo.parent, known=known).find(photo.name)
    found = entry.etag
    known.save()
    return found


def md5(path):
    return str(new_md5(path.read_bytes()).hexdigest())


def test_a_file_is_read_once_until_the_list_is_deleted(resting_photo, results, cost):
    assert etag(resting_photo, results) == md5(resting_photo)
    with cost() as spent:
        assert etag(resting_photo, results) == md5(resting_photo)
    assert SIZE <= spent.read < 2 * SIZE, "only the test has read it"
    (results / LIST).unlink()
    assert etag(resting_photo, results) == md5(resting_photo)
    assert (results / LIST).exists()


@pytest.mark.slow
def test_whatever_happens_an_etag_is_that_of_the_content(tmp_path, monkeypatch):  # noqa: C901
    """The time step is shorter, so that there is less to wait for."""
    monkeypatch.setattr(files, "FINE_STEP_S", 0.02)
    number, names = iter(range(10**6)), some.sampled_from("012")

    class Changes(Machine):
        def __init__(self):
            super().__init__()
            self.folder = tmp_path / str(next(number))
            (self.folder / "results").mkdir(parents=True)
            self.start_again()
            for name in "012":
                (self.folder / name).write_bytes(os.urandom(3))

        @rule()
        def start_again(self):
            self.known = listed_in(self.folder / "results")

        @rule(name=names, size=some.sampled_from([0, 3, 4]), keeps_times=some.booleans())
        def change(self, name, size, keeps_times):
            self.written(self.folder / name, self.folder / name, size, keeps_times)

        @rule(name=names, size=some.sampled_from([0, 3, 4]), keeps_times=some.booleans())
        def replace(self, name, size, keeps_times):
            self.written(self.folder / name, self.folder / "other", size, keeps_times)
            (self.folder / "other").replace(self.folder / name)

        def written(self, path, file, size, keeps_times):
            about = path.stat()
            file.write_bytes(os.urandom(size))
            if keeps_times:
                os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
            alike = keeps_times and size == about.st_size
            place = "in place" if file == path else "by another file"
            self.reach(f"a change {place} of neither size nor times", alike)

        @rule(name=names)
        def write_as_a_bucket(self, name):
            FolderBucket(self.folder, known=self.known).write(name, os.urandom(3))

        @rule()
        def rest(self):
            at_rest(*(self.folder / name for name in "012"))

        @rule()
        def ask_each(self):
            at_once = {path: path.read_bytes() for path in map(self.folder.joinpath, "012")}
            for path in at_once:
                assert etag(path, self.known) == md5(path)
            self.reach("a listed file", (self.folder / "results" / LIST).is_file())

        @rule(how=some.sampled_from([*DAMAGES, "torn", "inode", "changed_ns", "gone", "folder"]))
        def damage_the_list(self, how):
            path = self.folder / "results" / LIST
            whole = path.read_bytes() if path.is_file() else b""
            self.reach("a damaged list", whole)
            if path.is_dir():
                path.rmdir()
            path.unlink(missing_ok=True)
            if how == "folder":
                path.mkdir()
            elif how in ("inode", "changed_ns"):  # The same files on another machine.
                lines = [json.loads(line) for line in whole.split(b"\n") if line[-1:] == b"}"]
                lines = [line | {how: line.get(how, 0) + 1} for line in lines]
                path.write_text("\n".join(map(json.dumps, lines)))
            elif how != "gone":
                path.write_bytes(whole[:-9] if how == "torn" else how)
            self.start_again()

    places = ("in place", "by another file")
    reaches = {f"a change {place} of neither size nor times" for place in places}
    play(Changes, examples=40, steps=15, reaches=reaches | {"a listed file", "a damaged list"})


def test_a_file_of_the_future_is_read_because_a_clock_was_set_back(
    resting_photo, results, cost, monkeypatch
):
    etag(resting_photo, results)
    monkeypatch.setattr(time, "time_ns", lambda: resting_photo.stat().st_mtime_ns - 3600 * SECOND)
    with cost() as spent:
        etag(resting_photo, results)
    assert spent.read >= SIZE


def test_a_file_that_has_just_changed_is_read_again(resting_photo, results, cost):
    kept = listed_in(results)
    now = int(time.time())
    os.utime(resting_photo, (now, now))  # As disks have it that do not count parts of seconds.
    etag(resting_photo, kept)
    with cost() as spent:
        etag(resting_photo, kept)
    assert spent.read >= SIZE


@pytest.mark.parametrize(
    ("changed", "inode_changed", "age_s", "rests"),
    [
        (SECOND // 2, SECOND // 2, 0.02, False),
        (SECOND // 2, SECOND // 2, 0.2, True),
        # FAT counts two seconds, and has no time of the inode.
        (2 * SECOND, 2 * SECOND, 2.5, False),
        (2 * SECOND, 2 * SECOND, 3.5, True),
        # A program has set the time of the file.
        (SECOND // 2, 9 * SECOND + 1, 3.0, False),
        (9 * SECOND + 1, SECOND // 2, 3.0, False),
        (SECOND // 2, SECOND // 2, -3600, False),
    ],
)
def test_a_file_rests_once_its_next_change_would_have_another_time(
    changed, inode_changed, age_s, rests
):
    about = SimpleNamespace(st_mtime_ns=changed, st_ctime_ns=inode_changed)
    assert was_at_rest(about, int(min(changed, inode_changed) + age_s * SECOND)) == rests


def test_a_list_that_cannot_be_written_changes_nothing(resting_photo, results):
    (results / LIST).mkdir()
    for _ in range(2):
        assert etag(resting_photo, results) == md5(resting_photo)
    assert etag(resting_photo, results / "of a dry run") == md5(resting_photo)
    assert not (results / "of a dry run").exists()


def test_what_is_written_is_known_but_not_if_it_is_replaced(results, cost):
    bucket = FolderBucket(results, known=listed_in(results))
    bucket.write("monet/beach.jpg", os.urandom(SIZE))
    with cost() as spent:
        etag(results / "monet/beach.jpg", results)
    assert spent.read < SIZE
    (results / "monet/beach.jpg").write_bytes(os.urandom(SIZE))
    assert etag(results / "monet/beach.jpg", results) == md5(results / "monet/beach.jpg")
    assert etag(results / "monet/beach.jpg", bucket._known) == md5(results / "monet/beach.jpg")


def test_the_list_is_no_file_of_the_folder(resting_photo, results, tmp_path):
    etag(resting_photo, results)
    bucket = FolderBucket(results)
    bucket.write("monet/beach.jpg", b"a result")
    assert [each.key for each in bucket.list()] == ["monet/beach.jpg"]
    assert not bucket.skipped()
    sent = FolderBucket(tmp_path / "bucket", new=True)
    upload_all([results], sent)
    assert not (tmp_path / "bucket" / LIST).exists()


def test_files_that_are_gone_are_dropped_from_the_list(results, tmp_path, monkeypatch):
    monkeypatch.setattr(known_files, "MIN_BYTES", 1000)
    monkeypatch.setattr(known_files, "MIN_FILES", 10)
    kept, folder = listed_in(results), tmp_path / "photos"
    folder.mkdir()
    for generation in range(10):
        photos = [folder / f"{generation}-{number}.jpg" for number in range(20)]
        for each in photos:
            each.write_bytes(each.name.encode())
        at_rest(*photos)
        for each in photos:
            assert etag(each, kept) == md5(each)
        for each in photos if generation < 9 else ():
            each.unlink()
    lines = (results / LIST).read_text().split()
    assert len((results / LIST).read_bytes()) < 4 * 20 * 250, "200 photos have been there"
    assert lines and len(kept._seen) <= 40


def test_a_file_that_another_program_replaces_at_once_is_not_taken_for_the_written_one(results):
    """Between the end of a write and the look at it."""
    known, path = listed_in(results), results / "beach.jpg"
    path.write_bytes(b"one")
    written = path.stat()
    (results / "other").write_bytes(b"two")
    (results / "other").replace(path)
    known.wrote(path, md5(path)[::-1], written)
    assert known.md5(path) == md5(path)


def test_files_are_listed_together_and_once(results, tmp_path, monkeypatch):
    monkeypatch.setattr(known_files, "SAVE_EVERY_S", 1000.0)
    kept, photos = listed_in(results), [tmp_path / f"{number}.jpg" for number in range(3)]
    for each in photos:
        each.write_bytes(each.name.encode())
    at_rest(*photos)
    for each in photos:
        kept.md5(each)
    assert not (results / LIST).exists()
    for _ in range(2):
        kept.save()
        assert len((results / LIST).read_text().split("\n")) == 1 + len(photos)


def test_a_list_is_not_shortened_where_others_cannot_be_kept_out(results, monkeypatch):
    monkeypatch.setattr(known_files, "MIN_BYTES", 100)
    monkeypatch.setattr(known_files, "locked", lambda folder: (_ for _ in ()).throw(OSError))
    for _ in range(20):
        announce(results / "gone.jpg", b"")
    assert (results / LIST).read_text().count("gone.jpg") == 20


def test_a_picture_that_is_announced_and_not_written_yet_stays_listed(results, monkeypatch):
    monkeypatch.setattr(known_files, "MIN_BYTES", 100)
    announce(results / "coming.jpg", b"")
    for _ in range(40):
        announce(results / "painted.jpg", b"")
    assert (results / LIST).read_text().count("painted.jpg") < 40, "it was shortened"
    assert "coming.jpg" in MadeFiles(results).painted


def test_a_downloaded_file_that_was_removed_is_not_known_to_the_next_program(results):
    bucket, made = FolderBucket(results), MadeFiles(results)
    bucket.write("beach.jpg", b"photo")
    made.add(bucket.find("beach.jpg"), "photos", results / "beach.jpg")
    assert "beach.jpg" in MadeFiles(results).downloaded
    made.remove("beach.jpg")
    assert not MadeFiles(results).downloaded


@pytest.fixture
def start_lister(results):
    """Start the program that lists files in the folder of results, under a name."""
    started = []

    def start(name):
        command = [sys.executable, file_lister.__file__, str(results), name]
        environment = os.environ | {"PYTHONPATH": str(PROGRAM)}
        started.append(subprocess.Popen(command, env=environment))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()


@pytest.mark.slow
def test_of_two_programs_at_once_none_loses_what_it_has_listed(results, start_lister):
    assert [each.wait(60) for each in (start_lister("one"), start_lister("other"))] == [0, 0]
    painted = MadeFiles(results).painted
    assert len(painted) == 2 * (file_lister.FILES + 1)
    written = (results / LIST).stat().st_size
    assert written < 5 * 100 * len(painted), "ten lines were written for each"


@pytest.mark.slow
def test_a_list_is_usable_whenever_its_program_is_killed(results, start_lister):
    for run in range(5):
        child = start_lister(f"run {run}")
        until(lambda run=run: len([*results.glob(f"run {run}*")]) > 15 * run, every_s=0.001)
        child.kill()
        child.wait()
        painted = MadeFiles(results).painted
        names = {each.name for each in results.iterdir() if not each.name.startswith(".")}
        assert names <= painted.keys(), "each is listed before it is written"


def test_a_painted_and_a_downloaded_file_are_told_apart(tmp_path):
    bucket, folder = FolderBucket(tmp_path / "bucket"), tmp_path / "out"
    for key in ("monet.jpg", "painted.jpg"):
        bucket.write(key, key.encode())
    folder.mkdir()
    announce(folder / "painted.jpg", b"painted here")
    (folder / "painted.jpg").write_bytes(b"painted here")
    [failure] = download_all(bucket, folder).failures
    assert "painted.jpg is your own and stays" in failure
    check_is_painted(folder / "painted.jpg")
    with pytest.raises(ConfigError, match="not listed"):
        check_is_painted(folder / "monet.jpg")
