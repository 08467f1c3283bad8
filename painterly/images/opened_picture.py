"""A picture's file as Pillow opens it, in this process: what it is, and its pixels."""

from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image, ImageFile

from painterly.images.dpi import Dpi, declared_dpi
from painterly.images.files import boxes, exif, jxl, png, position
from painterly.images.files.extra_formats import JXL, RAW, check_readable
from painterly.images.header import header_of, jxl_header
from painterly.images.opening import check_not_thin, content_of, opened

if TYPE_CHECKING:  # NumPy is imported with the pixels: a header need not wait for it.
    from painterly.images.picture import Picture


class OpenedPicture:
    """A picture file that was opened; no pixel is read before they are asked for.

    Attributes:
        format: As `PictureFile.format`.
        header: As `PictureFile.header`.
    """

    def __init__(self, data: bytes) -> None:
        """Open a file. Raises PictureError, or any exception of its library for a damaged file."""
        self._data, self._content = data, content_of(data)
        self._opened: ImageFile.ImageFile | None = None
        self._dpi: Dpi | None = None
        if data.startswith(boxes.JXL_STARTS):  # Its plugin decodes a file when it opens it.
            self.format, self.header = JXL, jxl_header(jxl.size(data))
            check_readable(JXL)
            return
        image = self._opened = opened(self._content)
        # An MPO is a JPEG with further pictures, such as the brightness that phones add.
        self.format = "JPEG" if image.format == "MPO" else str(image.format)
        self.header = header_of(image, self._content)
        self._dpi = declared_dpi(image, self._exif_of(image))

    def shows_position(self) -> bool:
        """Return whether a reader finds a position in the metadata."""
        image = self._opened
        if image is None:
            block, packet = boxes.jxl_metadata(self._data)
            return exif.has_position(block) or position.is_in_xmp(packet)
        return exif.has_position(self._exif_of(image)) or position.is_in_xmp(
            image.info.get("xmp") or b""
        )

    def decode(self, available: int) -> "tuple[Picture, tuple[str, ...]]":
        """Decode the picture, and say what was left out of its file.

        Arguments and errors are as in `PictureFile.decode`; a library may raise any exception for
        a damaged file.
        """
        from painterly.images import pixels

        self.header.check_memory(available)
        image = self._unread()
        block = self._exif_of(image)
        picture = pixels.decoded(image, self.format, self._content, block, self._unread)
        if picture.size != self.header.size:
            raise OSError("it has another size than its header")
        return replace(picture, dpi=self._dpi), self._content.left_out

    def reduced(self, longer: int, available: int) -> Image.Image:
        """Return a small copy. Arguments are as in `PictureFile.reduced`, errors as in `decode`."""
        from painterly.images import pixels

        self.header.check_memory(available)
        image = self._unread()
        image.draft("RGB", (2 * longer, 2 * longer))  # A JPEG is decoded at this size.
        return pixels.reduced(image, self._content, self._exif_of(image), longer)

    def _unread(self) -> ImageFile.ImageFile:
        """Return the opened file. Loading changes it, so the next one is opened again."""
        if png.is_cut(self._data):
            raise OSError("fewer data than pixels")
        check_not_thin(self.format, *self.header.size, len(self._data))
        image, self._opened = self._opened or opened(self._content), None
        if self.format == JXL:
            self._dpi = declared_dpi(image, self._exif_of(image))
        return image

    def _exif_of(self, image: ImageFile.ImageFile) -> bytes | None:
        """Return the opened file's EXIF, or the whole file if that is a TIFF."""
        return self._data if self.format in ("TIFF", RAW) else image.info.get("exif")
