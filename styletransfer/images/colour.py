"""Colour transfer: a photo's colours into its painting, or the paintings' palette into a photo.

Images are float32 [H, W, 3], sRGB 0…1; masks float32 [H, W], 0…1, soft in between. Lightness, hue
and chroma are Oklab's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from styletransfer.errors import PictureError
from styletransfer.images.arrays import resize, to_float
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
    """The painted image's lightness with the photo's colours, Oklab's a and b.

    painted, photo: float32 [H, W, 3], sRGB 0…1. mask: float32 [H, W]; where it is 0 `painted` stays
    bit for bit, where it is 1 all colours are the photo's. The chroma of a colour that does not
    exist at its lightness is reduced until it does; lightness and hue stay.

    Raises PictureError if the shapes differ.
    """
    _check_shape(photo, painted, "the photo")
    _check_mask(mask, painted)

    def recoloured(rows: slice) -> np.ndarray:
        lab = srgb_to_oklab(photo[rows])
        lab[..., 0] = srgb_to_oklab(painted[rows])[..., 0]
        return oklab_to_srgb(lab)

    return _changed(painted, recoloured, mask)


@dataclass(frozen=True)
class Palette:
    """The colours of one or more paintings.

    paintings: float32 [h, w, 3], sRGB 0…1, each of its own size. shares: of the paintings, with any
    sum; None: equal. masks: float32 [h, w] each, which part of a painting counts; None: all.

    Several paintings count as one image of which each covers its share: as with blended Gram
    matrices, both palettes appear rather than their mean.
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
    """The photo in the palette's colours, as input of the style transfer (Gatys et al. 2017,
    "Controlling Perceptual Factors in Neural Style Transfer", 4.1): float32 [H, W, 3].

    photo: [H, W, 3], sRGB, floats 0…1 or full-range integers, which are never copied in floats.

    method: "moments" brings the mean and covariance of RGB to the paintings', by the linear map
    that moves colours least (Pitié & Kokaram 2007, "The linear Monge-Kantorovitch linear colour
    mapping for example-based colour transfer"); "histogram" brings the whole distribution of each
    of Oklab's L, a and b there. Colours outside sRGB lose chroma and keep their hue.

    mask: float32 [H, W]; only what it shows is counted and changed: where it is 0 the photo stays
    bit for bit.

    Raises PictureError for masks of another shape or a painting's mask that is all black.
    """
    paintings = palette.paintings
    shares = palette.shares or [1.0] * len(paintings)
    masks = palette.masks or [None] * len(paintings)
    _check_mask(mask, photo)
    for painting, painting_mask in zip(paintings, masks, strict=True):
        _check_mask(painting_mask, painting)
        if painting_mask is not None and not painting_mask.any():
            raise PictureError("a painting's mask is all black; show the part whose colours count")
    if mask is not None and not mask.any():
        return to_float(photo)

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
    """A finished painting in its photo's colours: pixel by pixel as in `preserve`, or with
    `histogram` only their distribution as in `match`, which keeps more of the painting's own.

    generated: float32 [H, W, 3], sRGB 0…1. content: such an array of any size, resized to that one.
    mask: float32 [H, W], the part of both images that counts; where it is 0 `generated` stays bit
    for bit.
    """
    content = resize(content, *generated.shape[:2])
    if histogram:
        return match(generated, Palette([content], masks=[mask]), "histogram", mask)
    return preserve(generated, content, mask)


def masked(photo: np.ndarray, painted: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The photo where mask is 0, the painted image where it is 1, both bit for bit, and a linear
    blend in between.

    photo, painted: float32 [H, W, 3], sRGB 0…1. mask: float32 [H, W]. Raises PictureError if the
    shapes differ.
    """
    _check_shape(painted, photo, "the painted picture")
    _check_mask(mask, photo)
    return _changed(photo, lambda rows: painted[rows], mask)


def _changed(
    picture: np.ndarray, change: Callable[[slice], np.ndarray], mask: np.ndarray | None
) -> np.ndarray:
    """The picture where mask is 0, and `change` of its rows where it is 1 or None; float32."""
    out = np.empty(picture.shape, np.float32)
    for rows in _bands(picture):
        out[rows] = change(rows)
        if mask is not None:
            share = mask[rows, :, None]
            out[rows] = (1 - share) * to_float(picture[rows]) + share * out[rows]
    return out


def _bands(picture: np.ndarray) -> Iterator[slice]:
    return (slice(top, top + _BAND) for top in range(0, len(picture), _BAND))


def _check_shape(picture: np.ndarray, like: np.ndarray, label: str) -> None:
    if picture.shape != like.shape:
        raise PictureError(
            f"{label} is {picture.shape[1]} × {picture.shape[0]} pixels and the picture it goes "
            f"with {like.shape[1]} × {like.shape[0]}; bring them to one size"
        )


def _check_mask(mask: np.ndarray | None, picture: np.ndarray) -> None:
    if mask is not None and mask.shape != picture.shape[:2]:
        raise PictureError(
            f"a mask of shape {list(mask.shape)} does not fit a picture of "
            f"{list(picture.shape)}; bring it to the picture's size"
        )


def _moments(picture: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Weighted means of all products of 1, R, G, B: [4, 4]; the first row is 1 and the mean.

    In this form the statistics of a blend are the weighted mean of its paintings'.
    """
    total = np.zeros((4, 4))
    for rows in _bands(picture):
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
    for rows in _bands(picture):
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
