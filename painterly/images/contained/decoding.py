"""The program that opens and decodes pictures, each within limits of memory and of processor time.

    python -m painterly.images.contained.decoding

It answers the requests of `decoder` one after another. A person's own files may need no program:
see `opened_here`.
"""

import sys
from typing import TYPE_CHECKING, Any

from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from painterly.errors import MemoryShortError, PictureError
from painterly.images.contained.process import Answer, answer_requests
from painterly.images.files import exif, position
from painterly.images.header import (
    TURNED,
    check_not_thin,
    header_of,
    kind_of,
    orientation,
    refusal_of,
)
from painterly.images.opening import opened
from painterly.settings.limits import limit_memory, limit_time

if TYPE_CHECKING:  # NumPy is imported with the pixels: a header need not wait for it.
    from painterly.images.picture import Picture

# Bytes that opening a WebP reserves at most, for two pictures of its size, and does not touch: more
# than for any that is read.
_WEBP_RESERVES = 2_800_000_000
_JFIF_UNITS = {1: 1.0, 2: 2.54}  # inches and centimetres, as dots per inch
_LOWEST, _HIGHEST = 1, 65_535  # JFIF holds no more; all else is nonsense.
_MOST_HERE = 400_000_000  # bytes that a person's own file takes to be decoded without the program
# Each scan of a JPEG takes as long as the whole picture. Encoders write up to 12.
_SCAN, _MOST_SCANS = b"\xff\xda", 20


class OpenedPicture:
    """A picture file that was opened; no pixel is read before they are asked for.

    Attributes:
        data: Its bytes.
        format: As `PictureFile.format`.
        header: As `PictureFile.header`.
    """

    def __init__(self, data: bytes) -> None:
        """Open a file. Raises PictureError, or any exception of its library for a damaged file."""
        self.data = data
        image = opened(data)
        self._image: ImageFile.ImageFile | None = image
        # An MPO is a JPEG with further pictures, such as the brightness that phones add.
        self.format = "JPEG" if image.format == "MPO" else str(image.format)
        self.header = header_of(image)

    def shows_position(self) -> bool:
        """Return whether a reader finds a position in the metadata."""
        image = self._unread()
        xmp = image.info.get("xmp") or b""
        return exif.has_position(self._exif_of(image)) or position.is_in_xmp(xmp)

    def decode(self, available: int) -> "Picture":
        """Decode the picture. Arguments and errors are as in `PictureFile.decode`; a library may
        raise any exception for a damaged file."""
        from painterly.images import pixels

        self._check(available)
        image = self._unread()
        block = self._exif_of(image)
        dpi = declared_dpi(image, block)
        picture = pixels.decoded(image, self.data, block, self.format, dpi)
        if picture.size != self.header.size:
            raise OSError("it has another size than its header")
        return picture

    def reduced(self, longer: int, available: int) -> Image.Image:
        """Return a small copy. Arguments are as in `PictureFile.reduced`, errors as in `decode`."""
        from painterly.images import pixels

        self._check(available)
        image = self._unread()
        image.draft("RGB", (2 * longer, 2 * longer))  # A JPEG is decoded at this size.
        return pixels.reduced(image, self.data, self._exif_of(image), longer)

    def _check(self, available: int) -> None:
        self.header.check_memory(available)
        check_not_thin(self.format, self.header, len(self.data))

    def _unread(self) -> ImageFile.ImageFile:
        """Return the opened file. Loading changes it, so the next one is opened again."""
        image, self._image = self._image or opened(self.data), None
        return image

    def _exif_of(self, image: ImageFile.ImageFile) -> bytes | None:
        """Return the opened file's EXIF, or the whole file if that is a TIFF."""
        return self.data if self.format == "TIFF" else image.info.get("exif")


def opened_here(data: bytes) -> OpenedPicture | None:
    """Open a person's own small JPEG of few scans, PNG or BMP, which takes no more memory and time
    than its header says, for `picture_file.opening_here`; return None for all other files."""
    if kind_of(data) not in ("JPEG", "PNG") and not data.startswith(b"BM"):
        return None
    if data.count(_SCAN) > _MOST_SCANS and kind_of(data) == "JPEG":
        return None
    picture = OpenedPicture(data)
    return picture if picture.header.bytes_to_decode <= _MOST_HERE else None


def declared_dpi(image: ImageFile.ImageFile, block: bytes | None) -> exif.Dpi | None:
    """Return the resolution of an opened picture as it is shown upright, or None if its file has
    none. The format's own field goes before EXIF's.

    Args:
        image: The picture, not loaded.
        block: Its EXIF, or a whole TIFF file.
    """
    if image.format in ("JPEG", "MPO"):  # Its `dpi` may be a default.
        unit = _JFIF_UNITS.get(image.info.get("jfif_unit", 0), 0.0)
        across, down = (unit * each for each in image.info.get("jfif_density", (0, 0)))
    else:
        own = image.info.get("dpi") if image.format in ("PNG", "BMP") else None
        across, down = own or (0, 0)
    if not across * down:
        across, down = exif.resolution(block) or (0, 0)
    if not (_LOWEST <= across <= _HIGHEST and _LOWEST <= down <= _HIGHEST):
        return None
    # A PNG counts pixels per metre.
    found = round(float(across), 2), round(float(down), 2)
    turned = orientation(image) in TURNED
    if isinstance(image, TiffImageFile):  # `orientation` is that after loading.
        turned = image.tag_v2.get(ExifTags.Base.Orientation) in TURNED
    return found[::-1] if turned else found


def main() -> None:
    """Answer the requests of `decoder`."""
    answer_requests(_answer)


def _answer(request: dict[str, Any], buffers: list[bytearray | None]) -> Answer:
    opening = request["task"] == "open"
    if not opening:  # Libraries reserve memory once, which is not the file's.
        import painterly.images.pixels  # noqa: F401
    try:
        data = bytes(buffers.pop() or b"")
        limit_time(request["seconds"])
        reserved = _WEBP_RESERVES if opening and kind_of(data) == "WEBP" else 0
        limit_memory(request["memory"] + reserved)
        return _done(request, data)
    except (PictureError, MemoryShortError) as error:
        return {"error": type(error).__name__, "text": str(error)}, ()
    except Exception as error:
        refusal = refusal_of(error, request["memory"])
        return {"error": type(refusal).__name__, "text": str(refusal)}, ()
    finally:
        limit_memory(None)  # The next file may be a long one.


def _done(request: dict[str, Any], data: bytes) -> Answer:
    facts: dict[str, Any]
    clean = position.cleared(data) if request.get("clears") else data
    picture = OpenedPicture(clean)
    match request["task"]:
        case "open":
            facts = {"format": picture.format, "header": picture.header}
            facts |= {"shows_position": picture.shows_position()}
            return facts, [None if clean == data else clean]
        case "reduce":
            small = picture.reduced(request["longer"], sys.maxsize)
            return {"size": small.size}, [small.tobytes()]
    decoded = picture.decode(sys.maxsize)
    facts = {"size": decoded.size, "dpi": decoded.dpi, "is_hdr": decoded.is_hdr}
    facts["panorama"] = decoded.panorama
    return facts, [decoded.pixels_int, decoded.alpha_int, decoded.exif, decoded.profile]


if __name__ == "__main__":
    main()
