"""Records: JSON beside each result that says how it was made, and by its fingerprint, whether it
has to be made again."""

import dataclasses
import hashlib
import json
from typing import Any

from styletransfer import ENGINE_VERSION
from styletransfer.batch.looks import Look
from styletransfer.storage.base import Bucket, Entry


def fingerprint(
    photo: Entry, mask: Entry | None, look: Look, weights: str, output: tuple[Any, ...]
) -> str:
    """A hash of everything that decides a result: photo, paintings, their masks and regions by
    content, shares, settings, weights (their identity), how it is written, engine version."""
    decides = {
        "photo": [_etag(photo), _etag(mask)],
        "paintings": [
            [_etag(each.entry), each.share, _etag(each.mask), _etag(each.region)]
            for each in look.paintings
        ],
        "settings": dataclasses.asdict(look.settings),
        "weights": weights,
        "output": output,
        "engine": ENGINE_VERSION,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def inputs(photo: Entry, mask: Entry | None, look: Look) -> dict[str, Any]:
    """What a record tells of the pictures that a result is made from: where each lies, and its
    content by ETag, so that it is known again."""
    return {
        "photo": photo.key,
        "photo_etag": photo.etag,
        "photo_mask": _told(mask),
        "look": look.name,
        "paintings": [
            {
                "key": each.entry.key,
                "share": each.share,
                "etag": each.entry.etag,
                "mask": _told(each.mask),
                "region": _told(each.region),
            }
            for each in look.paintings
        ],
    }


def read(bucket: Bucket, record_key: str) -> dict[str, Any]:
    """A record's content; empty where it is no record of ours, so that what it tells of is
    painted again. Raises StorageError."""
    try:
        record = json.loads(bucket.read(record_key))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def write(bucket: Bucket, record_key: str, record: dict[str, Any]) -> None:
    """Stores a record. Raises StorageError."""
    text = json.dumps(record, indent=2, ensure_ascii=False)
    bucket.write(record_key, text.encode(), "application/json")


def _etag(entry: Entry | None) -> str | None:
    return None if entry is None else entry.etag


def _told(entry: Entry | None) -> dict[str, str] | None:
    return None if entry is None else {"key": entry.key, "etag": entry.etag}
