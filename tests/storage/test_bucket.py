"""The interface of buckets, the same for folders, moto, and radosgw. TLS makes a difference only to
what is sent and read."""

import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import strategies as some
from hypothesis.stateful import rule
from support.commands import refusal
from support.machines import Machine, play
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
KEY = some.sampled_from(KEYS)
DATA = some.sampled_from([b"", b"one", b"another"]) | some.binary(max_size=40)
REACHES = {
    *("a key replaced", "an empty object", "a deletion of nothing", "a missing object"),
    *("a claim of a new key", "a replacement of what was seen", "a repeated answer"),
    *("a refusal as it is there", "a refusal as it has changed", "a listing of several"),
}


def md5(data):
    return hashlib.md5(data).hexdigest()


def requests(new_bucket):  # noqa: C901
    """A machine of any requests to a new bucket, which is compared with a dictionary."""

    class Requests(Machine):
        def __init__(self):
            super().__init__()
            self.bucket, self.held = new_bucket(), {}

        @rule(key=KEY, data=DATA)
        def write(self, key, data):
            self.reach("a key replaced", key in self.held)
            self.reach("an empty object", not data)
            assert self.bucket.write(key, data) == md5(data)
            self.held[key] = data

        @rule(key=KEY)
        def claim_again(self, key):
            if data := self.held.get(key):  # The first answer may have been lost.
                assert self.bucket.write_if(key, data, None) == md5(data)
                self.reach("a repeated answer")

        @rule(key=KEY, data=DATA, seen=some.sampled_from(["now", "before", None]))
        def write_if(self, key, data, seen):
            there = self.held.get(key)
            if seen == "now" and there is None:
                return
            etag = {"now": md5(there or b""), "before": md5(b"?")}.get(seen)
            written = self.bucket.write_if(key, data, etag)
            if there == data:
                assert written == md5(data)
            elif (there is None) == (seen is None) and seen != "before":
                assert written == md5(data)
                self.held[key] = data
                self.reach("a replacement of what was seen" if seen else "a claim of a new key")
            else:
                assert written is None
                self.reach(f"a refusal as it {'has changed' if seen else 'is there'}")

        @rule(key=KEY)
        def delete(self, key):
            self.reach("a deletion of nothing", key not in self.held)
            self.bucket.delete(key)
            self.held.pop(key, None)

        @rule(key=KEY, start=some.integers(0, 30), count=some.integers(1, 30))
        def read(self, key, start, count):
            if key not in self.held:
                self.reach("a missing object")
                assert self.bucket.find(key) is None
                for request in (self.bucket.read, lambda key: self.bucket.read_part(key, 0, 1)):
                    said = refusal(lambda request=request: request(key))
                    assert f"{key} does not exist" in said
                return
            data, entry = self.held[key], self.bucket.find(key)
            assert (entry.key, entry.size, entry.etag) == (key, len(data), md5(data))
            read, described = self.bucket.read_with_entry(key)
            assert (read, described.version, described.key) == (data, entry.version, key)
            part = self.bucket.read_part(key, start, count, entry)
            assert part == data[start : start + count] and self.bucket.read(key) == data

        @rule(prefix=some.sampled_from(["", "a", "a/", "日本/富", "no/"]), after=KEY)
        def list(self, prefix, after):
            expected = sorted(key for key in self.held if key.startswith(prefix))
            self.reach("a listing of several", len(expected) > 1)
            found = [(each.key, each.size, each.etag) for each in self.bucket.list(prefix)]
            held = [(key, self.held[key]) for key in expected]
            assert found == [(key, len(data), md5(data)) for key, data in held]
            later = [each.key for each in self.bucket.list(prefix, after)]
            assert later == [key for key in expected if key > after]

        @rule(key=KEY, data=DATA)
        def send_and_fetch(self, key, data):
            with tempfile.TemporaryDirectory() as name:
                here, back, moved = Path(name, "here"), Path(name, "new", "back"), []
                here.write_bytes(data)
                self.bucket.upload(here, key, moved.append)
                self.bucket.download(key, back, moved.append)
                self.held[key] = data
                assert back.read_bytes() == data and sum(moved) == 2 * len(data)
                assert [*back.parent.iterdir()] == [back]
                assert is_same(back, self.bucket.find(key))
                back.write_bytes(data + b"x")
                assert not is_same(back, self.bucket.find(key))

    return Requests


@pytest.mark.parametrize("new_bucket", ["folder", MOTO, RGW, RGW_TLS], indirect=True)
def test_a_bucket_holds_what_was_written(new_bucket, request):
    if "folder" in request.node.name:
        play(requests(new_bucket), examples=30, steps=25, reaches=REACHES)
    else:
        play(requests(new_bucket), examples=4, steps=20, reaches={"a missing object"})


def test_no_part_of_an_object_that_has_changed_is_read(bucket):
    bucket.write("a.jpg", b"0123456789")
    entry = bucket.find("a.jpg")
    bucket.write("a.jpg", b"9876543210 and more")
    with pytest.raises(ObjectError, match="changed while it was read"):
        bucket.read_part("a.jpg", 7, 3, entry)


def test_files_are_left_alone_by_requests_that_fail(bucket, tmp_path):
    assert "nope does not exist" in refusal(lambda: bucket.upload(tmp_path / "nope", "k"))
    (before := tmp_path / "before").write_bytes(b"before")
    for target in (before, tmp_path / "out" / "x.jpg"):
        assert "gone.jpg does not exist" in refusal(lambda t=target: bucket.download("gone.jpg", t))
    assert [path for path in tmp_path.rglob("*") if path.suffix or path == before] == [before]
    assert before.read_bytes() == b"before"


def test_an_empty_key_is_refused(bucket):
    for action in (bucket.read, bucket.find, bucket.delete, lambda key: bucket.write(key, b"")):
        refusal(lambda action=action: action(""))
        with pytest.raises(BadKeyError):
            action("")


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
