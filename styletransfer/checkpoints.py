"""Checkpoints: a painting under way, in the result bucket, so that another machine goes on."""

import io
import logging

import numpy as np

from styletransfer import names
from styletransfer.errors import StorageError
from styletransfer.storage import Bucket, UnavailableError, shown

logger = logging.getLogger("styletransfer")

FOLDER = names.CHECKPOINTS


def key(look: str, photo: str) -> str:
    """Where the checkpoint of a photo (its key) in a look (its name) lies."""
    return f"{FOLDER}/{look}/{photo}.npz"


def save(
    bucket: Bucket, checkpoint_key: str, fingerprint: str, state: dict[str, np.ndarray]
) -> None:
    """Stores a step's snapshot. Raises StorageError."""
    body = io.BytesIO()
    np.savez(body, fingerprint=np.array(fingerprint), **state)
    bucket.write(checkpoint_key, body.getvalue(), "application/octet-stream")


def load(bucket: Bucket, checkpoint_key: str, fingerprint: str) -> dict[str, np.ndarray] | None:
    """The snapshot stored for this very painting; None where there is none, or where it is of
    another (a setting changed meanwhile) or damaged. Raises UnavailableError."""
    try:
        with np.load(io.BytesIO(bucket.read(checkpoint_key)), allow_pickle=False) as file:
            state = {name: file[name] for name in file.files}
    except UnavailableError:
        raise
    except StorageError:
        return None  # There is none.
    except Exception as error:  # NumPy and zipfile fail in many ways on damaged bytes.
        logger.warning("checkpoint %s is damaged (%s); painting anew", shown(checkpoint_key), error)
        return None
    return state if str(state.pop("fingerprint", "")) == fingerprint else None
