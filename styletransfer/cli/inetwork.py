"""inetwork.py: one photo in a file, painted into a file."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from styletransfer.cli import inetwork_arguments
from styletransfer.cli.app import run_program, set_up_log
from styletransfer.cli.picture_files import (
    ResultFiles,
    check_target,
    chosen_device,
    read_mask,
    read_picture,
    result_files,
    writing,
)
from styletransfer.config import environment, memory_size, progress_mode
from styletransfer.errors import ConfigError, WeightsError
from styletransfer.log import event, logger, logs_json
from styletransfer.progress import follow
from styletransfer.settings import Settings
from styletransfer.signals import Stop, Stopped

if TYPE_CHECKING:  # `--help` loads neither TensorFlow nor NumPy.
    import numpy as np

    from styletransfer.engine.stylize import Step
    from styletransfer.images.decode import Picture
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

    return run_program("inetwork.py", run, interrupted="nothing was written", paints=True)


def _dispatch(args: argparse.Namespace) -> Path:
    """Run the mode that the arguments ask for, and return the path written."""
    modes = [mode for mode in inetwork_arguments.MODES if getattr(args, mode)]
    if len(modes) > 1:
        raise ConfigError(f"--{modes[0]} and --{modes[1]} do not go together")
    mode = modes[0] if modes else None
    if mode != "color_transfer_only" and (args.mask or args.hist_match):
        raise ConfigError(
            "--mask and --hist_match belong to --color_transfer_only; "
            "painting has --content_mask, --style_masks, --regions and --color_mask"
        )
    if args.output is not None and mode in (None, "from_record"):
        args.pictures.append(args.output)  # In PREFIX's place.
    if mode is None:
        return paint(args)
    if mode == "from_record":
        expected = "--from_record FILE takes PREFIX"
        [prefix] = inetwork_arguments.pictures_given(args, 1, expected)
        from styletransfer.cli.repaint import repaint_record

        limit = memory_size(args.memory_limit, "--memory_limit")
        return repaint_record(args.from_record, prefix, args.weights, args.device, limit)
    from styletransfer.cli import transfer

    if mode == "mask_transfer":
        return transfer.transfer_mask(args)
    return transfer.transfer_colors(args)


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
    from styletransfer.vgg.sources import RANDOM, described, read_source

    base, *refs, prefix = args.pictures
    settings = inetwork_arguments.settings_of(args)
    shares = inetwork_arguments.shares_of(args.style_weight, len(refs))
    limit = memory_size(args.memory_limit, "--memory_limit")
    _warn_of_unused(args, settings)
    source = _weights(args, settings)
    photo = read_picture(base, "BASE")
    settings = inetwork_arguments.with_image_size(settings, args, *photo.size)
    results = result_files(prefix, photo, inetwork_arguments.output_format(args))
    check_target(results.path(), prefix, map(Path, _pictures_of(args)))
    paintings = [read_picture(ref, "REF") for ref in refs]
    given = _read_masks(args, len(refs))
    if settings.recipe == "inetwork":  # The original uses transparent parts and borders.
        pixels = [painting.pixels_int for painting in paintings]
    else:
        pixels = _without_unused_parts(given, photo, paintings, [base, *refs])
    del paintings

    # Missing weights are reported before TensorFlow is loaded; random ones need it.
    weights = None if source.given == RANDOM else read_source(source, settings.model, settings.seed)
    device = chosen_device(args.device)
    from styletransfer.engine.style_targets import StyleTargets
    from styletransfer.engine.stylize import StyleTransfer
    from styletransfer.vgg.network import VGG

    with device.scope():
        vgg = VGG(weights or read_source(source, settings.model, settings.seed))
        del weights
        logger.info("painting with %s", described(vgg.identity, source.given))
        style = StyleTargets(pixels, shares, given.pop("style_masks"), given.pop("regions"))
        del pixels  # The style has them.
        transfer = StyleTransfer(
            photo.pixels_int, style, settings, vgg, memory_limit=limit, **given
        )
        logger.info("%s", transfer.memory_plan)
        del given  # The picture to start from may be as large as the photo.
        every = args.save_every
        if every is None:
            every = 1 if settings.recipe == "inetwork" else 0
        _run(transfer.steps(), Path(base).name, results, every)
    return results.path()


class LossLog:
    """The losses of each step, in a CSV file.

    Attributes:
        count: The number of steps so far.

    Raises ConfigError if the file cannot be written.
    """

    LOSSES = ("content", "style", "total_variation", "structure", "total")

    def __init__(self, path: Path) -> None:
        self.path, self.count, self._started = path, 0, time.perf_counter()
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", buffering=1, encoding="utf-8")
            print("iteration", "scale", *self.LOSSES, "seconds", sep=",", file=self._file)

    def add(self, step: "Step") -> None:
        """Write the row of a step, after waiting for the device to compute its losses."""
        losses = [f"{step.losses[name]:.7g}" if step.losses else "" for name in self.LOSSES]
        seconds = f"{time.perf_counter() - self._started:.3f}"
        with writing(self.path):
            print(step.iteration, step.scale, *losses, seconds, sep=",", file=self._file)
        self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _run(steps: Iterable["Step"], label: str, results: ResultFiles, every: int) -> None:
    """Paint, and write the result and the losses.

    Args:
        steps: The optimisation.
        label: The name of the photo.
        results: The files to write.
        every: The number of steps after which a picture is written, or 0 for never.
    """
    with LossLog(results.path(extension="csv")) as losses, Stop() as stop:
        try:
            recorded = _recorded(steps, losses, results, every, stop)
            last = follow(recorded, label, mode=progress_mode(environment()))
            results.write(last.image)
        except Stopped as stopped:
            # A second signal, or one before the first step.
            written = [*results.written[-1:], losses.path] if losses.count else []
            kept = f"kept {' and '.join(map(str, written))}" if written else "nothing was painted"
            stopped.kept = stopped.kept or kept
            raise
    logger.info("losses in %s", losses.path)


def _recorded(
    steps: Iterable["Step"], losses: LossLog, results: ResultFiles, every: int, stop: Stop
) -> Iterator["Step"]:
    """Yield the steps after writing their losses and, every `every` steps, their picture.

    After a signal, the current picture becomes the result, and Stopped is raised.
    """
    for step in steps:
        losses.add(step)
        stop.later = True
        if stop.signum is not None and step.iteration < step.total:
            path, count = results.write(step.image), f"{step.iteration} of {step.total} steps"
            raise Stopped(stop.signum, f"{path} is the picture as it stands after {count}")
        if every and step.iteration % every == 0:
            results.write(step.image, f"_at_iteration_{step.iteration}")
        yield step
        del step  # Steps that are still referenced may take memory.


def _read_masks(args: argparse.Namespace, paintings: int) -> dict[str, Any]:
    """Return the masks and the picture to start from, by the names of `stylize`'s parameters."""
    from styletransfer.images import masks

    def one(path: str | None, argument: str) -> "np.ndarray | None":
        return None if path is None else read_mask(path, argument)

    def each(paths: Sequence[str] | None, argument: str) -> list["np.ndarray | None"] | None:
        if paths is None:
            return None
        if len(paths) != paintings:
            raise ConfigError(
                f"{argument} has {len(paths)} masks for {paintings} paintings; "
                f"expected one per painting, `{inetwork_arguments.NO_MASK}` for none"
            )
        return [
            one(None if path == inetwork_arguments.NO_MASK else path, argument) for path in paths
        ]

    start = inetwork_arguments.start_picture(args)
    words = ", ".join(inetwork_arguments.START_WORDS)
    label = f"--init_image is none of {words}, and as a picture"
    content_mask = one(args.content_mask, "--content_mask")
    style_masks = each(args.style_masks, "--style_masks")
    regions = each(args.regions, "--regions")
    return {
        "content_mask": content_mask,
        "style_masks": style_masks,
        "regions": masks.regions_of(style_masks, regions, content_mask),
        "color_mask": one(args.color_mask, "--color_mask"),
        "init": None if start is None else read_picture(start, label).pixels,
    }


def _without_unused_parts(
    given: dict[str, Any], photo: "Picture", paintings: Sequence["Picture"], names: Sequence[str]
) -> list["np.ndarray"]:
    """Take transparent parts out of the masks, and return the paintings without borders.

    Args:
        given: The masks, which are changed.
        photo: The photo.
        paintings: The paintings.
        names: The names of the photo and of the paintings, for messages.

    Returns:
        The pixels of each painting, integers [H, W, 3].
    """
    from styletransfer.images import borders, masks

    given["content_mask"] = masks.painted(given["content_mask"], photo.alpha_int, names[0])
    style_masks = given["style_masks"] or [None] * len(paintings)
    given["style_masks"] = [
        masks.visible(mask, painting.alpha, name)
        for mask, painting, name in zip(style_masks, paintings, names[1:], strict=True)
    ]
    return [
        borders.used_pixels(painting, mask is not None, f"painting {name}")
        for painting, mask, name in zip(paintings, given["style_masks"], names[1:], strict=True)
    ]


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


def _pictures_of(args: argparse.Namespace) -> list[str]:
    """Return the paths of all pictures and masks that are painted from."""
    masks = [args.content_mask, args.color_mask, *(args.style_masks or ()), *(args.regions or ())]
    others = [*masks, inetwork_arguments.start_picture(args)]
    return [*args.pictures[:-1], *(each for each in others if each is not None)]


def _warn_of_unused(args: argparse.Namespace, settings: Settings) -> None:
    if args.content_loss_type is not None and settings.recipe != "inetwork":
        logger.warning("--content_loss_type is only used with --recipe inetwork")
    if args.color_mask is not None and not settings.preserve_color:
        logger.warning("--color_mask is only used with --preserve_color")
