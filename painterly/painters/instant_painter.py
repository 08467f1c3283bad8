"""The instant painter: pictures by preset instant for someone who waits. None of them is stored.

Previews, pictures of `POST /api/paint`, those on sheets, and the bot's previews are
painted here. Paintings stay in memory for further pictures, with all that these need of them.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from painterly.devices.budget import Limits, host_budget
from painterly.engine.looked_at import LookedAt
from painterly.engine.paintings import Paintings
from painterly.engine.schedule import total_work
from painterly.engine.transfer import PhotoCache, Step, TransferInputs
from painterly.images import encode
from painterly.images.output import OutputFormat
from painterly.images.picture import Picture
from painterly.images.picture_file import PictureFile
from painterly.images.small import jpeg_of
from painterly.orders.styles import Style
from painterly.painters.reading import (
    PhotoFiles,
    PhotoInput,
    Read,
    StyleInput,
    decodable_memory,
    decode_photo,
    decode_style,
    errors_of_photo,
    read_paintings,
)
from painterly.settings.recipes import INSTANT
from painterly.settings.settings import Settings
from painterly.signals import CheckStop

LARGEST_SIDE = 1280  # px, of pictures to look at
TILE_SIDE = 320  # px, of the page's tiles (previews.js)
NOW: Mapping[str, str | int] = {**INSTANT, "timelapse": False}  # settings of all pictures here
CACHED_PHOTOS = 2  # a page sends a copy for its tiles, and one for the first look
# The most bytes that are kept for paintings, and the same as a share of the free memory. At the
# sizes of a tile, a painting takes 16 MB. The latest few also keep what larger pictures need.
CACHE_BYTES, CACHE_SHARE, CACHED_LARGE = 600_000_000, 1 / 4, 3
# px, the side of a picture with new paintings that shows how long pictures take here.
MEASURED_SIDE = 512

Run = Callable[[Iterator[Step]], Step]
# The size, and stroke_size with a style's files, each with its ETag.
_Key = tuple[int | str, tuple[Hashable, ...]]


class InstantOrder(NamedTuple):
    """The order of a picture that is painted now, and not kept."""

    photo: bytes  # the photo, or a small copy, as a file
    style: Style  # the style, with settings of preset `instant`
    mask: bytes = b""  # the photo's mask, as a file; empty if all of it is painted
    # The file of the style's painting, if that was sent; empty for stored ones.
    painting: bytes = b""
    # The format of a whole picture, its `format` an extension; None for a preview.
    output: OutputFormat | None = None
    look: LookedAt | None = None  # at the photo, if it has been looked at

    @property
    def extension(self) -> str:
        """The extension of the picture's file, without a dot."""
        return (self.output and self.output.format) or "jpg"


def _last(steps: Iterator[Step]) -> Step:
    return [*steps][-1]


class InstantPainter:
    """Paints pictures at once, one after the other. It keeps the latest photos, and what their
    paintings need for further ones. Thread-safe.

    Attributes:
        photo: Decodes a photo, or returns what it has kept of its file. Takes the file; its mask's,
            empty if there is none; and their names, with which errors begin.
    """

    def __init__(
        self,
        read: Read,
        memory_limit: int | None,
        sides: Sequence[int] = (),
        draft: int | None = None,
    ) -> None:
        """Args:
        read: Reads the files of paintings.
        memory_limit: As in `stylize`.
        sides: Sides of pictures in px, ascending. Paintings are kept as large as pictures of the
            next of these sides need them: for all tiles, which have the first one, and for a few
            larger pictures. Without sides, they are as large as each picture needs them.
        draft: The longer side in px to which photos and paintings are reduced as they are read, to
            save time. Masks are ignored then. None takes pictures as they are.
        """
        self._read, self._memory_limit = read, memory_limit
        self.sides, self._draft = sides, draft
        self.photo = lru_cache(CACHED_PHOTOS if sides else 1)(self._decoded)
        self._tiles: OrderedDict[_Key, Paintings] = OrderedDict()
        self._large: OrderedDict[_Key, Paintings] = OrderedDict()
        self._of_photo = PhotoCache()
        self._turn = threading.Lock()

    def file(self, order: InstantOrder, check_stop: CheckStop = lambda: None) -> bytes:
        """Return the file of a picture. Nothing is kept of a whole one, which may be large.

        Args:
            check_stop: Is called several times a second. Its errors end the painting.

        Raises:
            PainterlyError: It cannot be painted.
        """
        style, output = order.style, order.output
        if output is None:
            photo = self.photo(order.photo, order.mask)
            pixels = photo.picture.pixels_int
            image = self.paint(pixels, style, photo.mask, check_stop, look=order.look)
            return jpeg_of(image, LARGEST_SIDE)
        photo = self._decoded(order.photo, order.mask)
        read = (lambda _: order.painting) if order.painting else self._read
        paintings = self._decoded_paintings(_used(style), read)
        inputs = TransferInputs(photo.picture.pixels_int, paintings, style.settings, photo.mask)
        image = self._painted(inputs, check_stop)
        return encode.encode(image, output, photo.picture)

    def paint(
        self,
        photo: np.ndarray,
        style: Style,
        mask: np.ndarray | None = None,
        check_stop: CheckStop = lambda: None,
        run: Run = _last,
        look: LookedAt | None = None,
    ) -> np.ndarray:
        """Return a photo [H, W, 3] in a style, as floats.

        Args:
            photo: The photo, the same array for all of its pictures.
            style: The style, with settings of preset `instant`.
            mask: The part to paint, [h, w], or None for all of it.
            check_stop: As in `file`.
            run: Takes the steps, and returns the last one.
            look: The photo as it was looked at; None if it was not yet.

        Raises:
            PainterlyError: It cannot be painted.
        """
        with self._turn:
            paintings = self.paintings(style)
            cache = self._of_photo.entries(photo, look)
            inputs = TransferInputs(photo, paintings, style.settings, mask, cache=cache)
            image = self._painted(inputs, check_stop, run)
            self._drop_oldest()
            return image

    def paintings(self, style: Style) -> Paintings:
        """Return a style's paintings, with what was kept of them. Raises PictureError,
        MemoryShortError, StorageError."""
        style = _used(style)
        settings, shares = style.settings, style.shares
        side = next((each for each in self.sides if not settings.may_exceed(each)), None)
        files = (file for each in style.paintings for file in (each.entry, each.mask, each.region))
        etags = ((file.key, file.etag) if file else None for file in files)
        key = side or settings.size, (settings.stroke_size, *etags)
        cached = self._tiles if side and side == self.sides[0] else self._large
        if key not in cached:
            if side:
                style = replace(style, settings=settings.replaced({"size": side}))
            cached[key] = self._decoded_paintings(style, self._read)
        cached.move_to_end(key)
        return cached[key].with_shares(shares)

    @property
    def has_room(self) -> bool:
        """Whether what the paintings of one more style need for tiles can be kept."""
        return self.cache_bytes() * (1 + 1 / max(1, len(self._tiles))) < self._most_bytes()

    def prepare(self, style: Style, check_stop: CheckStop) -> None:
        """Make a style's paintings ready for tiles. `check_stop` is as in `file`. Raises
        PainterlyError."""
        side = self.sides[0]
        settings = style.settings.replaced({**NOW, "size": side})
        self.paint(_grey(side), replace(style, settings=settings), None, check_stop)

    def seconds_per_work(self, check_stop: CheckStop) -> float:
        """Measure the seconds per work (schedule.py) of a picture with a painting that is new.
        `check_stop` is as in `file`. Raises PainterlyError."""
        photo, settings = _grey(MEASURED_SIDE), Settings(preset="instant", size=MEASURED_SIDE)
        painting = np.random.default_rng(0).integers(0, 256, photo.shape, np.uint8)
        started = time.perf_counter()
        self._painted(TransferInputs(photo, Paintings([painting]), settings), check_stop)
        seconds = time.perf_counter() - started
        return seconds / total_work(MEASURED_SIDE, MEASURED_SIDE, settings)

    def clear(self) -> None:
        """Free the memory of photos and paintings."""
        with self._turn:
            self.photo.cache_clear()
            self._tiles.clear()
            self._large.clear()
            self._of_photo = PhotoCache()

    def _painted(
        self, inputs: TransferInputs, check_stop: CheckStop = lambda: None, run: Run = _last
    ) -> np.ndarray:
        from painterly.engine.instant.instant import InstantTransfer

        transfer = InstantTransfer(inputs, host_budget(Limits(self._memory_limit)))
        return run(transfer.steps(None, check_stop)).image

    def _decoded(
        self, data: bytes, mask: bytes = b"", name: str = "the photo", of_mask: str = "the mask"
    ) -> PhotoInput:
        """Decode a photo and its mask. `photo`, which has the same arguments, keeps the latest."""
        available = decodable_memory(self._memory_limit)
        with errors_of_photo():
            file = PictureFile(data, name)
            if self._draft is not None:
                reduced = np.asarray(file.reduced(self._draft, available))
                return PhotoInput(Picture(reduced, None, file.format))
        files = PhotoFiles(file, PictureFile(mask, of_mask) if mask else None)
        return decode_photo(files, available)

    def _decoded_paintings(self, style: Style, read: Read) -> Paintings:
        files = read_paintings(style, read)
        available = decodable_memory(self._memory_limit)
        if self._draft is None:
            decoded = decode_style(files, style.settings, available)
        else:
            drafts = [np.asarray(each.painting.reduced(self._draft, available)) for each in files]
            decoded = StyleInput(drafts, style.shares, [None] * len(drafts), [None] * len(drafts))
        return Paintings(*decoded)

    def _most_bytes(self) -> int:
        free = decodable_memory(self._memory_limit) + self.cache_bytes()
        return min(CACHE_BYTES, int(CACHE_SHARE * free))

    def cache_bytes(self) -> int:
        """Return the bytes that are kept for paintings."""
        sizes = dict[int, int]()
        for paintings in (*self._tiles.values(), *self._large.values()):
            drawn = [each.result() for each in paintings.prepared.values()]
            arrays = (part for each in (paintings.paintings, *drawn) for part in each)
            sizes |= {id(each): each.nbytes for each in arrays if isinstance(each, np.ndarray)}
        return sum(sizes.values())

    def _drop_oldest(self) -> None:
        while len(self._large) > CACHED_LARGE:
            self._large.popitem(last=False)
        while len(self._tiles) > 1 and self.cache_bytes() > self._most_bytes():
            (_, oldest), _ = self._tiles.popitem(last=False)
            for key in [each for each in self._large if each[1] == oldest]:
                del self._large[key]


def _used(style: Style) -> Style:
    return replace(style, paintings=tuple(each for each in style.paintings if each.share))


def _grey(side: int) -> np.ndarray:
    return np.full((side, side, 3), 128, np.uint8)
