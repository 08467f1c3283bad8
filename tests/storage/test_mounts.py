"""A folder whose disk is unmounted while it is in use."""

import errno
import os
import shutil
import threading
from pathlib import Path

import pytest
from support.commands import contents, fill, keys, refusal
from support.disks import MountedDisk, below

from painterly.storage.base import Entry, NoBucketError, UnavailableError, UnfinishedUpload
from painterly.storage.download import download_all
from painterly.storage.folder import FolderBucket
from painterly.storage.known_files import LIST, KnownFiles, MadeFiles
from painterly.storage.sync import SyncRules
from painterly.storage.upload import upload_all


def test_once_its_disk_is_gone_a_folder_refuses_every_request_and_nothing_is_written(
    disk, tmp_path
):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"new")
    bucket = FolderBucket(disk.path / "out", "./out", new=True)
    bucket.write("monet/a.jpg", b"x")
    disk.go()
    for request in (
        lambda: keys(bucket),
        lambda: [*bucket.list("", "a")],
        lambda: bucket.find("monet/a.jpg"),
        lambda: bucket.read("monet/a.jpg"),
        lambda: bucket.read_part("monet/a.jpg", 0, 1),
        lambda: bucket.write("monet/b.jpg", b"y"),
        lambda: bucket.write_if("job.json", b"y", None),
        lambda: bucket.upload(file, "c.jpg"),
        lambda: bucket.download("monet/a.jpg", file),
        lambda: bucket.delete("monet/a.jpg"),
        bucket.unfinished_uploads,
        lambda: bucket.abort_upload(UnfinishedUpload("monet/a.jpg", "", 0.0)),
        bucket.create,
    ):
        message = refusal(request)
        assert message.startswith("folder ./out is no longer on the disk mounted at /")
        assert message.endswith("; mount it again")
    assert (below(disk.path), file.read_bytes()) == ([], b"new")
    disk.come_back()
    bucket.write("monet/a.jpg", b"y")
    assert contents(bucket) == {"monet/a.jpg": b"y"}


def test_a_folder_that_is_yet_to_be_made_is_made_on_no_other_disk(disk):
    bucket = FolderBucket(disk.path / "out", new=True)
    assert keys(bucket) == []
    disk.go()
    with pytest.raises(UnavailableError):
        bucket.write("a.jpg", b"x")
    assert below(disk.path) == []


@pytest.mark.parametrize("disk", [MountedDisk], indirect=True)
def test_a_disk_may_be_that_of_the_working_folder(disk, monkeypatch):
    monkeypatch.chdir(disk.path)
    bucket = FolderBucket(Path("out"), "./out", new=True)
    bucket.write("a.jpg", b"x")
    disk.go()
    for request in (lambda: keys(bucket), lambda: bucket.read("a.jpg")):
        assert refusal(request).startswith("folder ./out is no longer on the disk")
    disk.come_back()
    bucket.write("b.jpg", b"y")
    assert contents(disk.path / "out") == {"b.jpg": b"y"}


def test_a_request_does_not_look_for_the_mount_point_while_the_device_is_the_same(
    tmp_path, monkeypatch
):
    bucket, looked = FolderBucket(tmp_path), []
    monkeypatch.setattr(os.path, "ismount", looked.append)
    bucket.write("a.jpg", b"x")
    assert contents(bucket) == {"a.jpg": b"x"} and not looked


def test_a_drive_that_is_gone_has_no_mount_point_to_ask_for(tmp_path, monkeypatch):
    def ismount(path):  # As on Windows.
        raise FileNotFoundError(errno.ENOENT, "the system cannot find the path", path)

    monkeypatch.setattr(os.path, "ismount", ismount)
    bucket = FolderBucket(tmp_path / "out")
    with pytest.raises(NoBucketError):
        keys(bucket)


def test_a_disk_that_goes_during_a_listing_does_not_list_half_of_it(disk, monkeypatch):
    bucket, stat = FolderBucket(disk.path), Path.stat
    fill(bucket, "a.jpg", "monet/b.jpg", "monet/c.jpg")

    def going(path, **how):
        about = stat(path, **how)
        if path.name == "a.jpg":
            disk.go()
        return about

    monkeypatch.setattr(Path, "stat", going)
    with pytest.raises(UnavailableError):
        keys(bucket)


def test_the_list_of_known_files_is_not_written_elsewhere(disk, tmp_path):
    known, photo = KnownFiles(), tmp_path / "photo.jpg"
    known.keep_in(disk.path)
    made = MadeFiles(disk.path)
    photo.write_bytes(b"x")
    known.wrote(photo, "etag", photo.stat())
    assert LIST in below(disk.path)
    disk.go()
    photo.write_bytes(b"xy")
    known.wrote(photo, "etag", photo.stat())
    known.save()
    for change in (made.create, lambda: made.add(Entry("a", 1, ""), "bucket", photo)):
        with pytest.raises(UnavailableError):
            change()
    assert below(disk.path) == []


def test_a_folder_of_the_same_disk_may_be_made_anew_or_replaced(tmp_path):
    bucket = FolderBucket(tmp_path / "out", new=True)
    bucket.write("a.jpg", b"x")
    shutil.rmtree(tmp_path / "out")
    assert keys(bucket) == []
    bucket.write("b.jpg", b"x")
    (tmp_path / "out").rename(tmp_path / "old")
    (tmp_path / "out").mkdir()
    bucket.write("c.jpg", b"x")
    assert keys(bucket) == ["c.jpg"] and contents(tmp_path / "old") == {"b.jpg": b"x"}


def test_a_disk_that_is_mounted_above_the_folder_later_is_the_folders(disk):
    disk.go()
    bucket = FolderBucket(disk.path / "out", new=True)
    disk.come_back()
    bucket.write("a.jpg", b"x")
    disk.go()
    with pytest.raises(UnavailableError):
        bucket.write("b.jpg", b"x")


def test_a_download_ends_when_its_disk_goes(disk, tmp_path, monkeypatch):
    bucket = FolderBucket(tmp_path / "bucket", new=True)
    fill(bucket, "a.jpg", "b.jpg", "c.jpg")
    download_all(bucket, disk.path / "out")
    bucket.write("a.jpg", b"painted anew")
    bucket.delete("c.jpg")
    download = FolderBucket.download

    def going(bucket, key, path, progress=None):
        download(bucket, key, path, progress)
        disk.go()

    monkeypatch.setattr(FolderBucket, "download", going)
    with pytest.raises(UnavailableError, match="mount it again"):
        download_all(bucket, disk.path / "out", SyncRules(delete=True))
    assert below(disk.path) == []


def test_an_upload_ends_when_its_disk_goes_and_deletes_nothing(disk, tmp_path, monkeypatch):
    photos, bucket = FolderBucket(disk.path), FolderBucket(tmp_path / "bucket", new=True)
    fill(photos, *(f"{number:02}.jpg" for number in range(30)))
    bucket.write("old.jpg", b"x")
    upload, gone = FolderBucket.upload, threading.Event()

    def going(bucket, path, key, progress=None):
        if key != "00.jpg":
            gone.wait(10)
        upload(bucket, path, key, progress)
        if key == "00.jpg":
            disk.go()
            gone.set()

    monkeypatch.setattr(FolderBucket, "upload", going)
    with pytest.raises(UnavailableError, match="mount it again"):
        upload_all([disk.path], bucket, SyncRules(delete=True))
    assert "old.jpg" in keys(bucket)
