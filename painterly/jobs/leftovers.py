"""What killed processes, and jobs that are old, have left in the buckets."""

import itertools
import re
import time

from painterly.jobs.buckets import WebBuckets, delete_versions
from painterly.jobs.photo_files import owner_of, unneeded
from painterly.jobs.store import (
    KEPT,
    KEPT_S,
    PREVIEWS,
    TRIAL,
    JobStore,
    created_at,
    is_id,
    oldest_kept,
)
from painterly.log import event
from painterly.storage.base import Store
from painterly.storage.retry import logged_storage_errors
from painterly.words.wording import plural

# A photo, or the object that a job needs one, is stored seconds before the job. Orders use no kept
# photo after `KEPT_S`, so that none is deleted in these seconds.
ORPHANED_S = KEPT_S + 30
CLEAN_EVERY_S = 900.0  # seconds between two searches for leftovers
_ID_IN_KEY = re.compile(r"(?:^|/)([0-9a-f]{20})(?:/|\.)")


def delete_leftovers(buckets: WebBuckets, keep_days: int | None = None) -> None:
    """Delete what killed processes left: checkpoints, previews and photos without a job, and after
    `keep_days`, if any, jobs that have ended, with their photos. Objects that never belonged to a
    job stay. Raises StorageError."""
    store, latest = JobStore(buckets.result), time.time() - ORPHANED_S
    if oldest := oldest_kept(keep_days):
        old = [*itertools.takewhile(lambda job: job < oldest, store.ended())]
        store.delete_ended(old)  # Their photos are leftovers then.
        if old:
            event(f"deleted {plural(len(old), 'job')}: older than WEB_KEEP_DAYS={keep_days}")
    short_lived: list[tuple[Store, str]] = []
    short_lived += [(buckets.unfinished, entry.key) for entry in buckets.unfinished.list()]
    short_lived += [(buckets.result, entry.key) for entry in buckets.result.list(f"{PREVIEWS}/")]
    photos = [each.key for each in buckets.source.list() if is_id(owner_of(each.key))]
    # The jobs are listed last, so that a new one is not mistaken for a deleted one.
    waiting = {job for job, _ in store.queued()}
    known = waiting | {*store.ended()}
    gone = [(bucket, key) for bucket, key in short_lived if _job_of(key) not in {None, *waiting}]
    brief = [*buckets.result.list(TRIAL), *buckets.result.list(f"{KEPT}/")]
    named = ((entry.key, _job_of(entry.key)) for entry in brief)
    gone += [(buckets.result, key) for key, name in named if name and created_at(name) < latest]
    for bucket in (buckets.unfinished, buckets.result):
        of_jobs = dict.fromkeys(_up_to_job(key) for of, key in gone if of is bucket)
        delete_versions(bucket, *of_jobs)
    files = unneeded(photos, lambda job: job not in known and created_at(job) < latest)
    delete_versions(buckets.source, *files)
    gone += [(buckets.source, key) for key in files]
    if gone:
        event(f"deleted {plural(len(gone), 'leftover')} of jobs that have ended")
    # It needs a permission that the service can do without.
    with logged_storage_errors("unfinished uploads may be left"):
        for upload in buckets.unfinished.unfinished_uploads():
            if upload.begun < latest:
                buckets.unfinished.abort_upload(upload)


def _job_of(key: str) -> str | None:
    match = _ID_IN_KEY.search(key)
    return match[1] if match else None


def _up_to_job(key: str) -> str:
    match = _ID_IN_KEY.search(key)
    assert match
    return key[: match.end()]
