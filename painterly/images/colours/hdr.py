"""HDR pictures (PQ and HLG, ITU-R BT.2100) → sRGB.

Light is mapped to the range of a usual screen as BT.2390 (5.4.1) maps it from a brighter one, and
the reference white of BT.2408, 203 cd/m², becomes white. Up to about half of that, light stays as
it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from painterly.images.arrays import small_bands, to_float
from painterly.images.colours.colour import srgb_encoded

PQ, HLG = 16, 18  # transfer characteristics in H.273

WHITE = 203.0  # cd/m²
_PQ_PEAK, _HLG_PEAK, _HLG_GAMMA = 10_000.0, 1000.0, 1.2
_M1, _M2 = 2610 / 16_384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_SRGB_PRIMARIES, _D65 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06), (0.3127, 0.3290)
_D50 = np.array([0.9642, 1.0, 0.8249])
# Bradford's cone responses: colours are adapted from one white to another in them.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)


class Hdr(NamedTuple):
    """An HDR encoding: transfer characteristics, and the chromaticities of red, green and blue, and
    of white."""

    transfer: int
    primaries: Sequence[float]
    white: Sequence[float]


def to_srgb(values: np.ndarray, hdr: Hdr) -> np.ndarray:
    """Return integers [H, W, 3] of an HDR picture in sRGB, uint16."""
    brightest = WHITE
    for rows in small_bands(*values.shape[:2]):
        brightest = max(brightest, float(_light(to_float(values[rows]), hdr).max()))
    of_srgb = _rgb_to_xyz(_SRGB_PRIMARIES, _D65)
    matrix = np.linalg.solve(of_srgb, _rgb_to_xyz(hdr.primaries, hdr.white)).T.astype(np.float32)
    out = np.empty(values.shape, np.uint16)
    for rows in small_bands(*values.shape[:2]):
        light = _light(to_float(values[rows]), hdr)
        strongest = np.maximum(light.max(-1, keepdims=True), 1e-6)
        light *= _mapped(strongest, brightest) / strongest
        out[rows] = np.rint(srgb_encoded(light / WHITE @ matrix) * 65_535)
    return out


def _light(values: np.ndarray, hdr: Hdr) -> np.ndarray:
    """Return the light of a screen in cd/m², from values 0…1 [..., 3]."""
    if hdr.transfer == PQ:
        return _pq_light(values)
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - _C) / _A) + _B) / 12)
    luminance = (scene @ _LUMA)[..., None]
    light: np.ndarray = _HLG_PEAK * luminance ** (_HLG_GAMMA - 1) * scene
    return light


def _pq_light(values: np.ndarray) -> np.ndarray:
    power = values ** (1 / _M2)
    light: np.ndarray = (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1) * _PQ_PEAK
    return light


def _pq_values(light: np.ndarray) -> np.ndarray:
    power = (light / _PQ_PEAK) ** _M1
    values: np.ndarray = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return values


def _mapped(light: np.ndarray, brightest: float) -> np.ndarray:
    """Map light, up to `brightest` cd/m², to at most WHITE: straight up to a knee, then by a
    Hermite spline (BT.2390, in values of PQ)."""
    peak, most = (float(_pq_values(np.array(each))) for each in (brightest, WHITE))
    most /= peak
    knee = 1.5 * most - 0.5
    if knee >= 1:
        return light
    value = _pq_values(light) / peak
    t = np.clip((value - knee) / (1 - knee), 0, 1)
    curved = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * most
    )
    return _pq_light(np.where(value < knee, value, curved) * peak)


def _rgb_to_xyz(primaries: Sequence[float], white: Sequence[float]) -> np.ndarray:
    """Return the matrix of linear R, G, B → X, Y, Z, adapted to D50: float64 [3, 3]."""
    points = np.array([*primaries, *white], np.float64).reshape(4, 2)
    xyz = np.column_stack([points[:, 0], points[:, 1], 1 - points.sum(1)]) / points[:, 1:]
    columns, white_xyz = xyz[:3].T, xyz[3]
    columns = columns * np.linalg.solve(columns, white_xyz)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white_xyz)
    adapted: np.ndarray = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ columns
    return adapted
