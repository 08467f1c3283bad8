"""Deletes what killed processes leave under `_web/`: checkpoints, previews and photos of no job."""

import re
import time
from logging import WARNING

from styletransfer.errors import StorageError
from styletransfer.log import event, plural
from styletransfer.storage.base import Bucket
from styletransfer.web.places import WebBuckets
from styletransfer.web.stored import PREVIEWS, JobStore, begun_at

ORPHANED_S = 3600  # A photo is stored before its job, by seconds.
_ID = re.compile(r"(?:^|/)([0-9a-f]{20})(?:/|\.)")


def delete_leftovers_of_jobs(buckets: WebBuckets, store: JobStore) -> None:
    """Deletes what belonged to a job that there is not any more; what never belonged to one is
    somebody else's. Raises StorageError.

    The jobs are listed last, so that none that is new meanwhile counts as gone.
    """
    unfinished = [each.key for each in buckets.unfinished.list()]
    previews = [each.key for each in buckets.result.list(f"{PREVIEWS}/")]
    photos = [each.key for each in buckets.photos.list()]
    waiting = {job for job, _ in store.queued()}
    kept = waiting | {*store.ended()}
    latest = time.time() - ORPHANED_S
    found = ((buckets.unfinished, unfinished), (buckets.result, previews))
    gone: list[tuple[Bucket, str]] = [
        (bucket, key)
        for bucket, keys in found
        for key in keys
        if (job := _job(key)) and job not in waiting
    ]
    for key in photos:
        job = _job(key)
        if job and job not in kept and begun_at(job) < latest:
            gone.append((buckets.photos, key))
    for bucket, key in gone:
        bucket.delete(key)
    if gone:
        event(f"deleted {plural(len(gone), 'leftover')} of jobs that have ended")
    try:
        for each in buckets.unfinished.unfinished_uploads():
            if each.begun < latest:
                buckets.unfinished.abort_upload(each)
    except StorageError as error:  # A right of its own, which the service can do without.
        event(f"unfinished uploads may be left: {error}", level=WARNING)


def _job(key: str) -> str | None:
    """The id of the job that a key belongs to; None: to none."""
    found = _ID.search(key)
    return found[1] if found else None
