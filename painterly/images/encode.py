"""Arrays → a result's file: in the photo's own colour space, with its EXIF and alpha."""

import io
from typing import Any

import numpy as np
from PIL import Image

from painterly.errors import PictureError
from painterly.images.arrays import resize, to_integers
from painterly.images.colours import icc, rgb_space
from painterly.images.files import exif as exifs
from painterly.images.files.tiff import SHORT
from painterly.images.output import OutputFormat, file_format
from painterly.images.picture import Picture

_DPI_IN_EXIF = ("tiff", "webp")  # formats that have no other place for it
_ORIENTATION = 274
_ROWS = 256  # rows of a TIFF that are compressed together
_RESOLUTION = (282, 283, 296)  # tags that tifffile always writes; EXIF may have better ones


def encode(pixels: np.ndarray, output: OutputFormat, photo: Picture | None = None) -> bytes:
    """Encode a picture file with its colour profile embedded; equal arguments give equal bytes.

    Args:
        pixels: float [H, W, 3], sRGB 0…1, clipped and rounded to the output's depth.
        output: Its `format` is jpg, png, webp or tiff; only a tiff has 16 bits. A jpg is written
            without chroma subsampling; a webp always has it.
        photo: The photo that was painted, if any. The file gets what it has:
            its alpha, resized; a jpg has none, and shows the picture over white;
            its EXIF, with the result's size and colour space, and without the GPS position unless
            the output keeps it;
            its profile, to which colours are converted after rounding; without one, they are in
            sRGB; for 16 bits, a profile with tables is not used either;
            its resolution in dpi; without one, the EXIF's is kept.

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
    depth = output.depth if target.extension == "tiff" else 8
    exif, profile, dpi = (photo.exif, photo.profile, photo.dpi) if photo else (None, None, None)
    alpha = None
    if photo and photo.alpha_int is not None:
        alpha = resize(photo.alpha_int, height, width)
    over_white = alpha if target.extension == "jpg" else None
    values = to_integers(pixels, depth, over_white)
    shown = None if alpha is None or over_white is not None else to_integers(alpha, depth)
    if profile is not None:
        values, profile = _converted(values, profile)
    if shown is not None:
        values = np.dstack([values, shown])
    metadata = None
    if exif:
        metadata = exifs.for_result(exif, width, height, profile is None, output.keep_gps)
    if dpi and (metadata or target.extension in _DPI_IN_EXIF):
        metadata = metadata or exifs.Exif("<", {}, {}, {})
        metadata.set_dpi(*dpi)
    embedded = profile or icc.SRGB
    if target.extension == "tiff":
        return _tiff(values, embedded, metadata)
    block = metadata.block() if metadata else b""
    options: dict[str, Any] = {
        "jpg": {"quality": output.quality, "subsampling": 0},
        "webp": {"quality": output.quality},
    }.get(target.extension, {})
    if dpi:
        options["dpi"] = dpi
    out = io.BytesIO()
    Image.fromarray(values).save(
        out, target.pillow_name, icc_profile=embedded, exif=block, **options
    )
    return out.getvalue()


def _converted(values: np.ndarray, profile: bytes) -> tuple[np.ndarray, bytes | None]:
    """Return values in sRGB in the colour space of a profile, and the profile; as they are, and
    None, if they have 16 bits and it has tables."""
    if values.dtype == np.uint8:
        return np.asarray(icc.from_srgb(Image.fromarray(values), profile)), profile
    space = rgb_space.space_of(profile)
    return (values, None) if space is None else (rgb_space.from_srgb(values, space), profile)


def _tiff(values: np.ndarray, profile: bytes, metadata: exifs.Exif | None) -> bytes:
    """Return a deflated TIFF, by tifffile: Pillow writes no colours of 16 bits, and only EXIF tags
    of types that it knows.

    Args:
        values: uint8 or uint16 [H, W, 3], or 4 with alpha.
        profile: The ICC profile.
        metadata: The EXIF, or None.
    """
    import tifffile  # Half a second, and other results need none of it.

    metadata = metadata or exifs.Exif("<", {}, {}, {})
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        values,
        byteorder=metadata.byte_order,
        photometric="rgb",
        extrasamples=["unassalpha"] if values.shape[2] == 4 else None,
        compression="zlib",
        predictor=True,
        rowsperstrip=_ROWS,
        iccprofile=profile,
        metadata=None,
        software=False,
    )
    # The file's directory follows once more, with EXIF's entries as they are: tifffile does not
    # know all types, nor the directories of camera and position.
    data = file.getvalue()
    layout = exifs.layout(data)
    metadata.main |= {tag: entry for tag, entry in layout.items() if tag not in _RESOLUTION}
    metadata.main[_ORIENTATION] = metadata.number(SHORT, 1)
    return metadata.tiff(data[8:])
