"""inetwork.py: one photo in a file, painted into a file."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from painterly.cli.app import run_program, set_up_log
from painterly.cli.inetwork_arguments import (
    START,
    FileOrder,
    RecordOrder,
    order_of,
    parsed,
    usage,
)
from painterly.cli.picture_files import (
    STANDARD,
    ResultFiles,
    chosen_device,
    read_file,
    read_standard_input,
    result_files,
)
from painterly.config import environment, progress_mode
from painterly.errors import ConfigError, WeightsError
from painterly.log import event, logger, logs_json
from painterly.progress import follow
from painterly.settings import Settings
from painterly.signals import Stop, Stopped

if TYPE_CHECKING:  # `--help` loads neither TensorFlow nor NumPy.
    from painterly.batch.reading import File, PaintingFiles, PhotoFiles, PhotoInput
    from painterly.devices.device import Device
    from painterly.engine.transfer import Step, Transfer
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


def _dispatch(order: FileOrder | RecordOrder) -> Path:
    """Paint pictures, or what a record describes, and return the path written."""
    if isinstance(order, FileOrder):
        return paint(order)
    from painterly.cli.repaint import repaint

    return repaint(order)


def paint(order: FileOrder) -> Path:
    """Paint a photo in the style of paintings, and return the path written, `PREFIX.png`.

    Raises a PainterlyError before painting if an argument does not fit, and after a signal
    Stopped with the files that are kept.
    """
    from painterly.batch.reading import decode_photo
    from painterly.devices.system_memory import free_memory

    source = _weights(order)
    photo = decode_photo(_photo_files(order), free_memory())
    settings = order.settings_for(*photo.picture.size)
    results = result_files(order.prefix, photo.picture, order.output, map(Path, order.paths))
    transfer, device = _begin(order, settings, photo, source)
    with device.scope(), Stop() as stop:
        steps = _written(transfer, results, order.save_every, stop)
        last = follow(steps, Path(order.base).name, mode=progress_mode(environment()))
        return results.write(last.image)


def _begin(
    order: FileOrder, settings: Settings, photo: "PhotoInput", source: "WeightsSource"
) -> "tuple[Transfer, Device]":
    """Return a painting before its first step, and its device."""
    from painterly.batch.reading import PhotoFiles, decode_mask, decode_photo, decode_style
    from painterly.devices.system_memory import free_memory
    from painterly.vgg.sources import RANDOM, described, read_source

    content_mask = photo.content_mask(settings, order.base)
    style = decode_style(_painting_files(order), settings, free_memory())
    color_mask = decode_mask(_file(order.color_mask, "--color_mask"), free_memory())
    start = _file(order.start, START)
    init = start and decode_photo(PhotoFiles(start), free_memory()).picture.pixels
    # Missing weights are reported before TensorFlow is loaded; random ones need it.
    weights = None if source.given == RANDOM else read_source(source, settings.model, settings.seed)
    device = chosen_device(order.device, settings)
    from painterly.engine.paintings import Paintings
    from painterly.engine.stylize import prepared

    with device.scope():
        vgg = None
        if settings.traits.optimises:
            from painterly.vgg.network import VGG

            vgg = VGG(weights or read_source(source, settings.model, settings.seed))
        logger.info("painting with %s", described(source.identity, source.given))
        transfer = prepared(
            photo.picture.pixels_int,
            Paintings(*style),
            settings,
            vgg,
            content_mask=content_mask,
            color_mask=color_mask,
            init=init,
            memory_limit=order.memory_limit,
        )
    logger.info("%s", transfer.memory_plan)
    return transfer, device


def _photo_files(order: FileOrder) -> "PhotoFiles":
    from painterly.batch.reading import File, PhotoFiles

    if order.base == STANDARD:
        photo = File("standard input", read_standard_input())
    else:
        photo = File(order.base, read_file(order.base, "photo"))
    return PhotoFiles(photo, _file(order.content_mask, "--content_mask", "mask "))


def _painting_files(order: FileOrder) -> "Iterator[PaintingFiles]":
    from painterly.batch.reading import File, PaintingFiles

    for paths in order.paintings:
        yield PaintingFiles(
            File(f"painting {paths.painting}", read_file(paths.painting, "painting")),
            paths.share,
            _file(paths.mask, "--style_masks", "mask "),
            _file(paths.region, "--regions", "region "),
        )


def _file(path: str | None, argument: str, what: str = "") -> "File | None":
    """Return the file that an argument names, if it does. Its name in errors begins with `what`."""
    from painterly.batch.reading import File

    return None if path is None else File(f"{what}{path}", read_file(path, argument))


class _Signalled(BaseException):
    """A signal has arrived after the first step."""


def _written(
    transfer: "Transfer", results: ResultFiles, every: int, stop: Stop
) -> Iterator["Step"]:
    """Yield the steps and, every `every` steps, write their picture.

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
            if every and step.iteration % every == 0:
                results.write(step.image, f"_at_iteration_{step.iteration}")
            yield step
    except _Signalled:
        assert stop.signum is not None
        path, count = results.write(step.image), f"{step.iteration} of {step.total} steps"
        raise Stopped(stop.signum, f"{path} is the picture as it stands after {count}") from None


def _weights(order: FileOrder) -> "WeightsSource":
    """Return the weights that the flag or VGG_WEIGHTS names, or else the usual ones.

    Raises WeightsError if they are missing, before TensorFlow is loaded.
    """
    from painterly.vgg.sources import source_for

    weights = order.weights or environment().get("VGG_WEIGHTS")
    if weights and weights.startswith("bucket:"):
        raise WeightsError(
            f"weights are {weights!r}, which only a batch reads; pass --weights FILE|random|builtin"
        )
    return source_for(order.settings, weights)
