"""The default recipe's losses: content, style and total variation, as pure functions of features.

Every term is relative to its target's norm, so that the balance between them hinges neither on
the scale of the weights nor on the photo, its size or the painting. Sums are in float32 at least,
whatever the features are in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.images import masks
from styletransfer.images.arrays import resize
from styletransfer.vgg.network import poolings_before
from styletransfer.vgg.ops import crop, with_gradient

# The layers of Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural
# Networks", and how much each counts. Shallow layers carry palette and stroke, deep ones motif.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
STYLE_LAYER_WEIGHTS = tuple(weight / 31 for weight in (16, 8, 4, 2, 1))
TINY = 1e-12  # An all-black photo may have a target of norm 0.
LEAST_VARIANCE = 1e-4  # of all of a painting's: smaller ones drown in float32's rounding
DIRECTIONS = 256  # in which a layer's covariance is compared; what is left only by its size
TERMS = ("content", "style", "total_variation")


class Statistics(NamedTuple):
    """Of a layer's features over a region: their mean [C] and raw second moment [C, C], which is
    the Gram matrix divided by the number of positions."""

    mean: tf.Tensor
    second: tf.Tensor


class Gaussian(NamedTuple):
    """What `moments` draws to: mean [C]; the directions in which the painting varies most, columns
    of `basis` [C, D], with its standard deviation in each [D]; and all its other variance."""

    mean: tf.Tensor
    basis: tf.Tensor
    deviations: tf.Tensor
    rest: tf.Tensor


class Group(NamedTuple):
    """Paintings that go into one region of the picture, blended into one target: its weight in
    the style term, the region's mask [1, h, w, 1] at each style layer (none: the whole picture),
    and what to reach at each style layer, in the recipe's own form."""

    weight: tf.Tensor
    masks: tuple[tf.Tensor, ...]
    targets: tuple[NamedTuple, ...]


class Targets(NamedTuple):
    """What a picture is drawn to: the photo's feature at the content layer [1, h, w, C], where
    that counts (a mask [1, h, w, 1]; none: everywhere), its squared norm there, and the groups of
    paintings."""

    content: tf.Tensor
    content_mask: tuple[tf.Tensor, ...]
    content_norm: tf.Tensor
    groups: tuple[Group, ...]


class Sums(NamedTuple):
    """Over positions of a feature, each counted by its weight w: Σ w, Σ w·F [C], Σ w·F·Fᵀ [C, C].
    Those of parts of a picture add up to those of the whole."""

    weight: tf.Tensor
    first: tf.Tensor
    second: tf.Tensor


@dataclass(frozen=True)
class RelativeLosses:
    """The default recipe. `statistics` is `gram` or `moments`: what of a painting is matched."""

    content_layer: str
    statistics: str

    pads_images = True  # Networks see pictures on a canvas; see pyramid.pad_to_multiple.
    composes = True  # Outside the content mask the photo is seen, already while it is painted.

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that paintings are compared at."""
        return STYLE_LAYERS

    def layer_masks(
        self, mask: np.ndarray, height: int, width: int, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """A mask [h, w], 0…1, of a picture of this height and width as the layers see it."""
        whole = resize(mask, height, width)
        return tuple(tf.constant(masks.pooled(whole, poolings_before(name))) for name in layers)

    def sums(self, feature: tf.Tensor, mask: tf.Tensor | None = None) -> Sums:
        """What is summed over a feature [1, h, w, C] to compare it with paintings, each position
        weighted by a mask [1, h, w, 1] where one is given."""
        kind = exact(feature[:0]).dtype
        if mask is None:
            positions = tf.reduce_prod(tf.shape(feature)[:3])
            return Sums(tf.cast(positions, kind), *_moment_sums(feature, None))
        weights = tf.cast(mask, kind)
        return Sums(tf.reduce_sum(weights), *_moment_sums(feature, weights))

    def of_painting(self, sums: Sums) -> Statistics:
        """What of a painting is blended and matched, from its sums at a layer."""
        return statistics(sums)

    def content(self, feature: tf.Tensor, target: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        """Σ (F − P)² over a feature and the photo's, both [1, h, w, C], weighted by a mask."""
        error = (exact(feature) - exact(target)) ** 2
        return tf.reduce_sum(error if mask is None else tf.cast(mask, error.dtype) * error)

    def total_variation(self, rows: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        """The sums [2] of squared differences to the pixel below and to that on the right, over
        the first `own` rows of rows [1, r, W, 3]; the row after them, if any, is the last one's
        neighbour."""
        below = crop(rows, (1, None)) - crop(rows, (0, -1))
        right = crop(rows, (0, own), (1, None)) - crop(rows, (0, own), (0, -1))
        return tf.stack([tf.reduce_sum(below**2), tf.reduce_sum(right**2)])

    def blended(
        self, paintings: Sequence[Sequence[Statistics]], shares: Sequence[float]
    ) -> tuple[Statistics, ...] | tuple[Gaussian, ...]:
        """The target of several paintings. What is blended are raw moments: those of a canvas
        of which each painting covers its share. Covariances do not blend linearly.

        Blending in the target is what makes a step cost the same for 1 painting or 16.
        """
        parts = [share / sum(shares) for share in shares]
        blends = tuple(
            Statistics(
                *(
                    tf.add_n([part * value for part, value in zip(parts, values, strict=True)])
                    for values in zip(*layer, strict=True)
                )
            )
            for layer in zip(*paintings, strict=True)
        )
        return tuple(map(gaussian, blends)) if self.statistics == "moments" else blends

    def group_weights(self, areas: Sequence[float], shares: Sequence[float]) -> list[float]:
        """How much each region counts: by the part of the picture it covers, so that a pixel is
        drawn as strongly in a small region as in a large one, and by its paintings' shares."""
        weights = [area * share for area, share in zip(areas, shares, strict=True)]
        return [weight / sum(weights) for weight in weights]

    def terms(
        self, found: Mapping[str, Any], targets: Targets, height: tf.Tensor, width: tf.Tensor
    ) -> tf.Tensor:
        """Content, style and total variation [3], not weighted yet, of a picture of this size.

        found: what was summed over it: under each style layer's name `sums` for each group of
        paintings, under `content` and `total_variation` what the methods of these names give.
        """
        style = tf.add_n(
            [
                group.weight * self._style([found[layer][number] for layer in STYLE_LAYERS], group)
                for number, group in enumerate(targets.groups)
            ]
        )
        content = found["content"] / (targets.content_norm + TINY)
        # The mean squared difference to the pixel below plus that to the right (Mahendran &
        # Vedaldi 2015, with β = 2).
        pairs = 3 * tf.stack([(height - 1) * width, height * (width - 1)])
        variation = found["total_variation"]
        variation /= tf.cast(tf.maximum(pairs, 1), variation.dtype)
        return tf.stack([content, style, tf.reduce_sum(variation)])

    def _style(self, layers: Sequence[Sums], group: Group) -> tf.Tensor:
        errors = moments_errors if self.statistics == "moments" else gram_errors
        found = errors([statistics(sums) for sums in layers], group.targets)
        weights = zip(STYLE_LAYER_WEIGHTS, found, strict=True)
        return tf.add_n([tf.cast(weight, error.dtype) * error for weight, error in weights])


def exact(x: tf.Tensor) -> tf.Tensor:
    """x in float32 where it is in less."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


def _moment_sums(feature: tf.Tensor, weights: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Σ w·F [C] and Σ w·F·Fᵀ [C, C] of a feature [1, h, w, C], in float32 at least; weights
    [1, h, w, 1] or none.

    Derived by hand: only the feature itself is kept until the gradient is wanted, not its copy in
    float32, and one product of matrices does for two. It is written as a convolution of 1 × 1, to
    which oneDNN adds the slope of the first sums in passing.
    """

    @with_gradient
    def summed(feature: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable]:
        wide = exact(feature)
        flat, weighted = (
            tf.reshape(each, [-1, feature.shape[-1]])
            for each in (wide, wide if weights is None else weights * wide)
        )

        def slope(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
            symmetric = tf.cast(second + tf.transpose(second), feature.dtype)
            found = tf.nn.conv2d(feature, symmetric[None, None], 1, "VALID")
            found = tf.nn.bias_add(found, tf.cast(first, feature.dtype))
            return found if weights is None else tf.cast(weights, feature.dtype) * found

        sums = tf.reduce_sum(weighted, axis=0), tf.matmul(weighted, flat, transpose_a=True)
        return sums, slope

    return summed(feature)


def statistics(sums: Sums) -> Statistics:
    """Mean and raw second moment, from sums over positions."""
    # A region may be so small that a deep layer has no position for it.
    weight = tf.maximum(sums.weight, tf.constant(1e-6, sums.weight.dtype))
    return Statistics(sums.first / weight, sums.second / weight)


def gram_errors(found: Sequence[Statistics], targets: Sequence[Statistics]) -> list[tf.Tensor]:
    """Of each layer, the squared distance of two Gram matrices (Gatys, Ecker & Bethge 2016),
    relative to the target's norm."""
    return [
        tf.reduce_sum((of.second - target.second) ** 2) / (tf.reduce_sum(target.second**2) + TINY)
        for of, target in zip(found, targets, strict=True)
    ]


def gaussian(of: Statistics) -> Gaussian:
    """The Gaussian of these moments, computed in float64."""
    mean, second = (tf.cast(each, tf.float64) for each in of)
    values, vectors = tf.linalg.eigh(_covariance(Statistics(mean, second)))
    values = tf.maximum(values, 0)  # They come in rising order.
    found = Gaussian(
        mean,
        vectors[:, -DIRECTIONS:],
        tf.sqrt(values[-DIRECTIONS:]),
        tf.reduce_sum(values[:-DIRECTIONS]),
    )
    return Gaussian(*(tf.cast(each, of.mean.dtype) for each in found))


def moments_errors(found: Sequence[Statistics], targets: Sequence[Gaussian]) -> list[tf.Tensor]:
    """Of each layer, the squared Wasserstein-2 distance of two Gaussians, relative to the target's
    mean square,

        (‖μ − μ′‖² + tr Σ + tr Σ′ − 2 tr (Σ′^½ Σ Σ′^½)^½) / (‖μ′‖² + tr Σ′),

    as in the best public recipe (crowsonkb, style-transfer-pytorch). A Gram matrix is mostly the
    outer product of the mean with itself, beside which texture, the covariance, is drowned; here
    both count as they move features. Of more than DIRECTIONS channels, the directions in which the
    painting varies least are compared by the sum of their variances only.
    """
    covariances = [_covariance(each) for each in found]
    inside = [
        tf.matmul(target.basis, tf.matmul(covariance, target.basis), transpose_a=True)
        for covariance, target in zip(covariances, targets, strict=True)
    ]
    roots = _root_traces(inside, [target.deviations for target in targets])
    errors = []
    for of, target, covariance, seen, root in zip(
        found, targets, covariances, inside, roots, strict=True
    ):
        variance = tf.reduce_sum(target.deviations**2)
        spread = tf.linalg.trace(seen) + variance - 2 * root
        rest = tf.maximum(tf.linalg.trace(covariance) - tf.linalg.trace(seen), 0)
        spread += rest + target.rest - 2 * tf.sqrt((rest + TINY) * (target.rest + TINY))
        off = tf.reduce_sum((of.mean - target.mean) ** 2)
        norm = tf.reduce_sum(target.mean**2) + variance + target.rest + TINY
        errors.append((off + spread) / norm)
    return errors


def _root_traces(
    covariances: Sequence[tf.Tensor], deviations: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """`_root_trace` of each, those of one size at once: a decomposition uses one core only."""
    found: dict[int, tf.Tensor] = {}
    sizes = [each.shape[0] for each in deviations]
    for size in set(sizes):
        alike = [number for number, each in enumerate(sizes) if each == size]
        stacked = (tf.stack([of[number] for number in alike]) for of in (covariances, deviations))
        found |= zip(alike, tf.unstack(_root_trace(*stacked)), strict=True)
    return [found[number] for number in range(len(sizes))]


@tf.custom_gradient
def _root_trace(covariance: tf.Tensor, deviations: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """tr (S Σ S)^½ [n] for covariances Σ [n, D, D] and S the diagonals of deviations [n, D].

    Its slope is half of S (S Σ S)^−½ S, the map that carries the one Gaussian to the other
    (Olkin & Pukelsheim 1982): derived through the eigenvectors, it would fail where two
    eigenvalues are equal.
    """
    # In float64: small eigenvalues, whose inverses count in the slope, drown in float32's rounding.
    kind, deviations = deviations.dtype, tf.cast(deviations, tf.float64)
    scaled = deviations[:, :, None] * tf.cast(covariance, tf.float64) * deviations[:, None, :]
    # Decomposing what is no number is an error; that it is none shows in the other terms.
    values, vectors = tf.linalg.eigh(tf.where(tf.math.is_finite(scaled), scaled, 0))
    least = (LEAST_VARIANCE * tf.reduce_sum(deviations**2, axis=1, keepdims=True)) ** 2 + TINY
    roots = tf.sqrt(tf.maximum(values, 0) + least)

    def slope(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        half = deviations[:, :, None] * vectors
        found = tf.cast(tf.matmul(half / roots[:, None], half, transpose_b=True), kind)
        return 0.5 * upstream[:, None, None] * found, None

    return tf.cast(tf.reduce_sum(roots, axis=1), kind), slope


def _covariance(of: Statistics) -> tf.Tensor:
    return of.second - of.mean[:, None] * of.mean[None, :]
