"""Parts of a photo in its painting: its colours, or its pixels outside a mask.

Images are float32 [H, W, 3], sRGB 0…1; masks float32 [H, W], 0…1, soft in between. Lightness, hue
and chroma are Oklab's (Ottosson 2020, "A perceptual color space for image processing"): L is
lightness; a and b give hue and chroma. Hues stay the same when chroma changes, blue ones too.
"""

from collections.abc import Callable

import numpy as np

from painterly.images.arrays import bands, small_bands, to_float

# Rows processed at a time: a large image never has several copies in floats.
_BAND = 64

# Rec. 601's luma, which drawing programs and Pillow use to convert colours to grey.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_COLOURLESS = 2.5 / 255  # the largest difference between the channels of a grey

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


def preserve(
    painted: np.ndarray, photo: np.ndarray, mask: np.ndarray | None = None, share: float = 1
) -> np.ndarray:
    """Return the painted image's lightness with the photo's colours, Oklab's a and b.

    A colour that does not exist at its lightness loses chroma until it does; lightness and hue
    stay.

    Args:
        painted: float32 [H, W, 3], sRGB 0…1.
        photo: The same shape.
        mask: float32 [H, W]. At 0, `painted` stays bit for bit; at 1, or without a mask, all
            colours are the photo's.
        share: How much the photo's colours count beside the painted ones, above 0 to 1.
    """

    def recoloured(rows: slice) -> np.ndarray:
        lab, has = srgb_to_oklab(photo[rows]), srgb_to_oklab(painted[rows])
        lab[..., 0] = has[..., 0]
        if share < 1:
            lab[..., 1:] = share * lab[..., 1:] + (1 - share) * has[..., 1:]
        return oklab_to_srgb(lab)

    return _changed(painted, recoloured, mask)


def masked(photo: np.ndarray, painted: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the photo at a mask of 0, the painted image at 1, and a linear blend in between.

    Args:
        photo: float32 [H, W, 3], sRGB 0…1. Cache bit for bit, as is `painted`.
        painted: The same shape.
        mask: float32 [H, W].
    """
    return _changed(photo, lambda rows: painted[rows], mask)


def _changed(
    picture: np.ndarray, change: Callable[[slice], np.ndarray], mask: np.ndarray | None
) -> np.ndarray:
    """Blend a picture with `change` of its rows by a mask; without one, return only the change."""
    out = np.empty(picture.shape, np.float32)
    for rows in bands(len(picture), _BAND):
        out[rows] = change(rows)
        if mask is not None:
            share = mask[rows, :, None]
            out[rows] = (1 - share) * picture[rows] + share * out[rows]
    return out


def is_grey(pixels: np.ndarray) -> bool:
    """Return whether pixels [H, W, 3], floats 0…1 or full-range integers, are grey, apart
    from rounding and compression."""
    return all(
        np.ptp(to_float(pixels[rows]), axis=-1).max() <= _COLOURLESS
        for rows in small_bands(*pixels.shape[:2])
    )


def grey(pixels: np.ndarray) -> np.ndarray:
    """Return the luma of pixels [H, W, 3], floats, in all three channels: a view, not to be
    written to."""
    luma = np.empty(pixels.shape[:2], np.float32)
    for rows in small_bands(*pixels.shape[:2]):
        luma[rows] = np.minimum(pixels[rows] @ LUMA, 1)
    return np.broadcast_to(luma[..., None], pixels.shape)


def srgb_encoded(linear: np.ndarray) -> np.ndarray:
    """Return linear sRGB, clipped, as sRGB 0…1."""
    linear = np.clip(linear, 0, 1)
    encoded: np.ndarray = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return encoded


def srgb_to_oklab(srgb: np.ndarray) -> np.ndarray:
    """Convert sRGB [..., 3] to Oklab [..., 3] in float32: L 0…1, a and b within about ±0.4.

    For colours outside sRGB the transfer curve is mirrored at 0, as in scRGB.
    """
    size = np.abs(srgb)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    cones = np.copysign(linear, srgb) @ _CONES.T.astype(np.float32)
    lab: np.ndarray = np.cbrt(cones) @ _OPPONENTS.T.astype(np.float32)
    return lab


def oklab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """Convert Oklab [..., 3] to sRGB 0…1 of the same lightness and hue.

    A colour that sRGB does not hold loses as much chroma as it has to.
    """
    linear = _linear_light(lab)
    outside = _is_outside(linear)
    if outside.any():
        linear[outside] = _with_less_chroma(lab[outside])
    return srgb_encoded(linear)


def _with_less_chroma(lab: np.ndarray) -> np.ndarray:
    """Move Oklab colours [n, 3] outside sRGB towards grey, up to the gamut's surface: linear sRGB.

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
    """Convert Oklab to linear sRGB [..., 3], outside 0…1 where sRGB does not hold the colour."""
    cones = (lab @ np.linalg.inv(_OPPONENTS).T.astype(np.float32)) ** 3
    linear: np.ndarray = cones @ np.linalg.inv(_CONES).T.astype(np.float32)
    return linear


def _is_outside(linear: np.ndarray) -> np.ndarray:
    return np.asarray(((linear < -_ROUNDING) | (linear > 1 + _ROUNDING)).any(axis=-1))
