"""Photos that were sent and are not ordered yet.

Previews are painted from the photo itself, and an order names it, so that it is sent once. One that
no order has used is deleted after an hour (jobs/leftovers). Whoever may send photos could fill the
disk with them, so their number and bytes have bounds, also for one client.
"""

import threading
import time
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError

from painterly.jobs.address import CLIENT
from painterly.jobs.buckets import WebBuckets, delete_versions
from painterly.jobs.disk import check_disk
from painterly.jobs.leftovers import CLEAN_EVERY_S, ORPHANED_S
from painterly.jobs.photo_files import release, use
from painterly.jobs.schemas import ApiError, PhotoOut, not_found
from painterly.jobs.store import KEPT, KEPT_S, StoredJob, created_at, new_id
from painterly.jobs.upload import Upload
from painterly.storage.base import NoObjectError, ObjectError
from painterly.video.sent import EXTENSION

GONE_S = ORPHANED_S + CLEAN_EVERY_S + 30  # seconds after which all are deleted
MOST_KEPT, KEPT_UPLOADS = 1500, 75  # photos, and their bytes in uploads of the largest size


class KeptPhoto(PhotoOut):
    """A photo in the bucket of jobs' photos.

    Attributes:
        photo_key: Its key there.
        size: Its height and width in px.
        source_key: The key of the clip whose first frame it is, if it is one.
    """

    photo_key: str
    size: tuple[int, int]
    source_key: str | None = None


class KeptPhotos:
    """The photos in the buckets. Methods raise StorageError."""

    def __init__(self, buckets: WebBuckets, max_upload: int) -> None:
        """`max_upload` is the largest size of an upload in bytes."""
        self._buckets, self._source, self._about = buckets, buckets.source, buckets.result
        self.most_bytes, self._lock = KEPT_UPLOADS * max_upload, threading.Lock()
        # The clients and the lengths of those that this process keeps, by their ids.
        self._kept: dict[str, tuple[str, int]] = {}

    def keep(self, upload: Upload) -> KeptPhoto:
        """Store a photo, which has no position where it was taken. Raises ApiError if too many are
        kept."""
        photo_id = new_id()
        about = stored_as(photo_id, upload)
        kept = KeptPhoto(id=photo_id, photo=upload.shown, size=upload.size, **about)
        self._count(photo_id, upload.length)
        try:
            self.write(kept, upload)
            self._about.write(_about(photo_id), kept.model_dump_json().encode())
        except BaseException:
            self._forget(photo_id)
            raise
        return kept

    def _count(self, photo_id: str, length: int) -> None:
        with self._lock:
            over = time.time() - GONE_S
            kept = {key: each for key, each in self._kept.items() if created_at(key) > over}
            kept[photo_id] = client, _ = CLIENT.get(), length
            own = [each for by, each in kept.values() if by == client]
            # So that one client alone has a third of the room, and two leave some for others.
            counted = [*own, *own, *(each for _, each in kept.values())]
            if len(counted) > MOST_KEPT or sum(counted) > self.most_bytes:
                what = "many photos are kept that nobody has ordered; order or delete some"
                raise ApiError(429, f"{what}, or try again in an hour", 600)
            self._kept = kept

    def keep_of(self, job: StoredJob) -> KeptPhoto:
        """Keep the photo of a job, as one that was only sent. Raises ApiError if it is gone, or if
        too many are kept."""
        try:
            return self.keep(self.find_files(job))
        except NoObjectError:
            raise not_found("photo") from None

    def write(self, stored: KeptPhoto | StoredJob, upload: Upload) -> None:
        """Store the files of a photo, before a job or for one. Raises ApiError while the disk is
        nearly full."""
        check_disk(self._source.path(""))
        if upload.keys:
            use(self._source, stored.id, *upload.keys)
            if not all(map(self._source.find, upload.keys)):  # They went before they were needed.
                raise not_found("photo")
            return
        self._source.write(stored.photo_key, upload.data)
        if stored.source_key and upload.clip:
            self._source.upload(upload.clip, stored.source_key)

    def find_files(self, stored: KeptPhoto | StoredJob) -> Upload:
        """Find the files of a photo as it was sent. Raises NoObjectError if one is gone."""
        keys = tuple(filter(None, (stored.photo_key, stored.source_key)))
        length = 0
        for key in keys:
            entry = self._source.find(key)
            if entry is None:
                raise NoObjectError(f"{self._source.name}/{key} does not exist")
            length += entry.size
        return Upload(
            stored.photo_key.partition("/")[2],
            stored.photo,
            stored.size,
            length,
            frames=stored.frames,
            seconds=stored.duration,
            keys=keys,
            mask_key=stored.mask_key if isinstance(stored, StoredJob) else None,
        )

    def find(self, photo_id: str) -> KeptPhoto | None:
        """Find a photo; None if there is none, or if it is about to be deleted."""
        try:
            kept = KeptPhoto.model_validate_json(self._about.read(_about(photo_id)))
        except (ObjectError, ValidationError):
            return None
        return kept if created_at(kept.id) >= time.time() - KEPT_S else None

    def delete(self, kept: KeptPhoto) -> None:
        """Delete a photo, with its files unless orders need them."""
        delete_versions(self._about, _about(kept.id))
        release(self._buckets, kept.id, kept.photo_key, kept.source_key)
        self._forget(kept.id)

    def _forget(self, photo_id: str) -> None:
        with self._lock:
            self._kept.pop(photo_id, None)


def stored_as(owner: str, upload: Upload) -> dict[str, Any]:
    """Return the fields of a photo, or of a job, with its id, that name the files of its photo."""
    name = f"{owner}/{upload.name}"
    photo, *clip = upload.keys or (name, str(PurePosixPath(name).with_suffix(f".{EXTENSION}")))
    about: dict[str, Any] = {"photo_key": photo}
    if upload.frames is not None:
        about |= {"source_key": clip[0], "frames": upload.frames, "duration": upload.seconds}
    return about


def _about(photo_id: str) -> str:
    return f"{KEPT}/{photo_id}.json"
