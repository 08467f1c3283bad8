"""One photo in a file, painted into a file: the program of inetwork.py."""

import math
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from painterly.cli.app import run_program, set_up_log
from painterly.cli.picture_arguments import (
    START,
    PictureArguments,
    RecordArguments,
    asked_for,
    parsed,
    usage,
)
from painterly.cli.picture_files import (
    STANDARD,
    STEP,
    UNFINISHED,
    ResultFiles,
    chosen_device,
    read_file,
    read_photo,
    result_files,
)
from painterly.configuration import config
from painterly.configuration.config import Config
from painterly.devices.native_stderr import present_stderr
from painterly.errors import ConfigError, WeightsError
from painterly.log import event, logger, logs_json
from painterly.settings.settings import Settings
from painterly.signals import Stop, Stopped
from painterly.storage.base import BadKeyError
from painterly.storage.files import new_md5

if TYPE_CHECKING:  # `--help` loads neither TensorFlow nor NumPy.
    from painterly.bench.timelapse import Timelapse
    from painterly.engine.transfer import Step
    from painterly.orders.order import SingleOrder
    from painterly.storage.base import Entry
    from painterly.storage.files_bucket import FilesBucket
    from painterly.storage.folder import FolderBucket
    from painterly.vgg.sources import WeightsSource

VARIABLES = ("CHECKPOINT_EVERY", "LOG_FORMAT", "PROGRESS")  # shared with a batch


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
                until_the_end.enter_context(redirect_stdout(present_stderr()))
            with Stop() as stop:
                path = _painted(asked_for(args), stop)
            event(str(path), summary=True, event="result", path=str(path))
            return 0

        return run_program(name, run, interrupted="what was written stays", paints=True)


def _painted(asked: PictureArguments | RecordArguments, stop: Stop) -> Path:
    """Paint a photo, or what a record describes, and return the path written."""
    if isinstance(asked, PictureArguments):
        return paint(asked, stop)
    from painterly.cli.repaint import repaint

    return repaint(asked, stop)


def paint(asked: PictureArguments, stop: Stop) -> Path:
    """Paint a photo in the style of paintings, and return the path written, `PREFIX.png`.

    A painting that was stopped or killed continues from its checkpoint. Raises a PainterlyError
    before painting if an argument does not fit, and after a signal Stopped with the files that are
    kept.
    """
    from painterly.bench.bench import Bench
    from painterly.bench.loading import load_devices
    from painterly.orders.buckets import Buckets
    from painterly.orders.network_pool import NetworkPool
    from painterly.storage.files import delete_leftovers
    from painterly.storage.files_bucket import FilesBucket
    from painterly.storage.folder import FolderBucket

    source = _weights(asked.weights, asked.settings)
    files = FilesBucket()
    result = Path(asked.prefix)
    unfinished = FolderBucket(result.parent / UNFINISHED)
    order = _order(asked, files, source, _checkpoint_key(result.name, unfinished))
    keeps_checkpoint = asked.prefix != STANDARD
    buckets, networks = Buckets(files, files, unfinished), NetworkPool(None, files)
    with closing(Bench(_config(asked), buckets, networks, stop)) as bench:
        loading = load_devices(asked.device, asked.settings.traits.optimises)
        networks.prefetch(order.style.settings, source)
        inputs = bench.read(order)
        if not order.style.settings.has_default_size:  # Or paintings may be read once more.
            files.clear()
        photo = inputs.photo.picture.printed(order.style.settings)
        results = result_files(
            asked.prefix,
            photo,
            asked.output_for(photo.format),
            map(Path, asked.paths),
            overwrite=asked.overwrite,
            with_steps=asked.save_every > 0,
            with_timelapse=asked.settings.timelapse,
        )
        device = chosen_device(loading)
        logger.info("painting with %s", order.network)
        from painterly.bench.easel import Easel

        pictures = StepPictures(results, asked.save_every, stop)
        finished = bench.paint(
            order,
            inputs,
            Easel(device),
            on_step=pictures.add,
            on_stop=pictures.write_unfinished,
            resume=keeps_checkpoint and not asked.fresh,
        )
        path = results.write_result(finished.image, finished.timelapse)
        if keeps_checkpoint:
            bench.forget(order)
    if keeps_checkpoint:
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


def _config(asked: PictureArguments) -> Config:
    """Return the configuration of the bench. Raises ConfigError."""
    environment = config.environment()
    known = {name: environment[name] for name in VARIABLES if name in environment}
    run = replace(config.load(known), memory_limit=asked.memory_limit)
    return run if asked.prefix != STANDARD else replace(run, checkpoint_every=math.inf)


def _order(
    asked: PictureArguments, files: "FilesBucket", weights: "WeightsSource", checkpoint_key: str
) -> "SingleOrder":
    """Read the files of a picture into a bucket, and return its order. Raises ConfigError,
    PictureError."""
    from painterly.images.picture_file import PictureFile
    from painterly.orders.order import SingleOrder
    from painterly.orders.styles import Painting, Style

    def named(path: str, argument: str) -> "Entry":
        return files.add(path, read_file(path, argument))

    def optional(path: str | None, argument: str) -> "Entry | None":
        return None if path is None else named(path, argument)

    photo = files.add(*read_photo(asked.base))
    mask = optional(asked.content_mask, "--content_mask")
    paintings = tuple(
        Painting(
            named(each.painting, "painting"),
            each.share,
            optional(each.mask, "--style_masks"),
            optional(each.region, "--regions"),
        )
        for each in asked.paintings
    )
    color_mask, start = optional(asked.color_mask, "--color_mask"), optional(asked.start, START)
    settings = asked.settings
    if asked.rows is not None:
        file = PictureFile(files.read(photo.key), photo.key)
        settings = asked.settings_for(*file.header.size)
    return SingleOrder(
        photo=photo,
        mask=mask,
        style=Style(
            ", ".join(Path(each.painting).stem for each in asked.paintings), paintings, settings
        ),
        weights=weights,
        output=asked.output,
        color_mask=color_mask,
        start=start,
        own_checkpoint_key=checkpoint_key,
    )


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


def _weights(named: str | None, settings: Settings) -> "WeightsSource":
    """Return the weights that the flag names, or VGG_WEIGHTS or the variable of a plug-in, or else
    the usual ones.

    Raises WeightsError if they are missing, before TensorFlow is loaded.
    """
    from painterly.orders.plugin_weights import weights_of
    from painterly.vgg.sources import source_for

    plugin, variable, form = settings.plugin, "VGG_WEIGHTS", "FILE|random|builtin"
    if plugin:
        variable, form = plugin.names_weights, plugin.form_of_weights
    weights = named or config.environment().get(variable)
    if weights and weights.startswith("bucket:"):
        raise WeightsError(
            f"weights are {weights!r}, which only a batch reads; pass --weights {form}"
        )
    if plugin:
        return weights_of(plugin).local(weights)
    return source_for(settings, weights)
