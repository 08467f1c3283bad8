"""The interface of buckets, the same for folders, moto, and radosgw. TLS makes a difference only to
what is sent and read."""

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.commands import keys, refusal
from support.s3_servers import MOTO, RGW, RGW_TLS

from painterly.storage.base import BadKeyError, ObjectError
from painterly.storage.files import is_same

KEYS = [
    "#?%&+ =;,@$.jpg",
    "100%25 %2e%2e.jpg",
    "a b/c  d/é ü.jpg",
    "a-b.jpg",
    "a.jpg",
    "a/b.jpg",
    "colon: in.jpg",
    "e\u0301 decomposed.jpg",
    'quote\'s "double" <&>.jpg',
    "~tilde.jpg",
    "日本/富士 🗻.png",
]


@pytest.mark.parametrize("new_bucket", ["folder", MOTO, RGW, RGW_TLS], indirect=True)
def test_an_object_is_read_listed_and_found_under_the_key_it_was_written(bucket, dice):
    contents = {key: f"content of {key}".encode() for key in KEYS}
    for key in dice.sample(KEYS, len(KEYS)):
        bucket.write(key, contents[key])
    assert keys(bucket) == sorted(KEYS)
    for prefix in ("a/", "a", "日本/富", "nothing/here"):
        assert keys(bucket, prefix) == [key for key in sorted(KEYS) if key.startswith(prefix)]
    for entry in bucket.list():
        data, found = contents[entry.key], bucket.find(entry.key)
        assert bucket.read(entry.key) == data
        assert (entry.size, entry.etag) == (len(data), hashlib.md5(data).hexdigest())
        assert (found.key, found.size, found.etag) == (entry.key, entry.size, entry.etag)


def test_a_listing_may_begin_after_a_key_that_need_not_exist(bucket):
    every = ["a/1", "a/2", "a/20", "a/3/x", "a/é", "b"]
    for key in every:
        bucket.write(key, b"x")
    for after in ("", "a/", "a/1", "a/2", "a/25", "a/é"):
        expected = [key for key in every if key.startswith("a/") and key > after]
        assert [entry.key for entry in bucket.list_after("a/", after)] == expected, after


def test_a_part_of_an_object_is_read_and_no_part_of_one_that_has_changed(bucket):
    bucket.write("a.jpg", b"0123456789")
    data, entry = bucket.read_with_entry("a.jpg")
    assert data == b"0123456789" and entry.size == 10
    assert entry.version == bucket.find("a.jpg").version
    assert bucket.read_part("a.jpg", 0, 3) == b"012"
    assert bucket.read_part("a.jpg", 7, 9, entry) == b"789"
    assert bucket.read_part("a.jpg", 10, 1, entry) == b""
    bucket.write("a.jpg", b"9876543210 and more")
    with pytest.raises(ObjectError, match="changed while it was read"):
        bucket.read_part("a.jpg", 7, 3, entry)


def test_an_object_may_be_replaced_and_empty_and_be_deleted_twice(bucket):
    for data in (b"first, and longer", b"second", b""):
        bucket.write("a/b.jpg", data)
        assert bucket.read("a/b.jpg") == data
        assert [(e.key, e.size) for e in bucket.list()] == [("a/b.jpg", len(data))]
    for _ in range(2):
        bucket.delete("a/b.jpg")
    assert keys(bucket) == [] and bucket.find("a/b.jpg") is None


def test_a_missing_key_is_found_as_none_and_reading_it_names_it(bucket, tmp_path):
    assert bucket.find("not/there.jpg") is None
    with pytest.raises(ObjectError):
        bucket.read("not/there.jpg")
    assert "not/there.jpg does not exist" in refusal(lambda: bucket.read("not/there.jpg"))
    target = tmp_path / "out" / "x.jpg"
    assert "does not exist" in refusal(lambda: bucket.download("not/there.jpg", target))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "nope.jpg does not exist" in refusal(lambda: bucket.upload(tmp_path / "nope.jpg", "k"))
    target = tmp_path / "before"
    target.write_bytes(b"before")
    refusal(lambda: bucket.download("not/there.jpg", target))
    assert target.read_bytes() == b"before"


def test_an_empty_key_is_refused(bucket):
    for action in (bucket.read, bucket.find, bucket.delete, lambda key: bucket.write(key, b"")):
        refusal(lambda action=action: action(""))
        with pytest.raises(BadKeyError):
            action("")


@pytest.mark.parametrize("new_bucket", ["folder", MOTO, RGW, RGW_TLS], indirect=True)
def test_files_are_uploaded_and_downloaded_whole_and_report_progress(bucket, tmp_path):
    data = random.Random(1).randbytes(3_000_000)
    (tmp_path / "photo.jpg").write_bytes(data)
    reported = []
    bucket.upload(tmp_path / "photo.jpg", "x/photo.jpg", reported.append)
    assert sum(reported) == len(data)
    reported.clear()
    target = tmp_path / "new" / "folder" / "copy.jpg"
    bucket.download("x/photo.jpg", target, reported.append)
    assert target.read_bytes() == data
    assert sum(reported) == len(data)
    assert [path.name for path in target.parent.iterdir()] == ["copy.jpg"]
    assert is_same(target, bucket.find("x/photo.jpg"))
    target.write_bytes(data[:-1] + b"x")
    assert not is_same(target, bucket.find("x/photo.jpg"))


def test_a_conditional_write_replaces_only_what_it_has_seen(bucket):
    first = bucket.write_if("a b/ü.json", b"1", None)
    assert first == bucket.find("a b/ü.json").etag
    assert bucket.write_if("a b/ü.json", b"1", None) == first, "the first answer may be lost"
    assert bucket.write_if("a b/ü.json", b"2", None) is None
    assert bucket.write_if("a b/ü.json", b"2", hashlib.md5(b"other").hexdigest()) is None
    second = bucket.write_if("a b/ü.json", b"3", first)
    assert bucket.write_if("a b/ü.json", b"3", first) == second
    assert bucket.write_if("a b/ü.json", b"4", first) is None
    assert (bucket.read("a b/ü.json"), bucket.find("a b/ü.json").etag) == (b"3", second)
    bucket.delete("a b/ü.json")
    assert bucket.write_if("a b/ü.json", b"5", second) is None
    assert bucket.find("a b/ü.json") is None


def test_of_conditional_writes_at_once_one_succeeds(bucket):
    with ThreadPoolExecutor(8) as pool:
        for there in (False, True):
            bucket.delete("claim")
            etag = bucket.write("claim", b"before") if there else None
            claims = [f"{etag} {number}".encode() for number in range(8)]
            found = [
                *pool.map(lambda data, etag=etag: bucket.write_if("claim", data, etag), claims)
            ]
            won = [data for data, each in zip(claims, found, strict=True) if each]
            assert won == [bucket.read("claim")]
