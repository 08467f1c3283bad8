"""A task's photo and style, read from their buckets and decoded.

Does not import TensorFlow, because it runs in threads while that is being loaded. Pictures that are
decoded in advance take no more than a fixed share of the memory, which painting leaves free. A
larger picture is decoded right before it is painted.
"""

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from styletransfer.batch.plan import Task
from styletransfer.batch.styles import Painting, Style
from styletransfer.devices.system_memory import LIMIT_SHARE, free_memory, resident_memory
from styletransfer.engine.schedule import painting_size
from styletransfer.images import arrays, decode
from styletransfer.images.borders import used_pixels
from styletransfer.images.decode import decode_mask
from styletransfer.images.header import bytes_to_decode
from styletransfer.images.masks import painted, visible
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket, Entry

# The memory for all pictures that are read ahead: a share of the free memory, up to a maximum.
AHEAD_SHARE, MAX_AHEAD_BYTES = 1 / 8, 1_000_000_000
AHEAD_PARTS = 3  # Two photos and a painting are read ahead of one painter.

Read = Callable[[str], bytes]  # as Bucket.read


def decodable_memory(limit: int | None) -> int:
    """Returns the most bytes that decoding one picture may take while nothing is painted.

    Args:
        limit: Bytes for the whole process (MEMORY_LIMIT), if there is such a limit.
    """
    free = free_memory()
    if limit is not None:
        free = min(free, int(LIMIT_SHARE * limit) - resident_memory())
    return max(0, free)


class PhotoInput(NamedTuple):
    """A photo and its mask, float32 [h, w], 0…1, of any size, or None."""

    picture: decode.Picture
    mask: np.ndarray | None

    def content_mask(self, settings: Settings, name: str) -> np.ndarray | None:
        """Returns the mask of the painted parts for `stylize`. Raises PictureError, naming the
        photo, if it is empty."""
        if settings.traits.original:  # It ignores alpha.
            return self.mask
        return painted(self.mask, self.picture.alpha_int, name)


class StyleInput(NamedTuple):
    """A style's paintings. The fields are the arguments of Paintings, in their order."""

    paintings: list[np.ndarray]
    shares: list[float]
    masks: list[np.ndarray | None]
    regions: list[np.ndarray | None]


def read_photo(
    photo: Entry, mask: Entry | None, read: Read, available: int | None = None
) -> PhotoInput:
    """Reads a photo and its mask. Raises StorageError, PictureError naming the file that cannot be
    used, or MemoryShortError naming the file that takes more than `available` bytes to decode."""
    picture = decode.decode(read(photo.key), photo.key, available)
    return PhotoInput(picture, _mask(mask, "mask", read, available))


def read_style(style: Style, read: Read, available: int | None = None) -> StyleInput:
    """Reads a style's paintings with their masks and regions. Raises the same as `read_photo`."""
    paintings, masks = [], []
    for each in style.paintings:
        name = f"painting {each.entry.key}"
        pixels, alpha = _painting(each, name, style.settings, read, available)
        paintings.append(pixels)
        masks.append(visible(_mask(each.mask, "mask", read, available), alpha, name))
    regions = [_mask(each.region, "region", read, available) for each in style.paintings]
    return StyleInput(paintings, style.shares, masks, regions)


def _painting(
    painting: Painting, name: str, settings: Settings, read: Read, available: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads a painting, no larger than the engine uses it, since 16 large ones would fill the
    memory, and its alpha [h, w]. The original INetwork ignores both alpha and borders."""
    picture = decode.decode(read(painting.entry.key), name, available)
    pixels, alpha = picture.pixels_int, None
    if not settings.traits.original:
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
    if settings.traits.original:
        # It stretches paintings to the photo's shape, whichever side that makes longer.
        longer, stroke_size = round(longer * max(height, width) / min(height, width)), 1.0
    # The engine enlarges a painting itself.
    return min((height, width), painting_size(height, width, longer, stroke_size))


def _mask(entry: Entry | None, what: str, read: Read, available: int | None) -> np.ndarray | None:
    if entry is None:
        return None
    return decode_mask(read(entry.key), f"{what} {entry.key}", available)


class Inputs(NamedTuple):
    """The inputs of a painting."""

    photo: PhotoInput
    style: StyleInput


class Fetched(NamedTuple):
    """A task's files, by their entries' keys, and its photo if that was decoded in advance."""

    files: Mapping[str, bytes]
    photo: PhotoInput | None


class Reader:
    """Reads what tasks are painted from. Thread-safe."""

    def __init__(self, source: Bucket, style_bucket: Bucket, memory_limit: int | None) -> None:
        """Takes the two buckets, and MEMORY_LIMIT in bytes, if there is one."""
        self._source, self._style_bucket = source, style_bucket
        self._limit = memory_limit
        ahead = min(int(AHEAD_SHARE * decodable_memory(memory_limit)), MAX_AHEAD_BYTES)
        self.ahead_bytes = ahead // AHEAD_PARTS
        self._decodable: int | None = None
        # The style read last: tasks are in the order of their styles.
        self._style: Style | None = None
        self._style_files: dict[str, bytes] = {}
        self._style_input: StyleInput | None = None
        self._of_style = threading.Lock()

    def fetch(self, task: Task) -> Fetched:
        """Reads a task's files in advance, and decodes small ones. Raises PictureError,
        StorageError."""
        entries = [task.photo] if task.mask is None else [task.photo, task.mask]
        files = {each.key: self._source.read(each.key) for each in entries}
        photo = None
        if self._are_small(files):
            photo, files = read_photo(task.photo, task.mask, files.__getitem__), {}
        self._read_style(task.style, in_turn=False)
        return Fetched(files, photo)

    def decode(self, task: Task, fetched: Fetched) -> Inputs:
        """Returns the inputs of a task that is painted next. Raises PictureError or
        MemoryShortError, naming the file, or StorageError."""
        photo, read = fetched.photo, fetched.files.__getitem__
        if photo is None:
            photo = read_photo(task.photo, task.mask, read, self._available_in_turn())
        style = self._read_style(task.style, in_turn=True)
        assert style is not None
        return Inputs(photo, style)

    def _read_style(self, style: Style, in_turn: bool) -> StyleInput | None:
        """Returns a style, or None if it is too large to be decoded before its turn."""
        with self._of_style:
            if style != self._style:
                self._style, self._style_files, self._style_input = style, {}, None
            if self._style_input is not None:
                return self._style_input
            for key in style.keys:
                if key not in self._style_files:  # It may have failed where others were read.
                    self._style_files[key] = self._style_bucket.read(key)
            if in_turn or self._are_small(self._style_files):
                available = self._available_in_turn() if in_turn else None
                self._style_input = read_style(style, self._style_files.__getitem__, available)
                self._style_files = {}
            return self._style_input

    def _are_small(self, files: Mapping[str, bytes]) -> bool:
        return all(bytes_to_decode(each) <= self.ahead_bytes for each in files.values())

    def _available_in_turn(self) -> int:
        """Returns the same for all pictures of a run, so that no picture depends on earlier ones.
        It is measured before the first painting, when TensorFlow is loaded."""
        if self._decodable is None:
            self._decodable = decodable_memory(self._limit)
        return self._decodable
