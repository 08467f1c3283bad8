"""inetwork.py: one photo in a file, painted into a file."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from styletransfer.cli import inetwork_arguments
from styletransfer.cli.app import run_program, set_up_log
from styletransfer.cli.picture_files import (
    ResultFiles,
    check_target,
    chosen_device,
    read_file,
    read_mask,
    read_picture,
    result_files,
)
from styletransfer.config import environment, memory_size, progress_mode
from styletransfer.errors import ConfigError, WeightsError
from styletransfer.log import event, logger, logs_json
from styletransfer.progress import follow
from styletransfer.settings import Settings
from styletransfer.signals import Stop, Stopped
from styletransfer.storage.base import Entry

if TYPE_CHECKING:  # `--help` loads neither TensorFlow nor NumPy.
    from styletransfer.batch.styles import Painting
    from styletransfer.engine.stylize import Step
    from styletransfer.vgg.sources import WeightsSource


def inetwork(words: Sequence[str] | None = None) -> int:
    """Run the script of that name, and return its exit code."""

    def run() -> int:
        set_up_log("%(message)s", {})
        given = sys.argv[1:] if words is None else words
        if not given and not logs_json():
            print(inetwork_arguments.usage(), end="", file=sys.stderr)
            return ConfigError.exit_code
        path = _dispatch(inetwork_arguments.parse_arguments(given))
        event(str(path), summary=True, event="result", path=str(path))
        return 0

    return run_program("inetwork.py", run, interrupted="what was written stays", paints=True)


def _dispatch(args: argparse.Namespace) -> Path:
    """Paint pictures, or what a record describes, and return the path written."""
    if args.from_record is None:
        return paint(args)
    if len(args.pictures) != 1:
        given = " ".join(args.pictures) or "nothing"
        raise ConfigError(f"--from_record FILE takes PREFIX; got {given}")
    from styletransfer.cli.repaint import repaint_record

    limit = memory_size(args.memory_limit, "--memory_limit")
    return repaint_record(args.from_record, args.pictures[0], args.weights, args.device, limit)


def paint(args: argparse.Namespace) -> Path:
    """Paint a photo in the style of paintings, and return the path written, `PREFIX.png`.

    Raises a StyleTransferError before painting if an argument does not fit, and after a signal
    Stopped with the files that are kept.
    """
    if len(args.pictures) < 3:
        raise ConfigError(
            f"expected BASE, one or more REF, and PREFIX; got {' '.join(args.pictures) or 'none'}"
        )
    if args.image_size is not None and args.size is not None:
        raise ConfigError("--image_size and --size both set the size; give one of them")
    from styletransfer.batch.reading import read_photo, read_style
    from styletransfer.batch.styles import Style
    from styletransfer.devices.system_memory import free_memory
    from styletransfer.vgg.sources import RANDOM, described, read_source

    base, *_, prefix = args.pictures
    settings = inetwork_arguments.settings_of(args)
    paintings = _paintings(args)
    limit = memory_size(args.memory_limit, "--memory_limit")
    source = _weights(args, settings)
    arguments = inetwork_arguments.paths_given(args)

    def read(path: str) -> bytes:
        return read_file(path, arguments[path])

    photo = read_photo(Entry(base, 0, ""), _entry(args.content_mask), read, free_memory())
    settings = inetwork_arguments.with_image_size(settings, args, *photo.picture.size)
    results = result_files(prefix, photo.picture, inetwork_arguments.output_format(args))
    check_target(results.path(), prefix, map(Path, arguments))
    given = read_style(Style(prefix, paintings, settings), read, free_memory())
    content_mask = photo.content_mask(settings, base)
    color_mask = None
    if args.color_mask is not None:
        color_mask = read_mask(args.color_mask, arguments[args.color_mask])
    start = inetwork_arguments.start_picture(args)
    init = None if start is None else read_picture(start, arguments[start]).pixels

    # Missing weights are reported before TensorFlow is loaded; random ones need it.
    weights = None if source.given == RANDOM else read_source(source, settings.model, settings.seed)
    device = chosen_device(args.device)
    from styletransfer.engine.paintings import Paintings
    from styletransfer.engine.stylize import StyleTransfer
    from styletransfer.vgg.network import VGG

    with device.scope():
        vgg = VGG(weights or read_source(source, settings.model, settings.seed))
        del weights
        logger.info("painting with %s", described(vgg.identity, source.given))
        style = Paintings(*given)
        del given  # The style has the paintings.
        transfer = StyleTransfer(
            photo.picture.pixels_int,
            style,
            settings,
            vgg,
            content_mask=content_mask,
            color_mask=color_mask,
            init=init,
            memory_limit=limit,
        )
        logger.info("%s", transfer.memory_plan)
        del init  # It may be as large as the photo.
        every = args.save_every
        if every is None:
            every = 1 if settings.traits.original else 0
        _run(transfer.steps(), Path(base).name, results, every)
    return results.path()


def _paintings(args: argparse.Namespace) -> "tuple[Painting, ...]":
    """Return the paintings with their shares and masks. Raises ConfigError."""
    from styletransfer.batch.styles import Painting

    refs = args.pictures[1:-1]
    shares = inetwork_arguments.shares_of(args.style_weight, len(refs))
    masks = inetwork_arguments.masks_of(args, "style_masks", len(refs))
    regions = inetwork_arguments.masks_of(args, "regions", len(refs))
    if args.regions is None and args.content_mask is None:
        regions = masks  # As in the original.
    found = zip(refs, shares, masks, regions, strict=True)
    return tuple(
        Painting(Entry(ref, 0, ""), share, _entry(mask), _entry(region))
        for ref, share, mask, region in found
    )


def _run(steps: Iterable["Step"], label: str, results: ResultFiles, every: int) -> None:
    """Paint, and write the result.

    Args:
        steps: The optimisation.
        label: The name of the photo.
        results: The files to write.
        every: The number of steps after which a picture is written, or 0 for never.
    """
    with Stop() as stop:
        written = _written(steps, results, every, stop)
        last = follow(written, label, mode=progress_mode(environment()))
        results.write(last.image)


def _written(
    steps: Iterable["Step"], results: ResultFiles, every: int, stop: Stop
) -> Iterator["Step"]:
    """Yield the steps and, every `every` steps, write their picture.

    After a signal, the current picture becomes the result, and Stopped is raised.
    """
    for step in steps:
        stop.later = True
        if stop.signum is not None and step.iteration < step.total:
            path, count = results.write(step.image), f"{step.iteration} of {step.total} steps"
            raise Stopped(stop.signum, f"{path} is the picture as it stands after {count}")
        if every and step.iteration % every == 0:
            results.write(step.image, f"_at_iteration_{step.iteration}")
        yield step


def _entry(path: str | None) -> Entry | None:
    return None if path is None else Entry(path, 0, "")


def _weights(args: argparse.Namespace, settings: Settings) -> "WeightsSource":
    """Return the weights that the flag or VGG_WEIGHTS names, or else the usual ones.

    Raises WeightsError if they are missing, before TensorFlow is loaded.
    """
    from styletransfer.vgg.sources import source_for

    given: str | None = args.weights or environment().get("VGG_WEIGHTS")
    if given and given.startswith("bucket:"):
        raise WeightsError(
            f"weights are {given!r}, which only a batch reads; pass --weights FILE|random|builtin"
        )
    return source_for(settings, given)
