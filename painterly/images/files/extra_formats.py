"""Formats of the extra `formats`: JPEG XL, and cameras' raw files. Without it they are named.

Both are plugins of Pillow. A raw file is developed as LibRaw does by default, with the camera's
white balance, to sRGB.
"""

import io
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile, UnidentifiedImageError

from painterly.errors import PictureError
from painterly.images.files.boxes import JXL_STARTS
from painterly.images.files.tiff import STARTS, first_tags
from painterly.settings.bucket_layout import JXL_READER, RAW_READER
from painterly.settings.installation import install_command

if TYPE_CHECKING:
    import numpy as np

JXL, RAW = "JXL", "RAW"  # names of formats
_INSTALL = ", or install what reads it: "  # in errors, before a command

_RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
_CR2 = b"\x10\0\0\0CR"  # after a TIFF's start; in others, CR alone may be the first pixel
_DNG_VERSION, _SUBFILE, _SUBDIRECTORIES, _REDUCED = 50706, 254, 330, 1
_SRGB_GAMMA = (2.4, 12.92)


def extra_format(data: bytes) -> str | None:
    """Return JXL or RAW for a file of that kind, or None."""
    if data.startswith(JXL_STARTS):
        return JXL
    if data.startswith(_RAW_STARTS) or data[4:12] == b"ftypcrx ":
        return RAW
    if not data.startswith(STARTS):
        return None
    tags = first_tags(data)
    is_preview = tags.get(_SUBFILE) == _REDUCED and _SUBDIRECTORIES in tags
    return RAW if data[4:10] == _CR2 or _DNG_VERSION in tags or is_preview else None


def is_readable(kind: str) -> bool:
    """Return whether the library for a format is installed."""
    return find_spec({JXL: JXL_READER, RAW: RAW_READER}[kind]) is not None


def check_readable(kind: str) -> None:
    """Raise PictureError without the library for a format."""
    if not is_readable(kind):
        name = {JXL: "a JPEG XL picture", RAW: "a camera's raw file"}[kind]
        raise PictureError(
            f"is {name}; export it as JPEG or PNG{_INSTALL}{install_command('formats')}"
        )


def for_visitors(error: Exception) -> str:
    """Return an error's text without a command, for those who cannot install anything."""
    return str(error).partition(_INSTALL)[0]


def opened(data: bytes, kind: str) -> ImageFile.ImageFile | None:
    """Open a file of an extra format, or return None if the library cannot.

    Raises PictureError without the extra.
    """
    check_readable(kind)
    _register()
    try:
        return Image.open(io.BytesIO(data), formats=[kind])
    except UnidentifiedImageError:
        return None


def developed(image: ImageFile.ImageFile, bits: int) -> "np.ndarray":
    """Return a raw file's picture, uint8 or uint16 [H, W, 3], upright, in sRGB."""
    import rawpy

    assert isinstance(image, _RawImageFile)
    with rawpy.imread(io.BytesIO(image.file)) as raw:
        pixels: np.ndarray = raw.postprocess(use_camera_wb=True, output_bps=bits, gamma=_SRGB_GAMMA)
        return pixels


class _RawImageFile(ImageFile.ImageFile):
    """A camera's raw file, by LibRaw."""

    format, format_description = RAW, "a camera's raw file"

    def _open(self) -> None:
        import rawpy

        assert self.fp is not None
        self.file = self.fp.read()
        try:
            with rawpy.imread(io.BytesIO(self.file)) as raw:
                sizes = raw.sizes
        except rawpy.LibRawError as error:
            raise SyntaxError(str(error)) from None  # Pillow's sign that it is of another kind.
        turned = sizes.flip in (5, 6)
        width, height = sizes.iwidth, sizes.iheight
        self._size = (height, width) if turned else (width, height)
        self._mode = "RGB"
        self.tile = [ImageFile._Tile("raw", (0, 0, *self._size), 0, "RGB")]

    def load(self) -> Any:
        if self.tile:
            self.im = Image.fromarray(developed(self, 8)).im
            self._size = self.im.size
            self.tile = []
        return super().load()


@cache
def _register() -> None:
    if is_readable(JXL):
        import pillow_jxl  # noqa: F401  Importing it registers it.
    Image.register_open(RAW, _RawImageFile, lambda _: True)
