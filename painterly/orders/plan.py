"""Plans a run: every photo in every style, except those with an up-to-date result."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from logging import WARNING
from typing import NamedTuple

from painterly.configuration.config import Config
from painterly.errors import PictureError
from painterly.log import event
from painterly.orders.comparison import differences, stays
from painterly.orders.names import Pair, ResultNames
from painterly.orders.order import PlannedOrder
from painterly.orders.ownership import checked_record, is_named_by_another
from painterly.orders.record import Record
from painterly.orders.selection import Selection
from painterly.orders.stored_records import (
    KeptRecords,
    intact_records,
    read_records,
    record_for,
    record_readers,
    results_of,
)
from painterly.settings import bucket_layout
from painterly.storage.base import BadKeyError, Bucket, Entry, ObjectError
from painterly.vgg.sources import WeightsSource
from painterly.words.wording import plural, printable


class Refused(NamedTuple):
    """An order that cannot be painted, and the reason."""

    order: PlannedOrder
    reason: str


@dataclass(frozen=True)
class Plan:
    """The orders of a run, and the records of finished pictures.

    Attributes:
        todo: The orders to paint.
        done: The records of results that stay.
        refused: The orders that cannot be painted.
        kept: Orders with an outdated result that stays; its record is in `done`.
        stored: The objects in the result bucket, by key.
        intact: The photos' and styles' records that describe an existing result, by key.
        stale: The keys of checkpoints of pictures that are done or no longer wanted.
    """

    todo: tuple[PlannedOrder, ...]
    done: tuple[Record, ...]
    refused: tuple[Refused, ...]
    kept: tuple[PlannedOrder, ...]
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
        again = [order for order in self.todo if order.fingerprint in failures]
        return replace(
            self,
            todo=tuple(order for order in self.todo if order.fingerprint not in failures),
            refused=(*self.refused, *(Refused(each, failures[each.fingerprint]) for each in again)),
        )


def make_plan(
    selection: Selection,
    weights: Mapping[str, WeightsSource],
    config: Config,
    result: Bucket,
    stored: Mapping[str, Entry],
    kept: KeptRecords,
) -> Plan:
    """Compare the selection with the content of the result bucket.

    Args:
        selection: The photos and styles.
        weights: The weights of each style, by its name.
        config: The configuration.
        result: The result bucket.
        stored: The objects in it, by key.
        kept: As in `read_records`.

    Raises:
        StorageError: A bucket cannot be read.
    """
    own = (stored[key] for key in _record_keys(selection) if key in stored)
    records = read_records(result, own, kept)
    intact = intact_records(records, stored)
    checkpoints = _checkpoints(selection, stored.keys())
    results = _Results(
        result, stored, intact, selection.names, selection.names.rivals(result.folding)
    )
    orders = _orders(selection, weights, config, records, checkpoints)
    decisions = _in_free_places([_decided(each, results, config) for each in orders], results)
    todo = [each for each in decisions if isinstance(each, PlannedOrder)]
    refused = [each for each in decisions if isinstance(each, Refused)]
    staying = [each for each in decisions if isinstance(each, _Staying)]
    unfinished = {order.checkpoint_key for order in (*todo, *(each.order for each in refused))}
    return Plan(
        todo=tuple(todo),
        done=tuple(each.record for each in staying),
        refused=tuple(refused),
        kept=tuple(each.order for each in staying if each.is_outdated),
        stored=stored,
        intact=intact,
        stale=tuple(sorted(checkpoints - unfinished)),
    )


class _Staying(NamedTuple):
    """An order with a result that stays, with its record, and whether it is outdated."""

    order: PlannedOrder
    record: Record
    is_outdated: bool


_Decision = PlannedOrder | _Staying | Refused


class _Results(NamedTuple):
    """The results in the bucket, and those that a run could add; see Plan, ResultNames.rivals."""

    bucket: Bucket
    stored: Mapping[str, Entry]
    intact: Mapping[str, Record]
    names: ResultNames
    rivals: Mapping[Pair, Pair]


def _orders(
    selection: Selection,
    weights: Mapping[str, WeightsSource],
    config: Config,
    records: Mapping[str, Record | None],
    checkpoints: Set[str],
) -> Iterator[PlannedOrder]:
    """Yield an order for each photo in each style."""
    names = selection.names
    for style in selection.styles:
        for photo in selection.photos:
            record = records.get(bucket_layout.record_key(style.name, photo.key))
            yield PlannedOrder(
                photo=photo,
                mask=selection.masks.get(photo.key),
                style=style,
                weights=weights[style.name],
                output=config.output,
                result=names.planned(style.name, photo.key),
                timelapse=(
                    names.timelapse(style.name, photo.key) if style.settings.timelapse else ""
                ),
                previous=record_for(record, photo.key, style.name),
                may_resume=bucket_layout.checkpoint_key(style.name, photo.key) in checkpoints,
            )


def _decided(order: PlannedOrder, results: _Results, config: Config) -> _Decision:
    """Return an order to paint, one with a result that stays, or one that cannot be painted."""
    try:
        check_names(order, results.bucket)
        _ = order.fingerprint  # Raises an error if a file cannot be read.
        if order.previous and _intact_result(order, results.intact):
            found = differences(order, order.previous)
            if stays(found, config):
                return _Staying(order, order.previous, bool(found))
    except (PictureError, ObjectError) as error:
        return Refused(order, str(error))
    if rival := results.rivals.get((order.style.name, order.photo.key)):
        return Refused(
            order,
            f"its result would take the place of that of {printable(rival[1])} in "
            f"{printable(rival[0])}; rename one of the photos or styles",
        )
    return order


def check_names(order: PlannedOrder, result: Bucket) -> None:
    """Raise PictureError if an order could have no record, so that it would never be done: file
    names of old archives are not UTF-8, and others are too long."""
    for what, name in (("photo", order.photo.key), ("style", order.style.name)):
        try:
            name.encode()
        except UnicodeEncodeError:
            raise PictureError(
                f"the name of the {what} {printable(name)} is not UTF-8; rename the file"
            ) from None
    try:
        result.check_key(order.record_key)
    except BadKeyError as error:
        raise PictureError(f"no record of it can be stored: {error}") from None


def _in_free_places(decisions: Sequence[_Decision], results: _Results) -> list[_Decision]:
    """Return the decisions, with each order to paint in a place that is free or its own."""

    def is_taken(order: PlannedOrder) -> bool:
        return order.result in results.stored and (
            order.result != _intact_result(order, results.intact)
        )

    with record_readers() as pool:  # Each taken place costs a few requests.
        places = [
            pool.submit(_in_free_place, each, results)
            if isinstance(each, PlannedOrder) and is_taken(each)
            else None
            for each in decisions
        ]
        return [
            each if place is None else place.result()
            for each, place in zip(decisions, places, strict=True)
        ]


def _in_free_place(order: PlannedOrder, results: _Results) -> PlannedOrder | Refused:
    """Return an order with the key of a result that is free or its own.

    If another photo, such as a deleted one, has a result there, the order's photo keeps its
    extension. If objects of others are there as well, the order is refused.

    Args:
        order: The order. Its result would replace an object that may not be its own.
        results: The results in the bucket.

    Raises:
        StorageError: The whole bucket fails.
    """
    bucket, stored = results.bucket, results.stored
    other = results.names.with_own_extension(order.style.name, order.photo.key)
    try:
        for key in dict.fromkeys((order.result, other)):
            if key is None or (key in stored and is_named_by_another(bucket, key, order)):
                continue
            checked_record(bucket, order, stored.get(key))
            return replace(order, result=key)
    except (PictureError, ObjectError) as error:
        return Refused(order, str(error))
    return Refused(
        order,
        f"{printable(order.result)} in {bucket.name} is the result of another photo, which stays; "
        "rename the photo",
    )


def _intact_result(order: PlannedOrder, intact: Mapping[str, Record]) -> str | None:
    """Return the key of the existing result that the order's record describes, or None."""
    key = order.previous.result if order.previous else None
    is_own = key in results_of(order.previous, order)
    return key if is_own and order.record_key in intact else None


def surely_optimises(selection: Selection, result_keys: Set[str]) -> bool:
    """Return whether there is certainly something to paint by a recipe that minimises a loss: a
    photo without a record in such a style."""
    return any(
        bucket_layout.record_key(style.name, photo.key) not in result_keys
        for photo, style in selection.pairs()
        if style.settings.traits.optimises
    )


def all_results(plan: Plan, result: Bucket, kept: KeptRecords) -> list[Record]:
    """Return the records of all results in the bucket, including results of deleted photos and
    styles. Takes `kept` as `read_records` does.

    A record that cannot be read is left out with a warning, unless the plan has read it.

    Raises:
        UnavailableError: The bucket cannot be reached.
    """
    start = f"{bucket_layout.RECORDS}/"
    orders = (*plan.todo, *(order for order, _ in plan.refused))
    known = {*plan.intact, *(order.record_key for order in orders)}
    others = [
        entry for key, entry in plan.stored.items() if key.startswith(start) and key not in known
    ]
    read = read_records(result, others, kept, missing_ok=True)
    if missing := [entry.key for entry in others if entry.key not in read]:
        event(
            f"{result.name}: {plural(len(missing), 'record')} cannot be read, such as "
            f"{printable(missing[0])}; the gallery lacks these pictures",
            level=WARNING,
        )
    gone = intact_records(read, plan.stored)
    # Failures of a deleted photo are no longer of interest.
    return [
        *plan.intact.values(),
        *(replace(record, error=None, tried=None) for record in gone.values()),
    ]


def _record_keys(selection: Selection) -> Iterator[str]:
    return (bucket_layout.record_key(style.name, photo.key) for photo, style in selection.pairs())


def _checkpoints(selection: Selection, result_keys: Set[str]) -> set[str]:
    """Return the keys of existing checkpoints. A partial selection leaves those of other photos
    and styles alone."""
    stored = {key for key in result_keys if key.startswith(f"{bucket_layout.CHECKPOINTS}/")}
    if selection.partial:
        stored &= {
            bucket_layout.checkpoint_key(style.name, photo.key)
            for photo, style in selection.pairs()
        }
    return stored
