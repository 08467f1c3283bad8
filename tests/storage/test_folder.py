"""Properties of folders: hostile keys, links, hidden files."""

import contextlib
import itertools
import ntpath
import os
import shutil
from pathlib import Path

import pytest
from support.commands import keys, refusal

from painterly.errors import StorageError
from painterly.storage import folder, open_bucket
from painterly.storage.address import Account
from painterly.storage.folder import BEHIND_LINKS, IN_ICLOUD, FolderBucket, safe_path
from painterly.storage.foreign_files import FOREIGN

HOSTILE = ["", ".", "..", "/", "../x", "../../x", "a/../../x", "/etc/x", "a/..", "a/./b", "a//b"]
HOSTILE += ["a/", "a\0b", "..\\x", "a\\..\\..\\x", "C:\\x", ".ssh/keys", "a/.b"]


def put(folder, *names):
    """Files of these names, which no bucket would write."""
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_file_in_place_of_a_folder_is_reported(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    assert "is not a folder" in refusal(lambda: list(open_bucket(f"{tmp_path}/file", ()).list()))
    below = open_bucket(f"{tmp_path}/file/painted", Account(), new=True)
    assert "cannot be made" in refusal(lambda: list(below.list())), "nothing could be written there"
    bucket = open_bucket(str(tmp_path), Account())
    assert "needs a folder" in refusal(lambda: bucket.write("file/a.jpg", b"x"))
    bucket.write("sub/a.jpg", b"x")
    assert "needs a folder" in refusal(lambda: bucket.write("sub", b"x"))
    assert keys(bucket) == ["file", "sub/a.jpg"]


def test_hidden_files_links_and_files_in_icloud_are_left_out_the_latter_by_name(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.write("trip/a.jpg", b"x")
    put(tmp_path, ".DS_Store", "._a.jpg", ".0123.part", ".git/x.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    put(tmp_path, "trip/.IMG_1.HEIC.icloud", ".b.jpg.icloud", ".icloud", ".git/.c.jpg.icloud")
    (tmp_path / "link.jpg").symlink_to("../gone.jpg")
    assert keys(bucket) == ["trip/a.jpg"]
    assert bucket.skipped() == {
        BEHIND_LINKS: ["link.jpg → ../gone.jpg"],
        IN_ICLOUD: ["b.jpg", "trip/IMG_1.HEIC"],
        FOREIGN: ["._*"],
    }
    (tmp_path / "._a.jpg").unlink()
    (tmp_path / "link.jpg").unlink()
    put(tmp_path, "c/.d.jpg.icloud")
    assert [*bucket.list("c")] == [] and len(bucket.skipped()) == 3, "not all was listed"
    assert keys(bucket) == ["trip/a.jpg"] and [*bucket.skipped()] == [IN_ICLOUD]


def test_a_folder_that_is_deleted_while_all_is_listed_is_left_out(tmp_path, monkeypatch):
    bucket, stat = FolderBucket(tmp_path / "in"), Path.stat
    put(tmp_path, "in/a.jpg", "in/monet/b.jpg", "in/waves/c.jpg")

    def deleting(folder):
        def deleted(path, **how):
            if path.suffix == ".jpg":
                shutil.rmtree(folder, ignore_errors=True)
            return stat(path, **how)

        return deleted

    monkeypatch.setattr(Path, "stat", deleting(tmp_path / "in" / "monet"))
    assert keys(bucket) == ["a.jpg", "waves/c.jpg"]
    monkeypatch.setattr(Path, "stat", deleting(tmp_path / "in"))
    with pytest.raises(StorageError, match="does not exist"):  # Not empty: nothing is known of it.
        keys(bucket)


def test_a_file_that_is_deleted_before_it_is_replaced_counts_as_gone(tmp_path, monkeypatch):
    bucket = FolderBucket(tmp_path)
    first = bucket.write("job.json", b"1")

    @contextlib.contextmanager
    def deleted_meanwhile(folder):
        (tmp_path / "job.json").unlink()
        yield

    with monkeypatch.context() as patch:
        patch.setattr(folder, "locked", deleted_meanwhile)
        assert bucket.write_if("job.json", b"2", first) is None
    assert bucket.write_if("job.json", b"2", None)


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.write("a.jpg", b"before")
    with pytest.raises(TypeError):
        bucket.write("a.jpg", None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
    assert bucket.read("a.jpg") == b"before"


def test_a_disk_that_ignores_case_keeps_the_file_of_another_key(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "same_file", lambda *_: True)
    bucket = FolderBucket(tmp_path)
    bucket.write("Monet/Beach.jpg", b"x")
    (tmp_path / "new.jpg").write_bytes(b"y")
    for key, other in (("Monet/beach.jpg", "Beach.jpg"), ("monet/a.jpg", "Monet")):
        expected = f"{key} would be in the place of {other} on this disk"
        assert expected in refusal(lambda key=key: bucket.write(key, b"y"))
        assert expected in refusal(lambda key=key: bucket.upload(tmp_path / "new.jpg", key))
    bucket.write("Monet/Beach.jpg", b"z")
    bucket.write("Monet/a.jpg", b"z")
    assert keys(bucket) == ["Monet/Beach.jpg", "Monet/a.jpg", "new.jpg"]


def test_links_out_of_the_folder_are_neither_listed_nor_followed(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    (inside / "a.jpg").write_bytes(b"x")
    (inside / "again.jpg").symlink_to("a.jpg")
    (inside / "file.jpg").symlink_to(outside / "secret.jpg")
    (inside / "folder").symlink_to(outside)
    (inside / "gone.jpg").symlink_to("nowhere")
    (inside / "circle.jpg").symlink_to("circle.jpg")
    bucket = FolderBucket(inside)
    assert keys(bucket) == ["a.jpg", "again.jpg"]
    for key in ("file.jpg", "folder/secret.jpg"):
        assert "a link out of" in refusal(lambda key=key: bucket.read(key))
        assert "a link out of" in refusal(lambda key=key: bucket.write(key, b"x"))
    assert (outside / "secret.jpg").read_bytes() == b"secret"


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_cannot_be_a_file_in_a_folder(tmp_path, key):
    folder = tmp_path / "in"
    bucket = FolderBucket(folder)
    for action in (
        lambda: safe_path(folder, key),
        lambda: bucket.write(key, b"x"),
        lambda: bucket.read(key),
        lambda: bucket.delete(key),
    ):
        assert str(folder) in refusal(action)
    assert list(tmp_path.iterdir()) == []


def test_a_key_with_an_empty_part_gets_the_way_out(tmp_path):
    for key in ("/beach.jpg", "ink//beach.jpg"):
        message = refusal(lambda key=key: FolderBucket(tmp_path).check_key(key))
        assert "empty; rename the object, or choose a bucket instead" in message


@pytest.mark.parametrize("system", ["linux", "win32"])
def test_no_key_made_of_hostile_parts_leaves_the_folder(tmp_path, monkeypatch, system):
    monkeypatch.setattr(folder.sys, "platform", system)
    parts = ["", ".", "..", "a", "~", "\\", "..\\", "C:", "nul", "nul.jpg", "a.", "\\\\host", "$x"]
    for count in (1, 2, 3):
        for chosen in itertools.product(parts, repeat=count):
            key = "/".join(chosen)
            try:
                path = safe_path(tmp_path, key)
            except StorageError:
                continue
            assert path.resolve().is_relative_to(tmp_path) and path != tmp_path, key
            there = ntpath.normpath(ntpath.join("C:\\pictures", key))
            assert there.startswith("C:\\pictures\\") or system != "win32", key


def test_entries_are_compared_by_version_without_reading_their_files(tmp_path, cost):
    bucket = FolderBucket(tmp_path)
    bucket.write("a.jpg", bytes(500_000))
    bucket.write("b.jpg", bytes(500_000))
    with cost() as spent:
        [first, other], again = bucket.list(), bucket.find("a.jpg")
        assert first == again and first != other and len({first, again, other}) == 2
    assert spent.read < 100_000
    data, read = bucket.read_with_entry("a.jpg")
    assert read == first and (read.etag, len(data)) == (first.etag, 500_000)
    bucket.write("a.jpg", bytes(500_000))
    assert bucket.find("a.jpg") != first


def test_an_entry_that_comes_with_content_has_the_etag_of_that_content(tmp_path):
    bucket = FolderBucket(tmp_path)
    etag = bucket.write("a.json", b"one")
    _, entry = bucket.read_with_entry("a.json")
    bucket.write("a.json", b"two")
    assert entry.etag == etag
    assert bucket.write_if("a.json", b"three", entry.etag) is None
