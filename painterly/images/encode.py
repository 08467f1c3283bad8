"""Arrays → a result's file: in the photo's own colour space, with its EXIF and alpha."""

import io
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from painterly.errors import PictureError
from painterly.images.arrays import resize, to_integers
from painterly.images.colours import icc
from painterly.images.files import exif as exifs
from painterly.images.files import panorama
from painterly.images.files.tiff import byte_order
from painterly.images.output import OutputFormat, file_format
from painterly.images.picture import Picture

_DPI_IN_EXIF = ("tiff", "webp")  # formats that have no other place for it
_XMP = 700  # the tag of a TIFF
_ROWS = 256  # rows of a TIFF that are compressed together


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
            its profile, to which colours are converted after rounding; without one, and for 16
            bits, they are in sRGB;
            its resolution in dpi; without one, the EXIF's is kept;
            what shows it as a sphere, in the result's pixels.

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
    if depth == 16:  # LittleCMS converts 8 bits through Pillow.
        profile = None
    if profile is not None:
        values = np.asarray(icc.from_srgb(Image.fromarray(values), profile))
    if shown is not None:
        values = np.dstack([values, shown])
    embedded = profile or icc.SRGB
    block = exif
    if exif or (dpi and target.extension in _DPI_IN_EXIF):
        is_srgb = profile is None
        block = exifs.for_result(exif, (height, width), is_srgb, output.keep_gps, dpi)
    sphere = photo and photo.panorama
    xmp = panorama.packet(sphere, photo.size, (height, width)) if photo and sphere else b""
    if target.extension == "tiff":
        return _tiff(values, embedded, block or exifs.EMPTY, xmp)
    options: dict[str, Any] = {
        "jpg": {"quality": output.quality, "subsampling": 0},
        "webp": {"quality": output.quality},
    }.get(target.extension, {})
    if dpi:
        options["dpi"] = dpi
    options |= _with_xmp(xmp, target.extension)
    out = io.BytesIO()
    Image.fromarray(values).save(
        out, target.pillow_name, icc_profile=embedded, exif=block or b"", **options
    )
    return out.getvalue()


def _with_xmp(packet: bytes, extension: str) -> dict[str, Any]:
    """Return the options with which Pillow writes a packet of XMP."""
    if extension != "png" or not packet:
        return {"xmp": packet} if packet else {}
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", packet.decode())
    return {"pnginfo": texts}


def _tiff(values: np.ndarray, profile: bytes, block: bytes, xmp: bytes) -> bytes:
    """Return a deflated TIFF, by tifffile: Pillow writes no colours of 16 bits, and only EXIF tags
    of types that it knows.

    Args:
        values: uint8 or uint16 [H, W, 3], or 4 with alpha.
        profile: The ICC profile.
        block: The EXIF.
        xmp: A packet of XMP, or nothing.
    """
    import tifffile  # Half a second, and other results need none of it.

    file = io.BytesIO()
    tifffile.imwrite(
        file,
        values,
        byteorder=byte_order(block.removeprefix(exifs.PREFIX)),
        photometric="rgb",
        extrasamples=["unassalpha"] if values.shape[2] == 4 else None,
        compression="zlib",
        predictor=True,
        rowsperstrip=_ROWS,
        iccprofile=profile,
        metadata=None,
        software=False,
        extratags=[(_XMP, "B", len(xmp), xmp, True)] if xmp else (),
    )
    return exifs.with_block(file.getvalue(), block)
