"""Records in the result bucket, and the fingerprint by which a run recognises what is done."""

import hashlib
import json
from typing import Any

from styletransfer import ENGINE_VERSION
from styletransfer.batch.looks import Look
from styletransfer.record import PaintingRef, PictureRef, Record
from styletransfer.storage.base import Bucket, Entry


def fingerprint(
    photo: Entry, mask: Entry | None, look: Look, weights: str, output: tuple[Any, ...]
) -> str:
    """A hash of everything that decides a result: photo, paintings, their masks and regions by
    content, shares, settings, weights (their identity), output format, engine version."""
    inputs = {
        "photo": [_etag(photo), _etag(mask)],
        "paintings": [
            [_etag(each.entry), each.share, _etag(each.mask), _etag(each.region)]
            for each in look.paintings
        ],
        "settings": look.settings.deciding(),
        "weights": weights,
        "output": output,
        "engine": ENGINE_VERSION,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


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


def write_record(bucket: Bucket, key: str, record: Record) -> None:
    """Stores a record. Raises StorageError."""
    bucket.write(key, record.to_bytes(), "application/json")


def _etag(entry: Entry | None) -> str | None:
    return None if entry is None else entry.etag


def _ref(entry: Entry | None) -> PictureRef | None:
    return None if entry is None else PictureRef(entry.key, entry.etag)
