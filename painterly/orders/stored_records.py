"""Records in the result bucket: reading and writing them, and the results that they name."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from painterly.orders.names import could_be_result
from painterly.orders.order import PlannedOrder
from painterly.orders.record import Record
from painterly.storage.base import Bucket, Entry, ObjectError

KeptRecords = dict[str, tuple[str, Record | None]]  # by key, with the version of the object
MAX_READERS = 16  # threads that read records: each waits for the network, not for the processor


def now() -> str:
    """Return the time as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_record(bucket: Bucket, key: str) -> Record | None:
    """Return the record under a key, or None if it is damaged. Raises StorageError."""
    return Record.from_bytes(bucket.read(key))


def order_record(bucket: Bucket, order: PlannedOrder) -> tuple[Record | None, bool]:
    """Return the order's record, if it has one, and whether it is damaged."""
    try:
        record = read_record(bucket, order.record_key)
    except ObjectError:  # There is none, or it may not be read.
        return None, False
    return record_for(record, order.photo.key, order.style.name), record is None


def latest_record(order: PlannedOrder, current: Record | None) -> Record:
    """Return the order's current record, or else that of the plan, or else an empty one."""
    record = current or order.previous or Record()
    return replace(record, photo=order.photo.key, style=order.style.name)


def intact_record(bucket: Bucket, order: PlannedOrder) -> Record | None:
    """Return the order's record if its result is stored as it says, or else None.

    Args:
        bucket: The bucket of results.
        order: The order. Another run may have stored its result since the plan was made.

    Raises:
        UnavailableError: The bucket cannot be reached.
    """
    try:
        record, _ = order_record(bucket, order)
        if record is None or record.result not in results_of(record, order):
            return None
        result = bucket.find(record.result)
        return record if result is not None and is_intact(record, result) else None
    except ObjectError:
        return None


@contextmanager
def record_readers() -> Iterator[ThreadPoolExecutor]:
    """Yield threads that read records. After a signal or an error they begin no further one, and
    are not waited for."""
    pool = ThreadPoolExecutor(MAX_READERS)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def read_records(
    result: Bucket, entries: Iterable[Entry], kept: KeptRecords, *, missing_ok: bool = False
) -> dict[str, Record | None]:
    """Return some records by key, with None for a damaged one.

    Args:
        result: The bucket of results.
        entries: The objects with the records.
        kept: The records that were read before. They are read again only if they have changed,
            and new ones are added.
        missing_ok: Whether objects that cannot be read are left out.

    Raises:
        StorageError: A record cannot be read.
    """
    ordered = sorted(entries, key=lambda entry: entry.key)

    def read(entry: Entry) -> None:
        try:
            kept[entry.key] = entry.version, read_record(result, entry.key)
        except ObjectError:
            kept.pop(entry.key, None)
            if not missing_ok:
                raise

    with record_readers() as pool:
        new = (each for each in ordered if kept.get(each.key, (None,))[0] != each.version)
        for _ in pool.map(read, new):
            pass
    return {each.key: kept[each.key][1] for each in ordered if each.key in kept}


def intact_records(
    records: Mapping[str, Record | None], stored: Mapping[str, Entry]
) -> dict[str, Record]:
    """Return the records that describe an existing result correctly, by key."""
    with_result = {
        key: record for key, record in records.items() if record and record.result in stored
    }
    results = [stored[record.result or ""] for record in with_result.values()]
    with record_readers() as pool:  # A folder's ETags are hashes of its files.
        verdicts = pool.map(is_intact, with_result.values(), results)
        return {
            key: record
            for (key, record), good in zip(with_result.items(), verdicts, strict=True)
            if good
        }


def record_for(record: Record | None, photo: str, style: str) -> Record | None:
    """Return the record, or None if it belongs to another photo or style."""
    if record is None or record.photo not in (None, photo) or record.style not in (None, style):
        return None
    return record


def is_intact(record: Record | None, entry: Entry) -> bool:
    """Return whether an object is the result that a record describes. A file that cannot be read is
    not."""
    if record is None or record.result != entry.key:
        return False
    try:
        return is_content(entry, record.result_size, record.result_etag)
    except ObjectError:
        return False


def is_content(entry: Entry, size: int | None, etag: str | None) -> bool:
    """Return whether an object has the content with a size and an ETag.

    Either is None if it is unknown, as in records of earlier versions.

    ETags of different kinds cannot be compared, as after a copy in parts: then the size decides.
    """
    if entry.size == 0 or size not in (None, entry.size):
        return False  # An empty file is not a picture.
    if etag is None or entry.has(etag):
        return True
    return entry.etag.partition("-")[2] != etag.partition("-")[2]


def stored_by(record: Record | None, photo: str, style: str) -> dict[str, list[str | None]]:
    """Return the keys that were stored for a photo in a style according to a record, each with the
    ETags that its content may have. Keys that this photo cannot have in this style are left out: no
    record makes a run overwrite or delete them."""
    record = record_for(record, photo, style)
    if record is None:
        return {}
    named: list[tuple[str, str | None]] = [(each.key, each.etag) for each in record.made or ()]
    if record.result is not None:
        named.append((record.result, record.result_etag))
    stored: dict[str, list[str | None]] = {}
    for key, etag in named:
        if could_be_result(key, f"{style}/{photo}"):
            stored.setdefault(key, []).append(etag)
    return stored


def results_of(record: Record | None, order: PlannedOrder) -> dict[str, list[str | None]]:
    """Return `stored_by` for an order's photo and style."""
    return stored_by(record, order.photo.key, order.style.name)


def write_record(bucket: Bucket, key: str, record: Record) -> None:
    """Store a record. Raises StorageError."""
    bucket.write(key, record.to_bytes(), "application/json")
