"""The program that opens and decodes pictures, each within limits of memory and of processor time.

    python -m painterly.images.contained.decoding

It answers the requests of `decoder` one after another. A person's own files may need no program;
see images/own_files.py.
"""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile

from painterly.errors import MemoryShortError, PictureError
from painterly.images.contained.opening import check_not_thin, content_of, opened
from painterly.images.contained.process import Answer, answer_requests
from painterly.images.dpi import Dpi, declared_dpi
from painterly.images.files import animations, boxes, exif, jxl, png, position
from painterly.images.files.extra_formats import JXL, RAW, check_readable
from painterly.images.header import header_of, jxl_header, refusal_of
from painterly.settings.limits import limit_memory, limit_time

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


def main() -> None:
    """Answer the requests of `decoder`."""
    answer_requests(_answer)


def _answer(request: dict[str, Any], buffers: list[bytearray | None]) -> Answer:
    """Return the values and the buffers of an answer."""
    opening = request["task"] == "open"
    if not opening:  # Libraries reserve memory once, which is not the file's.
        import painterly.images.pixels  # noqa: F401
    try:
        data = bytes(buffers.pop() or b"")
        limit_time(request["seconds"])
        reserved = animations.WEBP_RESERVES if opening and animations.is_webp(data) else 0
        limit_memory(request["memory"] + reserved)
        return _done(request, OpenedPicture(data))
    except (PictureError, MemoryShortError) as error:
        return {"error": type(error).__name__, "text": str(error)}, ()
    except Exception as error:
        refusal = refusal_of(error, request["memory"])
        return {"error": type(refusal).__name__, "text": str(refusal)}, ()
    finally:
        limit_memory(None)  # The next file may be a long one.


def _done(request: dict[str, Any], picture: OpenedPicture) -> Answer:
    facts: dict[str, Any]
    match request["task"]:
        case "open":
            facts = {"format": picture.format, "header": picture.header}
            return facts | {"shows_position": picture.shows_position()}, ()
        case "reduce":
            small = picture.reduced(request["longer"], sys.maxsize)
            return {"size": small.size}, [small.tobytes()]
    decoded, left_out = picture.decode(sys.maxsize)
    height, width = decoded.size
    facts = {"height": height, "width": width, "type": decoded.pixels_int.dtype.str}
    facts |= {"dpi": decoded.dpi, "left_out": left_out}
    return facts, [decoded.pixels_int, decoded.alpha_int, decoded.exif, decoded.profile]


if __name__ == "__main__":
    main()
