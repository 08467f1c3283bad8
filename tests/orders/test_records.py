"""Fingerprints: what is recognised as done, also by later versions."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from painterly.images.output import OutputFormat
from painterly.orders.order import Order
from painterly.orders.record import MAX_READERS, read_records
from painterly.orders.styles import Painting, Style
from painterly.settings.recipes import PRESETS
from painterly.settings.settings import Settings
from painterly.signals import Stop, Stopped
from painterly.storage.base import Entry
from painterly.vgg.sources import WeightsSource

# A result of engine 16, which has records as today's. Another fingerprint for the same
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
ORDER = Order(PHOTO, None, STYLE, WeightsSource("builtin", "md5:a"), OutputFormat(None, 95))
FINGERPRINT = "dcb226f93a27dc95f86823514e6e0b977e3a8592c900a4066f74f8d07a3ab12f"


def test_a_result_of_an_earlier_version_is_recognised_whatever_the_names():
    assert ORDER.fingerprint == FINGERPRINT
    photo, style = replace(PHOTO, key="other.jpg"), replace(STYLE, name="other")
    assert replace(ORDER, photo=photo, style=style).fingerprint == FINGERPRINT


def with_settings(settings):
    return replace(ORDER, style=replace(STYLE, settings=settings)).fingerprint


@pytest.mark.parametrize("preset", PRESETS)
def test_only_what_a_preset_decides_counts(preset):
    named = Settings().replaced({"preset": preset})
    spelled = Settings(**{name: getattr(named, name) for name in PRESETS[preset]})
    assert with_settings(named) == with_settings(spelled)
    assert (with_settings(named) == with_settings(Settings())) == (preset == "fine")


MANY = 500


def test_a_signal_does_not_wait_for_all_other_records(monkeypatch):
    submit, submitted, reads = ThreadPoolExecutor.submit, [], []
    answers = threading.Event()

    def read(key):
        reads.append(key)
        answers.wait(10)
        return b""

    def struck(*arguments):
        submitted.append(arguments)
        if len(submitted) == MANY:
            os.kill(os.getpid(), signal.SIGTERM)
        return submit(*arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", struck)
    entries = [Entry(f"{number}.json", 9, "etag") for number in range(MANY)]
    with Stop(), pytest.raises(Stopped):
        read_records(SimpleNamespace(read=read), entries, {})
    assert len(reads) <= MAX_READERS
    answers.set()
