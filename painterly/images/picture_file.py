"""A picture's file, opened once: what it is, and its pixels when they are asked for.

NumPy is imported with the pixels: a bot's cold start need not wait for it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from logging import WARNING
from typing import TYPE_CHECKING, Self

from PIL import Image, ImageFile

from painterly.errors import MemoryShortError, PictureError
from painterly.images.dpi import Dpi, declared_dpi
from painterly.images.files import boxes, exif, jpeg, position
from painterly.images.files.extra_formats import JXL, RAW, check_readable
from painterly.images.header import Header, header_of, jxl_header, of_draft
from painterly.images.opening import (
    DAMAGED,
    NoHeaderError,
    check_complete,
    check_pieces,
    content_of,
    opened,
)
from painterly.log import event
from painterly.words.wording import printable

if TYPE_CHECKING:
    import numpy as np

    from painterly.images.picture import Picture

UNLIMITED = sys.maxsize  # bytes, for decoding without a limit
_MAX_COMPLETED = 32_000_000  # A longer file is not completed with zeros after its start.


class PictureFile:
    """The file of a picture that can be read, recognised by its content.

    It is JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF or BMP, or of an extra format. The camera's
    orientation is applied, and the colours that the file declares are converted (a profile that is
    damaged or of another colour model is ignored). The first frame of
    an animation that shows something is read.

    Attributes:
        name: Its name, with which errors begin.
        data: Its bytes.
        format: Pillow's name of its format, such as JPEG or HEIF.
        header: Its size, and the memory of its pixels.
    """

    def __init__(self, data: bytes, name: str) -> None:
        """Open a file; no pixel is read.

        Raises PictureError, in one line that names the way out: the file is damaged, not a picture,
        above 200 megapixels, narrower than 16 pixels, or of a rare kind.
        """
        self.data, self.name = data, name
        self._opened: ImageFile.ImageFile | None = None
        self._dpi: Dpi | None = None
        with errors_named(name):
            self._content = content_of(data)
            if data.startswith(boxes.JXL_STARTS):  # Its plugin decodes a file when it opens it.
                self.format, self.header = JXL, jxl_header(self._content)
                check_readable(JXL)
                return
            image = self._opened = opened(self._content)
            # An MPO is a JPEG with further pictures, such as the brightness that phones add.
            self.format = "JPEG" if image.format == "MPO" else str(image.format)
            self.header = header_of(image, self._content)
            self._dpi = declared_dpi(image, self._exif_of(image))

    @classmethod
    def without_position(cls, data: bytes, name: str) -> Self:
        """Open a file without the position in its EXIF and XMP.

        Raises PictureError as the class, and for a position that is not found in the file's bytes.
        """
        with errors_named(name):
            cleared = position.cleared(data)
        file = cls(cleared, name)
        with errors_named(name):
            if file._shows_position():
                raise position.refusal()
        return file

    def decode(self, available: int) -> "Picture":
        """Decode the picture: upright, in sRGB.

        More than 8 bits a channel stay, unless a profile has tables. Omitted parts of a damaged
        file are logged. Transparent pixels get the mean of the visible colours, and below an alpha
        of 1/8 a blend of it and their own: hidden colours never reach a result.

        Args:
            available: The most bytes that decoding may take; UNLIMITED for a file that is trusted.

        Raises:
            PictureError: Pixels are damaged, or all are transparent.
            MemoryShortError: Decoding would take more than `available` bytes. No pixel is read.
        """
        from painterly.images import pixels

        with errors_named(self.name):
            self.header.check_memory(available)
            image = self._unread()
            block = self._exif_of(image)
            picture = pixels.decoded(image, self.format, self._content, block, self._unread)
            picture = replace(picture, dpi=self._dpi)
        for part in self._content.left_out:
            event(f"{printable(self.name)}: without {part}", level=WARNING)
        return picture

    def mask(self, available: int) -> "np.ndarray":
        """Decode a mask: float32 [h, w], 0 (black) … 1 (white), upright.

        Colours become grey by their luma (Rec. 601, of the sRGB values), multiplied by alpha.
        Arguments and errors are as in `decode`; a mask that is black all over raises PictureError
        as well.
        """
        from painterly.images import masks

        picture = self.decode(available)
        with errors_named(self.name):
            return masks.luma(picture)

    def reduced(self, longer: int, available: int) -> Image.Image:
        """Return a small copy: upright, in sRGB, over white. A large JPEG is not decoded as a
        whole.

        Args:
            longer: The largest length of the longer side in px.
            available: As in `decode`.

        Raises:
            PictureError: Pixels are damaged.
            MemoryShortError: As in `decode`.
        """
        from painterly.images import pixels

        with errors_named(self.name):
            if self.format != "JPEG":
                self.header.check_memory(available)
            image = self._unread()
            image.draft("RGB", (2 * longer, 2 * longer))
            if self.format == "JPEG":
                is_buffered = jpeg.is_buffered(self._content.data)
                of_draft(self.header, image, is_buffered).check_memory(available)
            return pixels.reduced(image, self._content, self._exif_of(image), longer)

    def _unread(self) -> ImageFile.ImageFile:
        """Return the opened file. Loading changes it, so the next one is opened again."""
        check_complete(self._content, self.format, *self.header.size)
        image, self._opened = self._opened or opened(self._content), None
        check_pieces(image, self._content)
        if self.format == JXL:
            self._dpi = declared_dpi(image, self._exif_of(image))
        return image

    def _exif_of(self, image: ImageFile.ImageFile) -> bytes | None:
        """Return the opened file's EXIF, or the whole file if that is a TIFF."""
        return self.data if self.format in ("TIFF", RAW) else image.info.get("exif")

    def _shows_position(self) -> bool:
        """Return whether a reader finds a position in the metadata."""
        image = self._opened
        if image is None:
            block, packet = boxes.jxl_metadata(self.data)
            return exif.has_position(block) or position.is_in_xmp(packet)
        return exif.has_position(self._exif_of(image)) or position.is_in_xmp(
            image.info.get("xmp") or b""
        )


def read_header(start: bytes, name: str, size: int) -> Header | None:
    """Read the header from the first bytes of a file.

    Args:
        start: The first bytes.
        name: The file's name, with which errors begin.
        size: The file's size in bytes.

    Returns:
        The header, or None if the bytes are too few, or damaged.

    Raises:
        PictureError: As PictureFile: this cannot be a picture, whatever follows.
    """
    missing = size - len(start)
    # WebP's and HEIC's readers refuse a file that is shorter than it says.
    zeros = bytes(missing if 0 < missing <= _MAX_COMPLETED else 0)
    try:
        return PictureFile(start + zeros, name).header
    except NoHeaderError:
        if missing <= 0:
            raise
        return None


@contextmanager
def errors_named(name: str) -> Iterator[None]:
    """Begin errors of decoding with a file's name; a library's errors become PictureErrors."""
    try:
        yield
    except (PictureError, MemoryShortError) as error:
        raise type(error)(f"{printable(name)}: {error}") from None
    except MemoryError:
        raise PictureError(
            f"{printable(name)}: needs more memory than there is; make it smaller"
        ) from None
    except Exception:
        # Pillow and its libraries raise exceptions of nearly every type on damaged bytes.
        raise NoHeaderError(f"{printable(name)}: {DAMAGED}") from None
