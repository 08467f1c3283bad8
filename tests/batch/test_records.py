"""Fingerprints: what is recognised as done, also by later versions."""

import dataclasses
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace

import pytest

from styletransfer.batch.records import MAX_READERS, fingerprints, read_records, record_of_inputs
from styletransfer.batch.styles import Painting, Style
from styletransfer.images.output import OutputFormat
from styletransfer.record import Record
from styletransfer.settings import PRESETS, Settings
from styletransfer.signals import Stop, Stopped
from styletransfer.storage.base import Entry

# A result of the first version that has records as today's. Another fingerprint for the same
# inputs would paint every picture of every user a second time.
PHOTO = Entry("landscape.jpg", 1, "040f9824ec9a03db539fa8f9c9598ff4")
STYLE = Style(
    "woodcut-and-brush",
    (
        Painting(Entry("brush.jpg", 1, "e1c61e054896a66f4f361ce8e4d30b12"), 0.5),
        Painting(Entry("woodcut.jpg", 1, "c92b9ea79073953024b3e54b907bf980"), 0.5),
    ),
    Settings(
        size=320,
        iterations=45,
        strength=1.0,
        learning_rate=0.03,
        precision="float32",
        deterministic=True,
    ),
)
OUTPUT = astuple(OutputFormat(None, 95))
FINGERPRINT = "065d4e3d266ea730176e5201a89e7dad52b6c98ecdefeeeee1a483b7d4d9c6fc"


def fingerprint(photo, mask, style, output):
    return fingerprints(style, output)(photo, mask)


def with_painting(**changes):
    first, *others = STYLE.paintings
    return replace(STYLE, paintings=(replace(first, **changes), *others))


def test_a_result_of_an_earlier_version_is_recognised_whatever_the_names():
    assert fingerprint(PHOTO, None, STYLE, OUTPUT) == FINGERPRINT
    photo, style = replace(PHOTO, key="other.jpg"), replace(STYLE, name="other")
    assert fingerprint(photo, None, style, OUTPUT) == FINGERPRINT


MASK = Entry("mask.png", 1, "etag of the mask")


@pytest.mark.parametrize(
    "changed",
    [
        (replace(PHOTO, etag="other"), None, STYLE, OUTPUT),
        (PHOTO, MASK, STYLE, OUTPUT),
        (PHOTO, None, with_painting(entry=replace(PHOTO, etag="other")), OUTPUT),
        (PHOTO, None, with_painting(share=0.4), OUTPUT),
        (PHOTO, None, with_painting(mask=MASK), OUTPUT),
        (PHOTO, None, with_painting(region=MASK), OUTPUT),
        (PHOTO, None, replace(STYLE, settings=replace(STYLE.settings, seed=1)), OUTPUT),
        (PHOTO, None, STYLE, astuple(OutputFormat("png", 95))),
    ],
    ids=["photo", "mask", "painting", "share", "painting's mask", "region", "setting", "output"],
)
def test_everything_that_decides_a_result_counts(changed):
    assert fingerprint(*changed) != FINGERPRINT


def test_a_record_names_every_input_with_its_content():
    style = with_painting(region=MASK)
    record = record_of_inputs(PHOTO, MASK, style)
    assert (record.photo, record.photo_etag, record.style_name) == (
        PHOTO.key,
        PHOTO.etag,
        style.name,
    )
    assert (record.photo_mask.key, record.photo_mask.etag) == (MASK.key, MASK.etag)
    assert [each.share for each in record.paintings] == [0.5, 0.5]
    assert record.paintings[0].region.etag == MASK.etag and record.paintings[1].mask is None
    expected = dataclasses.asdict(style.settings)
    del expected["preset"], expected["compile"]
    assert record.settings == expected


def with_settings(settings):
    return fingerprint(PHOTO, None, replace(STYLE, settings=settings), OUTPUT)


@pytest.mark.parametrize("preset", PRESETS)
def test_only_what_a_preset_decides_counts(preset):
    named = Settings().replaced({"preset": preset})
    spelled = Settings(**{name: getattr(named, name) for name in PRESETS[preset]})
    assert with_settings(named) == with_settings(spelled)
    assert (with_settings(named) == with_settings(Settings())) == (preset == "fine")


# --- reading them ---------------------------------------------------------------------------

MANY = 500


class Bucket:
    """A bucket that answers once `answers` is set, and counts the reads."""

    def __init__(self):
        self.reads, self.answers = 0, threading.Event()

    def read(self, key):
        self.reads += 1
        self.answers.wait(10)
        return b'{"photo": "beach.jpg"}' if key != "1.json" else b"torn"


def keys(count):
    return [f"{number}.json" for number in reversed(range(count))]


def test_records_are_found_by_their_keys_also_damaged_ones():
    bucket, whole = Bucket(), Record(photo="beach.jpg")
    bucket.answers.set()
    found = read_records(bucket, keys(3))
    assert found == {"0.json": whole, "1.json": None, "2.json": whole}


def test_a_signal_does_not_wait_for_all_other_records(monkeypatch):
    submit, submitted, bucket = ThreadPoolExecutor.submit, [], Bucket()

    def struck(*arguments):
        submitted.append(arguments)
        if len(submitted) == MANY:
            os.kill(os.getpid(), signal.SIGTERM)
        return submit(*arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", struck)
    with Stop(), pytest.raises(Stopped):
        read_records(bucket, keys(MANY))
    assert bucket.reads <= MAX_READERS
    bucket.answers.set()
