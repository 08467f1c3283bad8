"""Random damage to records, before everything that reads them. More: FUZZ_CASES=10000."""

import json

import pytest
from support.fuzzing import CASES, generators
from support.gallery import content

from painterly.gallery.gallery import Gallery
from painterly.gallery.page import render_page
from painterly.orders.record import Record, intact_records
from painterly.storage.base import Entry
from painterly.storage.folder import FolderBucket

pytestmark = pytest.mark.thorough

ODD = [
    *(None, True, 0, -1, 7, 1e308, 10**400, float("nan"), float("inf"), "", "x", "\ud800", "\0"),
    *([], {}, [[]], [None], {"key": "monet/beach.jpg", "etag": "e"}, [{"key": "k", "etag": "e"}]),
    *("monet/beach.jpg", "monet/beach.png", "other/x.jpg", "../x", "/etc/passwd", "index.html"),
    *("_records/monet/beach.jpg.json", "9" * 5000, "é" * 2000, "2026-13-45T99:00:00+99:99"),
]
WHOLE = content(
    result_etag="e",
    result_size=7,
    output=[None, 95, False, 8],
    photo_mask={"key": "beach.mask.png", "etag": "m"},
    error="torn",
)
KEYS = ("monet/beach.jpg", "other/x.jpg", "index.html", "_records/monet/beach.jpg.json")
STORED = {key: Entry(key, 7, "e") for key in KEYS}


def spoilt(chance):
    """A record's bytes, with some of its values or of its bytes changed."""
    record = json.loads(json.dumps(WHOLE))
    for _ in range(chance.randint(1, 3)):
        inside = record
        while True:
            name = chance.choice([*inside] if isinstance(inside, dict) else range(len(inside)))
            if not isinstance(inside[name], dict | list) or not inside[name]:
                break
            if chance.random() < 0.5:
                break
            inside = inside[name]
        inside[name] = chance.choice(ODD)
        if inside is not record and chance.random() < 0.1:
            inside[name] = record  # As deep as it is long.
            break
    try:
        data = bytearray(json.dumps(record).encode())
    except ValueError:  # It holds itself, or a number that Python does not write.
        depth = chance.choice([10, 1000, 50_000])
        data = bytearray(b'{"photo":' * depth + b"[" * depth)
    if chance.random() < 0.4:
        at = chance.randrange(len(data))
        data[at : at + chance.randint(0, 9)] = chance.randbytes(chance.randint(0, 9))
    return bytes(data)


def test_no_damage_to_a_record_is_an_error_or_reaches_a_key_of_others(tmp_path):
    read = 0
    for chance in generators(14):
        record = Record.from_bytes(spoilt(chance))
        if record is None:
            continue
        read += 1
        second = Record.from_bytes(record.to_bytes())
        assert second is not None and second.to_bytes() == record.to_bytes()
        for each in intact_records({"_records/monet/beach.jpg.json": record}, STORED).values():
            thumbnails = Gallery(FolderBucket(tmp_path)).thumbnails([each])
            assert all(key.startswith("_gallery/thumbs/") for key in thumbnails)
            render_page([each], thumbnails).encode()
    assert read > CASES / 20
