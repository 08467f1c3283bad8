"""The record of a result: a JSON object, stored with it, that describes how the result was made.

By its fingerprint a later run decides whether the result is up to date. A record of a failure has
the reason, and all fields of an earlier result's record.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from painterly.progress import Tally
from painterly.settings.bucket_layout import RECORDS_READ
from painterly.storage.base import Bucket, Entry, ObjectError
from painterly.words.style_title import StyleTitle

Scalar = str | int | float | bool | None
FORMAT = 2  # the field `format` of the JSON
OutputFields = tuple[str | None, int, bool, int]  # format, quality, keep_gps, depth
RecordCache = dict[str, "tuple[str, Record | None]"]  # by key, with the version of the object
# Errors of an object that is not as `remember_records` has written it.
_DAMAGED = OSError, EOFError, AttributeError, LookupError, TypeError, ValueError, zlib.error
MAX_READERS = 16  # threads that read records: each waits for the network, not for the processor


@dataclass(frozen=True)
class PictureRef:
    """A mask, a region or a time-lapse: its key, and its content's ETag."""

    key: str
    etag: str


@dataclass(frozen=True)
class PaintingRef:
    """A painting that a result was made from, and its share of the blend."""

    key: str
    share: float | None = None
    etag: str | None = None
    mask: PictureRef | None = None
    region: PictureRef | None = None


def etag_of(file: Entry | PictureRef | None) -> str | None:
    """Return the ETag of a file, if there is one."""
    return None if file is None else file.etag


@dataclass(frozen=True)
class Record:
    """The data about one photo in one style, in the order of the JSON keys. A field is None if its
    value is unknown. `photo_mask` and `vgg_weights` are None if there is none.

    Attributes:
        settings: All settings that decide a result.
        given: Those settings, and the preset, that were given and not left to their defaults.
        network, weights: The name of the network that painted, and its identity.
        content_weight: The photo's weight at the end (see `steered` in
            engine/optimisation/optimizers.py).
        seconds: The time that painting took.
        style, style_title: The name and the title of the style.
        styles: The names of the styles on a sheet of one photo in several. It has no
            paintings.
        photo_bucket, style_bucket: The buckets, as values for storage.open_bucket.
        output: The fields of images.output.OutputFormat, in their order.
        result_etag, result_size: The ETag and the bytes of the object under the key `result`.
        timelapse: The animation of the picture as it grew.
        finished, tried: Times in ISO 8601.
    """

    photo: str | None = None
    photo_etag: str | None = None
    photo_mask: PictureRef | None = None
    style: str | None = None
    style_title: StyleTitle | None = None
    styles: tuple[str, ...] | None = None
    paintings: tuple[PaintingRef, ...] | None = None
    width: int | None = None
    height: int | None = None
    settings: Mapping[str, Scalar] | None = None
    given: Mapping[str, Scalar] | None = None
    network: str | None = None
    weights: str | None = None
    vgg_weights: str | None = None
    engine: str | None = None
    device: str | None = None
    losses: Mapping[str, float] | None = None
    content_weight: float | None = None
    seconds: float | None = None
    photo_bucket: str | None = None
    style_bucket: str | None = None
    output: OutputFields | None = None
    fingerprint: str | None = None
    result: str | None = None
    result_etag: str | None = None
    result_size: int | None = None
    timelapse: PictureRef | None = None
    finished: str | None = None
    error: str | None = None
    tried: str | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> "Record | None":
        """Return the record in a file's content, or None if the content is not JSON, has another
        format, or a field has the wrong type. Missing and unknown fields do no harm."""
        try:
            table = _instance(json.loads(data), dict)
            return cast(Record, _typed(cls, table)) if table.get("format") == FORMAT else None
        except (ValueError, TypeError, RecursionError):  # TypeError: a field is missing.
            return None

    def changes(self, before: "Record") -> dict[str, Any]:
        """Return the values that differ from those of a record before, by their fields."""
        pairs = ((name, getattr(self, name), getattr(before, name)) for name in _NAMES)
        return {name: now for name, now, then in pairs if now is not then and now != then}

    def sharing(self, other: "Record") -> "Record":
        """Return the record with another one's values where they are equal, which the memory then
        has once."""
        return replace(other, **self.changes(other))

    def to_bytes(self) -> bytes:
        """Return the record as a file's content, which `from_bytes` reads."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        table = {"format": FORMAT, **known}
        try:
            return json.dumps(table, indent=2, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # A key from a file name that is not UTF-8.
            return json.dumps(table, indent=2).encode()


_NAMES = tuple(each.name for each in fields(Record))


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...], Mapping[str, Any]]:
    return get_origin(kind), get_args(kind), get_type_hints(kind) if is_dataclass(kind) else {}


def _typed(kind: Any, value: Any) -> Any:
    origin, arguments, hints = _parts(kind)
    if origin is UnionType and type(value) not in arguments:
        return None if value is None else _typed(arguments[0], value)
    if origin is Mapping:
        return {name: _typed(arguments[1], each) for name, each in _instance(value, dict).items()}
    if origin is tuple:
        items = _instance(value, list)
        kinds = arguments[:1] * len(items) if arguments[-1] is Ellipsis else arguments
        return tuple(_typed(each, item) for each, item in zip(kinds, items, strict=True))
    if hints:
        stored = {name: _instance(value, dict).get(name) for name in hints}
        known = {name: each for name, each in stored.items() if each is not None}
        return kind(**{name: _typed(hints[name], each) for name, each in known.items()})
    return value if origin else _instance(value, kind, *([int] if kind is float else []))


def _instance(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:  # True is an instance of int.
        raise ValueError
    return value


def now() -> str:
    """Return the time as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_record(bucket: Bucket, key: str) -> Record | None:
    """Return the record under a key, or None if it is damaged. Raises StorageError."""
    return Record.from_bytes(bucket.read(key))


def write_record(bucket: Bucket, key: str, record: Record) -> None:
    """Store a record. Raises StorageError."""
    bucket.write(key, record.to_bytes(), "application/json")


def read_records(
    result: Bucket, entries: Iterable[Entry], cache: RecordCache, *, missing_ok: bool = False
) -> dict[str, Record | None]:
    """Return some records by key, with None for a damaged one.

    Args:
        result: The bucket of results.
        entries: The objects with the records.
        cache: The records that were read before. A record is read again only if it has changed.
            New records are added.
        missing_ok: Whether objects that cannot be read are left out.

    Raises:
        StorageError: A record cannot be read.
    """
    ordered, last = sorted(entries, key=lambda entry: entry.key), Record()

    def read(entry: Entry) -> None:
        nonlocal last
        try:
            if record := read_record(result, entry.key):
                last = record = record.sharing(last)
            cache[entry.key] = entry.version, record
        except ObjectError:
            cache.pop(entry.key, None)
            if not missing_ok:
                raise

    pool = ThreadPoolExecutor(MAX_READERS)
    try:
        new = (each for each in ordered if cache.get(each.key, (None,))[0] != each.version)
        tally = Tally("reading records")
        for number, _ in enumerate(pool.map(read, new)):
            tally.show(number)
    finally:  # After a signal or an error, nothing more begins, and nothing is waited for.
        pool.shutdown(wait=False, cancel_futures=True)
    return {each.key: cache[each.key][1] for each in ordered if each.key in cache}


def remembered_records(bucket: Bucket) -> RecordCache:
    """Return the records that `remember_records` has stored: one request instead of thousands; none
    of a damaged object, in which a wrong value would be that of all records after it. Raises
    UnavailableError."""
    records: RecordCache = {}
    kinds, values = get_type_hints(Record), dict[str, Any]()
    try:
        with gzip.open(io.BytesIO(bucket.read(RECORDS_READ)), "rt", encoding="utf-8") as lines:
            if json.loads(lines.readline()) != FORMAT:
                return {}
            tally = Tally("reading records")
            for line in lines:
                tally.show(len(records))
                key, version, changes = json.loads(line)
                # What they have in common is in the memory once.
                values |= {name: _typed(kinds[name], value) for name, value in changes.items()}
                records[key] = version, Record(**values)
    except (ObjectError, *_DAMAGED):
        return {}
    return records


def remember_records(bucket: Bucket, records: RecordCache) -> None:
    """Store the records that were read, each with the version of its object and the fields in which
    it differs from the one before. Raises StorageError."""
    out, before = io.BytesIO(), Record()
    with gzip.open(out, "wt", compresslevel=1, encoding="utf-8") as lines:
        lines.write(f"{FORMAT}\n")
        for key, (version, record) in records.items():
            if record:
                line = [key, version, record.changes(before)]
                lines.write(json.dumps(line, default=asdict) + "\n")
                before = record
    bucket.write(RECORDS_READ, out.getvalue(), "application/gzip")


def intact_records(
    records: Mapping[str, Record | None], stored: Mapping[str, Entry]
) -> dict[str, Record]:
    """Return the records that describe an existing result correctly, by key."""
    return {
        key: record
        for key, record in records.items()
        if record and (entry := stored.get(record.result or "")) and is_intact(record, entry)
    }


def is_intact(record: Record, entry: Entry) -> bool:
    """Return whether an object is the result that a record describes. A file that cannot be read is
    not."""
    if entry.size != record.result_size or record.result != entry.key:
        return False
    try:
        return is_content(entry, record.result_etag or "")
    except ObjectError:
        return False


def is_content(entry: Entry, etag: str) -> bool:
    """Return whether an object has the content with an ETag. An empty file never has.

    ETags of different kinds cannot be compared, as after a copy in parts: then the size decides.
    """
    return entry.size > 0 and (
        entry.has(etag) or entry.etag.partition("-")[2] != etag.partition("-")[2]
    )
