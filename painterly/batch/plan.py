"""Plans a run: every photo in every style, except those with an up-to-date result."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace

from painterly import bucket_layout
from painterly.batch.comparison import differences, stays
from painterly.batch.names import ResultNames
from painterly.batch.network_pool import NetworkPool
from painterly.batch.order import PlannedOrder
from painterly.batch.ownership import checked_record, is_named_by_another
from painterly.batch.selection import Selection
from painterly.batch.stored_records import (
    intact_records,
    read_records,
    record_for,
    record_readers,
    results_of,
)
from painterly.config import Config
from painterly.errors import PictureError
from painterly.record import Record
from painterly.storage.base import BadKeyError, Bucket, Entry, ObjectError
from painterly.wording import printable


@dataclass(frozen=True)
class Plan:
    """The orders of a run, and the records of finished pictures.

    Attributes:
        todo: The orders to paint.
        done: The records of results that stay.
        refused: Orders that cannot be painted, each with the reason.
        kept: Orders with an outdated result that stays; its record is in `done`.
        stored: The objects in the result bucket, by key.
        intact: The photos' and styles' records that describe an existing result, by key.
        stale: The keys of checkpoints of pictures that are done or no longer wanted.
    """

    todo: tuple[PlannedOrder, ...]
    done: tuple[Record, ...]
    refused: tuple[tuple[PlannedOrder, str], ...]
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
            refused=(*self.refused, *((order, failures[order.fingerprint]) for order in again)),
        )


def make_plan(
    selection: Selection,
    networks: NetworkPool,
    config: Config,
    result: Bucket,
    stored: Mapping[str, Entry],
) -> Plan:
    """Compare the selection with the content of the result bucket.

    Args:
        selection: The photos and styles.
        networks: The networks of the styles.
        config: The configuration.
        result: The result bucket.
        stored: The objects in it, by key.

    Raises:
        StorageError: A bucket cannot be read.
        WeightsError: The weights of a style do not exist.
    """
    names = selection.names
    records = read_records(result, (key for key in _record_keys(selection) if key in stored))
    intact = intact_records(records, stored)
    rivals = names.rivals(result.folding)
    checkpoints = _checkpoints(selection, stored.keys(), config.partial)
    wanted, done, kept, refused = [], [], [], []
    for style in selection.styles:
        weights = networks.source(style.settings)  # They must exist even if nothing is painted.
        for photo in selection.photos:
            record_key = bucket_layout.record_key(style.name, photo.key)
            previous = record_for(records.get(record_key), photo.key, style.name)
            order = PlannedOrder(
                photo=photo,
                mask=selection.masks.get(photo.key),
                style=style,
                weights=weights,
                output=config.output,
                result=names.planned(style.name, photo.key),
                timelapse=(
                    names.timelapse(style.name, photo.key) if style.settings.timelapse else ""
                ),
                previous=previous,
                may_resume=bucket_layout.checkpoint_key(style.name, photo.key) in checkpoints,
            )
            try:
                check_names(order, result)
                intact_key = _intact_result(order, intact)
                # Also without a record: an order whose files cannot be read is refused here.
                _ = order.fingerprint
                if previous and intact_key and stays(found := differences(order, previous), config):
                    done.append(previous)
                    if found:
                        kept.append(order)
                    continue
                if rival := rivals.get((style.name, photo.key)):
                    raise PictureError(
                        f"its result would take the place of that of {printable(rival[1])} in "
                        f"{printable(rival[0])}; rename one of the photos or styles"
                    )
            except (PictureError, ObjectError) as error:
                refused.append((order, str(error)))
            else:
                wanted.append((order, order.result in stored and order.result != intact_key))
    todo = []
    with record_readers() as pool:  # Each taken place costs a few requests.
        places = [
            pool.submit(_in_free_place, order, names, result, stored) if is_taken else None
            for order, is_taken in wanted
        ]
        for (order, _), place in zip(wanted, places, strict=True):
            try:
                todo.append(place.result() if place else order)
            except (PictureError, ObjectError) as error:
                refused.append((order, str(error)))
    unfinished = {order.checkpoint_key for order, _ in (*wanted, *refused)}
    return Plan(
        todo=tuple(todo),
        done=tuple(done),
        refused=tuple(refused),
        kept=tuple(kept),
        stored=stored,
        intact=intact,
        stale=tuple(sorted(checkpoints - unfinished)),
    )


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


def _in_free_place(
    order: PlannedOrder, names: ResultNames, result: Bucket, stored: Mapping[str, Entry]
) -> PlannedOrder:
    """Return an order with the key of a result that is free or its own.

    If another photo, such as a deleted one, has a result there, the order's photo keeps its
    extension.

    Args:
        order: The order. Its result would replace an object that may not be its own.
        names: The names of all results.
        result: The result bucket.
        stored: The objects in it, by key.

    Raises:
        PictureError: Objects of others are in its place.
        StorageError: The bucket fails.
    """
    other = names.with_own_extension(order.style.name, order.photo.key)
    for key in dict.fromkeys((order.result, other)):
        if key is None or (key in stored and is_named_by_another(result, key, order)):
            continue
        checked_record(result, order, stored.get(key))
        return replace(order, result=key)
    raise PictureError(
        f"{printable(order.result)} in {result.name} is the result of another photo, which stays; "
        "rename the photo"
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


def all_results(plan: Plan, result: Bucket) -> list[Record]:
    """Return the records of all results in the bucket, including results of deleted photos and
    styles. Raises StorageError."""
    start = f"{bucket_layout.RECORDS}/"
    orders = (*plan.todo, *(order for order, _ in plan.refused))
    known = {*plan.intact, *(order.record_key for order in orders)}
    others = (key for key in plan.stored if key.startswith(start) and key not in known)
    gone = intact_records(read_records(result, others), plan.stored)
    # Failures of a deleted photo are no longer of interest.
    return [
        *plan.intact.values(),
        *(replace(record, error=None, tried=None) for record in gone.values()),
    ]


def _record_keys(selection: Selection) -> Iterator[str]:
    return (bucket_layout.record_key(style.name, photo.key) for photo, style in selection.pairs())


def _checkpoints(selection: Selection, result_keys: Set[str], partial: bool) -> set[str]:
    """Return the keys of existing checkpoints. A partial run leaves those of other photos and
    styles alone."""
    stored = {key for key in result_keys if key.startswith(f"{bucket_layout.CHECKPOINTS}/")}
    if partial:
        stored &= {
            bucket_layout.checkpoint_key(style.name, photo.key)
            for photo, style in selection.pairs()
        }
    return stored
