"""The clips of a run: a thread steadies the painted frames of one after the other, in order, and
ffmpeg writes them as they come.

Painted frames are kept until their clip is written. A run that was killed steadies them again, and
paints those that lack.
"""

import io
import math
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from PIL import Image

from painterly.engine.transfer import End
from painterly.errors import PictureError
from painterly.images.picture import Picture
from painterly.images.picture_file import errors_named
from painterly.orders.frames import Clip, FrameOrder
from painterly.orders.order import PlannedOrder
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.painters.failures import raise_if_fatal, reason_of
from painterly.painters.finished import Finished, PartStep
from painterly.painters.painter import Painter
from painterly.painters.reading import PhotoInput
from painterly.progress import LINES_EVERY
from painterly.signals import POLL_S, Stop
from painterly.storage.base import ObjectError
from painterly.video.reading import ClipFile, opened
from painterly.video.writing import joined, sound, writing
from painterly.words.wording import duration, printable

STOPPED_S = 3.0  # to steady painted frames after a signal, if the clip so far is written
LEAVE_S = 8.0  # for the file of a clip that is not done, after a signal
Store = Callable[[PlannedOrder, Finished], bool]
Fail = Callable[[PlannedOrder, str], object]
Postpone = Callable[[PlannedOrder], object]


class _LeftError(Exception):
    """A frame of the clip will not be painted in this run."""


class _UnderWay:
    """A clip, and what has become of its frames.

    Attributes:
        clip: The clip.
        painted: The numbers of frames with a picture.
        resumed: How many of the first frames earlier runs have painted.
        failure: Why it has failed.
        is_left: Whether another run paints the rest.
        record: That of the frame that was painted last.
        seconds: The time that painting took.
        began: When the first frame of this run was begun.
    """

    def __init__(self, clip: Clip, stored: Collection[str], todo: Sequence[FrameOrder]) -> None:
        self.clip, self.failure, self.is_left = clip, clip.refusal, False
        if not clip.shown:
            self.failure = self.failure or "has no frame that can be read"
        lacking = {each.number for each in todo if each.clip.folder == clip.folder}
        self.painted = {n for n in {*clip.shown} - lacking if clip.key(n) in stored}
        done = [shown in self.painted for shown in clip.shown]
        self.resumed = done.index(False) if False in done else len(done) - 1
        self.record, self.seconds, self.began = Record(), 0.0, perf_counter()


class Clips:
    """The clips of a run. Thread-safe."""

    def __init__(
        self,
        painter: Painter,
        plan: Plan,
        store: Store,
        fail: Fail,
        postpone: Postpone,
        on_step: Callable[[PartStep], None] = lambda _: None,
        on_stop: Callable[[bytes, int], None] | None = None,
    ) -> None:
        """Begin to wait for painted frames.

        Args:
            painter: The painter.
            plan: The plan.
            store: Takes the order of a clip that is done, and its result; returns whether that is
                stored.
            fail: Takes the order of a clip that has failed, and the reason.
            postpone: Takes the order of a clip that another round of a watch paints.
            on_step: Is called after each frame. Its errors end the painting.
            on_stop: Takes the file of a clip that is not done when the run ends, and the number of
                its frames.
        """
        frames = [each for each in plan.todo if isinstance(each, FrameOrder)]
        clips = {each.clip.folder: each.clip for each in frames}
        self._clips = {key: _UnderWay(clip, plan.stored, frames) for key, clip in clips.items()}
        self._painter, self._store, self._fail, self._postpone = painter, store, fail, postpone
        self._on_step, self._on_stop, self._ends = on_step, on_stop, math.inf
        self._news, self._pool = threading.Condition(), ThreadPoolExecutor(1, "clips")
        self._work: list[Future[None]] = [
            self._pool.submit(self._finish, each) for each in self._clips.values()
        ]

    def wants(self, order: FrameOrder) -> bool:
        """Return whether a frame is needed: its clip has not failed."""
        return not self._clips[order.clip.folder].failure

    def take(self, order: FrameOrder, record: Record | None) -> None:
        """Take the record of a frame that is painted, or has failed; None if another run has to
        paint it."""
        with self._news:
            under = self._clips[order.clip.folder]
            if record is None:
                under.is_left = True
            elif record.error is not None:  # Its name is the frame's.
                under.failure = record.error.replace(order.photo.key, under.clip.order.photo.key)
            else:
                under.painted.add(order.number)
                under.record, under.seconds = record, under.seconds + (record.seconds or 0.0)
            self._news.notify_all()

    def check(self) -> None:
        """Raise the error that ends the run, if there is one."""
        for each in self._work:
            if each.done():
                each.result()

    def wait(self, stop: Stop) -> None:
        """Wait until all clips are stored or have failed. Raises as `check`, Stopped."""
        while not all(each.done() for each in self._work):
            stop.obey()
            wait(self._work, POLL_S)
            self.check()
        self.check()

    def close(self) -> None:
        """End what is not done."""
        with self._news:
            self._ends = perf_counter() + (STOPPED_S if self._on_stop else 0)
            self._news.notify_all()
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._work, LEAVE_S)

    def _finish(self, under: _UnderWay) -> None:
        order = under.clip.order
        try:
            finished = self._finished(under)
        except _LeftError:
            if under.is_left:
                self._postpone(order)
            return
        except Exception as error:
            raise_if_fatal(error)
            under.failure = reason_of(error)
            self._fail(order, under.failure)
            return
        if not self._store(order, finished):
            return
        with suppress(ObjectError):  # The clip is stored.
            for entry in [*self._painter.unfinished.list(under.clip.folder)]:
                self._painter.unfinished.delete(entry.key)

    def _finished(self, under: _UnderWay) -> Finished:
        clip, order = under.clip, under.clip.order
        if under.failure:
            raise PictureError(under.failure)
        with (
            opened(self._painter.source, order.photo.key) as file,
            TemporaryDirectory(prefix="painterly-") as folder,
            closing(self._steadied(under, file)) as pictures,
        ):
            target = Path(folder, f"pictures{PurePath(order.result).suffix}")
            heard, seconds = sound(file, clip.span, target), None
            done, (frame, first) = 1, next(pictures)
            with writing(target, file.name, file.memory, clip.rate, first.shape) as add:
                add(first)
                self._show(under, done, first)
                try:
                    for done, (_, picture) in enumerate(pictures, 2):
                        add(picture)
                        self._show(under, done, picture)
                except _LeftError:
                    if self._on_stop is None:
                        raise
                    seconds = done / clip.rate
            with errors_named(file.name):
                data = joined(target, heard, file.memory, file.date, seconds).read_bytes()
        if self._on_stop and seconds is not None:
            self._on_stop(data, done)
            raise _LeftError
        photo = Picture(frame, None, "BMP")
        return Finished(
            order,
            photo,
            self._painter.reader.decode(order, PhotoInput(photo)).style.paintings,
            End(first, {}, under.record.content_weight or 0.0),
            under.record.weights or "",
            under.record.device or "",
            under.seconds,
            file=data,
        )

    def _steadied(
        self, under: _UnderWay, file: ClipFile
    ) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
        from painterly.video import steadying  # With OpenCV.

        clip, last, number = under.clip, None, -1
        with closing(file.frames(clip.span, clip.size)) as frames:
            for number, frame in zip(range(len(clip.shown)), frames, strict=False):
                if clip.shown[number] == number:
                    painted = self._painted(under, number)
                    shape = last[0].shape if last else painted.shape
                    painted, now = (steadying.fitted(each, shape) for each in (painted, frame))
                    picture = steadying.steadied(painted, now, *last) if last else painted
                    last = picture, now
                yield frame, picture
        if number + 1 < len(clip.shown):
            raise PictureError(f"{printable(file.name)}: has changed; it lacks a frame")

    def _painted(self, under: _UnderWay, number: int) -> np.ndarray:
        """Return a frame as it was painted, as soon as it is. Raises PictureError, also for one
        that is damaged, which is deleted, and _LeftError."""
        with self._news:
            while number not in under.painted or perf_counter() > self._ends:
                if under.failure:
                    raise PictureError(under.failure)
                if under.is_left or self._ends < math.inf:
                    raise _LeftError
                self._news.wait()
        key, unfinished = under.clip.key(number), self._painter.unfinished
        try:
            return np.asarray(Image.open(io.BytesIO(unfinished.read(key)), formats=["PNG"]))
        except (OSError, ValueError, SyntaxError):
            unfinished.delete(key)
            raise PictureError(f"{printable(key)} was damaged; run it again") from None

    def _show(self, under: _UnderWay, done: int, picture: np.ndarray) -> None:
        total, order, now = len(under.clip.shown), under.clip.order, perf_counter()
        if done <= under.resumed:
            under.began = now
            return
        self._on_step(PartStep(done, total, lambda: picture))
        percent, every = 100 * done // total, LINES_EVERY[self._painter.config.progress]
        if not every or percent // every == 100 * (done - 1) // total // every:
            return
        left_s = (now - under.began) / (done - under.resumed) * (total - done)
        text = f"{order}: {percent} %, {done} of {total} frames, {duration(left_s)} left"
        numbers = {"step": done, "steps": total, "percent": percent}
        order.log(text, event="progress", **numbers, left_s=round(left_s, 1))
