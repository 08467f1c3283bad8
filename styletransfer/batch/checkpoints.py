"""Checkpoints: unfinished paintings in the result bucket, so that another machine can resume."""

import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from logging import WARNING
from pathlib import Path
from typing import Any

import numpy as np

from styletransfer.batch.plan import Selection, Task
from styletransfer.bucket_layout import CHECKPOINTS, checkpoint_key
from styletransfer.errors import StorageError
from styletransfer.log import event, plural, printable
from styletransfer.storage.base import Bucket, ObjectError

THREADS = 6  # they save while painting goes on, and start only when needed
# After a signal: a platform that takes its machine back gives it some ten seconds.
LAST_SAVE_S = 4.0
STALE_S = 3600  # No upload of a checkpoint takes that long.
SavedState = Mapping[str, np.ndarray]  # of `Step.snapshot`


class Snapshot:
    """A painting's state in a temporary file. In memory, it would take as much as the painting
    itself while it is uploaded and painting goes on."""

    def __init__(self, fingerprint: str, state: SavedState) -> None:
        """Raises StorageError where the disk is full."""
        self.iteration = int(state["iteration"])
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="styletransfer-")
            self._file = Path(self._folder.name, "snapshot.npz")
            arrays: dict[str, Any] = {**state, "fingerprint": np.array(fingerprint)}
            np.savez(self._file, **arrays)
        except OSError as error:
            raise StorageError(f"a temporary file cannot be written: {error.strerror}") from None

    def upload(self, bucket: Bucket, key: str) -> None:
        """Stores the snapshot, whole or not at all, and deletes the file. Raises StorageError."""
        with self._folder:
            bucket.upload(self._file, key)


def read_snapshot(bucket: Bucket, key: str, fingerprint: str) -> SavedState | None:
    """The state stored under a key; None where there is none, where it is damaged, or where it
    belongs to another fingerprint, because a setting has changed. Raises UnavailableError."""
    with tempfile.TemporaryDirectory(prefix="styletransfer-") as folder:
        path = Path(folder, "snapshot.npz")
        try:
            bucket.download(key, path)
        except ObjectError as error:
            problem = f"checkpoint {printable(key)} cannot be read ({error}); starting over"
            event(problem, level=WARNING)
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                state = {name: file[name] for name in file.files}
        except Exception as error:  # NumPy and zipfile fail in many ways on damaged bytes.
            problem = f"checkpoint {printable(key)} is damaged ({error}); starting over"
            event(problem, level=WARNING)
            return None
    return state if str(state.pop("fingerprint", "")) == fingerprint else None


def delete_stale(bucket: Bucket, keys: Iterable[str]) -> None:
    """Deletes checkpoints that no task will use. One that the bucket keeps does no harm. Raises
    UnavailableError."""
    for key in keys:
        try:
            bucket.delete(key)
        except ObjectError as error:
            event(str(error), level=WARNING)


def abort_stale_uploads(bucket: Bucket, selection: Selection) -> None:
    """Aborts uploads of checkpoints that earlier runs have not finished, because they were killed:
    the bucket would keep them for ever, unseen and billed.

    Of the selection's photos and looks these are all, since no other run paints the same. Of others
    they are those begun STALE_S ago; a partial run leaves them alone. What cannot be aborted does
    no harm: it is logged.
    """
    own = {checkpoint_key(look.name, photo.key) for photo, look in selection.pairs()}
    latest = 0.0 if selection.partial else time.time() - STALE_S
    aborted = 0
    try:
        for each in bucket.unfinished_uploads(f"{CHECKPOINTS}/"):
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
        self._bucket, self._retrying, self._existing = bucket, retrying, existing
        self._pool = ThreadPoolExecutor(THREADS)
        self._saves: dict[str, list[Future[None]]] = {}  # by the task's checkpoint key
        self._lock = threading.Lock()

    def load(self, task: Task) -> "Future[SavedState | None]":
        """Begins to load a task's checkpoint; its state, or None where there is none that fits.
        The future raises UnavailableError."""
        if task.checkpoint_key not in self._existing:
            absent: Future[SavedState | None] = Future()
            absent.set_result(None)
            return absent
        return self._pool.submit(
            read_snapshot, self._retrying, task.checkpoint_key, task.fingerprint
        )

    def is_saving(self, task: Task) -> bool:
        """Whether an earlier save of this task is still under way."""
        return any(not each.done() for each in self._saves_of(task))

    def save(self, task: Task, state: SavedState) -> None:
        """Begins to save a checkpoint. One that cannot be saved is logged."""
        self._begin_save(task, state)

    def save_last(self, task: Task, state: SavedState) -> None:
        """Saves a checkpoint after a signal and waits for it, but not for long."""
        # An earlier one that is still under way must not overwrite this one.
        wait(self._saves_of(task), timeout=LAST_SAVE_S / 2)
        wait(self._begin_save(task, state), timeout=LAST_SAVE_S)

    def delete(self, task: Task) -> None:
        """Deletes the checkpoint of a finished painting, if it has one. Raises StorageError."""
        saves = self._saves_of(task)
        wait(saves)
        if saves or task.checkpoint_key in self._existing:
            self._retrying.delete(task.checkpoint_key)

    def close(self) -> None:
        """Ends the threads; what has not begun is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin_save(self, task: Task, state: SavedState) -> "list[Future[None]]":
        try:
            snapshot = Snapshot(task.fingerprint, state)
        except StorageError as error:
            event(f"no checkpoint: {error}", level=WARNING, photo=task.photo.key)
            return []
        save = self._pool.submit(self._upload, task, snapshot)
        with self._lock:
            self._saves.setdefault(task.checkpoint_key, []).append(save)
        return [save]

    def _saves_of(self, task: Task) -> "list[Future[None]]":
        with self._lock:
            return [*self._saves.get(task.checkpoint_key, ())]

    def _upload(self, task: Task, snapshot: Snapshot) -> None:
        try:
            snapshot.upload(self._bucket, task.checkpoint_key)
        except StorageError as error:
            event(f"checkpoint could not be saved: {error}", level=WARNING, photo=task.photo.key)
        else:
            event(f"checkpoint saved: {printable(task.checkpoint_key)}, step {snapshot.iteration}")
