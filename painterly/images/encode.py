"""Arrays → a result's file: in the photo's own colour space, with its EXIF and alpha."""

import io
import zlib
from typing import Any

import numpy as np
from PIL import Image

from painterly.errors import PictureError
from painterly.images import exif as exifs
from painterly.images import icc
from painterly.images.arrays import bands, resize, to_uint8
from painterly.images.decode import Picture
from painterly.images.output import OutputFormat, file_format

_STRIP = 256  # rows of a TIFF that are filtered and compressed at a time


def encode(
    pixels: np.ndarray,
    output: OutputFormat,
    alpha: np.ndarray | None = None,
    exif: bytes | None = None,
    profile: bytes | None = None,
) -> bytes:
    """Encode a picture file with its colour profile embedded; equal arguments give equal bytes.

    Args:
        pixels: float [H, W, 3], sRGB 0…1, clipped and rounded to 8 bits.
        output: Its `format` is jpg, png, webp or tiff. A jpg is written without chroma subsampling;
            a webp always has it.
        alpha: float [H, W], 0…1. A jpg has no alpha: it shows the picture over white.
        exif: A Picture's. It gets the result's size and colour space, and loses the GPS position
            unless the output keeps it.
        profile: A Picture's. Colours are converted to it after rounding; without one, they are in
            sRGB.

    Raises:
        PictureError: A side is too long for the format.
        ConfigError: The format cannot be written.
    """
    target = file_format(output.format or "", "the extension")
    height, width = pixels.shape[:2]
    if target.longest_side and max(height, width) > target.longest_side:
        raise PictureError(
            f"{width} × {height} pixels do not fit into a {target.extension}, whose sides are at "
            f"most {target.longest_side}; set OUTPUT_FORMAT to png"
        )
    over_white = alpha if target.extension == "jpg" else None
    values = to_uint8(pixels, over_white)
    if profile is not None:
        values = np.asarray(icc.from_srgb(Image.fromarray(values), profile))
    if alpha is not None and over_white is None:
        values = np.dstack([values, to_uint8(alpha)])
    metadata = None
    if exif:
        metadata = exifs.for_result(exif, width, height, profile is None, output.keep_gps)
    embedded = profile or icc.SRGB
    if target.extension == "tiff":
        return _tiff(values, embedded, metadata)
    block = metadata.block() if metadata else b""
    options: dict[str, Any] = {
        "jpg": {"quality": output.quality, "subsampling": 0},
        "webp": {"quality": output.quality},
    }.get(target.extension, {})
    out = io.BytesIO()
    Image.fromarray(values).save(
        out, target.pillow_name, icc_profile=embedded, exif=block, **options
    )
    return out.getvalue()


def encode_result(output: OutputFormat, photo: Picture, image: np.ndarray) -> bytes:
    """Encode a painted photo, image float32 [H, W, 3], sRGB 0…1.

    The file has the photo's EXIF, colour space, and alpha, resized, if the format can hold it.
    `output` and errors are as in `encode`.
    """
    alpha = None if photo.alpha is None else resize(photo.alpha, *image.shape[:2])
    return encode(image, output, alpha, photo.exif, photo.profile)


def _tiff(values: np.ndarray, profile: bytes, metadata: exifs.Exif | None) -> bytes:
    """Encode a TIFF 6.0, deflated after horizontal differencing: uint8 [H, W, 3 or 4].

    Pillow writes only EXIF tags that have a type it knows.
    """
    height, width, channels = values.shape
    metadata = metadata or exifs.Exif("<", {}, {}, {})
    strips = []
    for rows in bands(height, _STRIP):
        differences = values[rows].copy()
        differences[:, 1:] -= values[rows, :-1]
        strips.append(zlib.compress(differences.tobytes()))
    offsets = 8 + np.cumsum([0, *map(len, strips[:-1])])
    short, long = exifs.SHORT, exifs.LONG
    tags = {
        256: (long, width),
        257: (long, height),
        258: (short, *[8] * channels),
        259: (short, 8),  # Deflate.
        262: (short, 2),  # RGB.
        273: (long, *offsets.tolist()),
        274: (short, 1),
        277: (short, channels),
        278: (long, _STRIP),
        279: (long, *map(len, strips)),
        284: (short, 1),  # Channels interleaved.
        317: (short, 2),  # Horizontal differencing.
    }
    if channels == 4:
        tags[338] = (short, 2)  # Unassociated alpha: colours are not multiplied by it.
    metadata.main |= {tag: metadata.number(*value) for tag, value in tags.items()}
    metadata.main[34675] = exifs.IfdEntry(exifs.UNDEFINED, len(profile), profile)
    return metadata.tiff(b"".join(strips))
