"""RGB colour spaces of three curves and a matrix: nearly all that photos are in.

LittleCMS converts 8 bits through Pillow. Deeper values are converted here, exactly; and spaces that
a file declares without a profile become profiles here.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from painterly.images.arrays import small_bands

SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
D65 = (0.3127, 0.3290)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # type 3 of ICC's `para`

_LEVELS = 65_536
_GRID = np.linspace(0, 1, _LEVELS)
_D50 = np.array([0.9642, 1.0, 0.8249])
# Bradford's cone responses: ICC adapts colours to D50 in them.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_BLACK = 1e-4  # linear light
_TABLES = (b"A2B0", b"A2B1", b"A2B2")  # conversions that need LittleCMS


class RgbSpace(NamedTuple):
    """A colour space.

    Attributes:
        curves: Linear light, float32 [65536], for each value of 16 bits, of R, G and B.
        to_xyz: Linear R, G, B → X, Y, Z relative to D50: float64 [3, 3], for columns.
        is_grey: Whether it has greys only.
    """

    curves: tuple[np.ndarray, ...]
    to_xyz: np.ndarray
    is_grey: bool = False


def space_of(profile: bytes) -> RgbSpace | None:
    """Return the space of an ICC profile of RGB or grey, or None if it is of another kind, has
    tables, is damaged, or has a black that is lighter than none, which LittleCMS compensates."""
    try:
        tags = _tags(profile)
        if profile[20:24] != b"XYZ " or any(name in tags for name in _TABLES):
            return None
        if profile[16:20] == b"GRAY":
            return RgbSpace((_curve(tags[b"kTRC"]),) * 3, _SRGB.to_xyz, is_grey=True)
        curves = tuple(_curve(tags[letter + b"TRC"]) for letter in (b"r", b"g", b"b"))
        columns = [
            struct.unpack_from(">3i", tags[letter + b"XYZ"], 8) for letter in (b"r", b"g", b"b")
        ]
    except (struct.error, KeyError, ValueError, IndexError):
        return None
    to_xyz = np.array(columns).T / 65_536
    if max(curve[0] for curve in curves) > _BLACK:
        return None
    if profile[16:20] != b"RGB " or abs(np.linalg.det(to_xyz)) < 1e-6:
        return None
    return RgbSpace(curves, to_xyz)


def to_srgb(values: np.ndarray, space: RgbSpace) -> np.ndarray:
    """Convert uint16 [H, W, 3] of a space to sRGB, in place, and return it."""
    matrix = np.linalg.solve(_SRGB.to_xyz, space.to_xyz).T.astype(np.float32)
    for rows in small_bands(*values.shape[:2]):
        linear = np.stack([curve[values[rows, :, n]] for n, curve in enumerate(space.curves)], -1)
        values[rows] = np.rint(srgb_encoded(linear @ matrix) * 65_535)
    return values


def from_srgb(values: np.ndarray, space: RgbSpace) -> np.ndarray:
    """Convert sRGB, uint16 [H, W, 3], to a space, in place, and return it."""
    matrix = np.linalg.solve(space.to_xyz, _SRGB.to_xyz).T
    for rows in small_bands(*values.shape[:2]):
        linear = _SRGB.curves[0][values[rows]] @ matrix
        for number, curve in enumerate(space.curves):
            values[rows, :, number] = np.rint(np.interp(linear[..., number], curve, _GRID) * 65_535)
    return values


def srgb_encoded(linear: np.ndarray) -> np.ndarray:
    """Return linear sRGB, clipped, as sRGB 0…1."""
    linear = np.clip(linear, 0, 1)
    encoded: np.ndarray = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return encoded


def rgb_to_xyz(primaries: Sequence[float], white: Sequence[float]) -> np.ndarray:
    """Return the matrix of linear R, G, B → X, Y, Z, adapted to D50: float64 [3, 3].

    Args:
        primaries: x and y of red, green and blue.
        white: x and y of white.

    Raises:
        ValueError: There is no such space.
    """
    points = np.array([*primaries, *white], np.float64).reshape(4, 2)
    if points[:, 1].min() <= 0:
        raise ValueError("a chromaticity without light")
    xyz = np.column_stack([points[:, 0], points[:, 1], 1 - points.sum(1)]) / points[:, 1:]
    columns, white_xyz = xyz[:3].T, xyz[3]
    if abs(np.linalg.det(columns)) < 1e-6:
        raise ValueError("primaries on a line")
    columns = columns * np.linalg.solve(columns, white_xyz)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white_xyz)
    adapted: np.ndarray = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ columns
    return adapted


def profile_of(name: str, to_xyz: np.ndarray, curve: Sequence[float]) -> bytes:
    """Return an ICC profile (version 4) of an RGB space.

    Args:
        name: Its name.
        to_xyz: As in RgbSpace.
        curve: A gamma alone, or the parameters of ICC's parametric curve of type 3.
    """
    text = name.encode("utf-16-be")
    words = b"mluc" + struct.pack(">LLL2s2sLL", 0, 1, 12, b"en", b"US", len(text), 28) + text
    kind = 0 if len(curve) == 1 else 3
    curve_tag = b"para" + struct.pack(">LHH", 0, kind, 0) + _fixed(curve)
    tags = {b"desc": words, b"cprt": words, b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50)}
    for letter, column in zip((b"r", b"g", b"b"), to_xyz.T, strict=True):
        tags |= {letter + b"XYZ": b"XYZ \0\0\0\0" + _fixed(column), letter + b"TRC": curve_tag}
    offset, table, body = 132 + 12 * len(tags), struct.pack(">L", len(tags)), b""
    for tag, value in tags.items():
        table += tag + struct.pack(">LL", offset + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">L4sL", offset + len(body), bytes(4), 0x04300000) + b"mntrRGB XYZ "
    # A fixed time, so that equal results are equal bytes.
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(_D50)
    return head.ljust(128, b"\0") + table + body


def _fixed(values: Sequence[float] | np.ndarray) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65_536) for value in values))


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">L", profile, 128)
    entries = struct.iter_unpack(">4sLL", profile[132 : 132 + 12 * min(count, 100)])
    return {name: profile[offset : offset + size] for name, offset, size in entries}


def _curve(tag: bytes) -> np.ndarray:
    """Return the linear light of each of 65,536 values, from a tag `curv` or `para`."""
    if tag.startswith(b"curv"):
        (count,) = struct.unpack_from(">L", tag, 8)
        if count < 2:
            gamma = struct.unpack_from(">H", tag, 12)[0] / 256 if count else 1.0
            return (_GRID**gamma).astype(np.float32)
        table = np.frombuffer(tag, ">u2", count, 12) / 65_535
        return np.interp(_GRID, np.linspace(0, 1, count), table).astype(np.float32)
    if not tag.startswith(b"para"):
        raise ValueError("an unknown curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    values = np.array(struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)) / 65_536
    return _parametric(kind, *values)


def _parametric(  # noqa: PLR0913  ICC's parameters.
    kind: int,
    g: float,
    a: float = 1,
    b: float = 0,
    c: float = 0,
    d: float = 0,
    e: float = 0,
    f: float = 0,
) -> np.ndarray:
    """Compute ICC's parametric curves (ICC.1:2022, 10.18)."""
    if kind in (1, 2):  # Constant up to where the power begins, as below zero it is zero.
        e = c
    power = np.maximum(a * _GRID + b, 0) ** g + e
    curve: np.ndarray = np.clip(np.where(d <= _GRID, power, c * _GRID + f), 0, 1)
    return curve.astype(np.float32)


_SRGB = RgbSpace((_parametric(3, *SRGB_CURVE),) * 3, rgb_to_xyz(SRGB_PRIMARIES, D65))


def linear_to_srgb(primaries: Sequence[float], white: Sequence[float]) -> np.ndarray:
    """Return the matrix of linear R, G, B of other primaries → linear sRGB: [3, 3], for columns."""
    matrix: np.ndarray = np.linalg.solve(_SRGB.to_xyz, rgb_to_xyz(primaries, white))
    return matrix
