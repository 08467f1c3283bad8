"""A picture's file, opened once: what it is, and its pixels when they are asked for.

NumPy is imported with the pixels: a bot's cold start need not wait for it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging import WARNING
from typing import TYPE_CHECKING, Self

from PIL import Image

from painterly.errors import MemoryShortError, PictureError
from painterly.images.decoder import ContainedPicture, is_possible
from painterly.images.files import jpeg, png, position
from painterly.images.header import Header
from painterly.images.opened_picture import OpenedPicture
from painterly.images.opening import NoHeaderError, refusal_of
from painterly.log import event
from painterly.words.wording import printable

if TYPE_CHECKING:
    import numpy as np

    from painterly.images.picture import Picture

UNLIMITED = sys.maxsize  # bytes, for decoding without a limit
_MOST_HERE = 400_000_000  # bytes that a person's own file takes to be decoded in this process
_MAX_COMPLETED = 32_000_000  # A longer file is not completed with zeros after its start.


_own_files = False


@contextmanager
def own_files() -> Iterator[None]:
    """Let this process decode small JPEGs and PNGs itself, which take no more memory than their
    header says: a person's own, who waits for one picture."""
    global _own_files
    _own_files = True
    try:
        yield
    finally:
        _own_files = False


def _picture(data: bytes) -> OpenedPicture | ContainedPicture:
    """Open a file, here or in the process that decodes pictures."""
    if not is_possible():
        return OpenedPicture(data)
    if _own_files and data.startswith((jpeg.START, png.SIGNATURE)):
        picture = OpenedPicture(data)
        if picture.header.bytes_to_decode <= _MOST_HERE:
            return picture
    return ContainedPicture(data)


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
        with errors_named(name):
            self._picture = _picture(data)
        self.format, self.header = self._picture.format, self._picture.header

    @classmethod
    def without_position(cls, data: bytes, name: str) -> Self:
        """Open a file without the position in its EXIF and XMP.

        Raises PictureError as the class, and for a position that is not found in the file's bytes.
        """
        with errors_named(name):
            cleared = position.cleared(data)
        file = cls(cleared, name)
        with errors_named(name):
            if file._picture.shows_position():
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
        with errors_named(self.name):
            picture, left_out = self._picture.decode(available)
        for part in left_out:
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
        with errors_named(self.name):
            return self._picture.reduced(longer, available)


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
    except Exception as error:
        refusal = refusal_of(error)
        raise type(refusal)(f"{printable(name)}: {refusal}") from None
