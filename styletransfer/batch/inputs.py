"""Photos and paintings, read from buckets and decoded. Does not import TensorFlow: it runs in
threads while that is being loaded."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from styletransfer.batch.looks import Look, Painting
from styletransfer.engine.schedule import painting_size
from styletransfer.images import arrays, decode
from styletransfer.images.borders import used_pixels
from styletransfer.images.decode import decode_mask
from styletransfer.images.header import bytes_to_decode
from styletransfer.images.masks import painted, visible
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry

Read = Callable[[Entry], bytes]  # of a listing → content; raises StorageError

# Bytes that decoding takes → when they may be taken, the most that it may take; None: no limit.
Admit = Callable[[int], int | None]


class PhotoInput(NamedTuple):
    """A photo, and its mask: float32 [h, w], 0…1, of any size; None: it has none."""

    picture: decode.Picture
    mask: np.ndarray | None

    def content_mask(self, settings: Settings, name: str) -> np.ndarray | None:
        """Where it is painted, as `stylize` takes it. Raises PictureError, naming the photo, if
        that is nowhere."""
        if settings.recipe == "inetwork":  # The original knows no alpha.
            return self.mask
        return painted(self.mask, self.picture.alpha_int, name)

    @property
    def bytes(self) -> int:
        """What the arrays take."""
        return _bytes([self.picture.pixels_int, self.picture.alpha_int, self.mask])


class LookInput(NamedTuple):
    """A look's paintings. The fields are the arguments of StyleTargets, in their order."""

    paintings: list[np.ndarray]
    shares: list[float]
    masks: list[np.ndarray | None]
    regions: list[np.ndarray | None]

    @property
    def bytes(self) -> int:
        """What the arrays take."""
        return _bytes([*self.paintings, *self.masks, *self.regions])


def unlimited(needed: int) -> None:
    """Admits a picture of any size."""


def read_photo(
    photo: Entry, mask: Entry | None, read: Read, admit: Admit = unlimited
) -> PhotoInput:
    """A photo and its mask. Raises PictureError naming the one that cannot be used,
    MemoryShortError naming the one that is too large for what `admit` returns, or StorageError."""
    data = read(photo)
    picture = decode.decode(data, photo.key, admit(bytes_to_decode(data)))
    return PhotoInput(picture, _mask(mask, "mask", read, admit))


def read_look(look: Look, read: Read, admit: Admit = unlimited) -> LookInput:
    """A look's paintings with their masks and regions. Errors as `read_photo`."""
    paintings, masks = [], []
    for each in look.paintings:
        name = f"painting {each.entry.key}"
        pixels, alpha = _painting(each, name, look.settings, read, admit)
        paintings.append(pixels)
        masks.append(visible(_mask(each.mask, "mask", read, admit), alpha, name))
    regions = [_mask(each.region, "region", read, admit) for each in look.paintings]
    return LookInput(paintings, look.shares, masks, regions)


def _painting(
    painting: Painting, name: str, settings: Settings, read: Read, admit: Admit
) -> tuple[np.ndarray, np.ndarray | None]:
    """A painting, made no larger than the engine uses it: 16 large ones would fill the memory. And
    its alpha [h, w], if that counts: the original INetwork knows neither alpha nor borders."""
    data = read(painting.entry)
    picture = decode.decode(data, name, admit(bytes_to_decode(data)))
    pixels, alpha = picture.pixels_int, None
    if settings.recipe != "inetwork":
        pixels = used_pixels(picture, painting.mask is not None, name)
        alpha = picture.alpha_int
    height, width = _size_used(pixels.shape[0], pixels.shape[1], settings)
    return (
        arrays.resize(pixels, height, width),
        None if alpha is None else arrays.resize(alpha, height, width),
    )


def _size_used(height: int, width: int, settings: Settings) -> tuple[int, int]:
    if settings.size == "full":
        return height, width
    longer, stroke_size = int(settings.size), max(1.0, settings.stroke_size)
    if settings.recipe == "inetwork":
        # It stretches paintings to the photo's shape, whichever side that makes longer.
        longer, stroke_size = round(longer * max(height, width) / min(height, width)), 1.0
    # Where it enlarges a painting, it does so by itself.
    return min((height, width), painting_size(height, width, longer, stroke_size))


def _mask(entry: Entry | None, what: str, read: Read, admit: Admit) -> np.ndarray | None:
    if entry is None:
        return None
    data = read(entry)
    return decode_mask(data, f"{what} {entry.key}", admit(bytes_to_decode(data)))


def _bytes(found: Iterable[np.ndarray | None]) -> int:
    return sum(each.nbytes for each in found if each is not None)
