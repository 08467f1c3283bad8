"""A picture's file, opened once: its format and size, and its pixels when they are asked for.

NumPy is imported with the pixels: a bot's cold start need not wait for it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import WARNING
from typing import TYPE_CHECKING, Protocol, Self

from PIL import Image

from painterly.errors import MemoryShortError, PictureError
from painterly.images.contained.decoder import ContainedPicture
from painterly.images.files import position
from painterly.images.header import Header, NoHeaderError, refusal_of
from painterly.images.output import FILE_FORMATS
from painterly.log import event
from painterly.words.wording import printable

if TYPE_CHECKING:
    import numpy as np

    from painterly.images.picture import Picture

UNLIMITED = sys.maxsize  # bytes, for decoding without a limit
_MAX_COMPLETED = 32_000_000  # A longer file is not completed with zeros after its start.

# The extension of each, without the dot.
EXTENSIONS = {each.pillow_name: each.extension for each in FILE_FORMATS} | {
    "HEIF": "heic",
    "AVIF": "avif",
}


class OpenPicture(Protocol):
    """A picture's file that was opened; see `decoding.OpenedPicture`."""

    data: bytes
    format: str
    header: Header

    def shows_position(self) -> bool: ...
    def decode(self, available: int) -> "Picture": ...
    def reduced(self, longer: int, available: int) -> Image.Image: ...


_open_here: Callable[[bytes], OpenPicture | None] | None = None


@contextmanager
def opening_here(opens: Callable[[bytes], OpenPicture | None]) -> Iterator[None]:
    """Let this process open files itself, by a function. If the function returns None, the process
    that decodes pictures opens the file."""
    global _open_here
    before, _open_here = _open_here, opens
    try:
        yield
    finally:
        _open_here = before


class PictureFile:
    """The file of a picture that can be read, recognised by its content.

    It is JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF or BMP. The camera's orientation is applied, and
    the colours that the file declares by a profile or by EXIF are converted (a profile that is
    damaged or of another colour model is ignored). The first frame of an animation that shows
    something is read.

    Attributes:
        name: Its name, with which errors begin.
        data: Its bytes.
        format: Pillow's name of its format, such as JPEG or HEIF.
        header: Its size, and the memory of its pixels.
    """

    def __init__(self, data: bytes, name: str, *, clears: bool = False) -> None:
        """Open a file; no pixel is read. `clears`: as `without_position` does.

        Raises PictureError, in one line that names the way out: the file is damaged, not a picture,
        above 200 megapixels, narrower than 16 pixels, or of a rare kind.
        """
        self.name = name
        with errors_named(name):
            here = _open_here and _open_here(position.cleared(data) if clears else data)
            self._picture = picture = here or ContainedPicture(data, clears)
            if clears and picture.shows_position():
                raise position.refusal()
        self.data, self.format, self.header = picture.data, picture.format, picture.header

    @classmethod
    def without_position(cls, data: bytes, name: str) -> Self:
        """Open a file without the position in its EXIF and XMP.

        It is removed where the file is opened. Raises PictureError as the class, and for a position
        that is not found in the file's bytes.
        """
        return cls(data, name, clears=True)

    def decode(self, available: int) -> "Picture":
        """Decode the picture: upright, in sRGB, with 8 bits a channel.

        A line in the log says if its file is HDR. Transparent pixels get the mean of the visible
        colours, and below an alpha of 1/8 a blend of it and their own: hidden colours never reach a
        result.

        Args:
            available: The most bytes that decoding may take; UNLIMITED for a file that is trusted.

        Raises:
            PictureError: Pixels are damaged, or all are transparent.
            MemoryShortError: Decoding would take more than `available` bytes. No pixel is read.
        """
        with errors_named(self.name):
            picture = self._picture.decode(available)
        if picture.is_hdr:
            what = "is HDR, and read as if it were not: its colours may look flat; export it as SDR"
            event(f"{printable(self.name)}: {what}", level=WARNING)
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
