"""Downloads into a folder that has files already."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import strategies as some
from hypothesis.stateful import rule
from support.commands import contents, fill, keys
from support.machines import Machine, play

from painterly.storage import download, folder
from painterly.storage.base import DiskError
from painterly.storage.download import download_all
from painterly.storage.folder import FolderBucket
from painterly.storage.known_files import LIST, MadeFiles
from painterly.storage.sync import EVERYTHING, SyncRules, carry_out, plan
from painterly.storage.transfers import JOBS

MIRROR = SyncRules(delete=True)


@pytest.fixture
def painted_bucket(tmp_path):
    """Three results and a page."""
    bucket = FolderBucket(tmp_path / "bucket")
    fill(bucket, "monet/a.jpg", "monet/b.jpg", "Documents/p.jpg", "index.html")
    return bucket


@pytest.mark.thorough
def test_downloads_bring_what_is_new_and_keep_what_is_the_user_s(tmp_path):
    """Files change on both sides in between; some downloads are mirrors."""
    number, key = iter(range(10**6)), some.sampled_from(["a", "b/c", "index.html"])

    class Downloads(Machine):
        def __init__(self):
            super().__init__()
            here = tmp_path / str(next(number))
            self.bucket = FolderBucket(here / "bucket", new=True)
            self.folder = FolderBucket(here / "out", new=True)
            self.bucket.write("a", b"painted")
            # The files of the folder: the user's, and those of downloads.
            self.mine, self.theirs = {}, {}

        @rule(key=key, data=some.sampled_from([b"1", b"22", b"33"]))
        def paint(self, key, data):
            self.bucket.write(key, data)

        @rule(key=key, mirrors=some.booleans())
        def delete_all_but(self, key, mirrors):
            self.fetch(False)
            self.bucket.write(key, b"1")
            for each in {*contents(self.bucket)} - {key}:
                self.bucket.delete(each)
            self.fetch(mirrors)

        @rule(key=key, data=some.sampled_from([b"1", b"22", b"mine", None]))
        def work(self, key, data):
            self.folder.delete(key) if data is None else self.folder.write(key, data)
            if data is None or self.theirs.get(key) != data:  # Otherwise it is as downloaded.
                self.theirs.pop(key, None), self.mine.pop(key, None)
                self.mine |= {} if data is None else {key: data}

        @rule(mirrors=some.booleans())
        def fetch(self, mirrors):
            there = contents(self.bucket)
            result = download_all(
                self.bucket, self.folder.folder, MIRROR if mirrors else SyncRules()
            )
            stays = {key: data for key, data in self.mine.items() if there.get(key) != data}
            in_the_way = stays.keys() & there.keys()
            gone = self.theirs.keys() - there.keys()
            deleted = gone if mirrors and not in_the_way else set()
            now = contents(self.folder)
            assert now.keys() == (there.keys() | stays.keys() | gone) - deleted
            assert {key: now[key] for key in stays} == stays
            arrived = {key: data for key, data in there.items() if key not in stays}
            assert arrived.items() <= now.items() and result.deleted == len(deleted)
            refused = len(in_the_way) + (mirrors and bool(in_the_way) and bool(gone))
            assert (len(result.failures), result.exit_code) == (refused, int(refused > 0))
            self.reach("a file of the user's in the way", in_the_way)
            self.reach("a deletion", deleted)
            self.reach("a mirror that deletes nothing as a file is in the way", refused and gone)
            self.reach("a file that is taken over", self.mine.keys() & arrived.keys())
            self.theirs = {key: now[key] for key in {*self.theirs, *arrived} if key in now}
            self.mine = stays

        @rule()
        def tear_the_list(self):
            """Of what it names, some becomes the user's, and nothing else the program's."""
            file = self.folder.folder / LIST
            if file.exists():
                file.write_bytes(b"\x00\xff\n[1]\n")
                self.mine, self.theirs = self.mine | self.theirs, {}
                self.reach("a torn list", self.mine)

    reaches = {"a file of the user's in the way", "a deletion", "a file that is taken over"}
    reaches |= {"a mirror that deletes nothing as a file is in the way", "a torn list"}
    play(Downloads, examples=60, steps=15, reaches=reaches)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_disk_without_room_ends_a_download_with_one_line(
    painted_bucket, tmp_path, monkeypatch, number
):
    fill(painted_bucket, *(f"monet/{number}.jpg" for number in range(99)))
    tried = []

    def full(*_):
        tried.append(1)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_copy", full)
        with pytest.raises(DiskError, match="; make room there, or choose another disk"):
            download_all(painted_bucket, tmp_path / "out")
    assert len(tried) <= JOBS
    assert download_all(painted_bucket, tmp_path / "out").exit_code == 0


def test_a_line_of_the_list_that_is_cut_by_a_full_disk_is_an_error(
    painted_bucket, tmp_path, monkeypatch
):
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[:20]))
        with pytest.raises(DiskError, match=f"{LIST}: no space left on device; make room"):
            download_all(painted_bucket, tmp_path / "out")
    assert download_all(painted_bucket, tmp_path / "out").exit_code == 0
    assert contents(FolderBucket(tmp_path / "out")) == contents(painted_bucket)


def test_downloads_at_the_same_time_share_a_folder(painted_bucket, tmp_path):
    fill(painted_bucket, *(f"monet/{number}.jpg" for number in range(40)))
    folder = tmp_path / "out"
    for generation in range(3):
        with ThreadPoolExecutor(3) as pool:
            results = [*pool.map(lambda _: download_all(painted_bucket, folder, MIRROR), range(3))]
        assert [each.failures for each in results] == [[]] * 3
        assert contents(folder) == contents(painted_bucket)
        for key in contents(painted_bucket):
            painted_bucket.write(key, f"generation {generation}".encode())


def test_a_file_that_another_download_has_yet_to_list_is_not_the_user_s_own(
    painted_bucket, tmp_path, monkeypatch
):
    folder, is_unchanged = tmp_path / "out", MadeFiles.is_unchanged
    download_all(painted_bucket, folder)
    painted_bucket.write("monet/b.jpg", b"painted anew")

    def overtaken(manifest, key, path):
        path.write_bytes(b"painted anew")
        return is_unchanged(manifest, key, path)

    monkeypatch.setattr(MadeFiles, "is_unchanged", overtaken)
    result = download_all(painted_bucket, folder)
    assert (result.failures, contents(folder)) == ([], contents(painted_bucket))


def test_a_link_to_nowhere_and_a_list_that_names_files_outside_do_no_harm(painted_bucket, tmp_path):
    folder, outside = tmp_path / "out", tmp_path / "outside.jpg"
    (folder / "monet").mkdir(parents=True)
    (folder / "monet/a.jpg").symlink_to("nowhere")
    outside.write_bytes(b"mine")
    about = outside.stat()
    line = f'{{"key": "../outside.jpg", "etag": "", "bucket": "{painted_bucket.name}", "size": 4, '
    (folder / LIST).write_text(line + f'"time_ns": {about.st_mtime_ns}}}')
    assert len(download_all(painted_bucket, folder).failures) == 1
    assert (folder / "monet/a.jpg").readlink() == Path("nowhere")
    (folder / "monet/a.jpg").unlink()
    assert "outside.jpg' cannot be a file" in download_all(painted_bucket, folder, MIRROR).notes[0]
    assert outside.read_bytes() == b"mine"


def test_a_plan_changes_nothing_and_a_file_that_becomes_the_user_s_own_since_stays(
    painted_bucket, tmp_path
):
    home = FolderBucket(tmp_path / "home")
    fill(home, "monet/a.jpg")
    home.write("index.html", b"mine")
    route = download._Download(painted_bucket, home.folder, None)
    made = plan(route, EVERYTHING)
    assert [entry.key for entry in made.copies] == ["Documents/p.jpg", "monet/b.jpg"]
    assert made.result.same == 1 and "index.html is your own" in made.result.failures[0]
    assert keys(home) == ["index.html", "monet/a.jpg"] and not (home.folder / LIST).exists()
    home.write("monet/b.jpg", b"drawn meanwhile")
    home.write("Documents/p.jpg", b"Documents/p.jpg")
    result = carry_out(made, route, EVERYTHING)
    assert (result.copied, len(result.failures), result.exit_code) == (1, 2, 1)
    assert home.read("monet/b.jpg") == b"drawn meanwhile"
