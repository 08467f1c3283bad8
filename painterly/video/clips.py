"""The clips of a run: their frames are steadied in order, as they are painted, and written.

A frame's picture, first as painted, then as steadied, is an object among the checkpoints. A run
that was killed continues after the last one, also on another machine.
"""

import math
import tempfile
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path, PurePath
from time import perf_counter

import numpy as np

from painterly.bench.bench import Bench
from painterly.bench.failures import raise_if_fatal, reason_of
from painterly.bench.finished import Finished
from painterly.bench.reading import PhotoInput
from painterly.errors import PictureError
from painterly.images.picture import Picture
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.progress import LINES_EVERY
from painterly.runs.workers import Outcome
from painterly.storage.base import ObjectError
from painterly.video.decoder import FrameReader
from painterly.video.pictures import pixels_of, png_of
from painterly.video.source import PAINTED, Clip, Frame, check_readable, let_go, local_file
from painterly.words.wording import duration, printable


class Clips:
    """The clips of a run. Thread-safe."""

    def __init__(self, bench: Bench, plan: Plan) -> None:
        frames = [each for each in plan.todo if isinstance(each, Frame)]
        self._bench, self._lock = bench, threading.Lock()
        self._frames = {(each.style.name, each.photo.key): each for each in frames}
        self._clips = {each.clip.folder: each.clip for each in frames}
        self._steadying = {
            folder: Steadying(bench, clip, plan.stored) for folder, clip in self._clips.items()
        }
        self._failures: dict[str, str] = {}
        self._painted = self._done = 0  # frames, clips

    def took(self, record: Record) -> Record | None:
        """Take the record of an order that was stored or has failed. Return the one to show: the
        clip's for its last frame, and none for others. Raises errors that end the run."""
        frame = self._frames.get((record.style or "", record.photo or ""))
        if frame is None:
            return record
        folder = frame.clip.folder
        with self._lock:
            self._painted += record.error is None
            if folder in self._failures:
                return None
            try:
                if record.error is not None:  # Its name is the frame's.
                    name = frame.clip.order.photo.key
                    raise PictureError(record.error.replace(frame.photo.key, name))
                shown = self._steadying[folder].take(frame.number, record)
                self._done += shown is not None
                return shown
            except Exception as error:
                raise_if_fatal(error)
                self._failures[folder] = reason_of(error)
                return self._bench.fail(frame.clip.order, self._failures[folder])

    def finish(self, outcome: Outcome) -> None:
        """Count clips in the place of frames."""
        others = [each for each in outcome.failures if not isinstance(each[0], Frame)]
        failed = [(self._clips[folder].order, why) for folder, why in self._failures.items()]
        waiting = len(self._frames) - self._painted - (len(outcome.failures) - len(others))
        outcome.painted += self._done - self._painted
        outcome.postponed += len(self._clips) - self._done - len(failed) - waiting
        outcome.failures[:] = [*others, *failed]


class Steadying:
    """The steadying of one clip."""

    def __init__(self, bench: Bench, clip: Clip, stored: Collection[str]) -> None:
        """Go on after the last frame that is steadied.

        Args:
            bench: The bench.
            clip: The clip.
            stored: The keys in the bucket of results.
        """
        self._bench, self._clip = bench, clip
        self._there = {n for n in clip.numbers if clip.key(n, PAINTED) in stored}
        self._next = clip.steadied(stored)
        self._reader = FrameReader(self._file, clip.order.photo.key)
        self._resumed, self._began = self.done, 0.0
        self._seconds, self._shown = 0.0, 0

    @property
    def done(self) -> int:
        """The number of frames that are steadied."""
        return self._next - self._clip.first

    def take(self, number: int, record: Record) -> Record | None:
        """Take the record of a painted frame. Return the clip's, if that is done."""
        check_readable(self._bench.source, self._clip.order.photo)
        self._there.add(number)
        self._seconds += record.seconds or 0.0
        self._began = self._began or perf_counter() - (record.seconds or 0.0)
        while self._next < self._clip.numbers.stop:
            self._bench.stop.obey()
            if self._clip.shown_at(self._next) == self._next:
                if self._next not in self._there:
                    return None
                self._steady_next()
            self._next += 1
            self._show()
        return self._store(record)

    def _steady_next(self) -> None:
        result, clip, number = self._bench.result, self._clip, self._next
        if "_steady" not in vars(self):
            self._begin()
        painted = self._kept(clip.key(number, PAINTED))
        steadied = self._steady.next(painted, self._reader.frame(number))
        result.write(clip.key(number), png_of(steadied), "image/png")
        result.delete(clip.key(number, PAINTED))

    def _begin(self) -> None:
        from painterly.video.steadying import Steady

        clip, before = self._clip, self._clip.shown_at(self._next - 1)
        if before < clip.first:
            self._steady = Steady()
        else:
            self._steady = Steady(self._picture(before), self._reader.frame(before))

    def _file(self) -> Path:
        return local_file(self._bench.source, self._clip.order.photo)

    def _picture(self, number: int) -> np.ndarray:
        return self._kept(self._clip.key(number))

    def _kept(self, key: str) -> np.ndarray:
        """Return a picture that was kept. One that is damaged is deleted."""
        try:
            return pixels_of(self._bench.result.read(key))
        except (OSError, ValueError, SyntaxError):
            self._bench.result.delete(key)
            raise PictureError(f"{printable(key)} was damaged; run it again") from None

    def _pictures(self, until: float) -> Iterator[tuple[Fraction, np.ndarray]]:
        """Yield the time and the picture of each steadied frame, until a time of perf_counter."""
        clip, picture = self._clip, self._picture(self._clip.first)
        for number in range(clip.first, self._next):
            if clip.shown_at(number) == number > clip.first:
                picture = self._picture(number)
            yield clip.time(number), picture
            if perf_counter() > until:
                return

    def written(self, seconds: float = math.inf) -> bytes:
        """Return the file of the clip as far as it is steadied, or as much of it as can be written
        in these seconds. Raises PictureError."""
        from painterly.video.writing import write

        order, pictures = self._clip.order, self._pictures(perf_counter() + seconds)
        with tempfile.TemporaryDirectory(prefix="painterly-") as folder:
            target = Path(folder, f"clip{PurePath(order.result).suffix}")
            write(target, pictures, self._file(), order.photo.key)
            return target.read_bytes()

    def _store(self, record: Record) -> Record:
        """Store the clip, and delete what was kept of it. Return its record."""
        order, clip, bench = self._clip.order, self._clip, self._bench
        first = self._reader.frame(clip.first)
        self._reader.close()
        photo, settings = Picture(first, None, "BMP"), order.style.settings
        paintings = bench.reader.decode(order, PhotoInput(photo)).style.paintings
        poster = self._picture(clip.first)
        weights, device = record.weights or "", record.device or ""
        of_run = weights, device, dict[str, float](), record.content_weight or 0.0, self._seconds
        finished = Finished(photo, paintings, settings, poster, *of_run, file=self.written())
        shown = bench.store(order, finished)
        with suppress(ObjectError):  # The clip is stored.
            for entry in [*bench.result.list(clip.folder)]:
                bench.result.delete(entry.key)
        let_go(bench.source, order.photo)
        return shown

    def _show(self) -> None:
        """Log how many frames are steadied, and the time left."""
        order, total = self._clip.order, len(self._clip.stamps)
        percent, every = 100 * self.done // total, LINES_EVERY[self._bench.config.progress]
        if not every or percent // every <= self._shown:
            return
        self._shown = percent // every
        each_s = (perf_counter() - self._began) / (self.done - self._resumed)
        left_s = each_s * (total - self.done)
        text = f"{order}: {percent} %, {self.done} of {total} frames, {duration(left_s)} left"
        numbers = {"step": self.done, "steps": total, "percent": percent}
        order.log(text, event="progress", **numbers, left_s=round(left_s, 1))
