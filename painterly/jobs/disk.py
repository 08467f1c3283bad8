"""The room for uploads on a disk."""

import shutil
from pathlib import Path

from painterly.jobs.schemas import ApiError
from painterly.storage.files import nearest_existing

_LEAST_FREE, _LEAST_SHARE = 1_000_000_000, 20  # bytes, or one in so many of all: the less


def check_disk(path: Path | None) -> None:
    """Raise ApiError if the disk of a path, where an upload is to be stored, is nearly full. There
    is none in an S3 bucket."""
    if path:
        total, _, free = shutil.disk_usage(nearest_existing(path))
        if free < min(_LEAST_FREE, total // _LEAST_SHARE):
            raise ApiError(503, "the disk for uploads is nearly full; make room there", 600)
