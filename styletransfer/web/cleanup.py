"""Deletes objects under `_web/` that belong to jobs that no longer exist."""

import re
import time

from styletransfer.log import event, plural
from styletransfer.storage.base import Bucket
from styletransfer.storage.retry import logged_storage_errors
from styletransfer.web.buckets import WebBuckets
from styletransfer.web.job_store import PREVIEWS, JobStore, created_at

ORPHANED_S = 3600  # A photo is stored seconds before its job.
_ID = re.compile(r"(?:^|/)([0-9a-f]{20})(?:/|\.)")


class Leftovers:
    """Leftovers of killed processes: checkpoints, previews and photos without a job. Objects that
    never belonged to a job stay."""

    def __init__(self, buckets: WebBuckets, store: JobStore) -> None:
        self._buckets, self._store = buckets, store

    def delete(self) -> None:
        """Delete them. Raises StorageError."""
        photos, result = self._buckets.source, self._buckets.result
        unfinished = self._buckets.unfinished
        short_lived: list[tuple[Bucket, str]] = []
        short_lived += [(unfinished, each.key) for each in unfinished.list()]
        short_lived += [(result, each.key) for each in result.list(f"{PREVIEWS}/")]
        kept = [(each.key, _job(each.key)) for each in photos.list()]
        # The jobs are listed last, so that a new one is not mistaken for a deleted one.
        waiting = {job for job, _ in self._store.queued()}
        known = waiting | {*self._store.ended()}
        latest = time.time() - ORPHANED_S
        gone = [(bucket, key) for bucket, key in short_lived if _job(key) not in {None, *waiting}]
        gone += [
            (photos, key)
            for key, job in kept
            if job and job not in known and created_at(job) < latest
        ]
        for bucket, key in gone:
            bucket.delete(key)
        if gone:
            event(f"deleted {plural(len(gone), 'leftover')} of jobs that have ended")
        # It needs a permission that the service can do without.
        with logged_storage_errors("unfinished uploads may be left"):
            for each in unfinished.unfinished_uploads():
                if each.begun < latest:
                    unfinished.abort_upload(each)


def _job(key: str) -> str | None:
    """Return the id of the job that a key belongs to; None if there is none."""
    found = _ID.search(key)
    return found[1] if found else None
