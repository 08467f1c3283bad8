"""The matches of a picture's places among the places of paintings, for recipe `instant`.

A place is a square of PLACE px with features from several layers (networks.py). Each place of the
picture is matched to the candidate at the smallest angle to it, after the mean is subtracted
from both and the picture's channels are stretched to the painting's spread. Tones count as well, as
in neighbours.py. Candidates that are near to many places are held back, so that more of the
painting is used (as in the cross-domain similarity local scaling of Conneau et al. 2018, "Word
Translation Without Parallel Data").
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import product
from typing import NamedTuple

import numpy as np

from painterly.engine.features import inverted_file
from painterly.engine.features.convolutions import later, spread
from painterly.engine.instant.networks import (
    CHANNELS,
    FEATURES_HALO,
    at_scale,
    bands,
    features_of,
    joined,
    pixels_of,
)
from painterly.engine.paintings import resized
from painterly.engine.picture import Canvas
from painterly.engine.places import (
    FEW_BANDS,
    MATCHED_DIRECTIONS,
    MAX_STRETCH,
    NO_LENGTH,
    PLACE,
    ROTATIONS,
    SAMPLE_GROUPS,
    SAMPLED_PLACES,
    SUBSPACE_ITERATIONS,
    TONE_NOISE,
    equalized,
    is_used,
)
from painterly.images import arrays
from painterly.images.colours.colour import LUMA
from painterly.signals import CheckStop

# The weights of crowding, and of the squared difference of tones, in a query of mean length; the
# cosine's is 1.
CROWDING_WEIGHT, TONE_WEIGHT = 0.2, 0.1
# Bytes of a picture's features that are kept between their statistics and their matches. A larger
# picture's are computed again, after a few bands for the statistics.
MOST_FEATURE_BYTES = 600_000_000
CANDIDATE_BYTES = 10_000_000  # for the features of a painting's candidates
# Pixels of a painting with features that are computed. A larger one is seen through windows, px per
# side.
MOST_DRAWN, WINDOW = 1_300_000, 128
MOST_ROTATED = 160  # px, longer side: rotations of a larger painting would take too long
SAMPLED_CANDIDATES = 1500  # at least, for their covariance
AT_ONCE = 128  # places that a thread prepares at a time


class Candidates(NamedTuple):
    """The places of a painting that a picture's places are compared with.

    Attributes:
        scale: The factor of each channel [D].
        spread: Their standard deviation in each channel after it [D].
        basis: The directions in which they are compared [D, E].
        keys: Their directions from their mean, on the basis [K, E].
        near: The numbers of those near some of them; see inverted_file.py.
        tones: Their mean luminance [K], 0…1.
        joined: The decoder's first layer for each [K, 128].
        pixels: Their pixels [K, 48], sRGB 0…1.
    """

    scale: np.ndarray
    spread: np.ndarray
    basis: np.ndarray
    keys: np.ndarray
    near: np.ndarray
    tones: np.ndarray
    joined: np.ndarray
    pixels: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, pixels: np.ndarray) -> "Candidates":
        """Prepare candidates from their features [K, D], which are overwritten, and pixels
        [K, 48]."""
        first = joined(features[None], pixels[None])[0]
        mean = features.mean(0)
        keys = np.subtract(features, mean, out=features)
        variance = np.einsum("kd,kd->d", keys, keys) / len(keys)
        scale = _scale(mean, variance)
        keys *= scale
        sample = keys[:: max(1, len(keys) // SAMPLED_CANDIDATES)]
        basis = _directions(sample.T @ sample / len(sample))
        lengths = np.sqrt(np.einsum("kd,kd->k", keys, keys))[:, None]
        keys_on_basis = keys @ basis / (lengths + NO_LENGTH)
        tones, some = tones_of(pixels), inverted_file.pivots(len(keys))
        apart = (tones[some, None] - tones) / _unit(tones)
        near = inverted_file.nearest(
            keys_on_basis[some] @ keys_on_basis.T - TONE_WEIGHT * np.square(apart)
        )
        spread = scale * np.sqrt(variance)
        return cls(scale, spread, basis, keys_on_basis, near, tones, first, pixels)


def drawn(
    painting: np.ndarray, size: tuple[int, int], mask: np.ndarray | None, check_stop: CheckStop
) -> Future[Candidates]:
    """Draw a painting's candidates at random, and prepare them while the picture's features are
    computed.

    Args:
        painting: The painting [h, w, 3], as in `Paintings`.
        size: The (height, width) at which it is compared.
        mask: The part that is used, [h, w], 0…1, of any size, or None for all of it.
        check_stop: Called after each layer.
    """
    turns = range(ROTATIONS if max(size) <= MOST_ROTATED else 1)
    narrow = min(size) < WINDOW + 2 * FEATURES_HALO
    whole = mask is not None or narrow or math.prod(size) <= MOST_DRAWN
    painting, mask = arrays.resampled(painting, size), resized(mask, size)
    random, features, pixels = np.random.default_rng(0), [], []
    for quarters in turns:
        turned = np.rot90(painting, quarters)
        canvas = Canvas.around((len(turned), turned.shape[1]), margin=0)
        image = canvas.padded(turned)
        used = is_used(pixels_of(canvas.padded(np.rot90(mask, quarters))[..., None]).mean(-1))
        if not whole:
            image, used = _windows(image)
        part = CANDIDATE_BYTES / len(turns) / features_bytes(int(used.sum()))
        used &= random.random(used.shape) < part
        for rows in bands(*image.shape[:2]):
            features.append(features_of(image, rows, check_stop)[used[at_scale(rows, 1)]])
        pixels.append(pixels_of(image)[used])
    return later(Candidates.of, np.concatenate(features), np.concatenate(pixels))


def _windows(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return windows of an image [H, W, 3], spread evenly, one below the other, and which of their
    places are used, bool: those with features that are the same as in the whole image."""
    side = WINDOW + 2 * FEATURES_HALO
    height, width = image.shape[:2]
    down = max(1, round(math.sqrt(MOST_DRAWN / side**2 * height / width)))
    across = max(1, MOST_DRAWN // side**2 // down)
    places = (
        np.linspace(0, length - side, count) for length, count in ((height, down), (width, across))
    )
    starts = product(*(np.round(each).astype(int) for each in places))
    windows = np.concatenate([image[top : top + side, left : left + side] for top, left in starts])
    used = np.zeros((down * across, side // PLACE, side // PLACE), bool)
    halo = FEATURES_HALO // PLACE
    used[:, halo:-halo, halo:-halo] = True
    return windows, used.reshape(-1, side // PLACE)


def tones_of(pixels: np.ndarray) -> np.ndarray:
    """Return the mean luminance of places, [...], from their pixels [..., 48]."""
    return pixels @ np.tile(LUMA / PLACE**2, PLACE**2)


def nearest(
    paintings: Sequence[Future[Candidates]],
    image: np.ndarray,
    tones: np.ndarray,
    shares: Sequence[np.ndarray],
    known: dict[int, np.ndarray],
    check_stop: CheckStop,
) -> list[np.ndarray]:
    """Find the number of each place's candidate in each painting, int32 [H / 4, W / 4].

    Args:
        paintings: The candidates of each painting.
        image: The picture on its canvas [H, W, 3], sRGB 0…1.
        tones: The photo's tones [H / 4, W / 4], 0…1.
        shares: Each painting's share of each place, [H / 4, W / 4, 1]: which tones are brought to
            its own.
        known: The features of the image's bands, by number. It gets those that are computed, unless
            they take too much memory.
        check_stop: Called after each layer and band.
    """
    height, width = image.shape[0] // PLACE, image.shape[1] // PLACE
    all_rows = bands(*image.shape[:2])
    numbers = range(len(all_rows))

    keeps = features_bytes(height * width) <= MOST_FEATURE_BYTES

    def features_of_band(number: int) -> np.ndarray:
        if number in known:
            return known[number]
        features = features_of(image, all_rows[number], check_stop).reshape(-1, sum(CHANNELS))
        if keeps:
            known[number] = features
        return features

    some = numbers if keeps else numbers[:: max(1, len(numbers) // FEW_BANDS)]
    samples, sums, count = [], np.zeros((2, sum(CHANNELS))), 0
    for features in map(features_of_band, some):
        order = np.random.default_rng(0).permutation(len(features))
        samples.append(features[order[:SAMPLED_PLACES]])
        sums += _sums(features)
        count += len(features)
    del features
    mean = sums[0] / count
    deviation = np.sqrt(np.maximum(sums[1] / count - mean**2, 0))
    sample = np.concatenate(samples)[:: len(samples)]
    drawn = [each.result() for each in paintings]
    comparisons = [_Comparison.of(each, mean, deviation, sample) for each in drawn]
    wanted = [
        equalized(tones, share[..., 0], each.tones)
        for each, share in zip(drawn, shares, strict=True)
    ]
    matches = np.empty((len(paintings), height, width), np.int32)
    for number in numbers:
        features, rows = features_of_band(number), at_scale(all_rows[number], 1)
        for comparison, of_all, out in zip(comparisons, wanted, matches, strict=True):
            comparison.look_up(features, of_all[rows].ravel(), out[rows].reshape(-1))
        check_stop()
    return [*matches]


def features_bytes(places: int) -> int:
    """Return the bytes of the features of a number of places."""
    return 4 * sum(CHANNELS) * places


class _Comparison(NamedTuple):
    """The comparison of a picture's places with a painting's candidates.

    Attributes:
        mean: The picture's mean features [D].
        factor: What their differences from the mean are multiplied by [D].
        basis: The directions in which they are compared [D, E].
        unit: The unit of tones.
        keys: The candidates' directions; how much each is held back for queries of length 1,
            negative; and what is added for each unit of tone, and in any case [K, E + 3].
        near: As the candidates'.
    """

    mean: np.ndarray
    factor: np.ndarray
    basis: np.ndarray
    unit: float
    keys: np.ndarray
    near: np.ndarray

    @classmethod
    def of(
        cls, candidates: Candidates, mean: np.ndarray, deviation: np.ndarray, sample: np.ndarray
    ) -> "_Comparison":
        """Prepare the comparison from statistics of the picture [D], and a sample of its places
        [N, D].

        A candidate's crowding is its similarity to the most similar place of each group of the
        sample, on average, and is divided by the sample's mean length.
        """
        scale, keys, basis = candidates.scale, candidates.keys, candidates.basis
        stretch = np.minimum(candidates.spread / (scale * deviation + NO_LENGTH), MAX_STRETCH)
        mean, factor = mean.astype(np.float32), (stretch * scale).astype(np.float32)
        directions = factor * (sample - mean)
        lengths = np.linalg.norm(directions, axis=1, keepdims=True)
        directions = directions @ basis / (lengths + NO_LENGTH)
        groups = range(min(SAMPLE_GROUPS, len(sample)))
        similar = [(keys @ directions[group :: len(groups)].T).max(1) for group in groups]
        crowding = np.mean(similar, 0) * CROWDING_WEIGHT / (lengths.mean() + NO_LENGTH)
        unit = _unit(candidates.tones)
        tones, weight = candidates.tones / unit, TONE_WEIGHT * lengths.mean()
        # −weight · (tone − other)², without tone², which is the same for all candidates.
        columns = [keys, -crowding, 2 * weight * tones, -weight * tones**2]
        return cls(mean, factor, basis, unit, np.column_stack(columns), candidates.near)

    def look_up(self, features: np.ndarray, tones: np.ndarray, out: np.ndarray) -> None:
        """Store the number of the nearest candidate of each place, [N], for features [N, D] and
        tones [N]."""
        queries = np.ones((len(features), self.keys.shape[1]), np.float32)

        def work(todo: Iterator[slice]) -> None:
            for part in todo:
                stretched = (features[part] - self.mean) * self.factor
                np.matmul(stretched, self.basis, out=queries[part, :-3])
                # The product has one length of the query, its crowding too.
                np.square(stretched, out=stretched).sum(1, out=queries[part, -3])
                queries[part, -2] = tones[part] / self.unit

        spread(arrays.bands(len(features), AT_ONCE), work)
        out[:], _ = inverted_file.most_similar(queries, self.keys, self.near)


def _unit(tones: np.ndarray) -> float:
    """Return the unit of the tones of candidates."""
    return float(tones.std()) + TONE_NOISE


def _sums(features: np.ndarray) -> np.ndarray:
    """Return the sums of features [N, D] and of their squares, float64 [2, D]."""
    some = [*arrays.bands(len(features), AT_ONCE)]
    sums = np.empty((len(some), 2, features.shape[1]), np.float32)

    def work(todo: Iterator[tuple[slice, np.ndarray]]) -> None:
        for part, (of_values, of_squares) in todo:
            features[part].sum(0, out=of_values)
            np.square(features[part]).sum(0, out=of_squares)

    spread(zip(some, sums, strict=True), work)
    return sums.sum(0, dtype=np.float64)


def _scale(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the factor of each channel [D] from their means and variances [D]: all layers count
    the same."""
    factors = []
    for channels in np.split(np.arange(len(mean)), np.cumsum(CHANNELS)[:-1]):
        of_layer = variance[channels].mean() + mean[channels].var()
        factors.append(1 / (np.sqrt(of_layer * len(channels)) + NO_LENGTH))
    return np.repeat(factors, CHANNELS).astype(np.float32)


def _directions(covariance: np.ndarray) -> np.ndarray:
    """Return the directions [D, E] in which candidates differ most, from their covariance [D, D],
    by subspace iteration. Places find there what they would have found, or what is as near."""
    random = np.random.default_rng(0)
    basis = random.standard_normal((len(covariance), MATCHED_DIRECTIONS), np.float32)
    for _ in range(SUBSPACE_ITERATIONS):
        basis, _ = np.linalg.qr(covariance @ basis)
    return basis
