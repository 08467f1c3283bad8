"""Recipe `instant`: a picture in one pass at each scale, without optimisation, in NumPy.

Each place of the picture, a square of PLACE px, is matched to a place of the painting, as in the
default recipe, and a decoder makes a picture of the matches (instant_networks.py). At the next
scale, about twice as large, the photo and this picture are matched together, so that forms grow
coarse to fine. Kolkin et al. 2022, "Neural Neighbor Style Transfer", have such a decoder for
features alone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from styletransfer.engine.constants import (
    CROWDING_WEIGHT,
    FULL_STRENGTH,
    MARGIN,
    MATCHED_DIRECTIONS,
    MATCHED_LAYERS,
    MAX_STRETCH,
    NO_LENGTH,
    PLACE,
    SAMPLE_GROUPS,
    SAMPLED_PLACES,
    SUBSPACE_ITERATIONS,
)
from styletransfer.engine.convolutions import parts, spread
from styletransfer.engine.grain import grained
from styletransfer.engine.instant_networks import (
    CHANNELS,
    DECODER_HALO,
    at_scale,
    decoded,
    features_of,
    joined,
    pixels_of,
    with_halo,
)
from styletransfer.engine.postprocess import Postprocess
from styletransfer.engine.schedule import painting_size, schedule
from styletransfer.errors import PictureError
from styletransfer.images.arrays import resample, resize, to_float
from styletransfer.settings import Settings
from styletransfer.vgg.registry import MULTIPLE

# Large pictures are computed in bands of rows, so that their memory is bounded.
BAND_PIXELS, LEAST_ROWS = 1_000_000, 64  # without their halo
# Bytes of a picture's features that are kept between their statistics and their matches. Those of a
# larger one are computed twice, first in a few bands for the statistics.
KEPT_FEATURES, FEW_BANDS = 600_000_000, 3
AT_ONCE = 128  # places compared with all candidates at a time: a cache holds their similarities
# Bytes of a painting's candidates. Rotations are not among them: they take half the time, and make
# no visible difference.
CANDIDATE_BYTES = 10_000_000
LAYER_CHANNELS = {"conv1_1": 32, "conv2_1": 64, "conv3_1": 128, "conv3_2": 128, "conv4_1": 256}
PLACE_BYTES=4*CHANNELS//PLACE**2
SAMPLED_CANDIDATES = 1500  # at least, for their covariance
KEPT_SIZES = 6  # of a painting's candidates
HALF = 0.5  # the least value of a mask at a place of a painting that is used
FULLY_COVERED = 0.9  # masks that are drawn by hand or stored as JPEG do not add up exactly
TINY = 1e-6

Size = tuple[int, int]  # (height, width)
OnBand = Callable[[], object]


class Candidates(NamedTuple):
    """The places of a painting that a picture's places are compared with.

    Attributes:
        scale: The factor of each channel [D].
        spread: Their standard deviation in each channel after it [D].
        basis: The directions in which they are compared [D, E].
        keys: Their directions from their mean, on the basis [K, E].
        joined: The decoder's first layer for each [K, 128].
        pixels: Their pixels [K, 48], sRGB 0…1.
    """

    scale: np.ndarray
    spread: np.ndarray
    basis: np.ndarray
    keys: np.ndarray
    joined: np.ndarray
    pixels: np.ndarray


class Painting:
    """A painting. It keeps its candidates at the latest sizes for further photos.

    Args:
        pixels: [H, W, 3], sRGB, floats 0…1 or full-range integers, of any size.
        mask: The part that is used, [h, w], 0…1, of any size, or None for all of it.
    """

    def __init__(self, pixels: np.ndarray, mask: np.ndarray | None = None) -> None:
        self._pixels, self._mask = pixels, mask
        self._kept: dict[Size, Candidates] = {}

    def size_for(self, picture: Size, stroke_size: float) -> Size:
        """Return the size at which the painting is compared with a picture of this size."""
        return painting_size(*self._pixels.shape[:2], max(picture), stroke_size)

    def candidates(self, size: Size, on_band: OnBand = lambda: None) -> Candidates:
        """Return the candidates at a size of the painting. `on_band` is called after each band."""
        candidates = self._kept.pop(size, None) or self._drawn(size, on_band)
        self._kept[size] = candidates  # The latest comes last.
        if len(self._kept) > KEPT_SIZES:
            del self._kept[next(iter(self._kept))]
        return candidates

    def _drawn(self, size: Size, on_band: OnBand) -> Candidates:
        image = on_canvas(resampled(self._pixels, size), margin=0)
        grid = image.shape[0] // PLACE, image.shape[1] // PLACE
        drawn = np.ones(grid, bool)
        if self._mask is not None:
            shown = resize(on_canvas(resize(self._mask, *size), margin=0), *grid)
            drawn = (shown > 0) & (shown >= min(HALF, shown.max()))
        share = CANDIDATE_BYTES / (4 * CHANNELS * max(1, drawn.sum()))
        drawn &= np.random.default_rng(0).random(grid) < share
        features = []
        for rows in bands(image):
            features.append(features_of(image, rows)[drawn[at_scale(rows, 1)]])
            on_band()
        return indexed(np.concatenate(features), pixels_of(image)[drawn])


def paint(
    photo: np.ndarray,
    paintings: Sequence[Painting],
    settings: Settings,
    shares: Sequence[float] | None = None,
    *,
    regions: Sequence[np.ndarray | None] | None = None,
    content_mask: np.ndarray | None = None,
    color_mask: np.ndarray | None = None,
    init: np.ndarray | None = None,
) -> np.ndarray:
    """Paint a photo. Other arguments and errors as in `steps`.

    Args:
        color_mask: The part to which `preserve_color` applies, [h, w], 0…1.

    Returns:
        The picture [h, w, 3], float32, sRGB 0…1, with the photo's size and colours if the settings
        ask for them, and the photo's pixels where nothing is painted.
    """
    *_, picture = steps(
        photo, paintings, settings, shares, regions=regions, content_mask=content_mask, init=init
    )
    painted = painted_part(regions or [None], content_mask)
    return Postprocess.of(photo, settings, painted, color_mask)(picture)


def steps(
    photo: np.ndarray,
    paintings: Sequence[Painting],
    settings: Settings,
    shares: Sequence[float] | None = None,
    *,
    regions: Sequence[np.ndarray | None] | None = None,
    content_mask: np.ndarray | None = None,
    init: np.ndarray | None = None,
    on_band: OnBand = lambda: None,
) -> Iterator[np.ndarray]:
    """Paint a photo, and yield the picture at each scale, [h, w, 3], float32, sRGB 0…1.

    Args:
        photo: The photo [H, W, 3], sRGB, floats 0…1 or full-range integers.
        paintings: The paintings.
        settings: Settings of recipe `instant`.
        shares: A positive number for each painting, of any sum; equal by default.
        regions: The part of the picture that each painting is for, [h, w], 0…1, of any size, or
            None. Parts that no region covers are decoded from the photo's own places.
        content_mask: The part of the picture that is painted, [h, w], 0…1, of any size.
        init: The picture to start from, of any size, instead of the photo.
        on_band: Called about every second between two bands; it may raise an exception to stop.

    Raises:
        PictureError: The masks leave nothing to paint.
    """
    shares, regions = shares or [1.0] * len(paintings), regions or [None] * len(paintings)
    part, strength = min(1.0, settings.strength / FULL_STRENGTH), settings.strength
    sizes, _ = schedule(*photo.shape[:2], settings)
    at_end = resampled(photo, sizes[-1])
    picture = None if init is None else to_float(init)
    for size in sizes:
        scaled = resampled(at_end, size)
        first = grained(scaled) if picture is None else resampled(picture, size)
        weights = [part * share for share in shares_of_places(shares, regions, content_mask, size)]
        candidates = [
            painting.candidates(painting.size_for(size, settings.stroke_size), on_band)
            for painting in paintings
        ]
        sought = on_canvas(strength * first + (1 - strength) * scaled)
        matches = nearest(candidates, sought, on_band)
        del sought, first
        canvas = decoded_matches(candidates, matches, weights, on_canvas(scaled), on_band)
        height, width = size
        picture = canvas[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        yield picture


def nearest(
    paintings: Sequence[Candidates], image: np.ndarray, on_band: OnBand = lambda: None
) -> list[np.ndarray]:
    """Find the number of each place's candidate in each painting, [H / 4, W / 4].

    Every place is matched to the candidate at the smallest angle to it, after the mean is
    subtracted from both and the picture's channels are stretched to the painting's spread.
    Candidates that are near to many places are held back, so that more of the painting is used.

    Args:
        paintings: The candidates of each painting.
        image: The picture on its canvas [H, W, 3], sRGB 0…1.
        on_band: As in `steps`.
    """
    every_band = bands(image)
    keeps = image.shape[0] * image.shape[1] * PLACE_BYTES <= KEPT_FEATURES
    some = np.linspace(0, len(every_band) - 1, FEW_BANDS).astype(int)
    kept, sample, sums, count = {}, [], np.zeros((2, CHANNELS)), 0
    for number in range(len(every_band)) if keeps else some:
        features = features_of(image, every_band[number]).reshape(-1, CHANNELS)
        order = np.random.default_rng(0).permutation(len(features))
        sample.append(features[order[:SAMPLED_PLACES]])
        sums += sums_of(features)
        count += len(features)
        if keeps:
            kept[number] = features
        on_band()
    mean, squares = sums / count
    spread_of_image = np.sqrt(np.maximum(squares - mean**2, 0))
    sampled = np.concatenate(sample)[:: len(sample)]
    comparisons = [
        Comparison.of(candidates, np.float32(mean), np.float32(spread_of_image), sampled)
        for candidates in paintings
    ]
    matches: list[list[np.ndarray]] = [[] for _ in paintings]
    for number, rows in enumerate(every_band):
        features = kept.pop(number, None)
        if features is None:
            features = features_of(image, rows).reshape(-1, CHANNELS)
        for found, comparison in zip(matches, comparisons, strict=True):
            found.append(comparison.matches(features))
        on_band()
    shape = image.shape[0] // PLACE, image.shape[1] // PLACE
    return [np.concatenate(each).reshape(shape) for each in matches]


class Comparison(NamedTuple):
    """How the places of a picture are compared with candidates.

    Attributes:
        mean: The picture's features' mean [D].
        factor: What their differences from it are multiplied by [D].
        basis: The directions in which they are compared [D, E].
        keys: The candidates' directions, and how much each is held back for queries of length 1,
            negative [E + 1, K].
    """

    mean: np.ndarray
    factor: np.ndarray
    basis: np.ndarray
    keys: np.ndarray

    @classmethod
    def of(
        cls, candidates: Candidates, mean: np.ndarray, deviation: np.ndarray, sample: np.ndarray
    ) -> "Comparison":
        """Prepare the comparison of a picture's places, of which there are a sample [N, D]."""
        scale, basis, keys = candidates.scale, candidates.basis, candidates.keys
        stretch = np.minimum(candidates.spread / (scale * deviation + NO_LENGTH), MAX_STRETCH)
        queries = stretch * scale * (sample - mean)
        lengths = np.linalg.norm(queries, axis=1, keepdims=True)
        directions = queries @ basis / (lengths + NO_LENGTH)
        groups = min(SAMPLE_GROUPS, len(sample))
        most_similar = [(keys @ directions[n::groups].T).max(1) for n in range(groups)]
        crowding = np.mean(most_similar, 0) * CROWDING_WEIGHT / (lengths.mean() + NO_LENGTH)
        with_crowding = np.ascontiguousarray(np.column_stack([keys, -crowding]).T)
        return cls(mean, stretch * scale, basis, with_crowding)

    def matches(self, features: np.ndarray) -> np.ndarray:
        """Return the number of the candidate of each place; features [N, D]."""
        found = np.empty(len(features), np.int32)

        def work(todo: Iterator[slice]) -> None:
            similarities = np.empty((AT_ONCE, self.keys.shape[1]), np.float32)
            queries = np.empty((AT_ONCE, len(self.keys)), np.float32)
            for part in todo:
                stretched = features[part] - self.mean
                stretched *= self.factor
                own = queries[: len(stretched)]
                np.matmul(stretched, self.basis, out=own[:, :-1])
                # The product has one length of the query, its crowding too.
                np.einsum("nd,nd->n", stretched, stretched, out=own[:, -1])
                products = similarities[: len(stretched)]
                found[part] = np.matmul(own, self.keys, out=products).argmax(1)

        spread(parts(len(features), AT_ONCE), work)
        return found


def sums_of(features: np.ndarray) -> np.ndarray:
    """Return the sums of features [N, D] and of their squares, float64 [2, D]."""
    of_parts = np.empty((-(-len(features) // AT_ONCE), 2, features.shape[1]), np.float32)

    def work(todo: Iterator[int]) -> None:
        for number in todo:
            part = features[number * AT_ONCE : (number + 1) * AT_ONCE]
            part.sum(0, out=of_parts[number, 0])
            np.square(part).sum(0, out=of_parts[number, 1])

    spread(range(len(of_parts)), work)
    return of_parts.sum(0, dtype=np.float64)


def indexed(features: np.ndarray, pixels: np.ndarray) -> Candidates:
    """Prepare candidates, from their features [K, D] and pixels [K, 48], for comparisons."""
    first, scales = 0, []
    for layer in MATCHED_LAYERS:
        channels = LAYER_CHANNELS[layer]
        of_layer = features[:, first : first + channels]
        first += channels
        variance = max(np.square(of_layer).mean() - of_layer.mean() ** 2, 0)
        scales.append(np.full(channels, 1 / (math.sqrt(variance * channels) + NO_LENGTH), np.float32))
    scale = np.concatenate(scales)
    keys = scale * (features - features.mean(0))
    sample = keys[:: max(1, len(keys) // SAMPLED_CANDIDATES)]
    basis = directions(sample.T @ sample / len(sample))
    lengths = np.linalg.norm(keys, axis=1, keepdims=True)
    return Candidates(
        scale,
        np.sqrt(np.square(keys).mean(0)),
        basis,
        keys @ basis / (lengths + NO_LENGTH),
        joined(features[None], pixels[None])[0],
        pixels,
    )


def directions(covariance: np.ndarray) -> np.ndarray:
    """Return the MATCHED_DIRECTIONS [D, E] in which candidates differ most, from their covariance
    [D, D], by subspace iteration."""
    random = np.random.default_rng(0)
    basis = random.standard_normal((len(covariance), MATCHED_DIRECTIONS), np.float32)
    for _ in range(SUBSPACE_ITERATIONS):
        basis, _ = np.linalg.qr(covariance @ basis)
    return basis


def decoded_matches(
    paintings: Sequence[Candidates],
    matches: Sequence[np.ndarray],
    weights: Sequence[np.ndarray | float],
    photo: np.ndarray,
    on_band: OnBand,
) -> np.ndarray:
    """Decode the matches of a picture's places, mixed by weights.

    Args:
        paintings: The candidates of each painting.
        matches: As `nearest` returns them.
        weights: Each painting's share of each place, [H / 4, W / 4, 1], or of all places. Their
            sum is 1 at most; the rest is the photo's own places.
        photo: The photo on its canvas [H, W, 3], sRGB 0…1.
        on_band: As in `steps`.

    Returns:
        The picture on its canvas [H, W, 3], sRGB 0…1.
    """
    canvas = np.empty_like(photo)
    for rows in bands(photo):
        used = with_halo(rows, DECODER_HALO, len(photo))
        places = at_scale(used, 1)
        first, pixels, rest = 0.0, 0.0, 1.0
        for candidates, found, weight in zip(paintings, matches, weights, strict=True):
            share = weight if isinstance(weight, float) else weight[places]
            first = first + share * candidates.joined[found[places]]
            pixels = pixels + share * candidates.pixels[found[places]]
            rest = rest - share
        if np.max(rest) > TINY:
            of_photo = pixels_of(photo[used])
            first += rest * joined(features_of(photo, used), of_photo)
            pixels += rest * of_photo
        own = slice(rows.start - used.start, rows.stop - used.start)
        np.clip(decoded(first, pixels)[own], 0, 1, out=canvas[rows])
        on_band()
    return canvas


def shares_of_places(
    shares: Sequence[float],
    regions: Sequence[np.ndarray | None],
    content_mask: np.ndarray | None,
    size: Size,
) -> list[np.ndarray | float]:
    """Return each painting's share of each place of a picture, [h, w, 1], or of all places."""
    if content_mask is None and all(region is None for region in regions):
        return [share / sum(shares) for share in shares]
    masks = [np.ones(size, np.float32) for _ in shares]
    for mask, region in zip(masks, regions, strict=True):
        for part in (region, content_mask):
            if part is not None:
                mask *= resize(part, *size)
    if not any(mask.any() for mask in masks):
        raise PictureError(
            "nothing of the photo is left to paint: its mask and the regions of the paintings do "
            "not overlap"
        )
    # Paintings in the same region cover it once.
    covered = sum({_key(region): mask for region, mask in zip(regions, masks)}.values())
    covered = _of_places(np.where(covered > FULLY_COVERED, 1, covered))
    weighted = [share * _of_places(mask) for share, mask in zip(shares, masks, strict=True)]
    total = np.maximum(sum(weighted), TINY)
    return [covered * each / total for each in weighted]


def painted_part(
    regions: Sequence[np.ndarray | None], content_mask: np.ndarray | None
) -> np.ndarray | None:
    """Return the part of a picture that is painted, [h, w], 0…1, or None for all of it."""
    distinct = {_key(region): region for region in regions if region is not None}
    if any(region is None for region in regions):
        return content_mask
    masks = [*distinct.values(), *([] if content_mask is None else [content_mask])]
    size = max((mask.shape for mask in masks), key=math.prod)
    covered = np.minimum(sum(resize(region, *size) for region in distinct.values()), 1)
    if covered.min() > FULLY_COVERED:
        return content_mask
    return covered if content_mask is None else covered * resize(content_mask, *size)


def _key(region: np.ndarray | None) -> object:
    return region if region is None else (region.shape, region.tobytes())


def _of_places(mask: np.ndarray) -> np.ndarray:
    """Return the mean of a mask [h, w] over each place of its canvas [H / 4, W / 4, 1]."""
    shown = on_canvas(mask)
    squares = shown.reshape(len(shown) // PLACE, PLACE, -1, PLACE)
    return squares.mean((1, 3), dtype=np.float32)[..., None]


def bands(image: np.ndarray) -> list[slice]:
    """Return the rows of each band of an image on its canvas, multiples of MULTIPLE."""
    height, width = image.shape[:2]
    most = max(LEAST_ROWS, BAND_PIXELS // width)
    rows = -(-height // -(-height // most))
    return list(parts(height, rows + -rows % MULTIPLE))


def resampled(image: np.ndarray, size: Size) -> np.ndarray:
    """Return an image [h, w, 3] at another size, float32: antialiased along an axis that shrinks,
    interpolated along one that grows."""
    image = to_float(image)
    smaller = min(image.shape[0], size[0]), min(image.shape[1], size[1])
    if image.shape[:2] != smaller:
        image = resample(image, *smaller, Image.Resampling.LANCZOS)
    return image if smaller == size else resample(image, *size, Image.Resampling.BICUBIC)


def on_canvas(image: np.ndarray, margin: int = MARGIN) -> np.ndarray:
    """Return an image or a mask on its canvas, with a mirrored margin around it. It moves the
    border, where convolutions lack neighbours, out of the picture."""
    margins = [(margin, margin + -(side + 2 * margin) % MULTIPLE) for side in image.shape[:2]]
    return np.pad(image, [*margins, *[(0, 0)] * (image.ndim - 2)], "symmetric")
