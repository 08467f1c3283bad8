"""Arrays → a result's file: the photo's own colour space, EXIF and alpha, in 8 or 16 bits."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from styletransfer.errors import ConfigError, PictureError
from styletransfer.images import exif as exifs
from styletransfer.images import icc
from styletransfer.images.arrays import resize
from styletransfer.images.decode import Picture
from styletransfer.images.output import (
    _DEEP,
    _LONGEST_SIDE,
    OutputFormat,
    _known_extension,
    output_extension,
)

# Rows rounded, filtered and compressed at a time, so that no second copy of a large picture is
# ever held in floats.
_BAND = 256


def encode(
    pixels: np.ndarray,
    extension: str,
    quality: int = 95,
    alpha: np.ndarray | None = None,
    *,
    exif: bytes | None = None,
    profile: bytes | None = None,
    depth: int = 8,
    keep_gps: bool = False,
) -> bytes:
    """A picture file's bytes, with its colour profile embedded; equal arguments, equal bytes.

    `pixels` is float [H, W, 3], sRGB 0…1, clipped and rounded to `depth` bits, 8 or 16; `alpha`
    float [H, W], 0…1. `extension` is jpg, png, webp or tiff; only png and tiff have 16 bits.
    `quality` 1…100 counts for jpg, written without chroma subsampling, and for webp, which knows
    no other way than with it. A jpg cannot be clear: with `alpha` it shows what a viewer would,
    the picture over white.

    `exif` and `profile` are a Picture's. Colours are converted to `profile`, after they were
    rounded to 8 bits; LittleCMS as Pillow has it cannot convert 16 bits of colour, so these, and
    all without `profile`, are in sRGB. The EXIF's size and colour space become the result's, and
    the place where the photo was taken is left out unless `keep_gps`.

    Raises PictureError where the format cannot hold so long a side, ConfigError for an extension
    that cannot be written, or not with that depth.
    """
    extension = _known_extension(extension, "the extension")
    height, width = pixels.shape[:2]
    if max(height, width) > _LONGEST_SIDE.get(extension, max(height, width)):
        raise PictureError(
            f"{width} × {height} pixels do not fit into a {extension}, whose sides are at most "
            f"{_LONGEST_SIDE[extension]}; set OUTPUT_FORMAT to png"
        )
    if depth not in (8, 16):
        raise ConfigError(f"the depth is {depth!r}; expected 8 or 16 bits")
    if depth == 16 and extension not in _DEEP:
        raise ConfigError(f"a {extension} has no 16 bits; set OUTPUT_FORMAT to png or tiff")

    own = profile if depth == 8 else None
    told = exifs.for_result(exif, width, height, own is None, keep_gps) if exif else None
    over_white = alpha if extension == "jpg" else None
    values = _rounded(pixels, depth, over_white)
    if own is not None:
        values = np.asarray(icc.from_srgb(Image.fromarray(values), own))
    if alpha is not None and extension != "jpg":
        values = np.dstack([values, _rounded(alpha, depth)])
    embedded = own or icc.SRGB
    if extension == "tiff":
        return _tiff(values, embedded, told)
    block = told.block() if told else b""
    if depth == 16:
        return _png16(values, embedded, block)
    options = {
        "jpg": {"format": "JPEG", "quality": quality, "subsampling": 0},
        "png": {"format": "PNG"},
        "webp": {"format": "WEBP", "quality": quality},
    }[extension]
    out = io.BytesIO()
    Image.fromarray(values).save(out, icc_profile=embedded, exif=block, **options)
    return out.getvalue()


def encode_result(
    photo: Picture,
    image: np.ndarray,
    output_format: str | None,
    quality: int,
    depth: int = 8,
    keep_gps: bool = False,
) -> tuple[str, bytes]:
    """A painted photo's extension and file's bytes, with what the photo had: EXIF, colour space,
    and its alpha, resized, where the format can hold it. Arguments and errors as in
    `output_extension` and `encode`."""
    alpha = None if photo.alpha is None else resize(photo.alpha, *image.shape[:2])
    extension = output_extension(output_format, photo.format)
    data = encode(
        image,
        extension,
        quality,
        alpha,
        exif=photo.exif,
        profile=photo.profile,
        depth=depth,
        keep_gps=keep_gps,
    )
    return extension, data


def encode_as(output: OutputFormat, photo: Picture, image: np.ndarray) -> tuple[str, bytes]:
    """A painted photo's extension and file's bytes. Raises PictureError where the format
    cannot hold so large a picture."""
    extension = output.extension(photo.format)
    return encode_result(photo, image, extension, output.quality, output.depth, output.keep_gps)


def _rounded(values: np.ndarray, depth: int, over_white: np.ndarray | None = None) -> np.ndarray:
    """Floats 0…1 as uint8 or uint16 of the same shape, laid over white by the alpha given."""
    out = np.empty(values.shape, np.uint8 if depth == 8 else np.uint16)
    for top in range(0, len(values), _BAND):
        band = np.clip(values[top : top + _BAND], 0, 1)
        if over_white is not None:
            band = 1 - (1 - band) * np.clip(over_white[top : top + _BAND, :, None], 0, 1)
        out[top : top + _BAND] = np.rint(band * (2**depth - 1))
    return out


# --- formats of which Pillow cannot write all that is asked for ---------------------------------


def _tiff(values: np.ndarray, profile: bytes, told: exifs.Exif | None) -> bytes:
    """A TIFF 6.0, deflated after horizontal differencing: uint8 or uint16 [H, W, 3 or 4].

    Pillow writes no 16 bits of colour, and EXIF only as far as it knows the tags' types.
    """
    height, width, channels = values.shape
    told = told or exifs.Exif("<", {}, {}, {})
    ordered = values.dtype.newbyteorder(told.order)
    strips = []
    for top in range(0, height, _BAND):
        band = values[top : top + _BAND].copy()
        band[:, 1:] -= values[top : top + _BAND, :-1]
        strips.append(zlib.compress(band.astype(ordered).tobytes()))
    offsets = 8 + np.cumsum([0, *map(len, strips[:-1])])
    short, long = exifs.SHORT, exifs.LONG
    tags = {
        256: (long, width),
        257: (long, height),
        258: (short, *[values.dtype.itemsize * 8] * channels),
        259: (short, 8),  # Deflate.
        262: (short, 2),  # RGB.
        273: (long, *offsets.tolist()),
        274: (short, 1),
        277: (short, channels),
        278: (long, _BAND),
        279: (long, *map(len, strips)),
        284: (short, 1),  # Channels beside each other.
        317: (short, 2),  # Horizontal differencing.
    }
    if channels == 4:
        tags[338] = (short, 2)  # Alpha that colours are not multiplied with.
    told.main |= {tag: told.number(*value) for tag, value in tags.items()}
    told.main[34675] = exifs.IfdEntry(exifs.UNDEFINED, len(profile), profile)
    return told.tiff(b"".join(strips))


def _png16(values: np.ndarray, profile: bytes, exif: bytes) -> bytes:
    """A PNG (W3C, third edition): uint16 [H, W, 3 or 4]. Pillow writes no 16 bits of colour."""
    height, width, channels = values.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    packer = zlib.compressobj()
    body = b"".join(packer.compress(rows) for rows in _paeth_filtered(values)) + packer.flush()
    chunks = [(b"IHDR", header), (b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile))]
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(exifs.PREFIX)))
    chunks += [(b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _paeth_filtered(values: np.ndarray) -> Iterator[bytes]:
    """Bands of a 16-bit PNG's rows by its filter 4: each byte less whichever of its neighbours,
    left, above or both, is nearest to left + above - both."""
    height, width, channels = values.shape
    step = 2 * channels
    before = np.zeros((1, step * (width + 1)), np.int16)
    for top in range(0, height, _BAND):
        band = values[top : top + _BAND].astype(">u2").view(np.uint8).reshape(-1, step * width)
        rows = np.pad(band, ((0, 0), (step, 0))).astype(np.int16)
        rows = np.concatenate([before, rows])
        before = rows[-1:]
        here, left = rows[1:, step:], rows[1:, :-step]
        above, both = rows[:-1, step:], rows[:-1, :-step]
        by_left, by_above = np.abs(above - both), np.abs(left - both)
        by_both = np.abs(left + above - 2 * both)
        guess = np.where(by_above <= by_both, above, both)
        guess = np.where((by_left <= by_above) & (by_left <= by_both), left, guess)
        filtered = (here - guess).astype(np.uint8)
        yield np.pad(filtered, ((0, 0), (1, 0)), constant_values=4).tobytes()
