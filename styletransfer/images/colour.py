"""Colours brought from one picture to another: the photo's into a painting, or a palette's into it.

Pictures are float32 [H, W, 3], sRGB 0…1; masks float32 [H, W], 0…1, where values between are
soft. Lightness, hue and chroma are those of Oklab (Ottosson 2020, "A perceptual color space for
image processing"), in which hues stay what they are when chroma changes, blue ones too.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from styletransfer.errors import ConfigError, PictureError
from styletransfer.images.arrays import resize

COLOR_MATCH_METHODS = ("moments", "histogram")

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

# Rows worked on at a time, so that a large picture never has several copies in floats.
_BAND = 64

# Linear light that float32 loses on the way there and back; near black, where it shows most, it
# comes to a sixth of a step of 8 bits.
_ROUNDING = 1e-5

# Halvings of chroma: what is left to the gamut's surface is below 0.0001.
_HALVINGS = 12

# A standard deviation, in sRGB 0…1, that is noise and not colour: it is not stretched further
# than one of this size would be. Without it, a grey photo's JPEG noise would become its colours.
_NOISE = 2 / 255

# Bins of Oklab's unit, and where the first of them is; L, a and b and their overshoot all fit.
_BINS, _FIRST = 1 << 16, -0.5
_EDGES = _FIRST + np.arange(2 * _BINS + 1) / _BINS

# Bins over which a histogram is smoothed: a step of 8 bits, since what comes in 8 bits was
# continuous once. It keeps their 256 levels from becoming bands, and noise from being spread.
_STEP = _BINS // 256


def preserve(painted: np.ndarray, photo: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """The painted picture's lightness with the photo's colours: its a and b of Oklab.

    painted, photo: float32 [H, W, 3], sRGB 0…1. mask: float32 [H, W]; where it is 0 painted stays
    bit for bit, where it is 1 colours are all the photo's. Where a colour does not exist at that
    lightness, its chroma is reduced until it does; lightness and hue stay. Raises PictureError
    where the shapes differ.
    """
    _check_shape(photo, painted, "the photo")
    _check_mask(mask, painted)

    def recoloured(rows: slice) -> np.ndarray:
        lab = _oklab(photo[rows])
        lab[..., 0] = _oklab(painted[rows])[..., 0]
        return _srgb(lab)

    return _changed(painted, recoloured, mask)


def match(
    photo: np.ndarray,
    paintings: Sequence[np.ndarray],
    shares: Sequence[float] | None = None,
    method: str = "moments",
    mask: np.ndarray | None = None,
    painting_masks: Sequence[np.ndarray | None] | None = None,
) -> np.ndarray:
    """The photo in the colours of the paintings, to be painted then (Gatys et al. 2017,
    "Controlling Perceptual Factors in Neural Style Transfer", 4.1).

    photo: float32 [H, W, 3], sRGB 0…1; paintings such arrays, each of its own size. Blended
    paintings count as one, of which each covers its part of `shares` (any sum, None for equal):
    as in their blended Gram matrices, both palettes come through rather than the mean of them.

    method: "moments" brings the mean and covariance of RGB to the paintings', by the linear map
    that moves colours least (Pitié & Kokaram 2007, "The linear Monge-Kantorovitch linear colour
    mapping for example-based colour transfer"); "histogram" brings the whole distribution of each
    of Oklab's L, a and b there. What falls outside sRGB loses chroma, not its hue.

    mask: float32 [H, W]; only what it shows is counted and changed: where it is 0 the photo stays
    bit for bit. painting_masks: the same for what is counted of each painting, or None.

    Raises ConfigError for another method, ValueError for shares or masks that do not fit in number,
    PictureError for masks of another shape or a painting's mask that shows nothing.
    """
    if method not in COLOR_MATCH_METHODS:
        raise ConfigError(
            f"colour matching is {method!r}; expected one of {', '.join(COLOR_MATCH_METHODS)}"
        )
    shares = _proportions(shares, len(paintings))
    painting_masks = [None] * len(paintings) if painting_masks is None else painting_masks
    if len(painting_masks) != len(paintings):
        raise ValueError(f"{len(painting_masks)} masks for {len(paintings)} paintings")
    _check_mask(mask, photo)
    for painting, painting_mask in zip(paintings, painting_masks, strict=True):
        _check_mask(painting_mask, painting)
        if painting_mask is not None and not painting_mask.any():
            raise PictureError("a painting's mask is all black; show the part whose colours count")
    if mask is not None and not mask.any():
        return photo.copy()

    statistics, transport = {
        "moments": (_moments, _linear_transport),
        "histogram": (_histograms, _quantile_transport),
    }[method]
    wanted = sum(
        share * statistics(painting, painting_mask)
        for share, painting, painting_mask in zip(shares, paintings, painting_masks, strict=True)
    )
    recoloured = transport(statistics(photo, mask), wanted)
    return _changed(photo, lambda rows: recoloured(photo[rows]), mask)


def transfer(
    content: np.ndarray,
    generated: np.ndarray,
    mask: np.ndarray | None = None,
    histogram: bool = False,
) -> np.ndarray:
    """A finished painting in its photo's colours: pixel by pixel as in `preserve`, or, with
    `histogram`, only their distribution as in `match`, which leaves the painting more of its own.

    generated: float32 [H, W, 3], sRGB 0…1; content such an array of any size, taken at that one.
    mask: float32 [H, W], the part of both pictures that this is about; where it is 0 generated
    stays bit for bit.
    """
    content = resize(content, *generated.shape[:2])
    if histogram:
        return match(generated, [content], None, "histogram", mask, [mask])
    return preserve(generated, content, mask)


def masked(photo: np.ndarray, painted: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The photo where mask is 0, the painted picture where it is 1, both bit for bit; between
    them their mix, in proportion.

    photo, painted: float32 [H, W, 3], sRGB 0…1; mask float32 [H, W]. Raises PictureError where
    the shapes differ.
    """
    _check_shape(painted, photo, "the painted picture")
    _check_mask(mask, photo)
    return _changed(photo, lambda rows: painted[rows], mask)


def _changed(
    picture: np.ndarray, change: Callable[[slice], np.ndarray], mask: np.ndarray | None
) -> np.ndarray:
    """picture where mask is 0, and what `change` makes of its rows where it is 1 or None."""
    out = np.empty_like(picture)
    for rows in _bands(picture):
        out[rows] = change(rows)
        if mask is not None:
            part = mask[rows, :, None]
            out[rows] = (1 - part) * picture[rows] + part * out[rows]
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


def _proportions(shares: Sequence[float] | None, count: int) -> list[float]:
    """Shares that sum to 1."""
    shares = [1.0] * count if shares is None else [float(share) for share in shares]
    if not count or len(shares) != count:
        raise ValueError(f"{len(shares)} shares for {count} paintings")
    if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise ValueError(f"shares {shares} must not be negative, and not all 0")
    return [share / sum(shares) for share in shares]


def _moments(picture: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Weighted means of all products of 1, R, G, B: [4, 4]; the first row holds 1 and the mean.

    In this form the statistics of a blend are the mean of its parts' statistics.
    """
    total = np.zeros((4, 4))
    for rows in _bands(picture):
        colours = picture[rows].reshape(-1, 3)
        colours = np.insert(colours.astype(np.float64), 0, 1, axis=1)
        weight = 1 if weights is None else weights[rows].reshape(-1, 1)
        total += colours.T @ (weight * colours)
    return total / total[0, 0]


def _linear_transport(have: np.ndarray, wanted: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The map of colours that moves them least and brings moments [4, 4] to others.

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
        moved = ((colours - mean) @ linear + wanted_mean).astype(np.float32)
        outside = ((moved < 0) | (moved > 1)).any(axis=-1)
        moved[outside] = _srgb(_oklab(moved[outside]))
        return moved

    return recoloured


def _histograms(picture: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """How much of a picture has which L, a and b: [3, bins], each row of sum 1."""
    counts = np.zeros((3, len(_EDGES) - 1))
    for rows in _bands(picture):
        bins = ((_oklab(picture[rows]) - _FIRST) * _BINS).astype(np.intp).reshape(-1, 3)
        weight = None if weights is None else weights[rows].ravel()
        for channel in range(3):
            counts[channel] += np.bincount(bins[:, channel], weight, counts.shape[1])
    return counts / counts.sum(axis=1, keepdims=True)


def _quantile_transport(have: np.ndarray, wanted: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The map of colours that brings each channel's histogram [3, bins] to another: every value
    to the one of equal rank."""
    tables = []
    for counts, wanted_counts in zip(have, wanted, strict=True):
        ranks = _ranks(wanted_counts)
        # Beyond what occurs, ranks are 0 or 1 over long stretches, which have no one value.
        first, last = np.searchsorted(ranks, 0, "right") - 1, np.searchsorted(ranks, ranks[-1])
        occurs = slice(first, last + 1)
        tables.append(np.interp(_ranks(counts), ranks[occurs], _EDGES[occurs]))

    def recoloured(colours: np.ndarray) -> np.ndarray:
        lab = _oklab(colours)
        for channel, table in enumerate(tables):
            lab[..., channel] = np.interp(lab[..., channel], _EDGES, table)
        return _srgb(lab)

    return recoloured


def _ranks(counts: np.ndarray) -> np.ndarray:
    """The share [bins + 1] of values up to each edge, smoothed over a step of 8 bits."""
    below = np.pad(np.concatenate([[0], np.cumsum(counts)]), _STEP // 2, mode="edge")
    # As differences of one sum, what is empty stays exactly 0, and ranks never fall.
    smooth = (below[_STEP:] - below[:-_STEP]) / _STEP
    return np.cumsum(smooth)


def _oklab(srgb: np.ndarray) -> np.ndarray:
    """sRGB [..., 3] → Oklab [..., 3] in float32: L 0…1, a and b within about ±0.4.

    Colours outside sRGB have their curve mirrored at 0, as scRGB has it.
    """
    size = np.abs(srgb)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    cones = np.copysign(linear, srgb) @ _CONES.T.astype(np.float32)
    return np.cbrt(cones) @ _OPPONENTS.T.astype(np.float32)


def _srgb(lab: np.ndarray) -> np.ndarray:
    """Oklab [..., 3] → sRGB 0…1, with the greatest part of its chroma that exists in sRGB."""
    lab = lab.copy()
    np.clip(lab[..., 0], 0, 1, out=lab[..., 0])
    linear = _linear_light(lab)
    outside = _is_outside(linear)
    if outside.any():
        linear[outside] = _with_less_chroma(lab[outside])
    np.clip(linear, 0, 1, out=linear)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _with_less_chroma(lab: np.ndarray) -> np.ndarray:
    """The linear sRGB [n, 3] of Oklab colours [n, 3], each as far from grey as the gamut goes.

    Found by bisection: grey is always inside, and the way from it to the colour leaves once.
    """
    inside, outside = np.zeros((len(lab), 1), np.float32), np.ones((len(lab), 1), np.float32)
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        too_far = _is_outside(_linear_light(_scaled_chroma(lab, middle)))[:, None]
        outside = np.where(too_far, middle, outside)
        inside = np.where(too_far, inside, middle)
    return _linear_light(_scaled_chroma(lab, inside))


def _scaled_chroma(lab: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return np.concatenate([lab[:, :1], lab[:, 1:] * factor], axis=1)


def _linear_light(lab: np.ndarray) -> np.ndarray:
    cones = (lab @ np.linalg.inv(_OPPONENTS).T.astype(np.float32)) ** 3
    return cones @ np.linalg.inv(_CONES).T.astype(np.float32)


def _is_outside(linear: np.ndarray) -> np.ndarray:
    return ((linear < -_ROUNDING) | (linear > 1 + _ROUNDING)).any(axis=-1)
