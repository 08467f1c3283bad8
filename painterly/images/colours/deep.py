"""Pictures of more than 8 bits a channel, which Pillow reads in 8, as 16.

Pillow's unpackers of 16 bits take the upper byte of each value. Read once more as if its bytes were
the other way round, a picture has the lower ones.
"""

from collections.abc import Callable

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageFile

from painterly.images.arrays import small_bands
from painterly.images.colours import hdr, rgb_space
from painterly.images.colours.declared import Meaning
from painterly.images.colours.hdr import Hdr
from painterly.images.files.extra_formats import RAW, developed
from painterly.images.header import raw_mode

Reopened = Callable[[], ImageFile.ImageFile]
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if np.little_endian else "L"}


def read(
    image: ImageFile.ImageFile, meaning: Meaning, reopened: Reopened
) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Load a deep picture, and return sRGB [H, W, 3] and alpha [H, W], uint16.

    The answer is None if it can be read in 8 bits only: its profile has tables, or the first frame
    of it is empty.

    Args:
        image: The picture.
        meaning: What its values mean.
        reopened: Opens its file once more.
    """
    space = rgb_space.space_of(meaning) if isinstance(meaning, bytes) else None
    if isinstance(meaning, bytes) and space is None:
        return None
    values = _values(image, reopened)
    grey = values.ndim == 2 or values.shape[2] == 2
    if space is not None and space.is_grey and not grey:
        space = None  # A profile of another colour model.
    alpha = values[..., -1].copy() if values.ndim == 3 and values.shape[2] in (2, 4) else None
    if alpha is not None and alpha.max() == 0:
        return None
    if grey:
        pixels = np.repeat(values.reshape(*values.shape[:2], -1)[..., :1], 3, axis=2)
    else:
        pixels = np.ascontiguousarray(values[..., :3])
    del values
    if isinstance(meaning, Hdr):
        pixels = hdr.to_srgb(pixels, meaning)
    elif space is not None:
        pixels = rgb_space.to_srgb(pixels, space)
    return pixels, alpha


def _values(image: ImageFile.ImageFile, reopened: Reopened) -> np.ndarray:
    """Return uint16 [H, W] or [H, W, 2, 3 or 4], with alpha at the end."""
    if image.format == RAW:
        return developed(image, 16)
    if image.format == "HEIF":
        return _heif(image)
    if image.mode.startswith("I;16"):
        image.load()
        return full_range_grey(image)
    mode = raw_mode(image.tile[0])
    if mode.startswith("LA;16"):  # Two channels of 16 bits: four bytes.
        _load(image, lambda _: "RGBA")
        return _joined(image, image, slice(0, None, 2), slice(1, None, 2))
    _load(image, lambda mode: mode.replace("a;", "A;"))
    lower = reopened()
    _load(lower, lambda mode: mode.replace("a;", "A;")[:-1] + _OTHER_ORDER[mode[-1]])
    out = _joined(image, lower, slice(None), slice(None))
    return _unmultiplied(out) if "a;" in mode else out


def _load(image: ImageFile.ImageFile, changed: Callable[[str], str]) -> None:
    """Load a picture with its raw mode changed."""
    for number, tile in enumerate(image.tile):
        mode = changed(raw_mode(tile))
        args = (mode, *tile.args[1:]) if isinstance(tile.args, tuple) else mode
        image.tile[number] = tile._replace(args=args)
    image.load()


def _joined(upper: Image.Image, lower: Image.Image, of_upper: slice, of_lower: slice) -> np.ndarray:
    """Join the bytes of values: the chosen channels of two pictures."""
    channels = len(range(*of_upper.indices(len(upper.getbands()))))
    out = np.empty((upper.height, upper.width, channels), np.uint16)
    for rows in small_bands(upper.height, upper.width):
        box = (0, rows.start, upper.width, rows.stop)
        out[rows] = np.asarray(upper.crop(box))[..., of_upper]
        out[rows] <<= 8
        out[rows] |= np.asarray(lower.crop(box))[..., of_lower]
    return out


def full_range_grey(image: Image.Image) -> np.ndarray:
    """Return grey of up to 16 bits at the full range."""
    tags = getattr(image, "tag_v2", {})
    # Pillow does not scale a TIFF's 12 bits.
    white = 2.0 ** min(16, *tags.get(ExifTags.Base.BitsPerSample, (16,))) - 1
    # "White is zero", which Pillow inverts in 8 bits only.
    inverted = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
    out = np.empty((image.height, image.width), np.uint16)
    for rows in small_bands(image.height, image.width):
        band = np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
        grey = np.minimum(band / np.float32(white), 1)
        out[rows] = np.rint(65_535 * (1 - grey if inverted else grey))
    return out


def _heif(image: ImageFile.ImageFile) -> np.ndarray:
    """Return HEIC of 10 or 12 bits at the full range."""
    assert image.fp is not None
    image.fp.seek(0)
    file = pillow_heif.open_heif(image.fp.read(), convert_hdr_to_8bit=False)
    bits = int(file.info["bit_depth"])
    out = np.array(file)
    for rows in small_bands(*out.shape[:2]):
        out[rows] = np.rint((out[rows] >> 16 - bits) * (65_535 / (2**bits - 1)))
    return out


def _unmultiplied(pixels: np.ndarray) -> np.ndarray:
    """Divide colours by their alpha, in place."""
    for rows in small_bands(*pixels.shape[:2]):
        alpha = np.maximum(pixels[rows, :, 3:], 1) / np.float32(65_535)
        pixels[rows, :, :3] = np.rint(np.minimum(pixels[rows, :, :3] / alpha, 65_535))
    return pixels
