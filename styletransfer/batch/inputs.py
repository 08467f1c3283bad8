"""Photos and paintings, read from buckets and decoded. Does not import TensorFlow: it runs in
threads while that is being loaded."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from styletransfer.batch.looks import Look
from styletransfer.images import arrays, decode
from styletransfer.images.arrays import fit_size
from styletransfer.images.decode import decode_mask
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry

Read = Callable[[str], bytes]  # key → content; raises StorageError


class PhotoInput(NamedTuple):
    """A photo, and where it is painted: float32 [h, w], 0…1, of any size; None: everywhere."""

    picture: decode.Picture
    mask: np.ndarray | None


class LookInput(NamedTuple):
    """A look's paintings. The fields are the arguments of StyleTargets, in their order."""

    paintings: list[np.ndarray]
    shares: list[float]
    masks: list[np.ndarray | None]
    regions: list[np.ndarray | None]


def read_photo(photo: Entry, mask: Entry | None, read: Read) -> PhotoInput:
    """A photo and its mask. Raises PictureError naming the one that cannot be used, or
    StorageError."""
    return PhotoInput(decode.decode(read(photo.key), photo.key), _mask(mask, "mask", read))


def read_look(look: Look, read: Read) -> LookInput:
    """A look's paintings with their masks and regions. Raises PictureError naming the one that
    cannot be used, or StorageError."""
    return LookInput(
        [_painting(each.entry.key, look.settings, read) for each in look.paintings],
        look.shares,
        [_mask(each.mask, "mask", read) for each in look.paintings],
        [_mask(each.region, "region", read) for each in look.paintings],
    )


def _painting(key: str, settings: Settings, read: Read) -> np.ndarray:
    """A painting, made no larger than the engine uses it: 16 large ones would fill the memory."""
    pixels = decode.decode(read(key), f"painting {key}").pixels
    if settings.size == "full":
        return pixels
    height, width = pixels.shape[:2]
    # Recipe inetwork stretches paintings to the photo's shape, whichever side that makes longer.
    stretched = settings.recipe == "inetwork"
    side = min(height, width) if stretched else max(height, width)
    if side <= settings.size:
        return pixels
    return arrays.resize(
        pixels, *fit_size(height, width, round(settings.size * max(height, width) / side))
    )


def _mask(entry: Entry | None, what: str, read: Read) -> np.ndarray | None:
    return None if entry is None else decode_mask(read(entry.key), f"{what} {entry.key}")
