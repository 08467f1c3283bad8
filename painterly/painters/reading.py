"""The inputs of a painting: files → pictures and masks → what the engine paints from.

Does not import TensorFlow, because it runs in threads while that is being loaded. Pictures that are
decoded in advance take no more than a fixed share of the memory, which painting leaves free. A
larger picture is decoded right before it is painted.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

from painterly.devices.system_memory import LIMIT_SHARE, least_free_memory, resident_memory
from painterly.engine.schedule import painting_size
from painterly.errors import PhotoError, PictureError
from painterly.forks import per_process
from painterly.images import arrays, small
from painterly.images.borders import used_pixels
from painterly.images.contained import decoder
from painterly.images.masks import painted, visible
from painterly.images.picture import Picture
from painterly.images.picture_file import PictureFile
from painterly.orders.order import Order
from painterly.orders.styles import Style
from painterly.settings.settings import Settings
from painterly.storage.base import Bucket, Entry, ObjectError
from painterly.words.wording import printable

# The memory for all pictures that are read ahead: a share of the free memory, up to a maximum.
AHEAD_SHARE, MAX_AHEAD_BYTES = 1 / 8, 1_000_000_000
READ_AHEAD = 2  # orders that are read ahead for one slot; one more for each other slot
AHEAD_PARTS = 2 * READ_AHEAD + 1  # their photos and styles, and the style that is being painted

_turn = per_process(lambda: ThreadPoolExecutor(1, thread_name_prefix="decoding"))
_beside: list[int] = []  # bytes that a clip may take that is read beside the pictures
_Value = TypeVar("_Value")

Read = Callable[[str], bytes]  # as Bucket.read


class ChangedError(PictureError):
    """A file is no longer as it was listed: it may be half written."""


def decodable_memory(limit: int | None) -> int:
    """Return the most bytes that decoding one picture may take while nothing is painted.

    Args:
        limit: Bytes for the whole process (MEMORY_LIMIT), if there is such a limit.
    """
    free = least_free_memory(limit)
    if limit is not None:
        free = min(free, int(LIMIT_SHARE * limit) - resident_memory() - decoder.BYTES)
    return max(0, free - sum(_beside))


def decoded_in_turn(decode: Callable[[int], _Value], limit: int | None) -> _Value:
    """Decode one picture at a time in the process, in the memory that is left.

    All are decoded in one thread: of the memory that it frees, each thread keeps some tens of MB.

    Args:
        decode: Decodes a picture, from the most bytes that this may take. Its errors are raised.
        limit: As in `decodable_memory`.
    """
    return _turn().submit(lambda: decode(decodable_memory(limit))).result()


def read_beside(read: Callable[[int], _Value], limit: int | None) -> _Value:
    """Read a clip beside the pictures that are decoded: it has half of the memory that is left, and
    they have the rest meanwhile. Callers read one clip at a time. Arguments are as in
    `decoded_in_turn`."""
    decoded_in_turn(lambda available: _beside.append(available // 2), limit)
    try:
        return read(_beside[0])
    finally:
        _beside.clear()


def small_copy(read: Read, key: str, longer: int, memory_limit: int | None) -> bytes:
    """Return a small JPEG of a stored picture, decoded in turn.

    Args:
        read: Reads its file.
        longer: The largest length of its longer side in px.
        memory_limit: As in `decodable_memory`.

    Raises:
        PictureError, MemoryShortError: It cannot be decoded.
        ObjectError: There is no such picture.
    """

    def copy(available: int) -> bytes:
        return small.jpeg(PictureFile(read(key), key).reduced(longer, available))

    return decoded_in_turn(copy, memory_limit)


class PhotoFiles(NamedTuple):
    """The files of a photo, its masks, and the picture to start from."""

    photo: PictureFile
    mask: PictureFile | None = None
    color_mask: PictureFile | None = None
    start: PictureFile | None = None


class PaintingFiles(NamedTuple):
    """The files of a painting, its mask and its region, and its share of the blend."""

    painting: PictureFile
    share: float
    mask: PictureFile | None = None
    region: PictureFile | None = None


class PhotoInput(NamedTuple):
    """A photo, and what comes with it."""

    picture: Picture  # the photo
    # The part to paint, float32 [h, w], 0…1, of any size, or None for all of it.
    mask: np.ndarray | None = None
    color_mask: np.ndarray | None = None  # the part with the photo's colours, as `mask`
    # The picture to start from, float32 [h, w, 3], sRGB 0…1, of any size, or None.
    start: np.ndarray | None = None


class StyleInput(NamedTuple):
    """A style's paintings. The fields are the arguments of Paintings, in their order."""

    paintings: list[np.ndarray]
    shares: list[float]
    masks: list[np.ndarray | None]
    regions: list[np.ndarray | None]


class Inputs(NamedTuple):
    """The inputs of a painting."""

    photo: PhotoInput
    style: StyleInput


@contextmanager
def errors_of_photo() -> Iterator[None]:
    """Raise the PictureErrors of a photo's own file as PhotoError."""
    try:
        yield
    except PictureError as error:
        raise PhotoError(str(error)) from error


def decode_photo(files: PhotoFiles, available: int, original: bool = False) -> PhotoInput:
    """Decode a photo and what comes with it.

    Args:
        available: The most bytes that decoding a picture may take.
        original: Whether alpha is ignored; see Traits.

    Raises:
        PhotoError: The photo cannot be decoded.
        PictureError: Another file cannot be used, or nothing would be painted.
        MemoryShortError: A picture takes more than `available` bytes to decode.
    """
    photo, mask, color_mask, start = files
    with errors_of_photo():
        picture = photo.decode(available)
    part = decode_mask(mask, available)
    return PhotoInput(
        picture,
        part if original else painted(part, picture.alpha_int, photo.name),
        decode_mask(color_mask, available),
        start.decode(available).pixels if start else None,
    )


def decode_style(files: Iterable[PaintingFiles], settings: Settings, available: int) -> StyleInput:
    """Decode paintings with their masks and regions. Arguments and errors as in `decode_photo`."""
    style = StyleInput([], [], [], [])
    for painting, share, mask, region in files:
        pixels, alpha = _decode_painting(painting, mask is not None, settings, available)
        style.paintings.append(pixels)
        style.shares.append(share)
        style.masks.append(visible(decode_mask(mask, available), alpha, painting.name))
        style.regions.append(decode_mask(region, available))
    return style


def _decode_painting(
    file: PictureFile, has_mask: bool, settings: Settings, available: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Decode a painting and its alpha [h, w], both no larger than the engine uses them, since 16
    large ones would fill the memory. The original INetwork ignores both alpha and borders."""
    picture = file.decode(available)
    pixels, alpha = picture.pixels_int, None
    if not settings.traits.original:
        pixels = used_pixels(picture, has_mask, file.name)
        alpha = picture.alpha_int
    size = _size_used(pixels.shape[0], pixels.shape[1], settings)
    return arrays.resize(pixels, *size), None if alpha is None else arrays.resize(alpha, *size)


def decode_mask(file: PictureFile | None, available: int) -> np.ndarray | None:
    """Decode a mask, float32 [h, w], 0…1, if there is one. Arguments and errors as in
    `decode_photo`."""
    return None if file is None else file.mask(available)


def _size_used(height: int, width: int, settings: Settings) -> tuple[int, int]:
    if settings.size == "full":
        return height, width
    longer, stroke_size = int(settings.size), max(1.0, settings.stroke_size)
    if settings.traits.original:
        # It stretches paintings to the photo's shape, whichever side that makes longer.
        longer, stroke_size = round(longer * max(height, width) / min(height, width)), 1.0
    # The engine enlarges a painting itself.
    return min((height, width), painting_size(height, width, longer, stroke_size))


def read_photo(order: Order, read: Read) -> PhotoFiles:
    """Read and open the files of an order's photo and what comes with it. Raises PictureError,
    StorageError."""
    return PhotoFiles(
        PictureFile(read(order.photo.key), order.photo.key),
        _file("mask ", order.mask, read),
        _file("", order.color_mask, read),
        _file("", order.start, read),
    )


def read_paintings(style: Style, read: Read) -> Iterator[PaintingFiles]:
    """Read and open the files of a style's paintings, masks and regions. Raises PictureError,
    StorageError."""
    for each in style.paintings:
        yield PaintingFiles(
            PictureFile(read(each.entry.key), f"painting {each.entry.key}"),
            each.share,
            _file("mask ", each.mask, read),
            _file("region ", each.region, read),
        )


def _file(what: str, entry: Entry | None, read: Read) -> PictureFile | None:
    return None if entry is None else PictureFile(read(entry.key), what + entry.key)


@dataclass
class _ReadStyle:
    """A style that is being read: its files, then its decoded pictures."""

    style: Style
    files: list[PaintingFiles] = field(default_factory=list)
    input: StyleInput | None = None
    is_small: bool = True  # whether it can be decoded before its turn
    turn: threading.Lock = field(default_factory=threading.Lock)


class Reader:
    """Reads what orders are painted from. Thread-safe."""

    def __init__(
        self, source: Bucket, style_bucket: Bucket, memory_limit: int | None, watched: bool = False
    ) -> None:
        """Args:
        source, style_bucket: The two buckets.
        memory_limit: MEMORY_LIMIT in bytes, if there is one.
        watched: Whether files that have changed since they were listed raise ChangedError.
        """
        self._source, self._style_bucket = source, style_bucket
        self._limit, self._watched = memory_limit, watched
        ahead = min(int(AHEAD_SHARE * decodable_memory(memory_limit)), MAX_AHEAD_BYTES)
        self.ahead_bytes = ahead // AHEAD_PARTS
        self._decodable: int | None = None
        self._measuring = threading.Lock()
        self._styles: list[_ReadStyle] = []  # the latest ones: of the orders that are read ahead
        self._of_styles = threading.Lock()
        self._ahead = READ_AHEAD

    def read_for(self, slots: int) -> int:
        """Expect orders for some slots. Return how many of them are read ahead."""
        self._ahead = READ_AHEAD - 1 + slots
        return self._ahead

    @property
    def set_aside(self) -> int:
        """The bytes that reading ahead may take: painting leaves them free."""
        return (2 * self._ahead + 1) * self.ahead_bytes

    def fetch(self, order: Order) -> PhotoFiles | PhotoInput:
        """Read an order's files in advance, and decode small ones. Raises PictureError,
        StorageError."""
        with self._unchanged(self._source, (order.photo, order.mask)):
            files = read_photo(order, self._source.read)
            is_small, original = self._are_small(files), order.style.settings.traits.original
            photo = decode_photo(files, self.ahead_bytes, original) if is_small else files
        self._read_style(order.style, in_turn=False)
        return photo

    def decode(self, order: Order, photo: PhotoFiles | PhotoInput) -> Inputs:
        """Return the inputs of an order that is painted next.

        Args:
            photo: What `fetch` has returned.

        Raises:
            PictureError: A file cannot be used.
            MemoryShortError: A picture takes too much memory to decode.
            StorageError: A painting cannot be read.
        """
        if isinstance(photo, PhotoFiles):
            original = order.style.settings.traits.original
            photo = decode_photo(photo, self._available_in_turn(), original)
        style = self._read_style(order.style, in_turn=True)
        assert style is not None
        return Inputs(photo, style)

    def _read_style(self, style: Style, in_turn: bool) -> StyleInput | None:
        """Return a style, or None if it is too large to be decoded before its turn."""
        with self._of_styles:
            read = next((each for each in self._styles if each.style == style), None)
            if read is None:
                read = _ReadStyle(style)
                small = [each for each in self._styles if each.is_small]
                self._styles = [*small[-self._ahead :], read]
        with read.turn:
            if read.input is None and not read.files:
                with self._unchanged(self._style_bucket, style.files):
                    read.files = [*read_paintings(style, self._style_bucket.read)]
                read.is_small = all(map(self._are_small, read.files))
            if read.input is None and (in_turn or read.is_small):
                available = self._available_in_turn() if in_turn else self.ahead_bytes
                read.input = decode_style(read.files, style.settings, available)
                read.files = []
            return read.input

    @contextmanager
    def _unchanged(self, bucket: Bucket, entries: Iterable[Entry | None]) -> Iterator[None]:
        """Raise ChangedError if a file that is read inside is no longer as it was listed, whether
        it could be read or not."""

        def check() -> None:
            for entry in entries if self._watched else ():
                now = bucket.find(entry.key) if entry else None
                if entry and not (now and entry.is_still(now)):
                    raise ChangedError(f"{printable(entry.key)} is being changed; it is waited for")

        try:
            yield
        except (PictureError, ObjectError):
            check()
            raise
        check()

    def _are_small(self, files: PhotoFiles | PaintingFiles) -> bool:
        pictures = [each for each in files if isinstance(each, PictureFile)]
        return all(each.header.bytes_to_decode <= self.ahead_bytes for each in pictures)

    def _available_in_turn(self) -> int:
        """Return the same for all pictures of a run, so that no picture depends on earlier ones.

        It is measured before the first painting, when TensorFlow is loaded.
        """
        with self._measuring:
            if self._decodable is None:
                self._decodable = decodable_memory(self._limit)
            return self._decodable
