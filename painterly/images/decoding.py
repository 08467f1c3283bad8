"""The program that opens and decodes pictures, each within limits of memory and of processor time.

    python -m painterly.images.decoding

It answers the requests of `decoder` one after another. The system keeps the limits; Windows has
none. A person's own files, which `own_files` lets a process decode itself, need no program.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile

from painterly.errors import MemoryShortError, PictureError
from painterly.images.decoder import Buffers, receive, send
from painterly.images.dpi import Dpi, declared_dpi
from painterly.images.files import boxes, exif, jpeg, jxl, png, position
from painterly.images.files.extra_formats import JXL, RAW, check_readable
from painterly.images.header import header_of, jxl_header, refusal_of
from painterly.images.opening import check_not_thin, content_of, opened
from painterly.images.picture_file import opening_here
from painterly.signals import stop_signals

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:  # NumPy is imported with the pixels: a header need not wait for it.
    from painterly.images.picture import Picture

_BMP = b"BM"  # the start of a file
_MOST_HERE = 400_000_000  # bytes that a person's own file takes to be decoded in this process


@contextmanager
def own_files() -> Iterator[None]:
    """Let this process decode small JPEGs, PNGs and BMPs itself, which take no more memory than
    their header says: a person's own, who waits for one picture."""
    with opening_here(_small):
        yield


def _small(data: bytes) -> "OpenedPicture | None":
    """Open a small JPEG, PNG or BMP; return None for all other files."""
    if not data.startswith((jpeg.START, png.SIGNATURE, _BMP)):
        return None
    picture = OpenedPicture(data)
    return picture if picture.header.bytes_to_decode <= _MOST_HERE else None


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
    """Answer the requests at the standard input until it is closed."""
    for number in stop_signals():  # It ends with its parent.
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # If memory runs out, it is this process that has to go.
        Path("/proc/self/oom_score_adj").write_text("1000")
    requests, answers = FileIO(0), FileIO(os.dup(1), "w")
    os.dup2(2, 1)  # Libraries may print, and that is no answer.
    with requests, answers, contextlib.suppress(EOFError, OSError):
        while True:
            request, (data,) = receive(requests, sys.maxsize)
            values, buffers = _answer(request, bytes(data or b""))
            _limit_memory(None)  # The next file may be a long one.
            del data
            send(answers, values, buffers)
            del buffers


def _answer(request: dict[str, Any], data: bytes) -> "tuple[dict[str, Any], Buffers]":
    """Return the values and the buffers of an answer."""
    if request["task"] != "open":  # Libraries reserve memory once, which is not the file's.
        import painterly.images.pixels  # noqa: F401
    try:
        _limit_time(request["seconds"])
        _limit_memory(request["memory"])
        return _done(request, OpenedPicture(data))
    except (PictureError, MemoryShortError) as error:
        return {"error": type(error).__name__, "text": str(error)}, ()
    except Exception as error:
        refusal = refusal_of(error, request["memory"])
        return {"error": type(refusal).__name__, "text": str(refusal)}, ()


def _done(request: dict[str, Any], picture: OpenedPicture) -> "tuple[dict[str, Any], Buffers]":
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


def _limit_time(seconds: int) -> None:
    """Limit processor time beyond what was used so far."""
    if resource is None:
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _set_limit(resource.RLIMIT_CPU, int(used) + seconds)
    _set_limit(resource.RLIMIT_CORE, 0)


def _limit_memory(most: int | None) -> None:
    """Limit memory to `most` bytes beyond what is used, or lift the limit."""
    if resource is None:
        return
    if most is None:
        _set_limit(resource.RLIMIT_DATA, resource.RLIM_INFINITY)
        return
    with contextlib.suppress(OSError):  # Linux alone limits what is allocated.
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        _set_limit(resource.RLIMIT_DATA, pages * resource.getpagesize() + most)


def _set_limit(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        most = hard if most == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, hard))


if __name__ == "__main__":
    main()
