"""Photos that were sent and are not ordered yet.

Previews are painted from the photo itself, and an order names it, so that it is sent once. One that
no order has used is deleted after an hour (store.delete_leftovers).
"""

from pydantic import BaseModel, ValidationError

from painterly.jobs.buckets import WebBuckets
from painterly.jobs.photos.upload import Upload
from painterly.jobs.store import KEPT, new_id
from painterly.storage.base import ObjectError


class KeptPhoto(BaseModel):
    """A photo in the bucket of jobs' photos.

    Attributes:
        id: Its id, like that of a job.
        photo: Its name for people.
        photo_key: Its key there.
        size: Its height and width in px.
    """

    id: str
    photo: str
    photo_key: str
    size: tuple[int, int]


class KeptPhotos:
    """The photos in the buckets. Methods raise StorageError."""

    def __init__(self, buckets: WebBuckets) -> None:
        self._source, self._about = buckets.source, buckets.result

    def keep(self, upload: Upload) -> KeptPhoto:
        """Store a photo, which has no position where it was taken."""
        photo_id = new_id()
        key = f"{photo_id}/{upload.name}"
        kept = KeptPhoto(id=photo_id, photo=upload.shown, photo_key=key, size=upload.size)
        self._source.write(key, upload.data)
        self._about.write(_about(photo_id), kept.model_dump_json().encode())
        return kept

    def find(self, photo_id: str) -> KeptPhoto | None:
        """Find a photo; None if there is none."""
        try:
            return KeptPhoto.model_validate_json(self._about.read(_about(photo_id)))
        except (ObjectError, ValidationError):
            return None

    def delete(self, kept: KeptPhoto) -> None:
        """Delete a photo. The photos of orders that used it are others."""
        self._about.delete(_about(kept.id))
        self._source.delete(kept.photo_key)


def _about(photo_id: str) -> str:
    return f"{KEPT}/{photo_id}.json"
