"""One photo from a file, painted into a file: what `inetwork.py` dispatches into."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from styletransfer.cli import inetwork_arguments
from styletransfer.cli.picture_files import ResultFiles, mask, picture, written
from styletransfer.config import memory_size
from styletransfer.devices.native_stderr import hold_native_stderr
from styletransfer.errors import ConfigError, StyleTransferError
from styletransfer.images.output import output_extension
from styletransfer.log import log_to_stdout, logger
from styletransfer.progress import follow
from styletransfer.settings import Settings

if TYPE_CHECKING:  # For their names only: `--help` loads neither TensorFlow nor NumPy.
    import numpy as np

    from styletransfer.cli.loss_log import LossLog
    from styletransfer.engine.stylize import Step


def inetwork(words: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    log_to_stdout("%(message)s")
    try:
        path = _dispatch(inetwork_arguments.parsed(sys.argv[1:] if words is None else words))
    except StyleTransferError as error:
        print(f"inetwork.py: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        print(f"inetwork.py: stopped; {stop or 'nothing was written'}", file=sys.stderr)
        return 130
    print(path)
    return 0


def _dispatch(told: argparse.Namespace) -> Path:
    """Does what the command line tells of; the path written."""
    ways = ("from_record", "color_transfer_only", "mask_transfer")
    chosen = [way for way in ways if getattr(told, way)]
    if len(chosen) > 1:
        raise ConfigError(f"--{chosen[0]} and --{chosen[1]} do not go together")
    if chosen != ["color_transfer_only"] and (told.mask or told.hist_match):
        raise ConfigError(
            "--mask and --hist_match belong to --color_transfer_only; "
            "painting has --content_mask, --style_masks, --regions and --color_mask"
        )
    if chosen == ["from_record"]:
        if len(told.pictures) != 1:
            raise ConfigError("--from_record takes one argument besides it, PREFIX")
        from styletransfer.cli.repaint import repaint_record

        limit = memory_size(told.memory_limit, "--memory_limit")
        return repaint_record(told.from_record, told.pictures[0], told.weights, told.device, limit)
    if chosen:
        from styletransfer.cli import transfer

        if told.mask_transfer:
            return transfer.transfer_mask(told)
        return transfer.transfer_colors(told)
    return paint(told)


def paint(told: argparse.Namespace) -> Path:
    """Paints what the command line tells of, and returns the path written, `PREFIX.png`.

    Raises a StyleTransferError before anything is painted where an argument does not fit; a
    KeyboardInterrupt says what is kept.
    """
    if len(told.pictures) < 3:
        raise ConfigError(f"expected BASE, one or more REF, and PREFIX; got {told.pictures}")
    if told.image_size is not None and told.size is not None:
        raise ConfigError("--image_size and --size both tell the size; give one of them")
    base, *refs, prefix = told.pictures
    settings = inetwork_arguments.settings(told)
    shares = inetwork_arguments.shares(told.style_weight, len(refs))
    limit = memory_size(told.memory_limit, "--memory_limit")
    _tell_what_does_not_count(told, settings)

    photo = picture(base, "BASE")
    settings = inetwork_arguments.sized(settings, told, *photo.size)
    extension = output_extension(told.output_format, photo.format)
    how = (extension, told.output_quality, told.output_depth, told.keep_gps)
    output = ResultFiles(prefix, photo, *how)
    _check_targets(output, told)
    paintings = [picture(ref, "REF").pixels for ref in refs]
    given = _masks(told, len(refs))

    with hold_native_stderr():
        from styletransfer.devices.tensorflow import choose_devices

        device = choose_devices(told.device)  # Before the engine asks what the device can do.

    from styletransfer.cli import loss_log
    from styletransfer.engine.stylize import foresee, style_targets, stylize
    from styletransfer.vgg.network import load_vgg

    logger.info("painting on %s", device.each[0])
    vgg = load_vgg(settings.model, told.weights, settings.seed)
    every = told.save_every
    if every is None:
        every = 1 if settings.recipe == "inetwork" else 0
    mask = given["content_mask"]
    style = style_targets(paintings, shares, given.pop("style_masks"), given.pop("regions"), mask)
    del paintings  # The style has them.
    way = foresee(*photo.size, settings, vgg, limit, style=style, masked=mask is not None)
    logger.info("%s", way)
    table_path = output.path(extension="csv")
    with loss_log.LossLog(table_path) as table:
        start = given.pop("init")
        steps = stylize(
            photo.pixels_int, style, settings, vgg, memory_limit=limit, init=start, **given
        )
        del start  # As large as the photo; stylize lets go of both.
        try:
            last = follow(_kept(steps, table, output, every), Path(base).name)
            output.write(last.image)
        except KeyboardInterrupt:
            kept = [table_path, *output.done[-1:]]
            raise KeyboardInterrupt(f"kept {' and '.join(map(str, kept))}") from None
    drawing = output.path("_losses", "png")
    written(drawing, loss_log.drawn(table.rows))
    logger.info("losses in %s and %s", table_path, drawing)
    return output.path()


def _kept(
    steps: Iterable["Step"], table: "LossLog", output: ResultFiles, every: int
) -> Iterator["Step"]:
    """The steps, each with its losses in the table, and with its picture written `every` so many
    (0: never)."""
    for step in steps:
        table.add(step)
        if every and step.iteration % every == 0:
            output.write(step.image, f"_at_iteration_{step.iteration}")
        yield step


def _masks(told: argparse.Namespace, paintings: int) -> dict[str, Any]:
    """The masks, and the picture to start from, as `stylize` takes them."""

    def each(paths: Sequence[str] | None, argument: str) -> list["np.ndarray | None"] | None:
        if paths is None:
            return None
        if len(paths) != paintings:
            raise ConfigError(
                f"{argument} has {len(paths)} masks for {paintings} paintings; "
                f"expected one for each, `{inetwork_arguments.NO_MASK}` where there is none"
            )
        return [
            None if path == inetwork_arguments.NO_MASK else one(path, argument) for path in paths
        ]

    def one(path: str | None, argument: str) -> "np.ndarray | None":
        return None if path is None else mask(path, argument)

    start = inetwork_arguments.start(told)
    words = ", ".join(inetwork_arguments.START_WORDS)
    label = f"--init_image is none of {words}, and as a picture"
    return {
        "content_mask": one(told.content_mask, "--content_mask"),
        "style_masks": each(told.style_masks, "--style_masks"),
        "regions": each(told.regions, "--regions"),
        "color_mask": one(told.color_mask, "--color_mask"),
        "init": None if start is None else picture(start, label).pixels,
    }


def _check_targets(output: ResultFiles, told: argparse.Namespace) -> None:
    """Raises ConfigError where PREFIX names no file, or would write over a picture to be read."""
    if output.prefix.endswith("/"):
        raise ConfigError(f"PREFIX is {output.prefix!r}; expected a name after the folder")
    folder = output.path().parent
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"PREFIX is {output.prefix!r}, but {folder} is not a folder")
    for target in (output.path(), output.path("_losses", "png")):
        for read in map(Path, told.pictures[:-1]):
            if target.exists() and read.exists() and target.samefile(read):
                raise ConfigError(
                    f"the result would be written over {read}; choose another PREFIX than "
                    f"{output.prefix!r}"
                )


def _tell_what_does_not_count(told: argparse.Namespace, settings: Settings) -> None:
    if told.content_loss_type is not None and settings.recipe != "inetwork":
        logger.warning("--content_loss_type counts with --recipe inetwork only")
    if told.color_mask is not None and not settings.preserve_color:
        logger.warning("--color_mask counts with --preserve_color only")
