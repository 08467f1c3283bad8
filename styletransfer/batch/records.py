"""Records in the result bucket: reading and writing them, fingerprints to recognise finished
pictures, and the results that records name."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from styletransfer import ENGINE_VERSION
from styletransfer.batch.names import could_be_result
from styletransfer.batch.styles import Style
from styletransfer.record import PaintingRef, PictureRef, Record
from styletransfer.storage.base import Bucket, Entry, ObjectError

MAX_READERS = 16  # threads that read records: each waits for the network, not for the processor


def fingerprints(style: Style, output: tuple[Any, ...]) -> Callable[[Entry, Entry | None], str]:
    """Returns a function that computes the fingerprint of a result from its photo and mask.

    The fingerprint is a hash of everything that decides a result except the weights, which a record
    names separately: photo, paintings, masks and regions by content, shares, settings, output
    format, engine version. The part that many photos share is hashed once.
    """
    here = "photo, mask"
    inputs = {
        "photo": here,
        "paintings": [
            [_etag(each.entry), each.share, _etag(each.mask), _etag(each.region)]
            for each in style.paintings
        ],
        "settings": style.settings.deciding(),
        "output": output,
        "engine": ENGINE_VERSION,
    }
    # Paintings come before it, and have no such content; settings come after it.
    before, _, after = json.dumps(inputs, sort_keys=True).partition(json.dumps(here))
    started = hashlib.sha256(before.encode())

    def of(photo: Entry, mask: Entry | None) -> str:
        found = started.copy()
        found.update(f"{json.dumps([_etag(photo), _etag(mask)])}{after}".encode())
        return found.hexdigest()

    return of


def record_of_inputs(photo: Entry, mask: Entry | None, style: Style) -> Record:
    """Returns the part of a record that names the inputs of a result: photo, mask, paintings and
    settings, each file by its key and its content's ETag."""
    return Record(
        photo=photo.key,
        photo_etag=photo.etag,
        photo_mask=_ref(mask),
        style_name=style.name,
        paintings=tuple(
            PaintingRef(
                each.entry.key, each.share, each.entry.etag, _ref(each.mask), _ref(each.region)
            )
            for each in style.paintings
        ),
        settings=style.settings.deciding(),
    )


def read_record(bucket: Bucket, key: str) -> Record | None:
    """Returns the record under a key, or None if it is damaged. Raises StorageError."""
    return Record.from_bytes(bucket.read(key))


@contextmanager
def record_readers() -> Iterator[ThreadPoolExecutor]:
    """Yields threads that read records. After a signal or an error they begin no further one, and
    are not waited for."""
    pool = ThreadPoolExecutor(MAX_READERS)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def read_records(result: Bucket, keys: Iterable[str]) -> dict[str, Record | None]:
    """Returns the records under some keys, by key, with None for a damaged one. Raises
    StorageError."""
    ordered = sorted(keys)
    with record_readers() as pool:
        return dict(zip(ordered, pool.map(partial(read_record, result), ordered), strict=True))


def intact_records(
    records: Mapping[str, Record | None], stored: Mapping[str, Entry]
) -> dict[str, Record]:
    """Returns the records that describe an existing result correctly, by key."""
    found = {key: record for key, record in records.items() if record and record.result in stored}
    results = [stored[record.result or ""] for record in found.values()]
    with record_readers() as pool:  # A folder's ETags are hashes of its files.
        verdicts = pool.map(is_intact, found.values(), results)
        return {key: found[key] for key, good in zip(found, verdicts, strict=True) if good}


def task_record(record: Record | None, photo: str, style: str) -> Record | None:
    """Returns the record, or None if it belongs to another photo or style."""
    if (
        record is None
        or record.photo not in (None, photo)
        or record.style_name not in (None, style)
    ):
        return None
    return record


def is_intact(record: Record | None, entry: Entry) -> bool:
    """Whether an object is the result that a record describes. A file that cannot be read is
    not."""
    if record is None or record.result != entry.key:
        return False
    try:
        return is_content(entry, record.result_size, record.result_etag)
    except ObjectError:
        return False


def is_content(entry: Entry, size: int | None, etag: str | None) -> bool:
    """Whether an object has the content with a size and an ETag. Either is None if it is unknown,
    as in records of earlier versions.

    ETags of different kinds cannot be compared, as after a copy in parts: then the size decides.
    """
    if entry.size == 0 or size not in (None, entry.size):
        return False  # An empty file is not a picture.
    if etag is None or entry.etag == etag:
        return True
    return entry.etag.partition("-")[2] != etag.partition("-")[2]


def stored_by(record: Record | None, photo: str, style: str) -> dict[str, list[str | None]]:
    """Returns the keys that were stored for a photo in a style according to a record, each with the
    ETags that its content may have. Keys that this photo cannot have in this style are left out: no
    record makes a run overwrite or delete them."""
    record = task_record(record, photo, style)
    if record is None:
        return {}
    named: list[tuple[str, str | None]] = [(each.key, each.etag) for each in record.made or ()]
    if record.result is not None:
        named.append((record.result, record.result_etag))
    found: dict[str, list[str | None]] = {}
    for key, etag in named:
        if could_be_result(key, f"{style}/{photo}"):
            found.setdefault(key, []).append(etag)
    return found


def write_record(bucket: Bucket, key: str, record: Record) -> None:
    """Stores a record. Raises StorageError."""
    bucket.write(key, record.to_bytes(), "application/json")


def _etag(entry: Entry | None) -> str | None:
    return None if entry is None else entry.etag


def _ref(entry: Entry | None) -> PictureRef | None:
    return None if entry is None else PictureRef(entry.key, entry.etag)
