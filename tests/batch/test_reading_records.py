"""The records in a result bucket, read by threads."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from styletransfer.batch.records import MAX_READERS, read_records
from styletransfer.record import Record
from styletransfer.signals import Stop, Stopped
from styletransfer.storage.base import Entry

MANY = 500


class Bucket:
    """It answers once `answers` is set. read: how many records it was asked for."""

    def __init__(self):
        self.read, self.answers = 0, threading.Event()

    def read_listed(self, entry):
        self.read += 1
        self.answers.wait(10)
        return b'{"photo": "beach.jpg"}' if entry.key != "1.json" else b"torn"


def entries(count):
    return [Entry(f"{number}.json", 9, "e") for number in reversed(range(count))]


def test_records_are_found_by_their_keys_also_damaged_ones():
    bucket, whole = Bucket(), Record(photo="beach.jpg")
    bucket.answers.set()
    found = read_records(bucket, entries(3))
    assert found == {"0.json": whole, "1.json": None, "2.json": whole}


def test_a_signal_does_not_wait_for_all_other_records(monkeypatch):
    submit, submitted, bucket = ThreadPoolExecutor.submit, [], Bucket()

    def struck(*arguments):
        submitted.append(arguments)
        if len(submitted) == MANY:
            os.kill(os.getpid(), signal.SIGTERM)
        return submit(*arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", struck)
    threading.Timer(0.3, bucket.answers.set).start()
    with Stop(), pytest.raises(Stopped):
        read_records(bucket, entries(MANY))
    assert bucket.read <= MAX_READERS
    bucket.answers.set()
