"""Clips that are decoded in this process, for tests of what is done with their frames.

A process for each clip takes several times as long to load PyAV as to decode the tests' clips.
"""

import json
from collections.abc import Callable
from typing import Any

from painterly.images.contained.process import Answer, Buffers
from painterly.video import decoder, decoding


class DecodingHere:
    """The part of `ContainedProcess` that a decoder uses. Nothing is shared with its caller, as if
    there were a process."""

    def __init__(self, program: str, form: str) -> None:
        self._clip = decoding.Clip()

    def ask(self, request: dict[str, Any], buffers: Buffers, seconds: int, most: int) -> Answer:
        values = json.loads(json.dumps({**request, "seconds": seconds}))
        answer, found = self._clip._answer(values, _copied(buffers))
        return json.loads(json.dumps(answer)), _copied(found)

    def end(self) -> None:
        del self._clip


def _copied(buffers: Buffers) -> list[bytearray | None]:
    return [bytearray(memoryview(each).cast("B")) for each in buffers]


def install(set_attribute: Callable[[object, str, object], None]) -> None:
    """Decode clips in this process, without limits of memory and time.

    Args:
        set_attribute: Takes an object, a name and a value, as pytest's `monkeypatch.setattr`.
    """
    set_attribute(decoder, "ContainedProcess", DecodingHere)
    for name in ("limit_memory", "limit_time"):
        set_attribute(decoding, name, lambda _: None)
