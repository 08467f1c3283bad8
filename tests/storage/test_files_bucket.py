"""The files that one command names, as a bucket."""

import pytest

from painterly.storage.base import Entry, ObjectError
from painterly.storage.files_bucket import FilesBucket

MD5_OF_ONE = "c4ca4238a0b923820dcc509a6f75849b"  # the MD5 of b"1"


@pytest.fixture
def named_files():
    """A bucket of two named files."""
    bucket = FilesBucket()
    bucket.add("../b.jpg", b"22")
    bucket.add("/photos/a.jpg", b"1")
    return bucket


def test_files_are_read_by_the_names_that_they_were_given_wherever_they_are(named_files, tmp_path):
    assert [entry.key for entry in named_files.list()] == ["../b.jpg", "/photos/a.jpg"]
    assert [*named_files.list("/photos")] == [Entry("/photos/a.jpg", 1, MD5_OF_ONE)]
    assert named_files.find("/photos/a.jpg") == Entry("/photos/a.jpg", 1, MD5_OF_ONE)
    assert named_files.read("../b.jpg") == b"22" and named_files.read_part("../b.jpg", 0, 1) == b"2"
    counted = []
    named_files.download("../b.jpg", tmp_path / "copy", counted.append)
    assert (tmp_path / "copy").read_bytes() == b"22" and counted == [2]


def test_files_of_one_name_are_both_there(named_files):
    """A file may be called as the standard input is, or change between two reads."""
    first, other = named_files.find("../b.jpg"), named_files.add("../b.jpg", b"333")
    assert named_files.add("../b.jpg", b"22") == first != other
    assert (named_files.read(first.key), named_files.read(other.key)) == (b"22", b"333")


def test_a_file_that_was_not_named_is_not_there(named_files, tmp_path):
    (tmp_path / "c.jpg").write_bytes(b"3")
    assert named_files.find(str(tmp_path / "c.jpg")) is None
    with pytest.raises(ObjectError, match=r"c\.jpg is not one of the files that were named"):
        named_files.read(str(tmp_path / "c.jpg"))


def test_no_file_is_changed(named_files, tmp_path):
    path = tmp_path / "mine.jpg"
    path.write_bytes(b"mine")
    named_files.add(str(path), b"mine")
    for change in (
        lambda: named_files.write(str(path), b"x"),
        lambda: named_files.write_if(str(path), b"x", None),
        lambda: named_files.upload(path, str(path)),
        lambda: named_files.delete(str(path)),
    ):
        with pytest.raises(ObjectError, match="only read"):
            change()
    assert named_files.read(str(path)) == path.read_bytes() == b"mine"
