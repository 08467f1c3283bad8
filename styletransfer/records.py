"""Records: JSON beside each result that says how it was made, and by its fingerprint, whether it
has to be made again."""

import dataclasses
import hashlib
import json
from typing import Any

from styletransfer import ENGINE_VERSION, names
from styletransfer.looks import Look
from styletransfer.storage import Bucket, Entry

FOLDER = names.RECORDS


def key(look: str, photo: str) -> str:
    """Where the record of a photo (its key) in a look (its name) lies."""
    return f"{FOLDER}/{look}/{photo}.json"


def fingerprint(photo: Entry, look: Look, weights: str, output: tuple[str | None, int]) -> str:
    """A hash of everything that decides a result: photo and paintings by content, shares,
    settings, weights (their identity), output format and quality, engine version."""
    decides = {
        "photo": photo.etag,
        "paintings": [[each.entry.etag, each.share] for each in look.paintings],
        "settings": dataclasses.asdict(look.settings),
        "weights": weights,
        "output": output,
        "engine": ENGINE_VERSION,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


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
