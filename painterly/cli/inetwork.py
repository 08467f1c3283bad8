"""inetwork.py: one photo in a file, painted into a file."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from painterly.cli.app import run_program, set_up_log
from painterly.cli.inetwork_arguments import (
    START,
    PictureArguments,
    RecordArguments,
    order_of,
    parsed,
    usage,
)
from painterly.cli.picture_files import (
    STANDARD,
    STEP,
    ResultFiles,
    chosen_device,
    optional_file,
    photo_file,
    picture_file,
    result_files,
)
from painterly.config import environment, progress_mode
from painterly.errors import ConfigError, WeightsError
from painterly.log import event, logger, logs_json
from painterly.progress import follow
from painterly.settings import Settings
from painterly.signals import Stop, Stopped

if TYPE_CHECKING:  # `--help` loads neither TensorFlow nor NumPy.
    from painterly.devices.device import Device
    from painterly.engine.transfer import Step, Transfer, TransferInputs
    from painterly.images.picture import Picture
    from painterly.vgg.sources import WeightsSource


def inetwork(words: Sequence[str] | None = None, name: str = "inetwork.py") -> int:
    """Paint one picture, and return the exit code.

    Args:
        words: The arguments.
        name: The program's name in errors.
    """
    with ExitStack() as until_the_end:

        def run() -> int:
            set_up_log("%(message)s", {})
            arguments = sys.argv[1:] if words is None else words
            if not arguments and not logs_json():
                print(usage(), end="", file=sys.stderr)
                return ConfigError.exit_code
            args = parsed(arguments)
            if args.pictures[-1:] == [STANDARD]:  # Stdout is for the picture alone.
                until_the_end.enter_context(redirect_stdout(sys.stderr))
            path = _dispatch(order_of(args))
            event(str(path), summary=True, event="result", path=str(path))
            return 0

        return run_program(name, run, interrupted="what was written stays", paints=True)


def _dispatch(order: PictureArguments | RecordArguments) -> Path:
    """Paint pictures, or what a record describes, and return the path written."""
    if isinstance(order, PictureArguments):
        return paint(order)
    from painterly.cli.repaint import repaint

    return repaint(order)


def paint(order: PictureArguments) -> Path:
    """Paint a photo in the style of paintings, and return the path written, `PREFIX.png`.

    Raises a PainterlyError before painting if an argument does not fit, and after a signal
    Stopped with the files that are kept.
    """
    source = _weights(order.weights, order.settings)
    photo, inputs = _read(order)
    wants_timelapse = order.settings.timelapse
    results = result_files(
        order.prefix,
        photo,
        order.output_for(photo.format),
        map(Path, order.paths),
        overwrite=order.overwrite,
        with_steps=order.save_every > 0,
        with_timelapse=wants_timelapse,
    )
    device = chosen_device(order.device, inputs.settings)
    with device.scope():
        transfer = _prepared(inputs, source, device, order.memory_limit)
        with Stop() as stop:
            pictures = StepPictures(results, order.save_every, wants_timelapse)
            steps = _written(transfer, pictures, stop)
            last = follow(steps, Path(order.base).name, mode=progress_mode(environment()))
            return pictures.write_result(last)


def _read(order: PictureArguments) -> "tuple[Picture, TransferInputs]":
    """Read an order's files, then decode them. Return the photo and what it is painted from. Raises
    ConfigError, PictureError."""
    from painterly.batch.reading import (
        PaintingFiles,
        PhotoFiles,
        decode_mask,
        decode_photo,
        decode_style,
    )
    from painterly.devices.system_memory import free_memory
    from painterly.engine.paintings import Paintings
    from painterly.engine.transfer import TransferInputs

    content_mask = optional_file(order.content_mask, "--content_mask", "mask ")
    files = PhotoFiles(photo_file(order.base), content_mask)
    painting_files = [
        PaintingFiles(
            picture_file(paths.painting, "painting", "painting "),
            paths.share,
            optional_file(paths.mask, "--style_masks", "mask "),
            optional_file(paths.region, "--regions", "region "),
        )
        for paths in order.paintings
    ]
    color_file = optional_file(order.color_mask, "--color_mask")
    start_file = optional_file(order.start, START)

    photo = decode_photo(files, free_memory())
    color_mask = decode_mask(color_file, free_memory())
    start = start_file.decode(free_memory()).pixels if start_file else None
    settings = order.settings_for(*photo.picture.size)
    style = decode_style(painting_files, settings, free_memory())
    mask = photo.content_mask(settings, order.base)
    return photo.picture, TransferInputs(
        photo.picture.pixels_int, Paintings(*style), settings, mask, color_mask, start
    )


def _prepared(
    inputs: "TransferInputs", source: "WeightsSource", device: "Device", memory_limit: int | None
) -> "Transfer":
    """Return a painting before its first step. Call it in the device's scope."""
    from painterly.devices.budget import Limits
    from painterly.engine.stylize import prepared
    from painterly.vgg.sources import described, read_source

    settings, vgg = inputs.settings, None
    logger.info("painting with %s", described(source.identity, source.given))
    if settings.traits.optimises:
        from painterly.vgg.network import VGG

        weights = read_source(source, settings.model, settings.seed)
        vgg = VGG(weights)
    transfer = prepared(inputs, vgg, device.budget(Limits(memory_limit)))
    logger.info("%s", transfer.memory_plan)
    return transfer


class StepPictures:
    """The pictures that are written of the steps of one painting: some of them, the result, and its
    time-lapse."""

    def __init__(self, results: ResultFiles, every: int, timelapse: bool) -> None:
        """Write the picture of every step whose number `every` divides, unless that is 0."""
        from painterly.batch.timelapse import Timelapse

        self._results, self._every = results, every
        self._timelapse = Timelapse() if timelapse else None

    def add(self, step: "Step") -> None:
        """Take a step."""
        if self._every and step.iteration % self._every == 0:
            self._results.write(step.image, f"{STEP}{step.iteration}")
        if self._timelapse and step.iteration < step.total:
            self._timelapse.add(step)

    def write_result(self, last: "Step") -> Path:
        """Write the picture of a step as the result, with its time-lapse, and return its path."""
        if self._timelapse:
            path = self._results.write_timelapse(self._timelapse, last.image)
            logger.info("the time-lapse is %s", path)
        return self._results.write(last.image)


class _Signalled(BaseException):
    """A signal has arrived after the first step."""


def _written(transfer: "Transfer", pictures: StepPictures, stop: Stop) -> Iterator["Step"]:
    """Yield the steps, and write their pictures.

    After a signal, the picture of the latest step becomes the result, and Stopped is raised.
    """

    def check_stop() -> None:
        if stop.later and stop.signum is not None:
            raise _Signalled

    try:
        for step in transfer.steps(check_stop=check_stop):
            stop.later = True
            if step.iteration < step.total:
                check_stop()
            pictures.add(step)
            yield step
    except _Signalled:
        assert stop.signum is not None
        path, count = pictures.write_result(step), f"{step.iteration} of {step.total} steps"
        raise Stopped(stop.signum, f"{path} is the picture as it stands after {count}") from None


def _weights(named: str | None, settings: Settings) -> "WeightsSource":
    """Return the weights that the flag or VGG_WEIGHTS names, or else the usual ones.

    Raises WeightsError if they are missing, before TensorFlow is loaded.
    """
    from painterly.vgg.sources import source_for

    weights = named or environment().get("VGG_WEIGHTS")
    if weights and weights.startswith("bucket:"):
        raise WeightsError(
            f"weights are {weights!r}, which only a batch reads; pass --weights FILE|random|builtin"
        )
    return source_for(settings, weights)
