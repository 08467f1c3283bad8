"""The owners of keys in the result bucket: an order, another photo, or another program.

A key belongs to an order if the order's record names it. The record is written before the result,
so that the result of a killed run is known as well. Only an order's own results are overwritten or
deleted.
"""

from collections.abc import Iterator
from dataclasses import replace
from logging import WARNING

from painterly.errors import PictureError
from painterly.orders.names import TIMELAPSE, contenders_start, could_be_result
from painterly.orders.order import PlannedOrder
from painterly.orders.record import PictureRef, Record
from painterly.orders.stored_records import (
    is_content,
    is_intact,
    latest_record,
    order_record,
    read_record,
    results_of,
    stored_by,
    write_record,
)
from painterly.settings.bucket_layout import RECORDS, recorded, start_of_name
from painterly.storage.base import BadKeyError, Bucket, Entry, ObjectError
from painterly.words.wording import printable


def claim(bucket: Bucket, order: PlannedOrder, record: Record) -> tuple[Record, Record]:
    """Write the record of a result before the result.

    From then on the keys of the result and its time-lapse are known as the order's, even if the
    process is killed. The record loses a time-lapse if its place is taken or its key is too long,
    which is logged.

    Returns:
        The record as it is written, and the one that it replaces.

    Raises:
        PictureError: A foreign object is in the result's place.
        StorageError: The bucket fails.
    """
    # In this order: an object that another run has stored since was recorded before.
    entry = bucket.find(order.result)
    before = checked_record(bucket, order, entry)
    timelapse = record.timelapse and _in_free_place(bucket, order, before, record.timelapse)
    record = replace(record, made=_made(bucket, before, entry) or None, timelapse=timelapse)
    write_record(bucket, order.record_key, record)
    return record, before


def outdated(bucket: Bucket, order: PlannedOrder, before: Record) -> Iterator[str]:
    """Yield the keys of earlier results that an order's new one replaces, by the record before."""
    for key, etags in results_of(before, order).items():
        if key == order.result:
            continue
        entry = bucket.find(key)
        if entry is None or not any(is_content(entry, None, etag) for etag in etags):
            continue
        if not is_named_by_another(bucket, key, order):
            yield key


def outdated_timelapse(bucket: Bucket, before: Record, record: Record) -> str | None:
    """Return the key of the time-lapse that an order's record had before, if it has another one or
    none now."""
    old = before.timelapse
    if old is None or not old.key.endswith(TIMELAPSE):
        return None
    if record.timelapse is not None and record.timelapse.key == old.key:
        return None
    entry = bucket.find(old.key)
    return old.key if entry is not None and is_content(entry, None, old.etag) else None


def _in_free_place(
    bucket: Bucket, order: PlannedOrder, before: Record, timelapse: PictureRef
) -> PictureRef | None:
    """Return a time-lapse, or None if it cannot be stored under its key, which is logged."""
    try:
        bucket.check_key(timelapse.key)
    except BadKeyError as error:
        order.log(f"{order}: no time-lapse: {error}", level=WARNING)
        return None
    is_own = before.timelapse is not None and before.timelapse.key == timelapse.key
    if is_own or bucket.find(timelapse.key) is None:
        return timelapse
    order.log(
        f"{order}: no time-lapse: {printable(timelapse.key)} in {bucket.name} has no record of "
        "this program, so it may be somebody else's and is left as it is",
        level=WARNING,
    )
    return None


def checked_record(bucket: Bucket, order: PlannedOrder, entry: Entry | None) -> Record:
    """Return the order's latest record, after a check that it names an object, if there is one.

    Raises PictureError if it does not, StorageError.
    """
    current, is_damaged = order_record(bucket, order)
    record = latest_record(order, current)
    if entry is None or is_damaged:  # The results of a damaged record still belong to the order.
        return record
    etags = results_of(record, order).get(entry.key, ())
    # The last result is the order's also if it was cut, or overwritten by another run.
    is_last = bool(etags) and record.result == entry.key
    if not is_last and not any(is_content(entry, None, etag) for etag in etags):
        raise PictureError(
            f"{printable(entry.key)} in {bucket.name} has no record of this program, so "
            "it may be somebody else's and is left as it is; move it away, or delete it"
        )
    return record


def is_named_by_another(bucket: Bucket, key: str, order: PlannedOrder) -> bool:
    """Return whether the record of another photo names a key. Raises StorageError."""
    start = contenders_start(key)
    is_short = start_of_name(start) == start  # Or the records have no more of their photos' names.
    for entry in bucket.list(f"{RECORDS}/{start_of_name(start)}"):
        if entry.key == order.record_key:
            continue
        if is_short and not could_be_result(key, recorded(entry.key)):
            continue
        try:
            record = read_record(bucket, entry.key)
        except ObjectError:
            continue
        if record and key in stored_by(record, record.photo or "", record.style or ""):
            return True
    return False


def _made(bucket: Bucket, before: Record, entry: Entry | None) -> tuple[PictureRef, ...]:
    """Return the results that the bucket may contain by a record.

    If an object is the record's result, earlier content of its key is gone.
    """
    stored = stored_by(before, before.photo or "", before.style or "")
    if entry is not None and is_intact(before, entry):
        stored[entry.key] = [before.result_etag]
    made = []
    for key, etags in stored.items():
        for etag in dict.fromkeys(etags):
            there = bucket.find(key) if etag is None else None
            if known := etag or (there and there.etag):
                made.append(PictureRef(key, known))
    return tuple(made)
