"""Plans a run: every photo in every style, except those with an up-to-date result.

A result is up to date if its record describes what a run would paint in its place. An upgrade
repaints nothing by itself: a result that differs only in the engine's version stays.
"""

import sys
from collections.abc import Iterator, Mapping, Set
from dataclasses import astuple, dataclass, fields, replace
from logging import WARNING
from typing import Any

from painterly import ENGINE_VERSION
from painterly.configuration.config import Config
from painterly.errors import PictureError
from painterly.images.output import OutputFormat
from painterly.log import event
from painterly.orders.order import (
    Order,
    PlannedOrder,
    could_be_result,
    own_record,
    taken,
    timelapse_names,
)
from painterly.orders.record import (
    PaintingRef,
    Record,
    RecordCache,
    etag_of,
    intact_records,
    read_records,
)
from painterly.orders.selection import Selection
from painterly.progress import Tally
from painterly.settings import bucket_layout
from painterly.settings.settings import Settings
from painterly.storage.base import BadKeyError, Bucket, Entry, ObjectError
from painterly.vgg.sources import BUILT_IN_NETWORK, WeightsSource, is_built_in
from painterly.words.wording import plural, printable

ENGINE = "by another version of the engine"
_OUTPUT_NAMES = tuple(each.name.replace("_", " ") for each in fields(OutputFormat))
Differences = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Plan:
    """The orders of a run, and the records of finished pictures.

    Attributes:
        todo: The orders to paint.
        done: The records of results that stay.
        refused: The orders that cannot be painted, each with the reason.
        outdated: Orders with an outdated result that stays; its record is in `done`.
        stored: The objects in the result bucket, by key.
        intact: The photos' and styles' records that describe an existing result, by key.
        stale: The keys of checkpoints of pictures that are done or no longer wanted.
    """

    todo: tuple[PlannedOrder, ...]
    done: tuple[Record, ...]
    refused: tuple[tuple[PlannedOrder, str], ...]
    outdated: tuple[PlannedOrder, ...]
    stored: Mapping[str, Entry]
    intact: Mapping[str, Record]
    stale: tuple[str, ...]

    @property
    def optimises(self) -> bool:
        """Whether a recipe of the orders minimises a loss, which takes TensorFlow."""
        return any(order.style.settings.traits.optimises for order in self.todo)

    def without(self, failures: Mapping[str, str]) -> "Plan":
        """Return the plan without orders that have failed before, which it refuses for the same
        reason. failures: reasons by fingerprint."""
        new = tuple(order for order in self.todo if order.fingerprint not in failures)
        again = (order for order in self.todo if order.fingerprint in failures)
        reasons = tuple((order, failures[order.fingerprint]) for order in again)
        return replace(self, todo=new, refused=self.refused + reasons)


def make_plan(
    selection: Selection,
    weights: Mapping[str, WeightsSource],
    config: Config,
    result: Bucket,
    stored: Mapping[str, Entry],
    cache: RecordCache,
) -> Plan:
    """Compare the selection with the content of the result bucket.

    Args:
        selection: The photos and styles.
        weights: The weights of each style, by its name.
        config: The configuration.
        result: The result bucket.
        stored: The objects in it, by key.
        cache: As in `read_records`.

    Raises:
        StorageError: A bucket cannot be read.
    """
    keys = (bucket_layout.record_key(style.name, photo.key) for photo, style in selection.pairs())
    records = read_records(result, (stored[key] for key in keys if key in stored), cache)
    intact = intact_records(records, stored)
    checkpoints = {key for key in stored if key.startswith(f"{bucket_layout.CHECKPOINTS}/")}
    todo: dict[str, PlannedOrder] = {}  # by the keys of their results
    refused = list[tuple[PlannedOrder, str]]()
    done, outdated = list[Record](), list[PlannedOrder]()
    tally = Tally("comparing photos with results")
    for order in _orders(selection, weights, config, records, checkpoints):
        tally.show(len(done) + len(todo) + len(refused))
        try:
            check_names(order, result)
            _ = order.fingerprint  # Or a file cannot be read.
            record = order.previous
            key = record and record.result
            if record and key and order.record_key in intact and could_be_result(key, order):
                ways = differences(order, record)
                if stays(ways, config):
                    done.append(record)
                    outdated += [order] if ways else []
                    continue
            is_own = key == order.result
            if order.result in todo or (order.result in stored and not is_own):
                raise taken(order, result)
        except (PictureError, ObjectError) as error:
            refused.append((order, str(error)))
        else:
            todo[order.result] = order
    needed = {order.checkpoint_key for order in (*todo.values(), *(each for each, _ in refused))}
    if selection.partial:  # Other photos and styles are others' work.
        checkpoints &= {
            bucket_layout.checkpoint_key(style.name, photo.key)
            for photo, style in selection.pairs()
        }
    return Plan(
        todo=tuple(todo.values()),
        done=tuple(done),
        refused=tuple(refused),
        outdated=tuple(outdated),
        stored=stored,
        intact=intact,
        stale=tuple(sorted(checkpoints - needed)),
    )


def _orders(
    selection: Selection,
    weights: Mapping[str, WeightsSource],
    config: Config,
    records: Mapping[str, Record | None],
    checkpoints: Set[str],
) -> Iterator[PlannedOrder]:
    is_animated = any(style.settings.timelapse for style in selection.styles)
    timelapses = timelapse_names(selection.names) if is_animated else {}
    for photo, style in selection.pairs():
        start, key = f"{style.name}/", bucket_layout.record_key(style.name, photo.key)
        result = start + selection.names[photo.key]
        own = own_record(records[key], photo.key, style.name, result) if key in records else None
        yield PlannedOrder(
            photo=photo,
            mask=selection.masks.get(photo.key),
            style=style,
            weights=weights[style.name],
            output=config.output,
            result=result,
            timelapse=start + timelapses[photo.key] if style.settings.timelapse else "",
            previous=own,
            may_resume=bucket_layout.checkpoint_key(style.name, photo.key) in checkpoints,
        )


def check_names(order: PlannedOrder, result: Bucket) -> None:
    """Raise PictureError if an order could have no record, so that it would never be done: file
    names of old archives are not UTF-8, and others are too long."""
    for what, name in (("photo", order.photo.key), ("style", order.style.name)):
        try:
            name.encode()
        except UnicodeEncodeError:
            coding = sys.getfilesystemencoding()
            why = "is not UTF-8; rename the file"
            if coding != "utf-8":
                why = f"is read as {coding} here; use a locale with UTF-8 (LC_ALL=C.UTF-8)"
            raise PictureError(f"the name of the {what} {printable(name)} {why}") from None
    try:
        result.check_key(order.record_key)
    except BadKeyError as error:
        raise PictureError(f"no record of it can be stored: {error}") from None


def all_results(plan: Plan, result: Bucket, cache: RecordCache) -> list[Record]:
    """Return the records of all results in the bucket, including results of deleted photos and
    styles. Takes `cache` as `read_records` does.

    A record that cannot be read is left out with a warning, unless the plan has read it.

    Raises:
        UnavailableError: The bucket cannot be reached.
    """
    orders = (*plan.todo, *(order for order, _ in plan.refused))
    known = {*plan.intact, *(order.record_key for order in orders)}
    start = f"{bucket_layout.RECORDS}/"
    others = [
        entry for key, entry in plan.stored.items() if key.startswith(start) and key not in known
    ]
    read = read_records(result, others, cache, missing_ok=True)
    if missing := [entry.key for entry in others if entry.key not in read]:
        event(
            f"{result.name}: {plural(len(missing), 'record')} cannot be read, such as "
            f"{printable(missing[0])}; the gallery lacks these pictures",
            level=WARNING,
        )
    # Failures of a deleted photo are no longer of interest.
    gone = intact_records(read, plan.stored).values()
    return [*plan.intact.values(), *(replace(each, error=None, tried=None) for each in gone)]


def differences(order: Order, record: Record) -> Differences:
    """Return the ways in which a result differs from what a run would paint, each with the names of
    the inputs or settings that differ.

    If the fingerprints differ, the recorded inputs are compared: versions differ in the settings
    that they have, and hash them all.
    """
    if order.is_described_by(record):
        return {}
    now = order.record_of_inputs()
    ways = {
        "of another photo of the same name": (
            (order.photo.key,) if record.photo_etag != now.photo_etag else ()
        ),
        "with another mask": (
            (order.photo.key,) if etag_of(record.photo_mask) != etag_of(now.photo_mask) else ()
        ),
        "of other paintings, masks or shares": _changed_paintings(record, now),
        "with other settings": _changed_settings(record, now, order.style.settings),
        "by another network": _changed_network(record, order),
        ENGINE: _changes({"": record.engine}, {"": ENGINE_VERSION}),
        "in another format": _changes(
            dict(zip(_OUTPUT_NAMES, record.output or (), strict=False)),
            dict(zip(_OUTPUT_NAMES, astuple(order.output), strict=True)),
        ),
    }
    return {kind: names for kind, names in ways.items() if names}


def stays(ways: Differences, config: Config) -> bool:
    """Return whether a run leaves a result as it is.

    Args:
        ways: The differences of the result.
        config: The run's configuration.
    """
    return not ways or config.keep or (is_only_of_another_engine(ways) and not config.repaint)


def is_only_of_another_engine(ways: Differences) -> bool:
    """Return whether the engine's version is the only difference."""
    return ways.keys() == {ENGINE}


def _changed_paintings(record: Record, now: Record) -> tuple[str, ...]:
    """Return the keys of paintings that differ in their content, masks or shares, whatever their
    names; all of today's if only their order differs."""
    before, after = ([*map(_content, each.paintings or ())] for each in (record, now))
    if before == after:
        return ()
    both = (*(record.paintings or ()), *(now.paintings or ()))
    changed = {each.key for each in both if (_content(each) in before) != (_content(each) in after)}
    return tuple(sorted(changed or {each.key for each in now.paintings or ()}))


def _content(painting: PaintingRef) -> tuple[Any, ...]:
    return painting.etag, painting.share, etag_of(painting.mask), etag_of(painting.region)


def _changed_settings(record: Record, now: Record, settings: Settings) -> tuple[str, ...]:
    """Return the changes of settings; none if the same ones are given: then another version had
    other defaults. A setting that is not in the record is taken as its default, and one that is
    only there is ignored: another version wrote it."""
    if record.given == now.given:
        return ()
    usual = Settings(preset=settings.preset, recipe=settings.recipe).deciding()
    recorded = {name: value for name, value in (record.settings or {}).items() if name in usual}
    return _changes(usual | recorded, settings.deciding())


def _changed_network(record: Record, order: Order) -> tuple[str, ...]:
    """Return the change of network. Another version of the engine may have another built-in one."""
    both_built_in = is_built_in(order.weights.identity) and (
        (record.network or "").startswith(BUILT_IN_NETWORK)
    )
    if order.accepts_weights(record) or (both_built_in and record.engine != ENGINE_VERSION):
        return ()
    return (f"{record.network or record.weights} → {order.network}",)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{name} {_shown(old.get(name))} → {_shown(new.get(name))}".lstrip()
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)
