"""The published files of the networks' weights, read with NumPy; without TensorFlow.

A safetensors file is the length of its header (8 bytes, little-endian), a header in JSON that names
each array's type, shape and bytes, and the arrays. It is mapped: what no network asks for is never
read, and nothing is copied before a layer converts it.
"""

import json
import math
import mmap
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from painterly.errors import WeightsError

# BF16 is the upper half of a float32.
DTYPES = {"F16": np.float16, "F32": np.float32, "BF16": np.uint16, "I64": np.int64}
RANDOM_NUMBERS = 1_000_003  # They recur; a prime, so that no two rows of a matrix are equal.
LARGEST_HEADER = 100_000_000  # bytes, as in the reference implementation


class Tensors(Protocol):
    """The arrays of a network by name."""

    def __contains__(self, name: object) -> bool:
        """Return whether there is an array of this name."""
        ...

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array in float32 or float16. Raises WeightsError if it is missing, or has
        another shape."""
        ...


class SafeTensors:
    """A safetensors file."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises WeightsError, in one line, if it is missing, foreign or cut."""
        self.path = path
        try:
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # An empty file cannot be mapped.
            reason = getattr(error, "strerror", None) or "it is empty"
            raise self._error(f"cannot be read: {reason}") from None
        length = int.from_bytes(self._bytes[:8], "little")
        self._start = 8 + length
        if length > LARGEST_HEADER or self._start > len(self._bytes):
            raise self._error("is no safetensors file, or was cut")
        try:
            header = json.loads(self._bytes[8 : self._start])
            header.pop("__metadata__", None)
            self._entries: dict[str, Any] = header
            ends = [entry["data_offsets"][1] for entry in header.values()]
        except (ValueError, TypeError, LookupError, AttributeError):
            raise self._error("is no safetensors file") from None
        missing = max(ends, default=0) - (len(self._bytes) - self._start)
        if missing > 0:
            raise self._error(f"was cut: {missing} bytes are missing; fetch it again")

    def __contains__(self, name: object) -> bool:
        """Return whether the file has an array of this name."""
        return name in self._entries

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array by name."""
        return {name: tuple(entry["shape"]) for name, entry in self._entries.items()}

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of the file, mapped; bfloat16 is widened to float32.

        Raises WeightsError if it is missing, or has another shape.
        """
        if name not in self._entries:
            raise self._error(f"has no {name}: it is another network's")
        try:
            found = self._read(**self._entries[name])
        except (TypeError, ValueError, LookupError):
            raise self._error(f"has a damaged {name}") from None
        if found.shape != shape:
            raise self._error(f"has {name} {found.shape}, expected {shape}: another network's")
        return found

    def _read(self, dtype: str, shape: list[int], data_offsets: list[int]) -> np.ndarray:
        start, end = data_offsets
        kind = np.dtype(DTYPES[dtype])
        if end - start != math.prod(shape) * kind.itemsize:
            raise ValueError
        array = np.frombuffer(self._bytes, kind, math.prod(shape), self._start + start)
        if dtype == "BF16":
            array = (array.astype(np.uint32) << 16).view(np.float32)
        return array.reshape(shape)

    def _error(self, problem: str) -> WeightsError:
        return WeightsError(f"weights file {self.path} {problem}")


@dataclass(frozen=True)
class Architecture:
    """The sizes of the three networks; the defaults are Stable Diffusion 1.5's.

    Attributes:
        unet: The UNet's channels at 1/8, 1/16, 1/32 and 1/64 of the picture's size.
        autoencoder: The autoencoder's channels at the whole size, 1/2, 1/4 and 1/8.
        text: The text encoder's width.
        text_heads: The heads of its attentions.
        text_depth: Its number of layers.
    """

    unet: tuple[int, ...] = (320, 640, 1280, 1280)
    autoencoder: tuple[int, ...] = (128, 256, 512, 512)
    text: int = 768
    text_heads: int = 12
    text_depth: int = 12


@dataclass(frozen=True)
class DiffusionWeights:
    """The weights of the three networks.

    Attributes:
        unet: Of the UNet.
        autoencoder: Of the autoencoder.
        text_encoder: Of the text encoder.
        identity: What records name them by.
        architecture: The networks' sizes.
        kept: What is made of them, to be used for further pictures.
    """

    unet: Tensors
    autoencoder: Tensors
    text_encoder: Tensors
    identity: str
    architecture: Architecture = Architecture()
    kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)


class RandomTensors:
    """Random weights of whatever shape a network asks for, with which features stay near 1; for
    tests and measurements."""

    def __init__(self, seed: int = 0) -> None:
        self._numbers = np.random.default_rng(seed).standard_normal(RANDOM_NUMBERS, np.float32)

    def __contains__(self, name: object) -> bool:
        """Return whether a network has an array of this name, by the names of today's files."""
        return not str(name).endswith(".query.weight")

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return the same float32 array for the same name and shape."""
        start = zlib.crc32(name.encode()) % RANDOM_NUMBERS
        values = np.resize(np.roll(self._numbers, start), shape)
        if len(shape) > 1:
            values /= np.float32(math.sqrt(math.prod(shape[1:])))
            return values
        return 0.1 * values + np.float32("norm" in name and name.endswith("weight"))
