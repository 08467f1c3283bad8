"""Records in the result bucket: the fingerprint by which a run recognises what is done, and the
results that they name."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from styletransfer import ENGINE_VERSION
from styletransfer.batch.looks import Look
from styletransfer.batch.result_keys import could_be_result
from styletransfer.record import PaintingRef, PictureRef, Record
from styletransfer.storage.base import Bucket, Entry


def fingerprints(
    look: Look, weights: str, output: tuple[Any, ...]
) -> Callable[[Entry, Entry | None], str]:
    """The fingerprint of a result by its photo and mask: a hash of everything that decides it.

    That is the photo, paintings, masks and regions by content, shares, settings, weights (their
    identity), output format, engine version. What many photos share is hashed once.
    """
    here = "photo, mask"
    inputs = {
        "photo": here,
        "paintings": [
            [_etag(each.entry), each.share, _etag(each.mask), _etag(each.region)]
            for each in look.paintings
        ],
        "settings": look.settings.deciding(),
        "weights": weights,
        "output": output,
        "engine": ENGINE_VERSION,
    }
    # Paintings come before it, and have no such content; settings and weights come after it.
    before, _, after = json.dumps(inputs, sort_keys=True).partition(json.dumps(here))
    started = hashlib.sha256(before.encode())

    def of(photo: Entry, mask: Entry | None) -> str:
        found = started.copy()
        found.update(f"{json.dumps([_etag(photo), _etag(mask)])}{after}".encode())
        return found.hexdigest()

    return of


def record_of_inputs(photo: Entry, mask: Entry | None, look: Look) -> Record:
    """The part of a record that says what a result is made from: photo, mask, paintings, settings,
    each file by its key and its content's ETag."""
    return Record(
        photo=photo.key,
        photo_etag=photo.etag,
        photo_mask=_ref(mask),
        look=look.name,
        paintings=tuple(
            PaintingRef(
                each.entry.key, each.share, each.entry.etag, _ref(each.mask), _ref(each.region)
            )
            for each in look.paintings
        ),
        settings=look.settings.deciding(),
    )


def read_record(bucket: Bucket, key: str) -> Record | None:
    """The record under a key; None where its content is not one. Raises StorageError."""
    return Record.from_bytes(bucket.read(key))


def task_record(record: Record | None, photo: str, look: str) -> Record | None:
    """The record, unless it is that of another photo or look."""
    if record is None or record.photo not in (None, photo) or record.look not in (None, look):
        return None
    return record


def describes(record: Record, entry: Entry) -> bool:
    """Whether an object is the result that a record describes, by size and ETag. Raises ObjectError
    where a file cannot be read."""
    return is_content(entry, record.result_size, record.result_etag)


def is_content(entry: Entry, size: int | None, etag: str | None) -> bool:
    """Whether an object has the content with a size and an ETag; None: not known, as in records of
    earlier versions.

    ETags of different kinds cannot be compared, as after a copy in parts: then the size decides.
    """
    if entry.size == 0 or size not in (None, entry.size):
        return False  # An empty file is no picture.
    if etag is None or entry.etag == etag:
        return True
    return entry.etag.partition("-")[2] != etag.partition("-")[2]


def stored_by(record: Record | None, photo: str, look: str) -> dict[str, list[str | None]]:
    """What a record says was stored for a photo in a look: the keys, and the ETags that their
    content may have. Keys that this photo cannot have in this look are left out: no record makes a
    run overwrite or delete them."""
    record = task_record(record, photo, look)
    if record is None:
        return {}
    named: list[tuple[str, str | None]] = [(each.key, each.etag) for each in record.made or ()]
    if record.result is not None:
        named.append((record.result, record.result_etag))
    found: dict[str, list[str | None]] = {}
    for key, etag in named:
        if could_be_result(key, look, photo):
            found.setdefault(key, []).append(etag)
    return found


def write_record(bucket: Bucket, key: str, record: Record) -> None:
    """Stores a record. Raises StorageError."""
    bucket.write(key, record.to_bytes(), "application/json")


def _etag(entry: Entry | None) -> str | None:
    return None if entry is None else entry.etag


def _ref(entry: Entry | None) -> PictureRef | None:
    return None if entry is None else PictureRef(entry.key, entry.etag)
