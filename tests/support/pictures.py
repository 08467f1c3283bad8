"""Pictures and colour profiles for the tests of reading and writing, made byte by byte."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from painterly.images import small
from painterly.images.picture_file import UNLIMITED, PictureFile
from painterly.settings.installation import PROGRAM

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF")


def saved(image, format_, **options):
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def gradient(width=80, height=60):
    y, x = np.mgrid[:height, :width]
    steps = np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1)
    return Image.fromarray(steps.astype(np.uint8))


def see_through():
    """The gradient, transparent on the left and opaque on the right."""
    image = gradient()
    image.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return image


def plain(colour, mode="RGB", side=32):
    return Image.new(mode, (side, side), colour)


def sample_bytes(name, longer=256):
    """A sample of `photos/` or a painting of `styles/`, its longer side `longer` px, as uint8
    [H, W, 3]."""
    folder = "painterly" if name.startswith("styles/") else "samples"
    with Image.open(PROGRAM / folder / name) as file:
        image = file.convert("RGB")
    image.thumbnail((longer, longer), Image.Resampling.LANCZOS)
    return np.asarray(image)


def sample(name, longer=256):
    """The same in floats, 0…1."""
    return np.float32(sample_bytes(name, longer)) / 255


def psnr(one, other):
    """Return how near two pictures are, in dB."""
    return -10 * np.log10(np.square(one - other).mean())


def decode(data, name="photo", available=UNLIMITED):
    return PictureFile(data, name).decode(available)


def decode_mask(data, name="mask", available=UNLIMITED):
    return PictureFile(data, name).mask(available)


def reduced_jpeg(data, name, longer, quality=80, available=UNLIMITED):
    return small.jpeg(PictureFile(data, name).reduced(longer, available), quality)


def centre(data, name="photo"):
    pixels = decode(data, name).pixels
    return pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]


def png_chunk(kind, body=b"", damage=0):
    """A chunk of a PNG, with bits of its checksum changed."""
    check = zlib.crc32(kind + body) ^ damage
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", check)


def flat_png(side, channels=3, missing=0):
    """A black PNG of few bytes, which lacks some of its compressed pixels.

    channels: 1 (grey), 3 or 4.
    """
    packer = zlib.compressobj(1)
    rows = bytes(1 + channels * side)
    packed = b"".join(packer.compress(rows) for _ in range(side)) + packer.flush()
    kind = {1: 0, 3: 2, 4: 6}[channels]
    head = png_chunk(b"IHDR", struct.pack(">2L5B", side, side, 8, kind, 0, 0, 0))
    body = png_chunk(b"IDAT", packed[: len(packed) - missing])
    return b"\x89PNG\r\n\x1a\n" + head + body + png_chunk(b"IEND")


def png16(values, chunks=(), colour_type=0):
    """A 16-bit PNG of values [H, W] or [H, W, 3], which Pillow cannot write in colour."""
    values = np.asarray(values)
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)),
            *(png_chunk(kind, body) for kind, body in chunks),
            png_chunk(b"IDAT", zlib.compress(rows)),
            png_chunk(b"IEND"),
        ]
    )


def profile(space, tags, pcs=b"XYZ ", kind=b"mntr"):
    """An ICC profile, version 2, of the tags given."""
    offset, table, bodies = 128 + 4 + 12 * len(tags), b"", b""
    for name, body in tags.items():
        body += b"\0" * (-len(body) % 4)
        table += name + struct.pack(">II", offset + len(bodies), len(body))
        bodies += body
    d50 = struct.pack(">iii", *(round(each * 65536) for each in (0.9642, 1.0, 0.8249)))
    head = struct.pack(">I4sI4s4s4s", offset + len(bodies), b"none", 0x02100000, kind, space, pcs)
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + d50 + b"\0" * 48
    return head + struct.pack(">I", len(tags)) + table + bodies


def xyz(*values):
    return b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(each * 65536) for each in values))


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


# Primaries as profiles hold them: adapted to D50.
SRGB = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]])
P3 = np.array([[0.5151, 0.2412, -0.0011], [0.2920, 0.6922, 0.0419], [0.1571, 0.0666, 0.7841]])


def rgb_profile(primaries, power=2.2):
    tags = {b"wtpt": xyz(0.9642, 1.0, 0.8249)}
    for letter, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags |= {letter + b"XYZ": xyz(*primary), letter + b"TRC": gamma(power)}
    return profile(b"RGB ", tags)
