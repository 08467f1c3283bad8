"""Paints folders, buckets and several pictures."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from logging import WARNING
from time import perf_counter
from typing import TYPE_CHECKING

from painterly.cli.app import open_in_browser, run_service, why_instant
from painterly.cli.options import BatchOptions
from painterly.cli.places import started_in
from painterly.configuration import config
from painterly.configuration.config import Config
from painterly.errors import ConfigError
from painterly.log import event
from painterly.settings import bucket_layout
from painterly.settings.installation import IN_CHECKOUT, command
from painterly.signals import Stop, stopping_at
from painterly.storage.address import is_folder

if TYPE_CHECKING:
    from painterly.runs.report import Summary
    from painterly.runs.run import Paint
    from painterly.storage.base import Bucket

NOWHERE = "/no results"  # of a sheet, and of a dry run of a picture in a file
USUAL = ("WATCH", "CLUSTER")  # The flags turn these on, and variables may say more.


def run(values: Mapping[str, str], options: BatchOptions, paintings: "Bucket | None") -> int:
    """Paint a batch, and return the exit code.

    Args:
        values: The variables that words, flags and settings stand for.
        options: The flags; some have no variable.
        paintings: The paintings that words name, if no bucket or folder has them.
    """
    given = dict(values)
    usual = {each: given.pop(each) for each in USUAL if each in given}

    def paint(environment: Mapping[str, str]) -> int:
        values = {**usual, **environment}
        is_here = is_folder(values.get("BUCKET_RESULT", "")) and "CLUSTER" not in values
        instant = why_instant(values) if is_here else ""
        if instant:
            values["STYLE_PRESET"] = "instant"
        loaded = replace(config.load(values), include=options.include, exclude=options.exclude)
        if loaded.watch and options.open:
            raise ConfigError("--watch (WATCH) and --open do not go together: a watch has no end")
        if loaded.cluster and paintings:
            raise ConfigError("a cluster reads one painting, or a folder or bucket of paintings")
        check_samples(loaded)
        _warn_of_equal_instances(loaded, environment)
        elsewhere = None
        if loaded.cluster:
            from painterly.cluster.driver import on_cluster

            elsewhere = on_cluster(loaded.cluster, environment)
        code = paint_batch(loaded, elsewhere, paintings)
        _show_gallery(loaded, options.open)
        if instant:
            event(instant)
        return code

    return run_service(paint, given)


def paint_batch(
    loaded: Config, elsewhere: "Paint | None" = None, paintings: "Bucket | None" = None
) -> int:
    """Paint every picture that has no up-to-date result, here or `elsewhere`, send word of the end,
    and return the exit code: 0 if all is done, 1 if some photos failed. `paintings` take the place
    of those of the configuration. Raises PainterlyError if nothing can be painted; Stopped.

    With DEVICE=gpu, no bucket is opened without a GPU. A dry run always measures on this machine.
    """
    from painterly.orders.buckets import Buckets
    from painterly.painters.loading import load_devices
    from painterly.runs.report import Notifier
    from painterly.runs.run import Run

    word = Notifier(None if loaded.dry_run else loaded.notify_url, loaded.notify_format)

    def paint() -> "Summary":
        started, loading = perf_counter(), cache(partial(load_devices, loaded.device))
        if loaded.device == "gpu" and (loaded.dry_run or not elsewhere):
            loading(loaded.settings.traits.optimises).result()
        run = Run(loaded, Buckets.open(loaded, paintings), loading, stop, word, elsewhere)
        return run.paint(started)

    with Stop() as stop, stopping_at(loaded.until):
        return word.of_end(paint)


def check_samples(loaded: Config) -> None:
    """Raise ConfigError if there are no samples, and nothing else to paint."""
    if loaded.demo and not IN_CHECKOUT:
        raise ConfigError(
            f"there is nothing to paint; set {', '.join(config.BUCKETS)}, or name a photo and a "
            f"style: {command()} beach.jpg hokusai"
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


def _show_gallery(loaded: Config, in_browser: bool) -> None:
    """Log the results page if it is in a folder and complete, and open it if asked to."""
    folder = loaded.result_folder
    if loaded.dry_run or not loaded.makes_page or folder is None:
        return
    page, here = (folder / bucket_layout.PAGE).resolve(), started_in().resolve()
    if page.is_file():
        shown = page.relative_to(here) if page.is_relative_to(here) else page
        event(f"Open {shown}", summary=True)
        if in_browser:
            open_in_browser(page)
