"""The keys of results, `<style>/<photo>.<extension>`, and their owners.

A result's key lacks the photo's own extension. If two photos would share a key (`a.png` and
`a.webp`, both as png), both retain theirs: `a.png.png`, `a.webp.png`.

A key is written if it is free or if the order's record names it. The record is written before the
result, so that the result of a killed run is known as well.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from logging import WARNING
from pathlib import PurePosixPath

from painterly.errors import PictureError
from painterly.images.output import OutputFormat
from painterly.orders.order import PlannedOrder
from painterly.orders.record import Record, is_content, is_intact, read_record, write_record
from painterly.settings.bucket_layout import TIMELAPSE
from painterly.storage.base import BadKeyError, Bucket, ObjectError
from painterly.words.wording import printable


def result_name(photo: str, output: OutputFormat, *, whole: bool = False) -> str:
    """Return the name of a photo's result, which follows the style in its key. It has the photo's
    own extension as well if `whole`."""
    return f"{photo if whole else _stem(photo)}.{output.extension(photo)}"


def result_names(photos: Iterable[str], output: OutputFormat) -> dict[str, str]:
    """Return the names of the results of all photos, by the photos' keys. No two are the same."""
    keys, whole = [*photos], set[str]()
    while True:
        names = {photo: result_name(photo, output, whole=photo in whole) for photo in keys}
        counts = Counter(names.values())
        meeting = {photo for photo, name in names.items() if counts[name] > 1} - whole
        if not meeting:
            return names
        whole |= meeting


def timelapse_name(result: str, *, whole: bool = False) -> str:
    """Return the name or key of a result's time-lapse. It has the result's extension if `whole`."""
    return f"{result if whole else _stem(result)}{TIMELAPSE}"


def timelapse_names(results: Mapping[str, str]) -> dict[str, str]:
    """Return the names of all time-lapses from those of the results, by the photos' keys. Results
    that differ in their extension alone have different ones."""
    stems = Counter(map(_stem, results.values()))
    return {
        photo: timelapse_name(name, whole=stems[_stem(name)] > 1) for photo, name in results.items()
    }


def could_be_result(key: str, order: PlannedOrder) -> bool:
    """Return whether an order's result may have had a key, in any format."""
    pair = f"{order.style.name}/{order.photo.key}"
    return _stem(key) in (_stem(pair), _plain(pair))


def record_of(order: PlannedOrder, record: Record | None) -> Record | None:
    """Return the order's record, or None if it is another photo's: some disks take two names for
    one.

    Args:
        order: The order.
        record: The content of the object under its key; None if that is damaged. Then the result's
            key is the order's, and nothing else is known.
    """
    photo, style = order.photo.key, order.style.name
    if record is None:
        return Record(photo=photo, style=style, result=order.result)
    is_own = record.photo in (None, photo) and record.style in (None, style)
    return replace(record, photo=photo, style=style) if is_own else None


def latest_record(bucket: Bucket, order: PlannedOrder) -> Record | None:
    """Return the stored record as `record_of` does, or else the plan's, or else one that names no
    result. Raises UnavailableError."""
    try:
        return record_of(order, read_record(bucket, order.record_key))
    except ObjectError:  # There is none, or it may not be read.
        return order.previous or Record(photo=order.photo.key, style=order.style.name)


def intact_record(bucket: Bucket, order: PlannedOrder) -> Record | None:
    """Return the order's record if its result is stored as it says, or else None. Another run may
    have stored it since the plan was made. Raises UnavailableError."""
    try:
        record = latest_record(bucket, order)
        if record is None or record.result is None or not could_be_result(record.result, order):
            return None
        result = bucket.find(record.result)
        return record if result is not None and is_intact(record, result) else None
    except ObjectError:
        return None


def claim(bucket: Bucket, order: PlannedOrder, record: Record) -> tuple[Record, Record]:
    """Write the record of a result before the result.

    From then on the keys of the result and its time-lapse are known as the order's. The record
    loses a time-lapse that cannot be stored, which is logged.

    Returns:
        The record as it is written, and the one that it replaces.

    Raises:
        PictureError: The key of the result, or that of its record, is not the order's.
        StorageError: The bucket fails.
    """
    # In this order: an object that another run has stored since was recorded before.
    is_free = bucket.find(order.result) is None
    before = latest_record(bucket, order)
    if before is None or not (is_free or before.result == order.result):
        raise taken(order, bucket)
    if record.timelapse and not _has_room_for_timelapse(bucket, order, before):
        record = replace(record, timelapse=None)
    write_record(bucket, order.record_key, record)
    return record, before


def taken(order: PlannedOrder, bucket: Bucket) -> PictureError:
    """Return the error of an order whose result has the key of another object in a bucket."""
    return PictureError(
        f"{printable(order.result)} in {bucket.name} is not the result in this photo's record; "
        "move it away, or rename the photo"
    )


def outdated_timelapse(bucket: Bucket, before: Record, record: Record) -> str | None:
    """Return the key of the time-lapse of an order's record before, if the new record does not name
    it: it shows another picture."""
    old, new = before.timelapse, record.timelapse
    if old is None or not old.key.endswith(TIMELAPSE) or (new and new.key == old.key):
        return None
    entry = bucket.find(old.key)
    return old.key if entry is not None and is_content(entry, old.etag) else None


def _has_room_for_timelapse(bucket: Bucket, order: PlannedOrder, before: Record) -> bool:
    try:
        bucket.check_key(order.timelapse)
    except BadKeyError as error:
        order.log(f"{order}: no time-lapse: {error}", level=WARNING)
        return False
    is_own = before.timelapse is not None and before.timelapse.key == order.timelapse
    if is_own or bucket.find(order.timelapse) is None:
        return True
    order.log(
        f"{order}: no time-lapse: {printable(order.timelapse)} in {bucket.name} is not the one in "
        "this photo's record; move it away",
        level=WARNING,
    )
    return False


def _plain(key: str) -> str:
    """Return a key without empty parts and `.` parts, as file systems read it."""
    usual = "//" not in key and "./" not in key and not key.startswith("/")
    return key if usual else PurePosixPath(key).as_posix()


def _stem(key: str) -> str:
    plain = _plain(key)
    folder, slash, name = plain.rpartition("/")
    stem, _, extension = name.rpartition(".")
    return f"{folder}{slash}{stem}" if stem and extension else plain
