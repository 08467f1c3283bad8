"""Checkpoints: a painting under way, in the result bucket, so that another machine goes on."""

import logging
import tempfile
from pathlib import Path

import numpy as np

from styletransfer.errors import StorageError
from styletransfer.log import printable
from styletransfer.storage.base import Bucket, ObjectError

logger = logging.getLogger("styletransfer")


class Snapshot:
    """A step's snapshot in a temporary file, to be stored while the next step is computed: in
    memory it would take as much again as the painting does."""

    def __init__(self, fingerprint: str, state: dict[str, np.ndarray]) -> None:
        self.iteration = int(state["iteration"])
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="styletransfer-")
            self._file = Path(self._folder.name, "snapshot.npz")
            np.savez(self._file, fingerprint=np.array(fingerprint), **state)
        except OSError as error:
            raise StorageError(f"a temporary file cannot be written: {error.strerror}") from None

    def save(self, bucket: Bucket, checkpoint_key: str) -> None:
        """Stores it, whole or not at all, and clears up. Raises StorageError."""
        with self._folder:
            bucket.upload(self._file, checkpoint_key)


def load(bucket: Bucket, checkpoint_key: str, fingerprint: str) -> dict[str, np.ndarray] | None:
    """The snapshot stored for this very painting; None where there is none, or where it is of
    another (a setting changed meanwhile) or damaged. Raises UnavailableError."""
    try:
        with tempfile.TemporaryDirectory(prefix="styletransfer-") as folder:
            path = Path(folder, "snapshot.npz")
            bucket.download(checkpoint_key, path)
            with np.load(path, allow_pickle=False) as file:
                state = {name: file[name] for name in file.files}
    except ObjectError as error:
        logger.warning(
            "checkpoint %s cannot be read (%s); painting anew", printable(checkpoint_key), error
        )
        return None
    except Exception as error:  # NumPy and zipfile fail in many ways on damaged bytes.
        logger.warning(
            "checkpoint %s is damaged (%s); painting anew", printable(checkpoint_key), error
        )
        return None
    return state if str(state.pop("fingerprint", "")) == fingerprint else None
