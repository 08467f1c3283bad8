"""Colour transfer: a photo's colours into its painting, or the paintings' palette into a photo.

Images are float32 [H, W, 3], sRGB 0…1; masks float32 [H, W], 0…1, soft in between. Lightness, hue
and chroma are Oklab's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from styletransfer.images.arrays import bands, resize, to_float
from styletransfer.images.oklab import oklab_to_srgb, srgb_to_oklab

# Rows processed at a time: a large image never has several copies in floats.
_BAND = 64

# The least standard deviation, in sRGB 0…1, that counts as colour. Smaller ones are stretched no
# further than this one; otherwise a grey photo's JPEG noise would become its colours.
_NOISE = 2 / 255

# Bins per unit of Oklab, and the first bin's value; L, a and b are within. Overshoot that is not
# counts near the ends, and not at them, where smoothing would leave no rank of 0.
_BINS, _FIRST = 1 << 16, -0.5
_EDGES = _FIRST + np.arange(2 * _BINS + 1) / _BINS

# Bins over which a histogram is smoothed: one step of 8 bits. It keeps the 256 values of 8-bit
# images from becoming bands, and noise from being amplified.
_STEP = _BINS // 256


def preserve(painted: np.ndarray, photo: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Return the painted image's lightness with the photo's colours, Oklab's a and b.

    A colour that does not exist at its lightness loses chroma until it does; lightness and hue
    stay.

    Args:
        painted: float32 [H, W, 3], sRGB 0…1.
        photo: The same shape.
        mask: float32 [H, W]. At 0, `painted` stays bit for bit; at 1, or without a mask, all
            colours are the photo's.
    """

    def recoloured(rows: slice) -> np.ndarray:
        lab = srgb_to_oklab(photo[rows])
        lab[..., 0] = srgb_to_oklab(painted[rows])[..., 0]
        return oklab_to_srgb(lab)

    return _changed(painted, recoloured, mask)


@dataclass(frozen=True)
class Palette:
    """The colours of one or more paintings.

    Several paintings act like one image with an area for each in the size of its share: as with
    blended Gram matrices, both palettes appear rather than their mean.

    Attributes:
        paintings: float32 [h, w, 3], sRGB 0…1, in any sizes.
        shares: The weights of the paintings, with any sum; equal by default.
        masks: float32 [h, w], not black all over, or None for the whole painting.
    """

    paintings: Sequence[np.ndarray]
    shares: Sequence[float] | None = None
    masks: Sequence[np.ndarray | None] | None = None


def match(
    photo: np.ndarray,
    palette: Palette,
    method: str = "moments",
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Return the photo in the palette's colours, as input of the style transfer (Gatys et al. 2017,
    "Controlling Perceptual Factors in Neural Style Transfer", 4.1).

    Colours outside sRGB lose chroma and keep their hue.

    Args:
        photo: [H, W, 3], sRGB, floats 0…1 or full-range integers, which are never copied in floats.
        palette: The colours.
        method: `moments` changes the mean and covariance of RGB to the paintings', by the linear
            map that moves colours least (Pitié & Kokaram 2007, "The linear Monge-Kantorovitch
            linear colour mapping for example-based colour transfer"); `histogram` changes the whole
            distribution of each of Oklab's L, a and b.
        mask: float32 [H, W]. Only the part that it shows is measured and changed: at 0, the photo
            stays bit for bit.

    Returns:
        float32 [H, W, 3], 0…1.
    """
    paintings = palette.paintings
    shares = palette.shares or [1.0] * len(paintings)
    if mask is not None and not mask.any():
        return to_float(photo)
    masks = palette.masks or [None] * len(paintings)
    statistics, transport = {
        "moments": (_moments, _linear_transport),
        "histogram": (_histograms, _quantile_transport),
    }[method]
    weighted = [
        share / sum(shares) * statistics(painting, painting_mask)
        for share, painting, painting_mask in zip(shares, paintings, masks, strict=True)
    ]
    recoloured = transport(statistics(photo, mask), sum(weighted[1:], weighted[0]))
    return _changed(photo, lambda rows: recoloured(to_float(photo[rows])), mask)


def transfer(
    content: np.ndarray,
    generated: np.ndarray,
    mask: np.ndarray | None = None,
    histogram: bool = False,
) -> np.ndarray:
    """Return a finished painting in its photo's colours.

    Args:
        content: The photo, float32 [h, w, 3], sRGB 0…1, resized to the painting's size.
        generated: The painting, float32 [H, W, 3].
        mask: float32 [H, W], the part of both that is used. At 0, `generated` stays bit for bit.
        histogram: Whether to transfer only the distribution of colours, as in `match`, which keeps
            more of the painting, instead of each pixel's colour, as in `preserve`.
    """
    content = resize(content, *generated.shape[:2])
    if histogram:
        return match(generated, Palette([content], masks=[mask]), "histogram", mask)
    return preserve(generated, content, mask)


def masked(photo: np.ndarray, painted: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the photo at a mask of 0, the painted image at 1, and a linear blend in between.

    Args:
        photo: float32 [H, W, 3], sRGB 0…1. Kept bit for bit, as is `painted`.
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
            out[rows] = (1 - share) * to_float(picture[rows]) + share * out[rows]
    return out


def _moments(picture: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Weighted means of all products of 1, R, G, B: [4, 4]; the first row is 1 and the mean.

    In this form the statistics of a blend are the weighted mean of its paintings'.
    """
    total = np.zeros((4, 4))
    for rows in bands(len(picture), _BAND):
        colours = to_float(picture[rows]).reshape(-1, 3)
        colours = np.insert(colours.astype(np.float64), 0, 1, axis=1)
        weight = 1 if weights is None else weights[rows].reshape(-1, 1)
        total += colours.T @ (weight * colours)
    means: np.ndarray = total / total[0, 0]
    return means


def _linear_transport(have: np.ndarray, wanted: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The map of colours that moves them least and turns the moments [4, 4] `have` into `wanted`.

    With covariances C and S it is the symmetric C^-½ (C^½ S C^½)^½ C^-½.
    """
    mean, wanted_mean = have[0, 1:], wanted[0, 1:]
    variances, axes = np.linalg.eigh(have[1:, 1:] - np.outer(mean, mean))
    deviations = np.sqrt(np.maximum(variances, _NOISE**2))
    root, inverse_root = ((axes * scale) @ axes.T for scale in (deviations, 1 / deviations))
    between = root @ (wanted[1:, 1:] - np.outer(wanted_mean, wanted_mean)) @ root
    variances, axes = np.linalg.eigh(between)
    linear = inverse_root @ (axes * np.sqrt(np.maximum(variances, 0))) @ axes.T @ inverse_root

    def recoloured(colours: np.ndarray) -> np.ndarray:
        moved: np.ndarray = ((colours - mean) @ linear + wanted_mean).astype(np.float32)
        outside = ((moved < 0) | (moved > 1)).any(axis=-1)
        moved[outside] = oklab_to_srgb(srgb_to_oklab(moved[outside]))
        return moved

    return recoloured


def _histograms(picture: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Weighted histograms of L, a and b: [3, bins], each row of sum 1."""
    counts = np.zeros((3, len(_EDGES) - 1))
    for rows in bands(len(picture), _BAND):
        lab = srgb_to_oklab(to_float(picture[rows]))
        bins = ((lab - _FIRST) * _BINS).astype(np.intp).reshape(-1, 3)
        np.clip(bins, _STEP, counts.shape[1] - _STEP, out=bins)
        weight = None if weights is None else weights[rows].ravel()
        for channel in range(3):
            counts[channel] += np.bincount(bins[:, channel], weight, counts.shape[1])
    shares: np.ndarray = counts / counts.sum(axis=1, keepdims=True)
    return shares


def _quantile_transport(have: np.ndarray, wanted: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The map of colours that turns each channel's histogram [3, bins] into the wanted one: every
    value becomes the one of equal rank."""
    tables = []
    for counts, wanted_counts in zip(have, wanted, strict=True):
        ranks = _ranks(wanted_counts)
        # Outside the values that occur ranks are constant, and have no inverse.
        first, last = np.searchsorted(ranks, 0, "right") - 1, np.searchsorted(ranks, ranks[-1])
        occurs = slice(first, last + 1)
        tables.append(np.interp(_ranks(counts), ranks[occurs], _EDGES[occurs]))

    def recoloured(colours: np.ndarray) -> np.ndarray:
        lab = srgb_to_oklab(colours)
        for channel, table in enumerate(tables):
            lab[..., channel] = np.interp(lab[..., channel], _EDGES, table)
        return oklab_to_srgb(lab)

    return recoloured


def _ranks(counts: np.ndarray) -> np.ndarray:
    """The share [bins + 1] of values below each edge, smoothed over one step of 8 bits."""
    below = np.pad(np.concatenate([[0], np.cumsum(counts)]), _STEP // 2, mode="edge")
    # Differences of one sum: empty bins stay exactly 0, and ranks never decrease.
    smooth = (below[_STEP:] - below[:-_STEP]) / _STEP
    ranks: np.ndarray = np.cumsum(smooth)
    return ranks
