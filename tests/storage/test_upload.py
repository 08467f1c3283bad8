"""Copying files between a folder and a bucket, apart from the scripts."""

import os
import signal
import time
from unittest.mock import Mock

import pytest
from support.commands import contents, fill

from painterly.signals import Stopped
from painterly.storage import download, file_names, transfers, upload
from painterly.storage.base import ObjectError, UnavailableError
from painterly.storage.folder import FolderBucket
from painterly.storage.s3 import bucket as s3
from painterly.storage.sync import SyncRules
from painterly.storage.transfers import Job, run_jobs


def test_a_storage_that_refuses_everything_ends_with_5_and_one_that_is_gone_at_once(
    folder_to_send, tmp_path
):
    bucket = FolderBucket(tmp_path / "x", new=True)
    bucket.upload = Mock(side_effect=ObjectError("refused"))
    result = upload.upload_all([folder_to_send], bucket)
    assert (len(result.failures), result.exit_code) == (5, 5)
    bucket.upload.side_effect = UnavailableError("gone")
    with pytest.raises(UnavailableError):
        upload.upload_all([folder_to_send], bucket)


@pytest.mark.parametrize("size", [300_000, 12_000_000])  # The larger one is sent in parts.
@pytest.mark.parametrize("change", ["shorter", "longer", "gone"])
def test_a_file_that_changes_while_it_is_sent_fails_at_once(
    moto, tmp_path, monkeypatch, caplog, change, size
):
    file, read = tmp_path / "in" / "a.jpg", s3.FileToSend.read
    monkeypatch.setattr(s3, "MULTIPART_FROM", 10_000_000)
    fill(FolderBucket(tmp_path / "in"), "b.jpg")
    file.write_bytes(b"x" * size)
    changes = []

    def disturbed(body, count=-1):
        if body.size == size and body.tell() and not changes:
            changes.append(change)
            if change == "gone":
                file.unlink()
            else:
                os.truncate(file, size // 4 if change == "shorter" else size + 9)
        return read(body, count)

    monkeypatch.setattr(s3.FileToSend, "read", disturbed)
    result = upload.upload_all([tmp_path / "in"], bucket := moto.open())
    what = "does not exist" if change == "gone" else "changed while it was sent; send it again"
    assert (result.copied, result.failures) == (1, [f"{file} {what}"])
    assert "no answer" not in caplog.text  # The service would wait for the rest of the file.
    if change != "gone":
        assert upload.upload_all([tmp_path / "in"], bucket).exit_code == 0
        assert contents(bucket) == contents(tmp_path / "in")


def test_a_file_that_vanishes_while_a_script_looks_at_it_is_named(tmp_path, monkeypatch):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"x")
    monkeypatch.setattr(upload, "_folder", lambda sources: sources[0].unlink())
    with pytest.raises(ObjectError, match=r"/photo\.jpg does not exist"):
        upload.upload_all([photo], FolderBucket(tmp_path / "bucket", new=True))


def test_keys_that_are_one_file_on_a_disk_do_not_overwrite_each_other(moto, monkeypatch, tmp_path):
    bucket = moto.open()
    fill(bucket, "A.jpg", "a.jpg", "b/é.jpg", "b/e\u0301.jpg", "c.jpg")
    assert download.download_all(bucket, tmp_path / "case-sensitive").copied == 5
    monkeypatch.setattr(file_names, "same_file", lambda *_: True)
    result = download.download_all(bucket, tmp_path / "out")
    assert (result.copied, result.exit_code) == (3, 1)
    assert contents(tmp_path / "out").keys() == {"A.jpg", "b/e\u0301.jpg", "c.jpg"}
    assert "'a.jpg' and 'A.jpg' are one file on this disk" in result.failures[0]
    # The file of a key may have been made under another case before: a mirror keeps it.
    for key in ("a.jpg", "b/é.jpg"):
        bucket.delete(key)
    FolderBucket(tmp_path / "out").write("C.JPG", b"x")
    result = download.download_all(bucket, tmp_path / "out", SyncRules(delete=True))
    assert result.deleted == 0


def test_sending_again_aborts_the_upload_that_a_killed_script_left(rgw, folder_to_send):
    bucket = rgw.open()
    for key in ("a.jpg", "somebody else's.jpg"):
        rgw.client.create_multipart_upload(Bucket=bucket.name, Key=key)
    upload.upload_all([folder_to_send], bucket, SyncRules(dry_run=True))
    assert len(bucket.unfinished_uploads()) == 2
    upload.upload_all([folder_to_send], bucket)
    assert [each.key for each in bucket.unfinished_uploads()] == ["somebody else's.jpg"]


# --- signals ---------------------------------------------------------------------------------


def test_after_a_signal_no_further_job_begins(capsys, monkeypatch):
    monkeypatch.setattr(transfers, "JOBS", 2)
    ran = []

    def run(progress):
        ran.append(1)
        if len(ran) == 1:
            signal.raise_signal(signal.SIGTERM)
        time.sleep(0.3)
        return True

    with pytest.raises(Stopped):
        run_jobs([Job(f"{n}.jpg", 1, run) for n in range(50)], lambda *_: "", "sending")
    assert len(ran) < 50, "those that had begun"


def test_a_signal_as_the_last_job_ends_is_not_lost():
    def ended(job, outcome):
        signal.raise_signal(signal.SIGINT)
        return ""

    with pytest.raises(Stopped):
        run_jobs([Job("a.jpg", 1, lambda progress: True)], ended, "sending")
