"""A painting's state as a file: how it is written, and read without trusting it.

A snapshot is a `.npz` as `numpy.savez` writes it: a ZIP of uncompressed arrays. Whoever can write
into the result bucket may have put another file in its place, so names, types and sizes are checked
before an array is read, and nothing is unpacked that is larger than its part of the file.
"""

import math
import tempfile
import zipfile
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
START = 64  # bytes of a file by which `is_snapshot` recognises it
_NAME_AT = 30  # where a ZIP's first file name is
_LARGEST_TEXT = 1024  # bytes of the fingerprint with its header
_LARGEST_VALUE = 1e12  # of a content weight; pictures and moments are far below
_LARGEST_LOSS = 3e38  # of recipe inetwork, whose losses are not relative


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


def is_snapshot(start: bytes) -> bool:
    """Whether a file that starts so is a snapshot, whole or damaged, of this version or an earlier
    one: a ZIP with the array that they have first."""
    named = start[_NAME_AT:].startswith((b"fingerprint.npy", b"iteration.npy"))
    return start.startswith(b"PK\x03\x04") and named


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
    """The state in a file; None where it belongs to another fingerprint. Raises MisfitError, and
    what zipfile and NumPy raise for damaged files."""
    with zipfile.ZipFile(path) as file:
        members = {info.filename.removesuffix(".npy"): info for info in file.infolist()}
        for name in ("fingerprint", "iteration"):
            if name not in members or members[name].file_size > _LARGEST_TEXT:
                raise MisfitError(f"no {name}")
        if str(_array(file, members["fingerprint"], (), "U")) != fingerprint:
            return None
        iteration = _array(file, members["iteration"], (), "iu")
        expected = shapes(int(iteration))
        if not expected:
            raise MisfitError(f"there is no step {int(iteration)}")
        if members.keys() != {"fingerprint", "iteration", *expected}:
            raise MisfitError("other arrays than a snapshot has")
        state = {
            name: _array(file, members[name], shape, "i" if name == "matches" else "f")
            for name, shape in expected.items()
        }
    for name, array in state.items():
        most = _LARGEST_LOSS if name == "windows" else _LARGEST_VALUE
        least = 0 if name in ("variance", "count", "matches") else -most
        # NaN is neither: no comparison with it is true.
        if not (array.min() >= least and array.max() <= most):
            raise MisfitError(f"impossible values in {name}")
    return {"iteration": iteration, **state}


def _array(
    file: zipfile.ZipFile, info: zipfile.ZipInfo, shape: tuple[int, ...], kinds: str
) -> np.ndarray:
    with file.open(info) as body:
        _check_header(body, info, shape, kinds)
    with file.open(info) as body:
        found: np.ndarray = np.lib.format.read_array(body, allow_pickle=False)
        if body.read(1):  # Reading to the end checks the sum as well.
            raise MisfitError(f"more than an array in {printable(info.filename)}")
        return found


def _check_header(body: Any, info: zipfile.ZipInfo, shape: tuple[int, ...], kinds: str) -> None:
    """Raises MisfitError unless an array has this shape, one of these kinds of type, and as many
    bytes as its file. NumPy itself reserves memory for whatever the header says."""
    name = printable(info.filename)
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise MisfitError(f"{name} is compressed")
    version = np.lib.format.read_magic(body)
    if version != (1, 0):
        raise MisfitError(f"{name} has another format")
    found, _, dtype = np.lib.format.read_array_header_1_0(body)
    size = math.prod(found) * dtype.itemsize
    if found != shape or dtype.kind not in kinds or (kinds == "f" and dtype.itemsize != 4):
        raise MisfitError(f"{name} is {dtype} {found}")
    if body.tell() + size != info.file_size:
        raise MisfitError(f"{name} is cut")
