"""The depth of opened pictures; without NumPy, which a bot's cold start would wait for."""

import re

from PIL import ExifTags, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from painterly.images.extra_formats import RAW

# Not BMP's "BGR;16", which has 16 bits a pixel.
_DEEP_MODE = re.compile("(RGB|RGBA|RGBa|RGBX|LA|[RGBA]);16[BLN]")


def is_deep(image: ImageFile.ImageFile) -> bool:
    """Return whether `deep.values` reads an opened picture, not loaded, in over 8 bits."""
    if image.format == RAW:
        return True
    if image.format == "HEIF":
        return int(image.info.get("bit_depth") or 8) > 8
    if image.mode.startswith("I;16"):
        return True
    if not image.tile or not all(_DEEP_MODE.fullmatch(raw_mode(each)) for each in image.tile):
        return False
    # libtiff's planes are always read by their upper bytes.
    return image.tile[0].codec_name != "libtiff" or not _is_planar(image)


def raw_mode(tile: ImageFile._Tile) -> str:
    """Return the mode in which Pillow unpacks the bytes of a tile."""
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _is_planar(image: ImageFile.ImageFile) -> bool:
    planar = ExifTags.Base.PlanarConfiguration
    return isinstance(image, TiffImageFile) and image.tag_v2.get(planar) == 2
