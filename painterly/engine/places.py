"""The places that pictures and paintings are compared by: their numbers, and the memory for them.

The default recipe (neighbours.py), recipe `instant` (instant/matches.py) and the training of its
decoder share them; the last two do not load TensorFlow.
"""

import numpy as np

from painterly.vgg.architectures import MULTIPLE

MATCHED_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "conv4_1")  # if the network has them
PLACE = 4  # px per side: a position of block 3
PIXELS_OF_PLACE = 3 * PLACE**2
MAX_STRETCH = 3.0  # times a channel's own spread: a blank wall stays blank
MATCHED_DIRECTIONS, SUBSPACE_ITERATIONS = 64, 3
# A candidate's crowding is its similarity to the most similar place of each group of a sample of
# places, on average. It counts the weight that a recipe gives it for a place at the mean distance
# from the centre, and more for one further away: flat areas of middle tones stay as they are.
SAMPLED_PLACES, SAMPLE_GROUPS = 512, 4
FEW_BANDS = 3  # the least bands of a painting that its statistics are taken from
# Tones are in units of the candidates' standard deviation plus TONE_NOISE, in sRGB 0…1.
TONE_NOISE = 0.03
TONE_DIGITS = 3  # decimals that tell tones apart
DISTANCE_WEIGHT = 0.5  # the relative squared distance counts half as much as the cosine
NO_LENGTH = 1e-6
HALF = 0.5  # the least value of a mask at a place of a painting that is used

ROTATIONS = 4  # by right angles, the painting as it is among them
# Bytes of a painting's candidates, about 8,000 of the built-in network's; matching takes time in
# proportion, and twice as many do not bring places nearer to the painting.
MAX_CANDIDATE_BYTES = 20_000_000
MOST_KEPT_CANDIDATES = 80_000_000  # bytes; one painting's take 73 MB with pictures of 1024 px
# The most bytes of a picture's places that are in memory all at a time, and about the bytes of a
# larger picture's bands. Each band's halo takes its time, so they are high unless memory is short.
BANDS, SMALL_BANDS = (120_000_000, 60_000_000), (30_000_000, 20_000_000)
LEAST_ROWS = 64


def is_used(mask: np.ndarray) -> np.ndarray:
    """Return which places, or pixels, of a painting are used, bool [h, w], by the mean of its mask
    at each, [h, w], 0…1: those that are white by half, or the whitest if none is."""
    return (mask > 0) & (mask >= min(HALF, mask.max()))


def equalized(tones: np.ndarray, weights: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    """Return tones [h, w], 0…1, that are brought to the distribution of others [K]. `weights` [h,
    w] are the part of each that counts in their own distribution."""
    _, places = np.unique(np.round(tones, TONE_DIGITS), return_inverse=True)
    if weights is not None:
        weights = weights.ravel() if weights.any() else None
    counts = np.bincount(places.ravel(), weights)
    middles = (np.cumsum(counts) - counts / 2) / counts.sum()
    wanted = np.quantile(like, np.clip(middles, 0, 1)).astype(np.float32)
    return wanted[places].reshape(tones.shape)


def place_bytes(channels: int) -> float:
    """Return the bytes per pixel of a picture's places."""
    return 4 * channels / PLACE**2


def band_rows(size: tuple[int, int], channels: int, saves_memory: bool) -> int:
    """Return the number of rows of a picture that are matched at a time: a multiple of MULTIPLE.

    Args:
        size: The picture's (height, width).
        channels: The sum over all matched layers.
        saves_memory: Whether memory is short, so that bands are smaller.
    """
    height, width = size
    most, in_band = SMALL_BANDS if saves_memory else BANDS
    row_bytes = place_bytes(channels) * width
    if height * row_bytes <= most:
        return height + -height % MULTIPLE
    return max(LEAST_ROWS, int(in_band / row_bytes) // MULTIPLE * MULTIPLE)


def candidate_bytes(size: tuple[int, int], channels: int) -> int:
    """Return the bytes of the candidates of a painting as long as a picture of this (height,
    width)."""
    most = ROTATIONS * max(size) ** 2 * place_bytes(channels)
    return min(MAX_CANDIDATE_BYTES, int(most))


def keeps_candidates(of_all_scales: int) -> bool:
    """Return whether all paintings' candidates at all scales, of this number of bytes, are kept for
    further photos if a picture is computed at once."""
    return of_all_scales <= MOST_KEPT_CANDIDATES
