"""Checkpoints: unfinished paintings in the result bucket, so that another machine can resume them.

A checkpoint is a `.npz` file, as `numpy.savez` writes it.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from logging import WARNING
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from painterly.errors import StorageError
from painterly.log import event
from painterly.orders.order import Order
from painterly.orders.selection import Selection
from painterly.settings.bucket_layout import CHECKPOINTS, checkpoint_key, for_source
from painterly.storage.base import Bucket, ObjectError, Store
from painterly.storage.retry import logged_storage_errors
from painterly.words.wording import plural, printable

THREADS = 6  # for saves while painting continues; they start only when needed
LAST_SAVE_S = 4.0  # after a signal; 5 s are promised, and the current step ends before
STALE_S = 3600  # No upload of a checkpoint takes that long.

_SAVED: Future[None] = Future()  # an ended save, as of another process
_SAVED.set_result(None)
SavedState = Mapping[str, np.ndarray]  # as of `Step.snapshot`
Shapes = Callable[[int], Mapping[str, tuple[int, ...]]]  # by step; empty for an impossible step


def delete_stale(bucket: Bucket, keys: Iterable[str]) -> None:
    """Delete checkpoints that no order will use, and no files with other names. A checkpoint that
    cannot be deleted does no harm and is logged. Raises UnavailableError."""
    for key in keys:
        try:
            if for_source(key.removesuffix(".npz")):
                bucket.delete(key)
        except ObjectError as error:
            event(str(error), level=WARNING)


def abort_stale_uploads(bucket: Store, selection: Selection) -> None:
    """Abort uploads of checkpoints that killed runs left unfinished: the bucket would keep them,
    unseen and billed.

    All uploads for the selection's photos and styles are aborted, since no other run paints the
    same. Uploads for other photos or styles are aborted once they are older than STALE_S, but not
    for a partial selection. An upload that cannot be aborted does no harm and is logged.
    """
    latest = 0.0 if selection.partial else time.time() - STALE_S
    aborted = 0
    # It takes a separate permission, which a run can do without.
    with logged_storage_errors("unfinished uploads of earlier runs may be left"):
        unfinished = bucket.unfinished_uploads(f"{CHECKPOINTS}/")
        pairs = selection.pairs() if unfinished else ()
        selected = {checkpoint_key(style.name, photo.key) for photo, style in pairs}
        for upload in unfinished:
            if upload.key in selected or upload.begun < latest:
                bucket.abort_upload(upload)
                aborted += 1
    if aborted:
        event(f"aborted {plural(aborted, 'unfinished upload')} of earlier runs")


class CheckpointStore:
    """Saves and loads the checkpoints of a run's orders in its own threads."""

    def __init__(self, bucket: Bucket, retrying: Bucket) -> None:
        """Take the bucket that holds the checkpoints, and the same one outlasting outages."""
        self._bucket, self._retrying = bucket, retrying
        self._pool = ThreadPoolExecutor(THREADS)
        # The last save of each order that has a checkpoint, by its key.
        self._saves: dict[str, Future[None]] = {}
        self._lock = threading.Lock()  # guards `_saves`

    def load(self, order: Order, shapes: Shapes) -> "Future[SavedState | None]":
        """Begin to load an order's checkpoint.

        Args:
            shapes: The shapes of a snapshot's arrays after a step.

        Returns:
            A future with the state, or with None if there is no checkpoint that fits. It raises
            UnavailableError.
        """
        return self._pool.submit(self._load, order, shapes)

    def is_saving(self, order: Order) -> bool:
        """Return whether an earlier save of this order has not ended yet."""
        return not self._last_save(order).done()

    def save(self, order: Order, state: SavedState) -> None:
        """Begin to save a checkpoint, after an earlier one of the order. A failure is logged."""
        try:
            snapshot = Snapshot(order.checkpoint_mark, state)
        except StorageError as error:
            event(f"no checkpoint: {error}", level=WARNING, photo=order.photo.key)
            return
        save = self._pool.submit(self._upload, order, snapshot)
        with self._lock:
            self._saves[order.checkpoint_key] = save

    def save_last(self, order: Order, state: SavedState) -> None:
        """Save a last checkpoint, and wait for it for LAST_SAVE_S at most."""
        deadline = time.monotonic() + LAST_SAVE_S
        # An earlier save that has not ended must not overwrite this one.
        wait([self._last_save(order)], timeout=LAST_SAVE_S / 2)
        self.save(order, state)
        wait([self._last_save(order)], timeout=max(0.0, deadline - time.monotonic()))

    def delete(self, order: Order, of_others: bool = False) -> None:
        """Delete the checkpoint of a finished painting, if it has one that was loaded or saved
        here, or, if asked to, any. One that cannot be deleted does no harm and is logged. Raises
        UnavailableError."""
        wait([self._last_save(order)])
        with self._lock:
            saved = self._saves.pop(order.checkpoint_key, None)
        if saved is None and not of_others:
            return
        try:
            self._retrying.delete(order.checkpoint_key)
        except ObjectError as error:
            order.log(str(error), level=WARNING)

    def close(self) -> None:
        """End the threads. Saves and loads that have not begun are cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _last_save(self, order: Order) -> "Future[None]":
        with self._lock:
            return self._saves.get(order.checkpoint_key, _SAVED)

    def _load(self, order: Order, shapes: Shapes) -> SavedState | None:
        key = order.checkpoint_key
        with contextlib.suppress(ObjectError):
            if self._retrying.find(key) is not None:
                with self._lock:
                    self._saves[key] = _SAVED
                return read_snapshot(self._retrying, key, order.checkpoint_mark, shapes)
        return None

    def _upload(self, order: Order, snapshot: "Snapshot") -> None:
        try:
            snapshot.upload(self._bucket, order.checkpoint_key)
        except StorageError as error:
            event(f"checkpoint could not be saved: {error}", level=WARNING, photo=order.photo.key)
        else:
            event(f"checkpoint saved: {printable(order.checkpoint_key)}, step {snapshot.iteration}")


class Snapshot:
    """A painting's state in a temporary file. In memory, it would take as much as the painting
    itself while it is uploaded and painting continues."""

    def __init__(self, mark: str, state: SavedState) -> None:
        """Write the file. Raises StorageError if the disk is full."""
        self.iteration = int(state["iteration"])
        arrays: dict[str, Any] = {"fingerprint": np.array(mark), **state}
        try:
            with contextlib.ExitStack() as folder:
                temporary = tempfile.TemporaryDirectory(prefix="painterly-")
                self._file = Path(folder.enter_context(temporary), "snapshot.npz")
                np.savez(self._file, **arrays)
                self._folder = folder.pop_all()  # It stays until the upload.
        except OSError as error:
            raise StorageError(f"a temporary file cannot be written: {error.strerror}") from None

    def upload(self, bucket: Bucket, key: str) -> None:
        """Store the snapshot, whole or not at all, and delete the file. Raises StorageError."""
        with self._folder:
            bucket.upload(self._file, key)


def read_snapshot(bucket: Bucket, key: str, mark: str, shapes: Shapes) -> SavedState | None:
    """Return the state stored under a key, or None if it does not exist, is damaged, does not fit,
    or has another mark, because a setting has changed. None is logged.

    Args:
        key: The checkpoint's key.
        mark: See `Order.checkpoint_mark`.
        shapes: The shapes of a snapshot's arrays after a step.

    Raises:
        UnavailableError: The bucket cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="painterly-") as folder:
        path = Path(folder, "snapshot.npz")
        try:
            bucket.download(key, path)
            return _load_snapshot(path, mark, shapes)
        except ObjectError as error:
            problem = f"cannot be read ({error})"
        except Exception as error:  # NumPy and zipfile fail in many ways on damaged bytes.
            problem = f"cannot be used ({error})"
    event(f"checkpoint {printable(key)} {problem}; starting over", level=WARNING)
    return None


def _load_snapshot(path: Path, mark: str, shapes: Shapes) -> SavedState:
    # NumPy does not close a damaged file that it has opened itself.
    with path.open("rb") as body, np.load(body, allow_pickle=False) as file:
        if str(file["fingerprint"]) != mark:
            raise ValueError("it belongs to other pictures, settings or weights")
        iteration = file["iteration"]
        expected = shapes(index(iteration.item()))
        if not expected or {*file.files} != {"fingerprint", "iteration", *expected}:
            raise ValueError("other arrays than this step has")
        state = {name: file[name] for name in expected}
    for name, array in state.items():
        if array.shape != expected[name] or array.dtype.kind != ("i" if name == "matches" else "f"):
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
        least = 0 if name in ("variance", "count", "matches") else -np.inf
        if not (np.isfinite(array).all() and array.min() >= least):
            raise ValueError(f"impossible values in {name}")
    return {"iteration": iteration, **state}
