"""Deletes objects under `_web/` that belong to jobs that no longer exist."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

from styletransfer.log import event, plural
from styletransfer.storage.base import Bucket, ObjectError
from styletransfer.storage.retry import logged_storage_errors
from styletransfer.web.buckets import WebBuckets
from styletransfer.web.job_store import PREVIEWS, REQUESTS, JobStore, created_at
from styletransfer.web.schemas import JOB_ID

ORPHANED_S = 3600  # A photo is stored seconds before its job.
_READERS = 8  # threads that read Idempotency-Keys
_ID = re.compile(r"(?:^|/)([0-9a-f]{20})(?:/|\.)")


class Leftovers:
    """Leftovers of killed processes: checkpoints, previews, photos and Idempotency-Keys without a
    job. Objects that never belonged to a job stay."""

    def __init__(self, buckets: WebBuckets, store: JobStore) -> None:
        self._buckets, self._store = buckets, store
        self._requests: dict[str, str] = {}  # the job of each Idempotency-Key, by object

    def delete(self) -> None:
        """Delete them. Raises StorageError."""
        photos, result = self._buckets.source, self._buckets.result
        unfinished = self._buckets.unfinished
        short_lived: list[tuple[Bucket, str]] = []
        short_lived += [(unfinished, each.key) for each in unfinished.list()]
        short_lived += [(result, each.key) for each in result.list(f"{PREVIEWS}/")]
        kept = [(photos, each.key, _job(each.key)) for each in photos.list()]
        kept += [(result, key, job) for key, job in self._read_requests().items()]
        # The jobs are listed last, so that a new one is not mistaken for a deleted one.
        waiting = {job for job, _ in self._store.queued()}
        known = waiting | {*self._store.ended()}
        latest = time.time() - ORPHANED_S
        gone = [(bucket, key) for bucket, key in short_lived if _job(key) not in {None, *waiting}]
        gone += [
            (bucket, key)
            for bucket, key, job in kept
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

    def _read_requests(self) -> dict[str, str]:
        """Map the Idempotency-Keys' objects to their jobs. Each is read once."""
        keys = [each.key for each in self._buckets.result.list(f"{REQUESTS}/")]
        unread = [key for key in keys if key not in self._requests]
        with ThreadPoolExecutor(_READERS) as pool:
            found = zip(unread, pool.map(self._read_request, unread), strict=True)
            known = self._requests | dict(found)
        self._requests = {key: known[key] for key in keys}
        return self._requests

    def _read_request(self, key: str) -> str:
        try:
            job = json.loads(self._buckets.result.read(key))["job"]
        except (ObjectError, ValueError, KeyError, TypeError):  # It is gone, or not ours.
            return ""
        return job if isinstance(job, str) and re.fullmatch(JOB_ID, job) else ""


def _job(key: str) -> str | None:
    """Return the id of the job that a key belongs to; None if there is none."""
    found = _ID.search(key)
    return found[1] if found else None
