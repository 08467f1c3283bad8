"""The pictures of a job: its photo, its preview and its result; whole, or small enough for a
phone's page."""

import threading
from pathlib import PurePosixPath

from styletransfer.errors import PictureError
from styletransfer.gallery.thumbnails import PREVIEW, picture_key
from styletransfer.images.decode import reduced_jpeg
from styletransfer.storage.base import Bucket, ObjectError
from styletransfer.web.buckets import WebBuckets
from styletransfer.web.job_store import PREVIEWS, StoredJob
from styletransfer.web.schemas import not_found

SHOWN_BY_BROWSERS = (".jpg", ".png", ".webp")
_reducing = threading.Lock()  # One at a time: decoding may take much memory.


def photo_of(job: StoredJob, buckets: WebBuckets, small: bool = False) -> tuple[bytes, str]:
    """The photo, and a key with the ending of its format; a JPEG where browsers show no other.
    small: with at most 1280 px, but for a damaged one, of which browsers show what is there.
    Raises ApiError where it is gone, StorageError."""
    key = job.photo_key
    shown = PurePosixPath(key).suffix in SHOWN_BY_BROWSERS
    try:
        if small or not shown:
            try:
                return small_jpeg(buckets, "photos", key, buckets.photos)
            except PictureError:
                if not shown:
                    raise
        return buckets.photos.read(key), key
    except (ObjectError, PictureError):
        raise not_found("photo any more") from None


def preview_of(job: StoredJob, buckets: WebBuckets) -> bytes:
    """Return a small JPEG of the unfinished picture: the photo before the first step, and the
    result when it is done. Raises as `photo_of`, also for a job that ended without a result."""
    try:
        return buckets.result.read(f"{PREVIEWS}/{job.id}.jpg")
    except ObjectError:
        if job.state.final and not job.result:
            raise not_found("preview: the job has ended") from None
        shown = result_picture if job.result else photo_of
        return shown(job, buckets, small=True)[0]


def result_picture(job: StoredJob, buckets: WebBuckets, small: bool = False) -> tuple[bytes, str]:
    """The finished picture, as `photo_of` the photo. Raises ApiError if there is none."""
    if job.result is None:
        raise not_found("result, or none yet")
    try:
        if small:
            return small_jpeg(buckets, "results", job.result, buckets.result)
        return buckets.result.read(job.result), job.result
    except (ObjectError, PictureError):
        raise not_found("result any more") from None


def small_jpeg(buckets: WebBuckets, kind: str, key: str, home: Bucket) -> tuple[bytes, str]:
    """A picture with at most 1280 px, and a key with the ending `.jpg`. kind: `photos` or
    `results`; home: the bucket that has the picture. Raises ObjectError, PictureError."""
    stored = picture_key(kind, key)
    try:  # The gallery has it once the job is painted.
        return buckets.result.read(stored), stored
    except ObjectError:
        with _reducing:
            return reduced_jpeg(home.read(key), key, PREVIEW), "small.jpg"
