"""Paints one photo in a file, in the style of paintings in files, into a file."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TextIO, cast

import numpy as np

from painterly.cli import picture_files as files_of
from painterly.cli.app import set_up_log, why_instant
from painterly.cli.options import STANDARD, PictureArgs
from painterly.cli.picture_order import Wish, wish_of
from painterly.devices.native_stderr import present_stderr
from painterly.engine.transfer import Step
from painterly.errors import ConfigError
from painterly.images.encode import encode
from painterly.images.own_files import own_files
from painterly.images.picture import Picture
from painterly.log import event, logger
from painterly.painters.finished import Finished
from painterly.painters.single import Hooks, paint_single
from painterly.painters.timelapse import Timelapse
from painterly.settings.clips import is_painted_alone
from painterly.signals import Stop, Stopped
from painterly.storage.files import Mount, delete_leftovers


def run(pictures: Sequence[PictureArgs]) -> int:
    """Paint one photo in one style or more, and return the exit code."""
    first = pictures[0]
    environment = set_up_log("%(message)s", {"PROGRESS": first.progress} if first.progress else {})
    if first.places[-1] == STANDARD:
        sys.stdout = present_stderr()  # Nothing else may be written into the result.
    instant = why_instant(first.settings)
    with Stop() as stop, own_files():
        for args in pictures:
            if instant:
                args.settings["preset"] = "instant"
            path = str(paint_source(args, environment, stop))
            event(path, summary=True, event="result", path=path)
    if instant:
        event(instant)
    return 0


def paint_source(args: PictureArgs, environment: Mapping[str, str], stop: Stop) -> Path:
    """Paint a clip or a photo, and return the path written. Raises the errors of `paint`."""
    if is_painted_alone(args.places[0], args.places[-1]):
        from painterly.cli import clip

        return clip.paint(args, environment, stop)
    return paint(args, environment, stop)


def paint(args: PictureArgs, environment: Mapping[str, str], stop: Stop) -> Path:
    """Paint a photo in the style of paintings, and return the path written, `PREFIX.png`.

    A painting that was stopped or killed continues from its checkpoint. Raises a PainterlyError
    before painting if an argument does not fit, and after a signal Stopped with the files that are
    kept.
    """
    wish = wish_of(args, environment)
    files = ResultFiles(wish, stop)
    paint_single(wish.order, wish.buckets, wish.config, stop, files, resume=not wish.fresh)
    if not wish.to_stdout:
        delete_leftovers(wish.unfinished)
        with suppress(OSError):  # Others are unfinished in it, or there was none.
            wish.unfinished.rmdir()
    return files.path


class ResultFiles(Hooks):
    """The result of a wish in its file or on the standard output, its time-lapse, and the pictures
    of every step whose number `save_every` divides, unless that is 0."""

    def __init__(self, wish: Wish, stop: Stop) -> None:
        self.path = Path("standard output")
        self._wish, self._stop = wish, stop

    def before(self, photo: Picture) -> None:
        """Check that the result can be written. Raises ConfigError."""
        wish, self._photo = self._wish, photo
        path, self._output = files_of.result_path(
            wish.result, wish.order.output, f"photo.{photo.format}"
        )
        if wish.to_stdout:
            if sys.__stdout__ is None or sys.__stdout__.isatty():
                raise ConfigError(
                    "the result is -, the standard output, which is neither file nor pipe"
                )
            return
        self.path, self._mount = path, Mount(path.parent, str(path.parent))
        targets = [path]
        files_of.check_target(path, wish.result, wish.inputs)
        if wish.order.style.settings.timelapse:
            targets.append(files_of.timelapse_path(path))
            files_of.check_target(targets[-1], str(targets[-1]), wish.inputs)
        if wish.save_every:
            targets += files_of.stored_steps(path)
        for target in targets if not wish.overwrite else ():
            files_of.check_is_painted(target, ", or pass --overwrite to replace it")

    def on_step(self, step: Step) -> None:
        """Write its picture if it is one of those. From now on, a signal no longer ends the
        painting at once."""
        self._stop.later = True
        every = self._wish.save_every
        if every and step.iteration % every == 0:
            self._write(step.image, files_of.step_path(self.path, step.iteration))

    def on_stop(self, step: Step, timelapse: Timelapse | None) -> NoReturn:
        """Write the picture as it stands as the result, and raise Stopped, which names it."""
        assert self._stop.signum is not None
        self.write(step.image, timelapse)
        count = f"{step.iteration} of {step.total} steps"
        note = f"{self.path} is the picture as it stands after {count}"
        raise Stopped(self._stop.signum, note)

    def store(self, finished: Finished) -> None:
        """Write the result."""
        self.write(finished.image, finished.timelapse)

    def write(self, image: np.ndarray, timelapse: Timelapse | None = None) -> None:
        """Write an image [H, W, 3], sRGB 0…1, as the result, after its time-lapse if it has one,
        whole or not at all. Raises ConfigError, PictureError, or UnavailableError if the disk is
        gone."""
        if timelapse:
            path = files_of.timelapse_path(self.path)
            self._mount.check()
            files_of.write_file(path, timelapse.encoded(image, self._photo.alpha))
            logger.info("the time-lapse is %s", path)
        self._write(image, self.path)

    def _write(self, image: np.ndarray, path: Path) -> None:
        data = encode(image, self._output, self._photo)
        if not self._wish.to_stdout:
            self._mount.check()
            files_of.write_file(path, data)
            return
        stdout = cast(TextIO, sys.__stdout__)  # The log is on stderr.
        with files_of.writing(path):
            stdout.buffer.write(data)
            stdout.flush()
