"""Records: what is read, what is not one, and what is written."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.gallery import parsed

from painterly.orders.record import PaintingRef, Record, remember_records, remembered_records

DATA = Path(__file__).with_name("record.json").read_bytes()
WHOLE = json.loads(DATA)


def test_a_record_is_written_as_it_was_read():
    assert Record.from_bytes(DATA).to_bytes() == DATA


def test_records_that_are_remembered_together_have_what_is_equal_once():
    first = parsed(WHOLE)
    second = replace(parsed(WHOLE), photo="\udc9f.png", photo_mask=None, losses={"total": 0.25})
    stored = {}
    bucket = SimpleNamespace(write=lambda *put: stored.update(data=put[1]))
    bucket.read = lambda key: stored["data"]
    remember_records(bucket, {"1": ("a", first), "damaged": ("b", None), "2": ("c", second)})
    found = remembered_records(bucket)
    assert found == {"1": ("a", first), "2": ("c", second)}
    (_, one), (_, other) = found.values()
    assert one.settings is other.settings and one.paintings is other.paintings
    content = gzip.decompress(stored["data"])
    assert content.count(b"random features") == 1
    whole = stored["data"]
    wrong = gzip.compress(content.replace(b"random", b"broken"))
    for damaged in (whole[:-3], wrong[:-8] + whole[-8:], gzip.compress(b"1" + content[1:])):
        stored["data"] = damaged
        assert not remembered_records(bucket), "they are read again"


def test_a_record_may_lack_fields_and_have_others():
    few = {name: WHOLE[name] for name in ("format", "photo", "fingerprint", "result")}
    record = parsed(few | {"paintings": [{"key": "both/a.jpg"}]})
    assert (record.fingerprint, record.result) == ("1bb88c", "both/trip/old town é.png")
    assert record.paintings == (PaintingRef("both/a.jpg"),)
    assert record.photo_mask is None and record.seconds is None
    assert parsed(WHOLE | {"mood": {"calm": [1]}}) == parsed(WHOLE)
    assert parsed(WHOLE | {"note": "painted with random features"}) == parsed(WHOLE)
    whole_seconds = parsed(WHOLE | {"seconds": 37})  # As other programs write numbers.
    assert whole_seconds == parsed(WHOLE)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"null", b"7", b'"text"', b"\xff\xfe\x00", b"[" * 100_000),
        *(b'{"a":' * 100_000, b'{"photo": "beach.jpg"}', b'{"format": 1, "photo": "beach.jpg"}'),
        *(
            b'{"format": 2, ' + field
            for field in (
                *(b'"seconds": ' + b"1" * 5000 + b"}", b'"seconds": "long"}', b'"width": true}'),
                *(b'"paintings": [{}]}', b'"photo_mask": {"key": "a"}}', b'"output": [1, 2, 3]}'),
            )
        ),
    ],
    ids=range(17),
)
def test_what_is_not_a_record_is_none(data):
    assert Record.from_bytes(data) is None


def test_a_key_that_is_not_unicode_can_be_stored():
    record = Record(photo=b"\xff.jpg".decode("utf-8", "surrogateescape"))
    assert Record.from_bytes(record.to_bytes()) == record
