"""The clips of a run: their frames are steadied in order, as they are painted, and written.

A frame's picture, first as painted, then as steadied, is an object among the checkpoints. A run
that was killed continues after the last one, also on another machine.
"""

import io
import math
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import PurePath
from time import perf_counter

import numpy as np
from PIL import Image

from painterly.bench.bench import Bench
from painterly.bench.failures import raise_if_fatal, reason_of
from painterly.bench.finished import Finished, PartStep
from painterly.bench.reading import PhotoInput
from painterly.engine.transfer import End
from painterly.errors import PictureError
from painterly.images.picture import Picture
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.progress import LINES_EVERY
from painterly.runs.workers import Outcome
from painterly.storage.base import ObjectError
from painterly.video.decoder import written
from painterly.video.source import PAINTED, Clip, Frame, picture_file
from painterly.words.wording import duration, printable


class Clips:
    """The clips of a run. Thread-safe."""

    def __init__(self, bench: Bench, plan: Plan) -> None:
        frames = [each for each in plan.todo if isinstance(each, Frame)]
        self._frames = {(each.style.name, each.photo.key): each for each in frames}
        clips = {each.clip.folder: each.clip for each in frames}
        self._clips = {name: Steadying(bench, clip, plan.stored) for name, clip in clips.items()}
        self._painted, self._lock = 0, threading.Lock()

    def took(self, record: Record) -> Record | None:
        """Take the record of an order that was stored or has failed. Return the one to show: the
        clip's for its last frame, and none for others. Raises errors that end the run."""
        frame = self._frames.get((record.style or "", record.photo or ""))
        if frame is None:
            return record
        with self._lock:
            self._painted += record.error is None
            return self._clips[frame.clip.folder].take(frame, record)

    def finish(self, outcome: Outcome) -> None:
        """Count clips in the place of frames."""
        clips = self._clips.values()
        failed = [(each.clip.order, each.failure) for each in clips if each.failure]
        others = [each for each in outcome.failures if not isinstance(each[0], Frame)]
        waiting = len(self._frames) - self._painted - (len(outcome.failures) - len(others))
        stored = sum(each.is_stored for each in clips)
        outcome.painted += stored - self._painted
        outcome.postponed += len(clips) - stored - len(failed) - waiting
        outcome.failures[:] = [*others, *failed]


class Steadying:
    """The steadying of one clip.

    Attributes:
        clip: The clip.
        done: The number of frames that are steadied.
        failure: Why it has failed.
        is_stored: Whether the clip is done.
    """

    def __init__(self, bench: Bench, clip: Clip, stored: Collection[str]) -> None:
        """Go on after the last frame that is steadied.

        Args:
            bench: The bench.
            clip: The clip.
            stored: The keys in the bucket of results.
        """
        self._bench, self.clip, self.failure, self.is_stored = bench, clip, "", False
        self._there = {n for n in {*clip.shown} if clip.key(n, PAINTED) in stored}
        self.done = self._resumed = clip.steadied(stored)
        self._began, self._seconds = 0.0, 0.0
        self._last: tuple[np.ndarray, np.ndarray] | None = None  # steadied, and its frame

    def take(self, frame: Frame, record: Record) -> Record | None:
        """Take the record of a frame. Return the clip's, if that is done or has failed. Raises
        errors that end the run."""
        if self.failure:
            return None
        order = self.clip.order
        try:
            if record.error is not None:  # Its name is the frame's.
                raise PictureError(record.error.replace(frame.photo.key, order.photo.key))
            self._there.add(frame.number)
            self._seconds += record.seconds or 0.0
            self._began = self._began or perf_counter() - self._seconds
            return self._store(record) if self._steadies_all() else None
        except Exception as error:
            raise_if_fatal(error)
            self.failure = reason_of(error)
            return self._bench.fail(order, self.failure)

    def _steadies_all(self) -> bool:
        """Steady the frames that are painted. Return whether all frames are steadied."""
        from painterly.video.steadying import steadied

        clip, kept = self.clip, self._bench.unfinished
        while self.done < len(clip.stamps):
            self._bench.stop.obey()
            number = clip.shown[self.done]
            if number == self.done:
                if number not in self._there:
                    return False
                before = clip.shown[number - 1] if number else None
                painted, frame = self._painted_and_frame(number)
                if before is not None:
                    last = self._last or (self._kept(before), self._painted_and_frame(before)[1])
                    painted = steadied(painted, frame, *last)
                self._last = painted, frame
                kept.write(clip.key(number), picture_file(painted, "PNG"), "image/png")
                if before:  # The next run would need this one, and the first is on the poster.
                    kept.delete(clip.key(before, PAINTED))
            self.done += 1
            self._show()
        return True

    def _painted_and_frame(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        painted, frame = np.split(self._kept(number, PAINTED), 2)
        return painted, frame

    def _kept(self, number: int, end: str = ".png") -> np.ndarray:
        """Return a picture that was kept. One that is damaged is deleted."""
        key, kept = self.clip.key(number, end), self._bench.unfinished
        try:
            return np.asarray(Image.open(io.BytesIO(kept.read(key)), formats=["PNG"]))
        except (OSError, ValueError, SyntaxError):
            kept.delete(key)
            raise PictureError(f"{printable(key)} was damaged; run it again") from None

    def written(self, seconds: float = math.inf) -> bytes:
        """Return the file of the clip as far as it is steadied, or as much of it as can be written
        in these seconds. Raises PictureError."""
        clip, until = self.clip, perf_counter() + seconds

        def pictures() -> Iterator[tuple[Fraction, np.ndarray]]:
            for number, stamp in enumerate(clip.stamps[: self.done]):
                if clip.shown[number] == number:
                    picture = self._kept(number)
                yield stamp.time, picture
                if perf_counter() > until:
                    return

        suffix = PurePath(clip.order.result).suffix
        return written(self._bench.source, clip.order.photo.key, suffix, pictures())

    def _store(self, record: Record) -> Record:
        """Store the clip, and delete what was kept of it. Return its record."""
        clip, order, bench = self.clip, self.clip.order, self._bench
        if self.done == self._resumed:  # An earlier process has steadied the last frame.
            self._tell()
        first = Picture(self._painted_and_frame(0)[1], None, "BMP")
        finished = Finished(
            order,
            first,
            bench.reader.decode(order, PhotoInput(first)).style.paintings,
            End(self._kept(0), {}, record.content_weight or 0.0),
            record.weights or "",
            record.device or "",
            self._seconds,
            file=self.written(),
        )
        stored = bench.store(order, finished)
        self.is_stored = True
        with suppress(ObjectError):  # The clip is stored.
            for entry in [*bench.unfinished.list(clip.folder)]:
                bench.unfinished.delete(entry.key)
        return stored

    def _tell(self) -> None:
        latest = partial(self._kept, self.clip.shown[self.done - 1])
        self._bench.show(PartStep(self.done, len(self.clip.stamps), latest))

    def _show(self) -> None:
        """Show how many frames are steadied, and log it with the time left."""
        self._tell()
        order, done, total = self.clip.order, self.done, len(self.clip.stamps)
        percent, every = 100 * done // total, LINES_EVERY[self._bench.config.progress]
        if not every or percent // every == 100 * (done - 1) // total // every:
            return
        left_s = (perf_counter() - self._began) / (done - self._resumed) * (total - done)
        text = f"{order}: {percent} %, {done} of {total} frames, {duration(left_s)} left"
        numbers = {"step": done, "steps": total, "percent": percent}
        order.log(text, event="progress", **numbers, left_s=round(left_s, 1))
