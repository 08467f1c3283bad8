"""Paints one photo in a file, in the style of paintings in files, into a file."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from painterly.cli.app import run_painter, why_instant
from painterly.cli.options import STANDARD, PictureArgs
from painterly.cli.picture_files import (
    STEP,
    UNFINISHED,
    ResultFiles,
    result_files,
)
from painterly.cli.picture_order import (
    config_of,
    order_of,
    save_every,
    settings_of,
    weights_of,
)
from painterly.log import event, logger
from painterly.settings.clips import is_painted_alone
from painterly.signals import Stop, Stopped
from painterly.storage.base import BadKeyError
from painterly.storage.files import new_md5

if TYPE_CHECKING:  # `--help` loads neither TensorFlow nor NumPy.
    from painterly.engine.transfer import Step
    from painterly.painters.timelapse import Timelapse
    from painterly.storage.folder import FolderBucket


def run(pictures: Sequence[PictureArgs], name: str) -> int:
    """Paint pictures one after the other, and return the exit code.

    Args:
        pictures: One photo in one style or more.
        name: The program.
    """

    def paint_it(environment: Mapping[str, str], stop: Stop) -> Iterator[Path]:
        from painterly.images.own_files import own_files

        instant = why_instant(pictures[0].settings)
        with own_files():
            for args in pictures:
                if instant:
                    args.settings["preset"] = "instant"
                yield paint_source(args, environment, stop)
        if instant:
            event(instant)

    return run_painter(name, paint_it, to_stdout=pictures[0].places[-1] == STANDARD)


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
    from painterly.orders.buckets import Buckets
    from painterly.orders.network_pool import NetworkPool
    from painterly.painters.loading import chosen_device, load_devices
    from painterly.painters.painter import DeviceSlot, Painter
    from painterly.storage.files import delete_leftovers
    from painterly.storage.files_bucket import FilesBucket
    from painterly.storage.folder import FolderBucket

    loaded, settings = config_of(args, environment), settings_of(args)
    every, weights = save_every(args, settings), weights_of(args, settings, environment)
    prefix, files = args.places[-1], FilesBucket()
    result, is_file = Path(prefix), prefix != STANDARD
    unfinished = FolderBucket(result.parent / UNFINISHED)
    key = _checkpoint_key(result.name, unfinished)
    order = order_of(args, settings, files, weights, key)
    named = [Path(each.key) for each in files.list()]
    buckets = Buckets(files, files, unfinished)
    with closing(Painter(loaded, buckets, NetworkPool(None, files), stop)) as painter:
        loading = load_devices(args.device, settings.traits.optimises)
        inputs = painter.read(order)
        if not order.style.settings.has_default_size:  # Or paintings may be read once more.
            files.clear()
        results = result_files(
            prefix,
            inputs.photo.picture.printed(order.style.settings),
            order.output,
            named,
            overwrite=args.overwrite,
            with_steps=every > 0,
            with_timelapse=settings.timelapse,
        )
        device = chosen_device(loading)
        logger.info("painting with %s", order.network)
        pictures = StepPictures(results, every, stop)
        finished = painter.paint(
            order,
            inputs,
            DeviceSlot(device),
            on_step=pictures.add,
            on_stop=pictures.write_unfinished,
            resume=is_file and not args.fresh,
        )
        path = results.write_result(finished.image, finished.timelapse)
        if is_file:
            painter.delete_checkpoint(order)
    if is_file:
        delete_leftovers(unfinished.folder)
        with suppress(OSError):  # Others are unfinished in it, or there was none.
            unfinished.folder.rmdir()
    return path


def _checkpoint_key(name: str, unfinished: "FolderBucket") -> str:
    """Return the key of the checkpoint of a result: its name, or a hash of one that cannot be a key
    there, such as a hidden file's, or one that is too long with a further extension."""
    key = f"{name}.npz"
    try:
        unfinished.check_key(key)
    except BadKeyError:
        return f"{new_md5(os.fsencode(name)).hexdigest()}.npz"
    return key


class StepPictures:
    """The pictures that are written while one is painted."""

    def __init__(self, results: ResultFiles, every: int, stop: Stop) -> None:
        """Write the picture of every step whose number `every` divides, unless that is 0. After the
        first step, a signal no longer ends the painting at once."""
        self._results, self._every, self._stop = results, every, stop

    def add(self, step: "Step") -> None:
        """Take a step."""
        self._stop.later = True
        if self._every and step.iteration % self._every == 0:
            self._results.write(step.image, f"{STEP}{step.iteration}")

    def write_unfinished(self, step: "Step", timelapse: "Timelapse | None") -> NoReturn:
        """Write the picture of the latest step as the result, and raise Stopped, which names it."""
        assert self._stop.signum is not None
        path = self._results.write_result(step.image, timelapse)
        count = f"{step.iteration} of {step.total} steps"
        raise Stopped(self._stop.signum, f"{path} is the picture as it stands after {count}")
