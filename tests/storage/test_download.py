"""Downloads into a folder that has files already."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.commands import contents, fill, keys

from painterly.errors import ConfigError
from painterly.storage import download, folder
from painterly.storage.base import DiskError
from painterly.storage.download import download_all
from painterly.storage.folder import FolderBucket
from painterly.storage.known_files import LIST, MadeFiles
from painterly.storage.sync import EVERYTHING, SyncRules, carry_out, plan
from painterly.storage.transfers import JOBS

MIRROR = SyncRules(delete=True)


@pytest.fixture
def bucket(tmp_path):
    """Three results and a page."""
    bucket = FolderBucket(tmp_path / "bucket")
    fill(bucket, "monet/a.jpg", "monet/b.jpg", "Documents/p.jpg", "index.html")
    return bucket


def test_a_file_of_the_user_s_own_stays_and_is_no_storage_that_refuses(bucket, tmp_path):
    home = FolderBucket(tmp_path / "home")
    home.write("index.html", b"my own page")
    result = download_all(bucket, home.folder, SyncRules(include=lambda key: key == "index.html"))
    [failure] = result.failures
    assert failure.startswith(f"{home.folder / 'index.html'} is your own and stays; to get ")
    assert (result.exit_code, contents(home)) == (1, {"index.html": b"my own page"})


def test_what_was_changed_after_its_download_is_neither_replaced_nor_deleted(bucket, tmp_path):
    folder = FolderBucket(tmp_path / "out", new=True)
    download_all(bucket, folder.folder)
    for key in ("monet/a.jpg", "monet/b.jpg"):
        folder.write(key, b"retouched")
    bucket.write("monet/a.jpg", b"painted anew")
    bucket.write("Documents/p.jpg", b"painted anew")
    bucket.delete("monet/b.jpg")
    result = download_all(bucket, folder.folder)
    assert (result.copied, result.same, result.exit_code) == (1, 1, 1)
    assert "a.jpg was changed after it was downloaded and stays" in result.failures[0]
    assert folder.read("Documents/p.jpg") == b"painted anew"
    folder.delete("monet/a.jpg")
    result = download_all(bucket, folder.folder, MIRROR)
    assert (result.copied, result.deleted, result.exit_code) == (1, 0, 0)
    assert "b.jpg was changed after it was downloaded and is not deleted" in result.notes[0]
    assert contents(folder) == contents(bucket) | {"monet/b.jpg": b"retouched"}


def test_of_downloads_before_there_was_a_list_the_same_files_are_taken_over(bucket, tmp_path):
    folder = FolderBucket(tmp_path / "out")
    fill(folder, "monet/a.jpg", "monet/gone.jpg")
    folder.write("monet/b.jpg", b"painted before")
    result = download_all(bucket, folder.folder)
    assert (result.copied, result.same, result.exit_code) == (2, 1, 1)
    assert "b.jpg is your own" in result.failures[0]
    folder.delete("monet/b.jpg")
    bucket.write("monet/a.jpg", b"painted anew")
    assert download_all(bucket, folder.folder, MIRROR).exit_code == 0
    assert contents(folder) == contents(bucket) | {"monet/gone.jpg": b"monet/gone.jpg"}


@pytest.mark.parametrize("damage", [b"", b"\x00\xff" * 9, b"[1]\n{}\nnull", "torn"])
def test_a_damaged_list_makes_nothing_the_program_s(bucket, tmp_path, damage):
    folder = FolderBucket(tmp_path / "out", new=True)
    download_all(bucket, folder.folder)
    file = folder.folder / LIST
    file.write_bytes(file.read_bytes()[:-9] if damage == "torn" else damage)
    bucket.delete("monet/a.jpg")
    result = download_all(bucket, folder.folder, MIRROR)
    assert (result.same, result.exit_code) == (3, 0)
    # One line is lost: which, depends on the threads that wrote it.
    assert result.deleted <= (damage == "torn")
    assert contents(bucket).items() <= contents(folder).items()
    for key in contents(bucket):
        bucket.write(key, b"painted anew")
    result = download_all(bucket, folder.folder)
    assert (result.copied, result.exit_code) == (3, 0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_disk_without_room_ends_a_download_with_one_line(bucket, tmp_path, monkeypatch, number):
    fill(bucket, *(f"monet/{number}.jpg" for number in range(99)))
    tried = []

    def full(*_):
        tried.append(1)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_copy", full)
        with pytest.raises(DiskError, match="; make room there, or choose another disk"):
            download_all(bucket, tmp_path / "out")
    assert len(tried) <= JOBS
    assert download_all(bucket, tmp_path / "out").exit_code == 0


def test_a_line_of_the_list_that_is_cut_by_a_full_disk_is_an_error(bucket, tmp_path, monkeypatch):
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[:20]))
        with pytest.raises(DiskError, match=f"{LIST}: no space left on device; make room"):
            download_all(bucket, tmp_path / "out")
    assert download_all(bucket, tmp_path / "out").exit_code == 0
    assert contents(FolderBucket(tmp_path / "out")) == contents(bucket)


def test_downloads_at_the_same_time_share_a_folder(bucket, tmp_path):
    fill(bucket, *(f"monet/{number}.jpg" for number in range(40)))
    folder = tmp_path / "out"
    for generation in range(3):
        with ThreadPoolExecutor(3) as pool:
            results = [*pool.map(lambda _: download_all(bucket, folder, MIRROR), range(3))]
        assert [each.failures for each in results] == [[]] * 3
        assert contents(folder) == contents(bucket)
        for key in contents(bucket):
            bucket.write(key, f"generation {generation}".encode())


def test_a_file_that_another_download_has_yet_to_list_is_not_the_user_s_own(
    bucket, tmp_path, monkeypatch
):
    folder, is_unchanged = tmp_path / "out", MadeFiles.is_unchanged
    download_all(bucket, folder)
    bucket.write("monet/b.jpg", b"painted anew")

    def overtaken(manifest, key, path):
        path.write_bytes(b"painted anew")
        return is_unchanged(manifest, key, path)

    monkeypatch.setattr(MadeFiles, "is_unchanged", overtaken)
    result = download_all(bucket, folder)
    assert (result.failures, contents(folder)) == ([], contents(bucket))


def test_a_link_to_nowhere_and_a_list_that_names_files_outside_do_no_harm(bucket, tmp_path):
    folder, outside = tmp_path / "out", tmp_path / "outside.jpg"
    (folder / "monet").mkdir(parents=True)
    (folder / "monet/a.jpg").symlink_to("nowhere")
    outside.write_bytes(b"mine")
    about = outside.stat()
    line = f'{{"key": "../outside.jpg", "etag": "", "bucket": "{bucket.name}", "size": 4, '
    (folder / LIST).write_text(line + f'"time_ns": {about.st_mtime_ns}}}')
    assert len(download_all(bucket, folder).failures) == 1
    assert (folder / "monet/a.jpg").readlink() == Path("nowhere")
    (folder / "monet/a.jpg").unlink()
    assert "outside.jpg' cannot be a file" in download_all(bucket, folder, MIRROR).notes[0]
    assert outside.read_bytes() == b"mine"


def test_what_a_killed_download_left_is_deleted_after_an_hour(bucket, tmp_path):
    left = [tmp_path / f"out/monet/.{digit * 16}.part" for digit in "0a"]
    mine = tmp_path / "out/monet/.mine.part"
    mine.parent.mkdir(parents=True)
    for path in (*left, mine):
        path.write_bytes(b"x")
    for path in (left[0], mine):
        os.utime(path, (1e9, 1e9))
    download_all(bucket, tmp_path / "out", SyncRules(dry_run=True))
    assert left[0].exists()
    download_all(bucket, tmp_path / "out")
    assert [path.exists() for path in (*left, mine)] == [False, True, True]


@pytest.mark.parametrize("inner", ["", "a/b"])
def test_a_link_to_a_disk_that_is_not_mounted_is_named(tmp_path, inner):
    fill(bucket := FolderBucket(tmp_path / "bucket", new=True), "a.jpg")
    (tmp_path / "results").symlink_to("/nowhere/disk")
    with pytest.raises(ConfigError, match=r"results is a link to /nowhere/disk, .*; mount"):
        download_all(bucket, tmp_path / "results" / inner)


def test_a_plan_changes_nothing_and_a_file_that_becomes_the_user_s_own_since_stays(
    bucket, tmp_path
):
    home = FolderBucket(tmp_path / "home")
    fill(home, "monet/a.jpg")
    home.write("index.html", b"mine")
    route = download._Download(bucket, home.folder, None)
    made = plan(route, EVERYTHING)
    assert [entry.key for entry in made.copies] == ["Documents/p.jpg", "monet/b.jpg"]
    assert made.result.same == 1 and "index.html is your own" in made.result.failures[0]
    assert keys(home) == ["index.html", "monet/a.jpg"] and not (home.folder / LIST).exists()
    home.write("monet/b.jpg", b"drawn meanwhile")
    home.write("Documents/p.jpg", b"Documents/p.jpg")
    result = carry_out(made, route, EVERYTHING)
    assert (result.copied, len(result.failures), result.exit_code) == (1, 2, 1)
    assert home.read("monet/b.jpg") == b"drawn meanwhile"
