"""Paints one photo in a file, in the style of paintings in files, into a file."""

import math
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TextIO, cast

import numpy as np

from painterly.cli import picture_files as files_of
from painterly.cli.options import PictureArgs
from painterly.cli.picture_files import UNFINISHED, read_file, read_photo
from painterly.cli.places import names_style
from painterly.configuration import config
from painterly.configuration.config import Config
from painterly.engine.transfer import Step
from painterly.errors import ConfigError, WeightsError
from painterly.images.encode import encode
from painterly.images.output import OutputFormat
from painterly.images.picture import Picture
from painterly.images.picture_file import PictureFile
from painterly.log import logger
from painterly.orders.buckets import Buckets
from painterly.orders.order import SingleOrder
from painterly.orders.styles import Painting, Style
from painterly.painters.finished import Finished
from painterly.painters.single import Hooks, paint_single
from painterly.painters.timelapse import Timelapse
from painterly.settings import ready_styles
from painterly.settings.paper import NONE
from painterly.settings.settings import FIELDS, Settings
from painterly.settings.values import expectation
from painterly.signals import Stop, Stopped
from painterly.storage.base import BadKeyError, Entry
from painterly.storage.files import Mount, delete_leftovers, new_md5
from painterly.storage.files_bucket import FilesBucket
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import IN_BUCKET, source_for

NO_MASK = "-"
VARIABLES = ("CHECKPOINT_EVERY", "LOG_FORMAT", "PROGRESS")  # shared with a batch
START_WORDS = FIELDS["init_image"].metadata["choices"]
# The argument of a picture to start from, in errors.
START = f"--init_image is none of {', '.join(START_WORDS)}, and as a picture"


def paint(args: PictureArgs, environment: Mapping[str, str], stop: Stop) -> Path:
    """Paint a photo in the style of paintings, and return the path written, `PREFIX.png`.

    A painting that was stopped or killed continues from its checkpoint. Raises a PainterlyError
    before painting if an argument does not fit, WeightsError before TensorFlow is loaded, and after
    a signal Stopped with the files that are kept.
    """
    loaded, settings, files = config_of(args, environment), settings_of(args), FilesBucket()
    saved = save_every(args, settings)
    order = order_of(args, settings, environment, files)
    result = ResultFile(args, order, saved, [Path(each.key) for each in files.list()], stop)
    buckets = Buckets(files, files, result.unfinished)
    paint_single(order, buckets, loaded, stop, result, resume=not args.fresh)
    if not args.to_stdout:
        delete_leftovers(result.unfinished.folder)
        with suppress(OSError):  # Others are unfinished in it, or there was none.
            result.unfinished.folder.rmdir()
    return result.path


def _checkpoint_key(result: str) -> str:
    """Return the key of the checkpoint of a result: its name, or a hash of one that cannot be a
    key, such as a hidden file's, or one that is too long with a further extension."""
    name = Path(result).name
    try:
        FolderBucket(Path(UNFINISHED)).check_key(f"{name}.npz")
    except BadKeyError:
        name = new_md5(os.fsencode(name)).hexdigest()
    return f"{name}.npz"


def config_of(args: PictureArgs, environment: Mapping[str, str]) -> Config:
    """Return the configuration of the painter, which has no checkpoints for a picture on the
    standard output. Raises ConfigError."""
    known = {name: environment[name] for name in VARIABLES if name in environment}
    loaded = replace(config.load(known), memory_limit=args.memory_limit, device=args.device)
    return replace(loaded, checkpoint_every=math.inf) if args.to_stdout else loaded


def settings_of(args: PictureArgs) -> Settings:
    """Return the settings, without a picture to start from, which override those of the styles.

    With a number of rows, the photo will decide the size. Raises ConfigError.
    """
    if args.image_size is not None and "size" in args.settings:
        raise ConfigError("--image_size and --size both set the size; give one of them")
    styles = [ref if names_style(ref) else "" for ref in args.places[1:-1]]
    of_styles, values = ready_styles.common_settings(styles), dict(args.settings)
    if values.get("rescale_method") == "cubic":
        values["rescale_method"] = "bicubic"
    if _start(args) is not None:
        del values["init_image"]
    settings = Settings().replaced(of_styles).replaced(values, "--")
    if args.image_size is not None and settings.paper != NONE:
        raise ConfigError("--image_size and --paper both set the size; give one of them")
    return settings


def save_every(args: PictureArgs, settings: Settings) -> int:
    """Return the number of steps after which a picture is written, or 0 for never."""
    if not args.to_stdout:
        usual = int(settings.traits.original)
        return usual if args.save_every is None else args.save_every
    if args.save_every or settings.timelapse:
        flag = "--save_every" if args.save_every else "--timelapse"
        raise ConfigError(f"{flag} writes files beside the result, which has no file")
    return 0


def order_of(
    args: PictureArgs,
    settings: Settings,
    environment: Mapping[str, str],
    files: FilesBucket,
    photo: Entry | None = None,
) -> SingleOrder:
    """Read the files of a picture into a bucket, and return its order.

    Args:
        args, environment: As in `paint`.
        settings: Those of `settings_of`.
        photo: The photo, if the bucket has it already.

    Raises:
        ConfigError, PictureError: An argument is wrong.
        WeightsError: The weights that a flag or VGG_WEIGHTS names are missing.
    """

    def optional(path: str | None, argument: str) -> Entry | None:
        return None if path is None else files.add(path, read_file(path, argument))

    rows, given = _rows(args, settings), args.weights or environment.get("VGG_WEIGHTS")
    if given and given.startswith(IN_BUCKET):
        raise WeightsError(
            f"weights are {given!r}, which only a batch reads; pass --weights FILE|random|builtin"
        )
    base, *refs, _ = args.places
    refs = [str(ready_styles.path(ref)) if names_style(ref) else ref for ref in refs]
    masks = _masks("style_masks", args.style_masks, len(refs))
    regions = _masks("regions", args.regions, len(refs))
    if args.regions is None and args.content_mask is None:
        regions = masks  # As in the original.
    weights = source_for(settings, given)
    photo = photo or files.add(*read_photo(base))
    mask = optional(args.content_mask, "--content_mask")
    paintings = tuple(
        Painting(
            files.add(ref, read_file(ref, "painting")),
            share,
            optional(of_painting, "--style_masks"),
            optional(region, "--regions"),
        )
        for ref, share, of_painting, region in zip(refs, args.shares, masks, regions, strict=True)
    )
    order = SingleOrder(
        photo=photo,
        mask=mask,
        style=Style(", ".join(Path(ref).stem for ref in refs), paintings, settings),
        weights=weights,
        output=OutputFormat(
            args.output_format or ("same" if args.to_stdout else None),
            args.output_quality,
            args.keep_gps,
            args.output_depth,
        ),
        color_mask=optional(args.color_mask, "--color_mask"),
        start=optional(_start(args), START),
        own_checkpoint_key=_checkpoint_key(args.places[-1]),
    )
    if rows is None:
        return order
    size = PictureFile(files.read(photo.key), photo.key).header.size
    return order.with_settings(_sized(settings, rows, *size))


def _masks(name: str, paths: Sequence[str] | None, paintings: int) -> list[str | None]:
    """Return the path of each painting's mask, or None for `-`.

    Raises ConfigError for another number of masks.
    """
    if paths is None:
        return [None] * paintings
    if len(paths) != paintings:
        raise ConfigError(
            f"--{name} has {len(paths)} masks for {paintings} paintings; expected one each"
        )
    return [None if path == NO_MASK else path for path in paths]


def _start(args: PictureArgs) -> str | None:
    start = args.settings.get("init_image")
    return None if start in START_WORDS else start


def _rows(args: PictureArgs, settings: Settings) -> int | None:
    is_usual = args.image_size is None and "size" not in args.settings
    if is_usual and settings.traits.original and settings.paper == NONE:
        return int(settings.traits.defaults["size"])
    return args.image_size


def _sized(settings: Settings, rows: int, height: int, width: int) -> Settings:
    """Return the settings for a photo of this size in px that is painted with some rows.

    The size is the longer side of the result. Raises ConfigError.
    """
    tall = height >= width or not settings.maintain_aspect_ratio
    longer = rows if tall else round(rows * width / height)
    try:
        return settings.replaced({"size": longer})
    except ConfigError:
        raise ConfigError(
            f"--image_size of {rows} rows makes a longer side of {longer} px; "
            f"expected {expectation(FIELDS['size'])}"
        ) from None


class ResultFile(Hooks):
    """The result of a picture in its file or on the standard output, its time-lapse, and the
    pictures of every step whose number `save_every` divides, unless that is 0.

    Args:
        args, order: The picture.
        save_every: The number of steps.
        inputs: The files that it is painted from, which no result replaces.
        stop: The signals of the process.
    """

    def __init__(
        self,
        args: PictureArgs,
        order: SingleOrder,
        save_every: int,
        inputs: Sequence[Path],
        stop: Stop,
    ) -> None:
        self.path = Path("standard output")
        self._args, self._order, self._stop = args, order, stop
        self._save_every, self._inputs = save_every, inputs

    @property
    def unfinished(self) -> FolderBucket:
        """The bucket of its checkpoint, beside it."""
        return FolderBucket(Path(self._args.places[-1]).parent / UNFINISHED)

    def before(self, photo: Picture) -> None:
        """Check that the result can be written. Raises ConfigError."""
        name, self._photo = self._args.places[-1], photo
        path, self._output = files_of.result_path(name, self._order.output, f"photo.{photo.format}")
        if self._args.to_stdout:
            if sys.__stdout__ is None or sys.__stdout__.isatty():
                raise ConfigError("the standard output (-) is neither a file nor a pipe")
            return
        self.path, self._mount = path, Mount(path.parent, str(path.parent))
        targets = [path]
        files_of.check_target(path, name, self._inputs)
        if self._order.style.settings.timelapse:
            targets.append(files_of.timelapse_path(path))
            files_of.check_target(targets[-1], str(targets[-1]), self._inputs)
        if self._save_every:
            targets += files_of.stored_steps(path)
        for target in targets if not self._args.overwrite else ():
            files_of.check_is_painted(target, ", or pass --overwrite to replace it")

    def on_step(self, step: Step) -> None:
        """Write its picture if it is one of those. From now on, a signal no longer ends the
        painting at once."""
        self._stop.later = True
        if self._save_every and step.iteration % self._save_every == 0:
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
        if not self._args.to_stdout:
            self._mount.check()
            files_of.write_file(path, data)
            return
        stdout = cast(TextIO, sys.__stdout__)  # The log is on stderr.
        with files_of.writing(path):
            stdout.buffer.write(data)
            stdout.flush()
