"""A painting's state as a file: a `.npz` as `numpy.savez` writes it."""

import tempfile
from collections.abc import Callable, Mapping
from logging import WARNING
from pathlib import Path
from typing import Any

import numpy as np

from styletransfer.errors import StorageError
from styletransfer.log import event, printable
from styletransfer.storage.base import Bucket, ObjectError

SavedState = Mapping[str, np.ndarray]  # of `Step.snapshot`
Shapes = Callable[[int], Mapping[str, tuple[int, ...]]]  # by step; empty for one that cannot be


class MisfitError(Exception):
    """A snapshot is not what the painting needs."""


class Snapshot:
    """A painting's state in a temporary file. In memory, it would take as much as the painting
    itself while it is uploaded and painting goes on."""

    def __init__(self, fingerprint: str, state: SavedState) -> None:
        """Raises StorageError where the disk is full."""
        self.iteration = int(state["iteration"])
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="styletransfer-")
            self._file = Path(self._folder.name, "snapshot.npz")
            arrays: dict[str, Any] = {"fingerprint": np.array(fingerprint), **state}
            np.savez(self._file, **arrays)
        except OSError as error:
            raise StorageError(f"a temporary file cannot be written: {error.strerror}") from None

    def upload(self, bucket: Bucket, key: str) -> None:
        """Stores the snapshot, whole or not at all, and deletes the file. Raises StorageError."""
        with self._folder:
            bucket.upload(self._file, key)


def read_snapshot(bucket: Bucket, key: str, fingerprint: str, shapes: Shapes) -> SavedState | None:
    """The state stored under a key; None where there is none, where it is damaged or does not fit,
    or where it belongs to another fingerprint, because a setting has changed. Raises
    UnavailableError.

    shapes: of the arrays of a snapshot after a step.
    """
    with tempfile.TemporaryDirectory(prefix="styletransfer-") as folder:
        path = Path(folder, "snapshot.npz")
        try:
            bucket.download(key, path)
            return load_snapshot(path, fingerprint, shapes)
        except ObjectError as error:
            problem = f"cannot be read ({error})"
        except MisfitError as error:
            problem = f"does not fit ({error})"
        except Exception as error:  # NumPy and zipfile fail in many ways on damaged bytes.
            problem = f"is damaged ({error})"
    event(f"checkpoint {printable(key)} {problem}; starting over", level=WARNING)
    return None


def load_snapshot(path: Path, fingerprint: str, shapes: Shapes) -> SavedState | None:
    """The state in a file; None if it belongs to another fingerprint. Raises MisfitError, and what
    zipfile and NumPy raise for damaged files."""
    with np.load(path, allow_pickle=False) as file:
        names = {*file.files}
        if not names >= {"fingerprint", "iteration"}:
            raise MisfitError("no fingerprint or no iteration")
        if str(file["fingerprint"]) != fingerprint:
            return None
        iteration = file["iteration"]
        if iteration.shape != () or iteration.dtype.kind not in "iu":
            raise MisfitError("iteration is no number")
        expected = shapes(int(iteration))
        if not expected:
            raise MisfitError(f"there is no step {int(iteration)}")
        if names != {"fingerprint", "iteration", *expected}:
            raise MisfitError("other arrays than a snapshot has")
        state = {name: file[name] for name in expected}
    for name, array in state.items():
        kinds = "i" if name == "matches" else "f"
        if array.shape != expected[name] or array.dtype.kind not in kinds:
            raise MisfitError(f"{name} is {array.dtype} {array.shape}")
        least = 0 if name in ("variance", "count", "matches") else -np.inf
        if not (np.isfinite(array).all() and array.min() >= least):
            raise MisfitError(f"impossible values in {name}")
    return {"iteration": iteration, **state}
