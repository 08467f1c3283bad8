"""Photos that were sent and are not ordered yet.

Previews are painted from the photo itself, and an order names it, so that it is sent once. One that
no order has used is deleted after an hour (jobs/leftovers).
"""

from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ValidationError

from painterly.jobs.buckets import WebBuckets, delete_versions
from painterly.jobs.schemas import not_found
from painterly.jobs.store import KEPT, StoredJob, new_id
from painterly.jobs.upload import Upload
from painterly.storage.base import ObjectError
from painterly.video.writing import EXTENSION, Sent


class KeptPhoto(BaseModel):
    """A photo in the bucket of jobs' photos.

    Attributes:
        id: Its id, like that of a job.
        photo: Its name for people.
        photo_key: Its key there.
        size: Its height and width in px.
        source_key: The key of the clip whose first frame it is, if it is one.
        frames, duration: As in PhotoOut.
    """

    id: str
    photo: str
    photo_key: str
    size: tuple[int, int]
    source_key: str | None = None
    frames: int | None = None
    duration: float | None = None


class KeptPhotos:
    """The photos in the buckets. Methods raise StorageError."""

    def __init__(self, buckets: WebBuckets) -> None:
        self._source, self._about = buckets.source, buckets.result

    def keep(self, upload: Upload) -> KeptPhoto:
        """Store a photo, which has no position where it was taken."""
        photo_id = new_id()
        about = stored_as(photo_id, upload)
        kept = KeptPhoto(id=photo_id, photo=upload.shown, size=upload.size, **about)
        self.write(kept, upload)
        self._about.write(_about(photo_id), kept.model_dump_json().encode())
        return kept

    def copy(self, job: StoredJob) -> KeptPhoto:
        """Store the photo of a job once more, as one that was only sent. Raises ApiError if it is
        gone."""
        try:
            return self.keep(self.read(job))
        except ObjectError:
            raise not_found("photo") from None

    def write(self, stored: KeptPhoto | StoredJob, upload: Upload) -> None:
        """Store the files of a photo, before a job or for one."""
        self._source.write(stored.photo_key, upload.data)
        if stored.source_key and upload.source:
            self._source.write(stored.source_key, upload.source.data)

    def read(self, stored: KeptPhoto | StoredJob) -> Upload:
        """Read a photo as it was sent. Raises ObjectError if it is gone."""
        source, read = None, self._source.read
        if key := stored.source_key:
            source = Sent(read(key), b"", stored.frames or 1, stored.duration or 0)
        name = stored.photo_key.partition("/")[2]
        return Upload(name, stored.photo, read(stored.photo_key), stored.size, source)

    def find(self, photo_id: str) -> KeptPhoto | None:
        """Find a photo; None if there is none."""
        try:
            return KeptPhoto.model_validate_json(self._about.read(_about(photo_id)))
        except (ObjectError, ValidationError):
            return None

    def delete(self, kept: KeptPhoto) -> None:
        """Delete a photo. The photos of orders that used it are others."""
        delete_versions(self._about, _about(kept.id))
        delete_versions(self._source, f"{kept.id}/")


def stored_as(owner: str, upload: Upload) -> dict[str, Any]:
    """Return the fields of a photo, or of a job, with its id, that name the files of its photo."""
    about: dict[str, Any] = {"photo_key": f"{owner}/{upload.name}"}
    if source := upload.source:
        name = f"{owner}/{PurePosixPath(upload.name).stem}.{EXTENSION}"
        about |= {"source_key": name, "frames": source.frames, "duration": source.seconds}
    return about


def _about(photo_id: str) -> str:
    return f"{KEPT}/{photo_id}.json"
