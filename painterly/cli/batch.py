"""Paints folders, buckets and several pictures, and sheets of small pictures to choose from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from logging import WARNING
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from painterly.cli.app import open_in_browser, run_service, why_instant
from painterly.cli.options import BatchOptions, given
from painterly.cli.paintings import named_paintings
from painterly.cli.places import here
from painterly.cli.words import Words, variables
from painterly.configuration import config
from painterly.configuration.config import Config
from painterly.errors import ConfigError, PictureError
from painterly.images.output import file_format
from painterly.log import event
from painterly.settings import bucket_layout
from painterly.settings.installation import IN_CHECKOUT, command
from painterly.settings.recipes import INSTANT
from painterly.settings.settings import Settings, gives_way
from painterly.signals import Stop
from painterly.storage.address import is_folder
from painterly.words.wording import plural

if TYPE_CHECKING:
    from painterly.orders.buckets import Buckets
    from painterly.runs.report import Summary
    from painterly.runs.run import Paint
    from painterly.storage.base import Bucket

USUAL = ("WATCH", "CLUSTER")  # The flags turn these on, and variables may say more.
NOWHERE = "/no results"  # of a sheet, or of a dry run of a picture in a file
# Variables without a meaning for a sheet, which always has preset instant.
_NOT_OF_A_SHEET = ("PRESET", "STYLE_PRESET", "STYLE_RECIPE", "CLUSTER", "DRY_RUN")


@dataclass(frozen=True)
class BatchArgs:
    """What a batch paints.

    Attributes:
        words: What a command line names; None for what variables name.
        start: The folder of relative paths.
        settings: The settings that are given, by name.
        flags: The variables that flags stand for.
        options: The flags that have none.
        shares: The share of each painting in blends.
    """

    words: Words | None
    start: Path
    settings: Mapping[str, Any]
    flags: Mapping[str, str]
    options: BatchOptions
    shares: list[float] | None


def run(args: BatchArgs, name: str) -> int:
    """Paint what arguments ask for, and return the exit code.

    Args:
        args: The arguments.
        name: The program.
    """
    flags = dict(args.flags)
    usual = {each: flags.pop(each) for each in USUAL if each in flags}
    options = args.options

    def paint(environment: Mapping[str, str]) -> int:
        values = {**usual, **environment, **_values(args)}
        paintings = named_paintings(args.words, args.start, args.shares, args.settings)
        if options.sheet is not None:
            return make_sheet(args.start, options.sheet, values, paintings)
        is_here = is_folder(values.get("BUCKET_RESULT", "")) and "CLUSTER" not in values
        instant = why_instant(values) if is_here else ""
        if instant:
            values["STYLE_PRESET"] = "instant"
        loaded = replace(config.load(values), include=options.include, exclude=options.exclude)
        if loaded.watch and options.open:
            raise ConfigError("--watch (WATCH) and --open do not go together: a watch has no end")
        if loaded.cluster and paintings:
            raise ConfigError("a cluster reads one painting, or a folder or bucket of paintings")
        _check_samples(loaded)
        _warn_of_equal_instances(loaded, environment)
        code = paint_batch(loaded, _elsewhere(loaded, environment), paintings)
        _show_gallery(loaded, options.open, args.start)
        if instant:
            event(instant)
        return code

    return run_service(name, paint, flags)


def paint_batch(
    loaded: Config, elsewhere: "Paint | None" = None, paintings: "Bucket | None" = None
) -> int:
    """Paint every picture that has no up-to-date result, here or `elsewhere`, send word of the end,
    and return the exit code: 0 if all is done, 1 if some photos failed. `paintings` take the place
    of those of the configuration. Raises PainterlyError if nothing can be painted; Stopped.

    With DEVICE=gpu, no bucket is opened without a GPU. A dry run always measures on this machine.
    """
    from painterly.painters.loading import load_devices
    from painterly.runs.report import Notifier
    from painterly.runs.run import Run

    word = Notifier(None if loaded.dry_run else loaded.notify_url, loaded.notify_format)

    def paint() -> "Summary":
        started, loading = perf_counter(), cache(partial(load_devices, loaded.device))
        if loaded.device == "gpu" and (loaded.dry_run or not elsewhere):
            loading(loaded.settings.traits.optimises).result()
        run = Run(loaded, _open(loaded, paintings), loading, stop, word, elsewhere)
        return run.paint(started)

    with Stop() as stop:
        return word.of_end(paint)


def _elsewhere(loaded: Config, environment: Mapping[str, str]) -> "Paint | None":
    """Return what paints on the cluster of a configuration, if it names one. Raises ConfigError."""
    if not loaded.cluster:
        return None
    from painterly.cluster.driver import on_cluster

    return on_cluster(loaded.cluster, environment)


def _open(loaded: Config, paintings: "Bucket | None") -> "Buckets":
    from painterly.orders.buckets import Buckets, PaintingsView

    buckets = Buckets.open(loaded)
    return replace(buckets, style=PaintingsView(paintings)) if paintings else buckets


def _values(args: BatchArgs) -> dict[str, str]:
    """Return the variables that words stand for, and those that settings overrule. Raises
    ConfigError if a setting is wrong."""
    settings = args.settings
    if args.options.sheet is not None:
        _check_sheet(args)
    asked = Settings().replaced(settings, "--")  # A wrong one is named as it was given.
    found = {f"STYLE_{name.upper()}": "" for name in gives_way(asked.given)}
    if args.words:
        is_nowhere = args.options.sheet is not None or args.words.is_one
        words = replace(args.words, result=NOWHERE) if is_nowhere else args.words
        found |= variables(words, args.start)
    return found


def _check_sheet(args: BatchArgs) -> None:
    settings = args.settings
    others = [name for name, value in given(args.options).items() if value is True]
    others += ["dry_run"] if "DRY_RUN" in args.flags else []
    others += [name for name in ("recipe", "timelapse") if name in settings]
    others += ["preset"] if settings.get("preset", "instant") != "instant" else []
    if others:
        flag = others[0].replace("_", "-")
        raise ConfigError(f"--sheet paints small pictures by preset instant; leave --{flag} out")


def make_sheet(
    start: Path, name: str, environment: Mapping[str, str], paintings: "Bucket | None" = None
) -> int:
    """Write a sheet, and return the exit code: 1 if some pictures could not be painted. The name's
    extension decides the format. The environment has the variables that the command line stands
    for, `paintings` are as for `paint_batch`. Raises PainterlyError, Stopped."""
    from painterly.cli.picture_files import check_is_painted, check_target, write_file
    from painterly.images import arrays, encode
    from painterly.painters.sheet import paint_sheet, select_for_sheet

    path = here(name, start)
    form = file_format(path.suffix, f"the extension of {name!r}").extension
    values = {name: value for name, value in environment.items() if name not in _NOT_OF_A_SHEET}
    values["PRESET"] = INSTANT["preset"]
    if any(values.get(name, "").strip() for name in config.BUCKETS):
        values["BUCKET_RESULT"] = NOWHERE
    loaded = config.load(values)
    _check_samples(loaded)
    buckets = _open(loaded, paintings)
    with Stop() as stop:
        selection = select_for_sheet(loaded, buckets)
        keys = [entry.key for entry in selection.photos]
        inputs = [*_files(buckets.source, keys)]
        for style in selection.styles:
            inputs += _files(buckets.style, style.keys)
        check_target(path, name, inputs)
        check_is_painted(path)
        sheet = paint_sheet(loaded, buckets, selection, stop)
    if not sheet.painted:
        raise PictureError("no picture of the sheet could be painted")
    output = replace(loaded.output, format=form, depth=8)
    write_file(path, encode.encode(arrays.to_float(sheet.pixels), output))
    failed = f", {plural(sheet.failed, 'picture')} failed" if sheet.failed else ""
    done = f"{name}: {len(sheet.painted)} painted{failed}"
    event(done, summary=True, event="sheet", path=str(path))
    return 1 if sheet.failed else 0


def _files(bucket: "Bucket", keys: Iterable[str]) -> Iterator[Path]:
    yield from (path for key in keys if (path := bucket.path(key)))


def _check_samples(loaded: Config) -> None:
    if loaded.demo and not IN_CHECKOUT:
        raise ConfigError(
            "there is nothing to paint: name a photo and a style, or set BUCKET_SOURCE, "
            f"BUCKET_STYLE and BUCKET_RESULT; {command()} --help"
        )


def _warn_of_equal_instances(loaded: Config, environment: Mapping[str, str]) -> None:
    """Log a warning if a platform's instances of one application would all paint the same."""
    number = environment.get("INSTANCE_NUMBER", "0")  # They count from 0.
    if number != "0" and loaded.shard is None and not loaded.cluster:
        event(
            f"this is instance {number}, and every instance paints all photos; "
            "SHARD=INSTANCE_NUMBER/n divides them among n instances",
            level=WARNING,
        )


def _show_gallery(loaded: Config, in_browser: bool, start: Path) -> None:
    """Log the results page if it is in a folder and complete, and open it if asked to."""
    folder = loaded.result_folder
    if loaded.dry_run or not loaded.makes_page or folder is None:
        return
    page, here = (folder / bucket_layout.PAGE).resolve(), start.resolve()
    if page.is_file():
        shown = page.relative_to(here) if page.is_relative_to(here) else page
        event(f"Open {shown}", summary=True)
        if in_browser:
            open_in_browser(page)
