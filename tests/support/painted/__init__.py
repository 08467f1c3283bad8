"""Pictures of this version of the engine: an upgrade that paints others raises ENGINE_VERSION."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def as_before(name: str, *results: np.ndarray | Sequence[float], rounding: float = 2e-3) -> None:
    """Compare pictures, of which every third pixel is stored, and numbers with those in NAME.npz,
    up to `rounding`, as a part of their mean; UPDATE_PICTURES=1 writes the file."""
    found = [np.asarray(x)[::3, ::3] if np.ndim(x) == 3 else np.asarray(x) for x in results]
    if os.environ.get("UPDATE_PICTURES"):
        np.savez_compressed(FOLDER / name, *(np.float16(x) if x.ndim > 1 else x for x in found))
    with np.load(FOLDER / f"{name}.npz") as wanted:
        for one, other in zip(found, wanted.values(), strict=True):
            assert one.shape == other.shape
            assert np.abs(one - other).mean() <= rounding * np.abs(other).mean(), name
