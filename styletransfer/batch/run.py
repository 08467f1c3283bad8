"""The runner: what is to be painted, paint it, push each result as soon as it is done, record it.

A run whose results are all there ends without loading TensorFlow. Where it is needed, it is loaded
in a thread, which takes seconds, while buckets, photos and weights are read. What fails, fails
alone.
"""

import gc
import logging
from collections.abc import Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING

from styletransfer import bucket_layout
from styletransfer.batch import looks as styles
from styletransfer.batch import plan as planning
from styletransfer.batch.looks import Look
from styletransfer.batch.network_pool import RANDOM_NOTE, NetworkPool, how_to_give
from styletransfer.batch.plan import Plan
from styletransfer.config import Config
from styletransfer.devices.native_stderr import hold_native_stderr
from styletransfer.errors import ConfigError, NoPhotoError
from styletransfer.log import duration, event, printable, show_table
from styletransfer.signals import Stop
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket, Entry, ObjectError

if TYPE_CHECKING:
    from styletransfer.devices.tensorflow import Devices


def run(config: Config) -> int:
    """Paints all that has no result yet; the exit code: 0 all done, 1 some photos failed.

    Raises a StyleTransferError, whose exit code tells the kind, where nothing can be painted,
    and Stopped after SIGTERM or SIGINT.
    """
    with Stop() as stop:
        return _run(config, stop)


def _run(config: Config, stop: Stop) -> int:
    started, background = perf_counter(), ThreadPoolExecutor(4)
    ready: Future[Devices] | None = None
    if config.device == "gpu":
        ready = background.submit(_choose_device, "gpu")
        ready.result()
    source = open_bucket(config.source, config.account)
    style = open_bucket(config.style, config.account)
    result = open_bucket(config.result, config.account, new=True)
    beginnings = (styles.sibling_prefix(config.photo) if config.photo else "", "", "")
    listings = [
        background.submit(list, each.list(beginning))
        for each, beginning in zip((source, style, result), beginnings, strict=True)
    ]
    sources, entries, results = (listing.result() for listing in listings)
    there = {entry.key for entry in results}
    every_photo = styles.pictures(sources)
    every_look = styles.find_looks(style, entries, config.style_mode, config.settings)
    photos, looks = _asked_for(config, every_photo, every_look)
    for found, bucket, what in ((photos, source, "photo"), (looks, style, "painting")):
        if not found:
            kinds = ", ".join(sorted(bucket_layout.PICTURES))
            event(f"there is no {what} in {bucket.name} ({kinds})", level=logging.WARNING)
    if not photos or not looks:
        return 0
    _warn_of_strays(source, styles.stray_masks(sources))
    _warn_of_strays(style, styles.stray_masks(entries, every_look))
    networks = NetworkPool(config, style, entries)
    output = config.output
    if ready is None and _something_lacks(photos, looks, there):
        ready = background.submit(_choose_device, config.device)
    stems, masks = planning.stems(every_photo, output), styles.masks_by_picture(sources)
    plan = planning.make_plan(
        photos,
        stems,
        masks,
        looks,
        networks.identity,
        output,
        result,
        there,
        partial=config.partial,
    )
    event(
        f"{len(photos)} photos × {len(looks)} looks: {len(plan.done)} results are there, "
        f"{len(plan.todo)} to paint",
        **{"photos": len(photos), "looks": len(looks), "to_paint": len(plan.todo)},
    )
    if not plan.todo and not config.dry_run:
        _sweep(plan, result)
        if plan.unpublished:
            from styletransfer.batch.uploader import publish
            from styletransfer.gallery.publisher import Gallery

            publish(Gallery(result, plan.done), result)
        event(f"Nothing to paint: all {len(plan.done)} results are in {config.result}.")
        return 0
    ready = ready or background.submit(_choose_device, config.device)
    if config.dry_run:
        event(f"painting on {ready.result()}", device=str(ready.result()))
        from styletransfer.batch.dry_run import report

        return report(plan, source, style, networks)
    _sweep(plan, result)

    from styletransfer.batch import workers

    buckets = workers.Buckets(source, style, result)
    outcome = workers.paint(config, buckets, plan, networks, ready, stop)
    _table(plan, outcome.seconds, [task.look.name for task, _ in outcome.failures])
    event(
        f"{outcome.painted} painted in {duration(perf_counter() - started)}"
        + (f", {len(plan.done)} were there" if plan.done else "")
        + (f", {len(outcome.failures)} failed" if outcome.failures else "")
        + f". The results are in {config.result}.",
        **{"painted": outcome.painted, "there": len(plan.done), "failed": len(outcome.failures)},
    )
    if networks.random:
        event(f"They are {RANDOM_NOTE}. {how_to_give(config.settings.model)}")
    for task, error in outcome.failures:
        event(f"failed: {task}: {error}", level=logging.ERROR)
    return 1 if outcome.failures else 0


def _asked_for(
    config: Config, photos: Sequence[Entry], looks: Sequence[Look]
) -> tuple[list[Entry], list[Look]]:
    """Those that PHOTO and LOOK name, or all. Raises ConfigError where there is none of them."""
    photos_left = [photo for photo in photos if config.photo in (None, photo.key)]
    looks_left = [look for look in looks if config.look in (None, look.name)]
    if config.photo and not photos_left:
        raise NoPhotoError(f"PHOTO is {config.photo!r}, but {config.source} has no such photo")
    if config.look and not looks_left:
        there = ", ".join(printable(look.name) for look in looks)
        told = f"expected one of {there}" if there else "there are no looks"
        raise ConfigError(f"LOOK is {config.look!r}, but {config.style} has no such look; {told}")
    return photos_left, looks_left


def _warn_of_strays(bucket: Bucket, keys: Sequence[str]) -> None:
    for key in keys:
        event(
            f"{printable(key)} in {bucket.name} is not used: no picture beside it has that name, "
            "or it has another mask",
            level=logging.WARNING,
        )


def _something_lacks(photos: Sequence[Entry], looks: Sequence[Look], there: Set[str]) -> bool:
    """Whether there is something to paint, as far as keys tell: a result without a record."""
    return any(
        bucket_layout.record_key(look.name, photo.key) not in there
        for look in looks
        for photo in photos
    )


def _choose_device(wanted: str) -> "Devices":
    """Loads TensorFlow and all that paints; the devices it paints on."""
    gc.disable()  # It would look again and again through all that is loaded, in vain.
    try:
        with hold_native_stderr():
            from styletransfer.devices.tensorflow import choose_devices

            devices = choose_devices(wanted)
            import styletransfer.batch.worker  # noqa: F401
    finally:
        gc.enable()
    return devices


def _sweep(plan: Plan, result: Bucket) -> None:
    """Deletes the checkpoints of paintings that are done or no longer wanted."""
    for key in plan.stale:
        try:
            result.delete(key)
        except ObjectError as error:  # A bucket may refuse this; it harms nothing.
            event(f"{error}", level=logging.WARNING)


def _table(plan: Plan, seconds: dict[str, list[float]], failed: Sequence[str]) -> None:
    """A line for each look, on a terminal and in a text log alike."""
    from rich.table import Table

    table = Table("look", box=None, pad_edge=False)
    for heading in ("painted", "there before", "failed", "seconds each"):
        table.add_column(heading, justify="right")
    there = [record.get("look") for record in plan.done]
    rows = {task.look.name for task in plan.todo} | {str(look) for look in there}
    for look in sorted(rows):
        times = seconds.get(look, [])
        mean = f"{sum(times) / len(times):.1f}" if times else "–"
        counts = (len(times), there.count(look), failed.count(look))
        table.add_row(printable(look), *map(str, counts), mean)
    show_table(table)
