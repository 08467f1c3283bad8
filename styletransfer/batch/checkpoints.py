"""Checkpoints: unfinished paintings in the result bucket, so that another machine can resume."""

import contextlib
import threading
import time
from collections.abc import Iterable, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from logging import WARNING

from styletransfer.batch.plan import Selection, Task
from styletransfer.batch.snapshots import SavedState, Shapes, Snapshot, read_snapshot
from styletransfer.bucket_layout import CHECKPOINTS, checkpoint_key, for_source
from styletransfer.errors import StorageError
from styletransfer.log import event, plural, printable
from styletransfer.storage.base import Bucket, ObjectError, Store

THREADS = 6  # they save while painting goes on, and start only when needed
LAST_SAVE_S = 4.0  # after a signal; 5 s are promised, and the step under way ends before
STALE_S = 3600  # No upload of a checkpoint takes that long.


def delete_stale(bucket: Bucket, keys: Iterable[str]) -> None:
    """Deletes checkpoints that no task will use, but no file of another name. What cannot be
    deleted does no harm: it is logged. Raises UnavailableError."""
    for key in keys:
        try:
            if for_source(key.removesuffix(".npz")):
                bucket.delete(key)
        except ObjectError as error:
            event(str(error), level=WARNING)


def abort_stale_uploads(bucket: Store, selection: Selection) -> None:
    """Aborts uploads of checkpoints that earlier runs have not finished, because they were killed:
    the bucket would keep them for ever, unseen and billed.

    Of the selection's photos and looks these are all, since no other run paints the same. Of others
    they are those begun STALE_S ago; a partial run leaves them alone. What cannot be aborted does
    no harm: it is logged.
    """
    latest = 0.0 if selection.partial else time.time() - STALE_S
    aborted = 0
    try:
        unfinished = bucket.unfinished_uploads(f"{CHECKPOINTS}/")
        pairs = selection.pairs() if unfinished else ()
        own = {checkpoint_key(look.name, photo.key) for photo, look in pairs}
        for each in unfinished:
            if each.key in own or each.begun < latest:
                bucket.abort_upload(each)
                aborted += 1
    except StorageError as error:  # A right of its own, which a run can do without.
        event(f"unfinished uploads of earlier runs may be left: {error}", level=WARNING)
    if aborted:
        event(f"aborted {plural(aborted, 'unfinished upload')} of earlier runs")


class CheckpointStore:
    """Saves and loads the checkpoints of a run's tasks in threads of its own."""

    def __init__(self, bucket: Bucket, retrying: Bucket, existing: Set[str]) -> None:
        """bucket, retrying: the result bucket, as it is and outlasting outages. existing: keys of
        the checkpoints in it."""
        self._bucket, self._retrying, self._existing = bucket, retrying, {*existing}
        self._pool = ThreadPoolExecutor(THREADS)
        self._saves: dict[str, Future[None]] = {}  # the last one of a task, by its checkpoint's key
        self._lock = threading.Lock()  # guards both

    def look_for(self, task: Task) -> None:
        """Finds out whether a task has a checkpoint that another process has saved since; one that
        cannot be looked for counts as none. Raises UnavailableError."""
        with contextlib.suppress(ObjectError):
            if self._retrying.find(task.checkpoint_key) is not None:
                with self._lock:
                    self._existing.add(task.checkpoint_key)

    def load(self, task: Task, shapes: Shapes) -> "Future[SavedState | None]":
        """Begins to load a task's checkpoint; its state, or None where there is none that fits.
        The future raises UnavailableError.

        shapes: of the arrays of a snapshot after a step.
        """
        with self._lock:
            if task.checkpoint_key in self._existing:
                return self._pool.submit(
                    read_snapshot, self._retrying, task.checkpoint_key, task.fingerprint, shapes
                )
        absent: Future[SavedState | None] = Future()
        absent.set_result(None)
        return absent

    def is_saving(self, task: Task) -> bool:
        """Whether an earlier save of this task is still under way."""
        return not self._last_save(task).done()

    def save(self, task: Task, state: SavedState) -> None:
        """Begins to save a checkpoint, after an earlier one of the task. One that cannot be saved
        is logged."""
        try:
            snapshot = Snapshot(task.fingerprint, state)
        except StorageError as error:
            event(f"no checkpoint: {error}", level=WARNING, photo=task.photo.key)
            return
        save = self._pool.submit(self._upload, task, snapshot)
        with self._lock:
            self._saves[task.checkpoint_key] = save

    def save_last(self, task: Task, state: SavedState) -> None:
        """Saves a checkpoint after a signal and waits for it, but not for long."""
        deadline = time.monotonic() + LAST_SAVE_S
        # An earlier one that is still under way must not overwrite this one.
        wait([self._last_save(task)], timeout=LAST_SAVE_S / 2)
        self.save(task, state)
        wait([self._last_save(task)], timeout=max(0.0, deadline - time.monotonic()))

    def delete(self, task: Task) -> None:
        """Deletes the checkpoint of a finished painting, if it has one. Raises StorageError."""
        wait([self._last_save(task)])
        with self._lock:
            saved = self._saves.pop(task.checkpoint_key, None)
            there = saved is not None or task.checkpoint_key in self._existing
            self._existing.discard(task.checkpoint_key)
        if there:
            self._retrying.delete(task.checkpoint_key)

    def close(self) -> None:
        """Ends the threads; what has not begun is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _last_save(self, task: Task) -> "Future[None]":
        """The task's last save; one that is done if it has none."""
        with self._lock:
            if (found := self._saves.get(task.checkpoint_key)) is not None:
                return found
        none: Future[None] = Future()
        none.set_result(None)
        return none

    def _upload(self, task: Task, snapshot: Snapshot) -> None:
        try:
            snapshot.upload(self._bucket, task.checkpoint_key)
        except StorageError as error:
            event(f"checkpoint could not be saved: {error}", level=WARNING, photo=task.photo.key)
        else:
            event(f"checkpoint saved: {printable(task.checkpoint_key)}, step {snapshot.iteration}")
