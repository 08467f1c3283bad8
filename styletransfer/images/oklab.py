"""sRGB ↔ Oklab (Ottosson 2020, "A perceptual color space for image processing").

Oklab's L is lightness; a and b give hue and chroma. Hues stay the same when chroma changes, blue
ones too.
"""

import numpy as np

# Linear sRGB → cone responses, and their cube roots → Oklab (Ottosson 2020).
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OPPONENTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)

# In linear light; from sRGB to Oklab and back, float32 errs by a third of it. Near black, where it
# shows most, it is a thirtieth of a step of 8 bits.
_ROUNDING = 1e-5

# Bisections of chroma: the remaining distance to the gamut's surface is below 0.0001.
_HALVINGS = 12


def srgb_to_oklab(srgb: np.ndarray) -> np.ndarray:
    """sRGB [..., 3] → Oklab [..., 3] in float32: L 0…1, a and b within about ±0.4.

    For colours outside sRGB the transfer curve is mirrored at 0, as in scRGB.
    """
    size = np.abs(srgb)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    cones = np.copysign(linear, srgb) @ _CONES.T.astype(np.float32)
    lab: np.ndarray = np.cbrt(cones) @ _OPPONENTS.T.astype(np.float32)
    return lab


def oklab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """Oklab [..., 3] → sRGB 0…1 of the same lightness and hue, with as much of the chroma as sRGB
    holds."""
    lab = lab.copy()
    np.clip(lab[..., 0], 0, 1, out=lab[..., 0])
    linear = _linear_light(lab)
    outside = _is_outside(linear)
    if outside.any():
        linear[outside] = _with_less_chroma(lab[outside])
    np.clip(linear, 0, 1, out=linear)
    srgb: np.ndarray = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return srgb


def _with_less_chroma(lab: np.ndarray) -> np.ndarray:
    """The linear sRGB [n, 3] of Oklab colours [n, 3] outside sRGB, moved towards grey up to the
    gamut's surface.

    By bisection: grey is inside, and the line from it to the colour leaves the gamut once.
    """
    inside, outside = np.zeros((len(lab), 1), np.float32), np.ones((len(lab), 1), np.float32)
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        beyond = _is_outside(_linear_light(_scaled_chroma(lab, middle)))[:, None]
        outside = np.where(beyond, middle, outside)
        inside = np.where(beyond, inside, middle)
    return _linear_light(_scaled_chroma(lab, inside))


def _scaled_chroma(lab: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return np.concatenate([lab[:, :1], lab[:, 1:] * factor], axis=1)


def _linear_light(lab: np.ndarray) -> np.ndarray:
    """Oklab [..., 3] → linear sRGB [..., 3], outside 0…1 where sRGB does not hold the colour."""
    cones = (lab @ np.linalg.inv(_OPPONENTS).T.astype(np.float32)) ** 3
    linear: np.ndarray = cones @ np.linalg.inv(_CONES).T.astype(np.float32)
    return linear


def _is_outside(linear: np.ndarray) -> np.ndarray:
    return np.asarray(((linear < -_ROUNDING) | (linear > 1 + _ROUNDING)).any(axis=-1))
