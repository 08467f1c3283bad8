"""The resolution at which a picture is printed, as its file declares it."""

from PIL import ExifTags, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from painterly.images.files import exif
from painterly.images.header import TURNED, orientation

Dpi = tuple[float, float]  # dots per inch, across and down
_INCHES, _CENTIMETRES = 1, 2  # JFIF's units
_LOWEST, _HIGHEST = 1, 65_535  # JFIF holds no more; all else is nonsense.


def declared_dpi(image: ImageFile.ImageFile, block: bytes | None) -> Dpi | None:
    """Return the resolution of an opened picture as it is shown upright, or None if its file does
    not say: its format's own goes before EXIF's.

    Args:
        image: The picture, not loaded.
        block: Its EXIF, or a whole TIFF file.
    """
    found = _of_format(image) or exif.resolution(block)
    if found is None or not all(_LOWEST <= each <= _HIGHEST for each in found):
        return None
    # A PNG counts pixels per metre.
    across, down = (round(float(each), 2) for each in found)
    turned = orientation(image) in TURNED
    if isinstance(image, TiffImageFile):  # `orientation` is that after loading.
        turned = image.tag_v2.get(ExifTags.Base.Orientation) in TURNED
    return (down, across) if turned else (across, down)


def _of_format(image: ImageFile.ImageFile) -> Dpi | None:
    if image.format in ("JPEG", "MPO"):  # Its `dpi` may be a default.
        across, down = image.info.get("jfif_density", (0, 0))
        unit = {_INCHES: 1.0, _CENTIMETRES: 2.54}.get(image.info.get("jfif_unit", 0), 0.0)
        return (unit * across, unit * down) if unit * across * down else None
    return image.info.get("dpi") if image.format in ("PNG", "BMP") else None
