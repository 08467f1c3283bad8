"""Matching of each place of a picture to the most similar place of a painting.

After Kolkin et al. 2022, "Neural Neighbor Style Transfer". A place is a square of PLACE px. Its
features come from several layers, each divided by its spread and by the root of its number of
channels. The candidates are the places of the painting and of its three rotations. Every place of
the picture is matched to the candidate at the smallest angle to it, after the mean is subtracted
from both and the picture's channels are stretched to the painting's spread. Candidates that are
near to many places are held back, so that more of the painting is used (as in the cross-domain
similarity local scaling of Conneau et al. 2018, "Word Translation Without Parallel Data"). Tones
count as well: a dark place is matched to a dark one, after the photo's tones are brought to the
painting's distribution. The loss is then local: a place needs no more than its own features and its
match.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from painterly.engine.features.structure import luminance
from painterly.engine.features.sums import widened
from painterly.engine.places import (
    DISTANCE_WEIGHT,
    MATCHED_DIRECTIONS,
    MAX_CANDIDATE_BYTES,
    MAX_STRETCH,
    NO_LENGTH,
    PLACE,
    ROTATIONS,
    SAMPLE_GROUPS,
    SAMPLED_PLACES,
    SUBSPACE_ITERATIONS,
    TONE_NOISE,
    candidate_bytes,
)
from painterly.vgg.network import poolings_before
from painterly.vgg.ops import average_pool, with_gradient

# The weight of places in the style term, relative to the statistics.
NEIGHBOURS_WEIGHT = 0.25

# Candidates are padded to a multiple of this, so that paintings of all sizes share a compiled
# program: about 8,200 of the built-in network become 9,000, and 4,100 of VGG19 6,000.
PADDED_TO = 3000


CROWDING_WEIGHT = 0.15  # With more, pieces of the painting are in wrong places more often.
SAMPLED_CANDIDATES = 1500  # at least, for their covariance, which takes the most time of an index
# The weight of the squared difference of tones in a query of mean length; the cosine's is 1.
TONE_WEIGHT = 0.15
QUERIES_AT_ONCE = 512  # compared with all candidates at a time
BLOCK = 64  # columns whose largest value is found first

# Layer → features [rows, columns, C] of the places of some whole rows.
Places: TypeAlias = dict[str, tf.Tensor]
# Gives the places of a picture, some rows at a time from top to bottom and with the number of the
# first one, each time it is called: of the whole picture (False), or only some of them, which stand
# for the rest (True).
PlacesOf: TypeAlias = Callable[[bool], Iterator[tuple[int, Places]]]


class LayerCandidates(NamedTuple):
    """The candidates at one layer, float32."""

    offsets: tf.Tensor  # their features' differences from the mean [1, 1, K, C]
    mean: tf.Tensor  # their mean [C]
    square: tf.Tensor  # their mean square, a scalar


class CandidateIndex(NamedTuple):
    """The candidates, prepared for the comparison with queries."""

    scales: list[tf.Tensor]  # the factor of each layer
    centre: tf.Tensor  # the candidates' mean in each channel [D]
    spread: tf.Tensor  # their standard deviation in each channel [D]
    basis: tf.Tensor  # the directions [D, E] in which they are compared
    keys: tf.Tensor  # their directions from the centre, on the basis [K, E]
    tones: np.ndarray  # their tones [K]


class Candidates(NamedTuple):
    """A painting's candidates."""

    layers: tuple[LayerCandidates, ...]  # the candidates at each matched layer
    share: tf.Tensor  # the painting's share of its group
    # Their mean luminance [1, 1, K, 1], 0…1: in this shape, as `offsets`, any number of candidates
    # shares a traced function.
    tones: tf.Tensor


def places(layer: str, feature: tf.Tensor) -> tf.Tensor:
    """Return the features of places [h, w, C] from a layer's feature [1, h′, w′, C] over whole
    places: averaged in shallow layers, repeated in deep ones."""
    at_places = over_places(layer, widened(feature))
    for _ in range(poolings_before(layer) - poolings_before("conv3_1")):
        at_places = tf.repeat(tf.repeat(at_places, 2, axis=1), 2, axis=2)
    return at_places[0]


def tones_of(image: tf.Tensor) -> np.ndarray:
    """Return the tone of each place of an image [1, H, W, 3]: its mean luminance, [h, w], 0…1."""
    return average_pool(luminance(image), PLACE)[0, ..., 0].numpy()


def aligned(rows: dict[str, tf.Tensor]) -> Places:
    """Return the places of some rows. A deep layer may lack the last row and column; they are
    repeated."""
    height, width = rows["conv3_1"].shape[:2]
    return {layer: _lengthened(each, height, width) for layer, each in rows.items()}


def _lengthened(feature: tf.Tensor, height: int, width: int) -> tf.Tensor:
    down, right = height - feature.shape[0], width - feature.shape[1]
    return tf.pad(feature, [[0, down], [0, right], [0, 0]], "SYMMETRIC")


def over_places(layer: str, feature: tf.Tensor) -> tf.Tensor:
    """Return the mean over each place of a feature [1, h, w, C] of a shallow layer; a deep one's as
    is."""
    side = PLACE >> poolings_before(layer)
    return average_pool(feature, side) if side > 1 else feature


def turned(image: tf.Tensor, channels: int) -> Iterator[tf.Tensor]:
    """Yield a painting, or its mask, [1, H, W, C] and its rotations.

    A painting of more places than become candidates is rotated in parts: each of its thirds by
    another angle, which takes half the time. channels: the sum over all matched layers.
    """
    yield image
    height, width = image.shape[1:3]
    fits = candidate_bytes((height, width), channels) < MAX_CANDIDATE_BYTES
    for quarter in range(1, ROTATIONS):
        part = image
        if not fits:
            first, last = (width * each // (ROTATIONS - 1) for each in (quarter - 1, quarter))
            part = image[:, :, first:last]
        yield _rotated(part, quarter)


def _rotated(image: tf.Tensor, quarters: int) -> tf.Tensor:
    """Rotate an image [1, H, W, C] counterclockwise by 1, 2 or 3 right angles.

    tf.image.rot90 chooses among these by comparisons on the device. On a GPU that other threads
    use as well, these have failed.
    """
    if quarters == 2:
        return tf.reverse(image, [1, 2])
    return tf.reverse(tf.transpose(image, [0, 2, 1, 3]), [1 if quarters == 1 else 2])


def candidates(
    paintings: Sequence[PlacesOf],
    inside: Sequence[np.ndarray],
    tones: Sequence[np.ndarray],
    channels: int,
) -> Candidates:
    """Draw a painting's candidates at random from the places of the painting and of each rotation
    that are used, bool [h, w] each. `channels` is the number of all layers."""
    places_used = max(1, sum(int(each.sum()) for each in inside))
    part = MAX_CANDIDATE_BYTES / (4 * channels * places_used)
    random = np.random.default_rng(0)
    drawn_features: dict[str, list[tf.Tensor]] = defaultdict(list)
    chosen = [used & (random.random(used.shape) < part) for used in inside]
    for places_of, drawn in zip(paintings, chosen, strict=True):
        for first, rows in places_of(False):
            last = first + next(iter(rows.values())).shape[0]
            numbers = np.flatnonzero(drawn[first:last])
            for layer, feature in rows.items():
                drawn_features[layer].append(tf.gather(_flat(feature), numbers))
    layers = []
    for layer in list(drawn_features):
        features = tf.concat(drawn_features.pop(layer), 0)
        mean = tf.reduce_mean(features, 0)
        square = tf.reduce_mean(tf.reduce_sum(tf.square(features), 1))
        layers.append(LayerCandidates((features - mean)[None, None], mean, square))
    of_kept = [tone[drawn] for tone, drawn in zip(tones, chosen, strict=True)]
    drawn_tones = tf.constant(np.concatenate(of_kept)[None, None, :, None])
    return Candidates(tuple(layers), tf.constant(1.0), drawn_tones)


def padded(candidates: Candidates) -> Candidates:
    """Return candidates with zeros after them, up to a multiple of PADDED_TO. No place is matched
    to these. Paintings with the same number of candidates share a compiled program."""

    def longer(each: tf.Tensor) -> tf.Tensor:
        return tf.pad(each, [[0, 0], [0, 0], [0, -each.shape[2] % PADDED_TO], [0, 0]])

    layers = tuple(layer._replace(offsets=longer(layer.offsets)) for layer in candidates.layers)
    return candidates._replace(layers=layers, tones=longer(candidates.tones))


def blended(group: Sequence[Candidates], matches: tf.Tensor) -> tuple[Candidates, tf.Tensor]:
    """Return the matches of places in several paintings, int64 [1, h, w, paintings], as one
    painting: for each place a candidate, the mean of its matches weighted by the paintings' shares,
    and its number, int64 [1, h, w, 1]."""
    flat = tf.reshape(matches, [-1, len(group)])
    layers = []
    for number in range(len(group[0].layers)):
        offsets = mean = square = tf.constant(0.0)
        for painting, drawn in enumerate(group):
            at_layer = drawn.layers[number]
            offsets += drawn.share * tf.gather(at_layer.offsets[0, 0], flat[:, painting])
            mean += drawn.share * at_layer.mean
            square += drawn.share * at_layer.square
        layers.append(LayerCandidates(offsets[None, None], mean, square))
    numbers = tf.reshape(tf.range(len(flat), dtype=matches.dtype), [*matches.shape[:3], 1])
    return group[0]._replace(layers=tuple(layers), share=tf.constant(1.0)), numbers


def nearest(
    index: CandidateIndex,
    picture: PlacesOf,
    photo: PlacesOf,
    freedom: np.ndarray,
    tones: np.ndarray,
) -> tf.Tensor:
    """Find the number of each place's candidate, integers [h, w].

    Args:
        photo: The places of the photo, in the same rows as the picture's so far.
        freedom: The picture's part of what is looked for [h, w]; the rest is the photo's. With more
            of the photo forms keep their outlines, with less they may grow beyond them; above 1,
            matches lead away from the photo.
        tones: The photo's tones, equalized to the candidates' [h, w].
    """

    def queries(few: bool) -> Iterator[tuple[int, tf.Tensor]]:
        """[h, w, D] of some rows, and the number of the first one."""
        for (first, pictures), (_, photos) in zip(picture(few), photo(few), strict=True):
            mixed = []
            for layer, scale in zip(list(pictures), index.scales, strict=True):
                feature, other = pictures.pop(layer), photos.pop(layer)  # Let go once mixed.
                part = tf.constant(freedom[first : first + len(feature), :, None], feature.dtype)
                mixed.append(scale * (other + part * (feature - other)))
            yield first, tf.concat(mixed, -1) - index.centre

    count, total, square = 0, tf.zeros_like(index.centre), tf.zeros_like(index.centre)
    bands, sample = 0, []
    random = np.random.default_rng(0)
    for _, rows in queries(few=True):
        bands += 1
        flat = _flat(rows)
        sample.append(tf.gather(flat, random.permutation(len(flat))[:SAMPLED_PLACES]))
        count += len(flat)
        total += tf.reduce_sum(flat, 0)
        square += tf.reduce_sum(tf.square(flat), 0)
    mean = total / count
    own_spread = tf.sqrt(tf.maximum(square / count - tf.square(mean), 0))
    stretch = tf.minimum(index.spread / (own_spread + NO_LENGTH), MAX_STRETCH)
    # A small picture's are computed once.
    several = [(0, rows)] if bands == 1 else queries(few=False)
    del rows, flat
    sampled = stretch * (tf.concat(sample, 0)[:: len(sample)] - mean)
    deviation = np.std(index.tones) + TONE_NOISE
    weight = TONE_WEIGHT * tf.reduce_mean(tf.norm(sampled, axis=-1))
    # −weight · (tone − key)², without tone², which is the same for all candidates.
    key_tones = tf.constant(index.tones / deviation)[:, None]
    place_tones = tf.constant(tones / deviation)[..., None]
    crowding = _crowding(sampled, index)[:, None]
    keys = tf.concat([index.keys, -crowding, 2 * weight * key_tones, -weight * key_tones**2], -1)
    keys = tf.transpose(keys)  # Once, rather than in each product.
    numbers = []
    for first, rows in several:
        tone = place_tones[first : first + len(rows)]
        others = tf.concat([tone, tf.ones_like(tone)], -1)
        numbers.append(_looked_up(rows, mean, stretch, index.basis, others, keys))
    return tf.concat(numbers, 0)


def errors(
    layers: Sequence[str],
    number: int,
    feature: tf.Tensor,
    group: Sequence[Candidates],
    matches: tf.Tensor,
) -> tf.Tensor:
    """Return the distance of each place from its match, float32 [1, h, w, 1].

    It is one minus the cosine of the two, after the painting's mean is subtracted, plus
    DISTANCE_WEIGHT times the squared distance relative to the painting's mean square. With several
    paintings, a place is compared with the mean of its matches, weighted by the paintings' shares.

    Args:
        number: The index of the feature's layer among the matched layers.
        feature: The picture's feature [1, h′, w′, C] at this layer.
        group: The candidates of each painting.
        matches: The matches of the feature's places, [1, h, w, number of paintings].
    """
    layer = layers[number]
    vectors = over_places(layer, widened(feature))
    wanted, mean, square = 0.0, 0.0, 0.0
    for painting, drawn in enumerate(group):
        at_layer = drawn.layers[number]
        share = tf.cast(drawn.share, vectors.dtype)
        offsets = tf.cast(at_layer.offsets[0, 0], vectors.dtype)
        wanted += share * tf.gather(offsets, matches[..., painting])
        mean += share * tf.cast(at_layer.mean, vectors.dtype)
        square += share * tf.cast(at_layer.square, vectors.dtype)
    for _ in range(poolings_before(layer) - poolings_before("conv3_1")):
        wanted = average_pool(wanted, 2)
    return _distances(vectors - mean, wanted, DISTANCE_WEIGHT / (square + NO_LENGTH))


def _distances(vectors: tf.Tensor, wanted: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Compute one minus the cosine of vectors [1, h, w, C] and others, which get no gradient, plus
    `weight` times their squared distance, [1, h, w, 1].

    The gradient is written out: it passes over the vectors three times, not ten.
    """

    @with_gradient
    def distances(vectors: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        own_square, wanted_square, product = (
            tf.reduce_sum(one * other, -1, keepdims=True)
            for one, other in ((vectors, vectors), (wanted, wanted), (vectors, wanted))
        )
        own_length = own_square + NO_LENGTH**2  # The gradient is finite where a vector is 0.
        over_lengths = tf.math.rsqrt(own_length * (wanted_square + NO_LENGTH**2))
        cosine = product * over_lengths
        far = 1 - cosine + weight * (own_square + wanted_square - 2 * product)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            of_own = upstream * (cosine / own_length + 2 * weight)
            of_wanted = upstream * (over_lengths + 2 * weight)
            return of_own * vectors - of_wanted * wanted

        return far, gradient

    return distances(vectors)


def index_of(drawn: Candidates) -> CandidateIndex:
    """Prepare candidates for comparison with queries."""
    scales = []
    for layer in drawn.layers:
        channels = layer.mean.shape[0]
        variance = layer.square / channels - tf.square(tf.reduce_mean(layer.mean))
        variance = tf.maximum(variance, 0)  # Rounding makes a little less of none.
        scales.append(1 / (tf.sqrt(variance * channels) + NO_LENGTH))
    scaled = list(zip(scales, drawn.layers, strict=True))
    keys = tf.concat([scale * layer.offsets[0, 0] for scale, layer in scaled], 1)
    centre = tf.concat([scale * layer.mean for scale, layer in scaled], 0)
    sample = keys[:: max(1, len(keys) // SAMPLED_CANDIDATES)]
    basis = _basis(tf.matmul(sample, sample, transpose_a=True) / len(sample))
    squares = tf.square(keys)
    lengths = tf.sqrt(tf.reduce_sum(squares, 1, keepdims=True))
    spread = tf.sqrt(tf.reduce_mean(squares, 0))
    keys = keys @ basis / (lengths + NO_LENGTH)
    return CandidateIndex(scales, centre, spread, basis, keys, drawn.tones.numpy().ravel())


def _basis(covariance: tf.Tensor) -> tf.Tensor:
    """Return the MATCHED_DIRECTIONS [D, E] in which candidates differ most, from their covariance
    [D, D], by subspace iteration: with a fifth of the multiplications, places find what they would
    have found, or what is as near."""
    width = len(covariance)
    if width <= MATCHED_DIRECTIONS:
        return tf.eye(width, dtype=covariance.dtype)
    basis = tf.random.stateless_normal([width, MATCHED_DIRECTIONS], [0, 0], dtype=covariance.dtype)
    for _ in range(SUBSPACE_ITERATIONS):
        basis, _ = tf.linalg.qr(covariance @ basis)
    return basis


def _crowding(sample: tf.Tensor, index: CandidateIndex) -> tf.Tensor:
    """Return the weighted crowding of each candidate among sampled queries [N, D], [K], divided by
    the queries' mean length."""
    lengths = tf.norm(sample, axis=-1, keepdims=True)
    directions = (sample @ index.basis) / (lengths + NO_LENGTH)
    groups = min(SAMPLE_GROUPS, len(sample))
    most_similar = [
        tf.reduce_max(tf.matmul(index.keys, directions[first::groups], transpose_b=True), 1)
        for first in range(groups)
    ]
    weight = CROWDING_WEIGHT / (tf.reduce_mean(lengths) + NO_LENGTH)
    return weight * tf.add_n(most_similar) / groups


def _looked_up(
    rows: tf.Tensor,
    mean: tf.Tensor,
    stretch: tf.Tensor,
    basis: tf.Tensor,
    others: tf.Tensor,
    keys: tf.Tensor,
) -> tf.Tensor:
    """Find the number of each place's candidate [h, w]: the most similar one by cosine and tone,
    less what the candidate is held back.

    Args:
        rows: The places [h, w, D]. The queries are stretch · (rows − mean).
        others: Each place's factors of the last rows of keys [h, w, F].
        keys: The index's keys; how much each is held back for queries of length 1, negative; and F
            rows more [E + 1 + F, K].
    """
    # Mean and stretch are factored out of the products: queries would take more time to write than
    # to multiply.
    weights = tf.square(stretch)
    factors = tf.concat([stretch[:, None] * basis, (2 * weights * mean)[:, None]], -1)
    offsets = tf.linalg.matvec(basis, stretch * mean, transpose_a=True)
    flat = _flat(rows)
    products = flat @ factors
    squares = tf.square(flat) @ weights[:, None] - products[:, -1:]
    squares += tf.reduce_sum(weights * tf.square(mean))  # The product has one length, too.
    flat = tf.concat([products[:, :-1] - offsets, squares, _flat(others)], -1)
    numbers = most_similar(tf.cast(flat, tf.float32), tf.cast(keys, tf.float32))
    return tf.reshape(numbers, rows.shape[:2])


@tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None])] * 2)
def most_similar(queries: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
    """Find the key with the largest product for each query, int64 [N], from queries [N, E] and keys
    [E, K] in float32.

    The queries are compared in equal parts of QUERIES_AT_ONCE or less, without Python in between,
    which a GPU would wait for.
    """
    count, columns = tf.shape(queries)[0], tf.shape(keys)[1]
    parts = -(-count // QUERIES_AT_ONCE)
    rows = -(-count // parts)
    queries = tf.pad(queries, [[0, parts * rows - count], [0, 0]])
    keys = tf.concat([keys, tf.repeat(keys[:, -1:], -columns % BLOCK, axis=1)], 1)
    numbers = tf.map_fn(
        lambda part: _argmax_of_rows(tf.matmul(part, keys)),
        tf.reshape(queries, [parts, rows, tf.shape(keys)[0]]),
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec([None], tf.int64),
    )
    last = tf.cast(columns - 1, tf.int64)
    return tf.minimum(tf.reshape(numbers, [-1])[:count], last)


def _argmax_of_rows(values: tf.Tensor) -> tf.Tensor:
    """Find the column of the largest value in each row of values [n, a multiple of BLOCK], int64
    [n].

    The first block with the largest value is found before the column in it. TensorFlow's argmax
    goes through a row value by value, on a GPU with one thread for each row. For whole rows, that
    took three quarters of a matching.
    """
    values = tf.reshape(values, [tf.shape(values)[0], -1, BLOCK])
    block = tf.argmax(tf.reduce_max(values, 2), 1)
    return BLOCK * block + tf.argmax(tf.gather(values, block, batch_dims=1), 1)


def _flat(rows: tf.Tensor) -> tf.Tensor:
    return tf.reshape(rows, [-1, rows.shape[-1]])
