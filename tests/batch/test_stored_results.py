"""The records in a result bucket, read by threads."""

import os
import signal
import time

import pytest

from styletransfer.batch.stored_results import read_records
from styletransfer.record import Record
from styletransfer.signals import Stop, Stopped
from styletransfer.storage.base import Entry

MANY = 3000


class SlowBucket:
    """A service that takes a moment for each record. read: how many it was asked for."""

    read = 0

    def read_listed(self, entry):
        self.read += 1
        time.sleep(0.001)
        return b'{"photo": "beach.jpg"}' if entry.key != "1.json" else b"torn"


def test_records_are_found_by_their_keys_also_damaged_ones():
    entries = [Entry(f"{number}.json", 9, "e") for number in (2, 1, 0)]
    whole = Record(photo="beach.jpg")
    found = read_records(SlowBucket(), entries)
    assert found == {"0.json": whole, "1.json": None, "2.json": whole}


def test_a_signal_does_not_wait_for_all_other_records(monkeypatch):
    parse, parsed, bucket = Record.from_bytes, [], SlowBucket()

    def struck(content):
        parsed.append(content)
        if len(parsed) == 100:
            os.kill(os.getpid(), signal.SIGTERM)
        return parse(content)

    monkeypatch.setattr(Record, "from_bytes", struck)
    with Stop(), pytest.raises(Stopped):
        read_records(bucket, [Entry(f"{number}.json", 9, "e") for number in range(MANY)])
    assert bucket.read < MANY / 2
