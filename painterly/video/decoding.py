"""The program that decodes a clip, within limits of memory and of processor time.

    python -m painterly.video.decoding

It answers the requests of `decoder`.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from painterly.errors import PictureError
from painterly.images.contained import Answer, answer_requests, limit_memory, limit_time
from painterly.video import frames
from painterly.video.constants import AHEAD


class Clip:
    """A clip that is decoded frame by frame."""

    _frames: Iterator[frames.Decoded]
    _stamps: Iterator[tuple[Fraction, bool]]

    def __init__(self) -> None:
        self._told: list[str] = []
        self._kept: deque[frames.Decoded] = deque(maxlen=AHEAD)

    def answer(self, request: dict[str, Any], _: object) -> Answer:
        """Return the values and the buffers of an answer."""
        limit_time(request["seconds"])
        try:
            with frames.errors_told():
                return self._done(request)
        except PictureError as error:
            return {"error": str(error)}, ()

    def _done(self, request: dict[str, Any]) -> Answer:
        match request["task"]:
            case "open":
                limit_memory(request["memory"])
                path = Path(request["path"])
                self._frames = frames.decoded(path)
                self._stamps = frames.stamps(path, self._told.append)
            case "stamp":
                self._told.clear()
                time, is_repeated = next(self._stamps, (None, False))
                ratio = None if time is None else time.as_integer_ratio()
                return {"time": ratio, "is_repeated": is_repeated, "told": self._told}, ()
            case "next":
                frame = next(self._frames, None)
                if frame:
                    self._kept.append(frame)
                return {"is_end": not frame}, ()
            case "pixels":
                pixels = self._kept[request["place"]].pixels()
                return {"shape": pixels.shape}, [pixels]
        return {}, ()


if __name__ == "__main__":
    answer_requests(Clip().answer)
