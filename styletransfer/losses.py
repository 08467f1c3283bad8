"""The default recipe's losses: content, style and total variation, as pure functions of features.

Every term is relative to its target's norm, so that the balance between them hinges neither on
the scale of the weights nor on the photo, its size or the painting. Sums are in float32 at least,
whatever the features are in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer import masks
from styletransfer.images import resize
from styletransfer.vgg import poolings_before

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
    that counts (a mask [1, h, w, 1]; none: everywhere), and the groups of paintings."""

    content: tf.Tensor
    content_mask: tuple[tf.Tensor, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class RelativeLosses:
    """The default recipe. `statistics` is `gram` or `moments`: what of a painting is matched."""

    content_layer: str
    statistics: str

    on_canvas = True  # Networks see pictures on a canvas; see scales.on_canvas.
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

    def painting(
        self, features: Mapping[str, tf.Tensor], layer_masks: Sequence[tf.Tensor]
    ) -> tuple[Statistics, ...]:
        """A painting's statistics at each style layer, over its mask where it has one."""
        return tuple(
            statistics(features[layer], layer_masks[number] if layer_masks else None)
            for number, layer in enumerate(STYLE_LAYERS)
        )

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
        self, features: Mapping[str, tf.Tensor], image: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        """Content, style and total variation [3] of image [1, H, W, 3], not weighted yet."""
        style = tf.add_n([group.weight * self._style(features, group) for group in targets.groups])
        feature, mask = features[self.content_layer], targets.content_mask
        content = relative_error(feature, targets.content, mask[0] if mask else None)
        return tf.stack([content, style, total_variation(image)])

    def _style(self, features: Mapping[str, tf.Tensor], group: Group) -> tf.Tensor:
        distance = moments_error if self.statistics == "moments" else gram_error
        terms = []
        for number, (layer, weight) in enumerate(
            zip(STYLE_LAYERS, STYLE_LAYER_WEIGHTS, strict=True)
        ):
            found = statistics(features[layer], group.masks[number] if group.masks else None)
            error = distance(found, group.targets[number])
            terms.append(tf.cast(weight, error.dtype) * error)
        return tf.add_n(terms)


def exact(x: tf.Tensor) -> tf.Tensor:
    """x in float32 where it is in less."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


def statistics(feature: tf.Tensor, mask: tf.Tensor | None = None) -> Statistics:
    """Mean and raw second moment of a feature [1, h, w, C] over its positions, each weighted by a
    mask [1, h, w, 1] where one is given, the weights summing to 1."""
    flat = exact(tf.reshape(feature, [-1, feature.shape[-1]]))
    if mask is None:
        count = tf.cast(tf.shape(flat)[0], flat.dtype)
        return Statistics(
            tf.reduce_mean(flat, axis=0), tf.matmul(flat, flat, transpose_a=True) / count
        )
    weights = tf.cast(tf.reshape(mask, [-1, 1]), flat.dtype)
    # A region may be so small that a deep layer has no position for it.
    weights /= tf.maximum(tf.reduce_sum(weights), tf.constant(1e-6, flat.dtype))
    weighted = weights * flat
    return Statistics(tf.reduce_sum(weighted, axis=0), tf.matmul(weighted, flat, transpose_a=True))


def gram_error(found: Statistics, target: Statistics) -> tf.Tensor:
    """Relative squared distance of two Gram matrices (Gatys, Ecker & Bethge 2016, relative)."""
    return relative_error(found.second, target.second)


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


def moments_error(found: Statistics, target: Gaussian) -> tf.Tensor:
    """The squared Wasserstein-2 distance of two Gaussians, relative to the target's mean square,

        (‖μ − μ′‖² + tr Σ + tr Σ′ − 2 tr (Σ′^½ Σ Σ′^½)^½) / (‖μ′‖² + tr Σ′),

    as in the best public recipe (crowsonkb, style-transfer-pytorch). A Gram matrix is mostly the
    outer product of the mean with itself, beside which texture, the covariance, is drowned; here
    both count as they move features. Of more than DIRECTIONS channels, the directions in which the
    painting varies least are compared by the sum of their variances only.
    """
    covariance = _covariance(found)
    inside = tf.matmul(target.basis, tf.matmul(covariance, target.basis), transpose_a=True)
    variance = tf.reduce_sum(target.deviations**2)
    spread = tf.linalg.trace(inside) + variance - 2 * _root_trace(inside, target.deviations)
    rest = tf.maximum(tf.linalg.trace(covariance) - tf.linalg.trace(inside), 0)
    spread += rest + target.rest - 2 * tf.sqrt((rest + TINY) * (target.rest + TINY))
    off = tf.reduce_sum((found.mean - target.mean) ** 2)
    return (off + spread) / (tf.reduce_sum(target.mean**2) + variance + target.rest + TINY)


@tf.custom_gradient
def _root_trace(covariance: tf.Tensor, deviations: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """tr (S Σ S)^½ for a covariance Σ [D, D] and S the diagonal of deviations [D].

    Its slope is half of S (S Σ S)^−½ S, the map that carries the one Gaussian to the other
    (Olkin & Pukelsheim 1982): derived through the eigenvectors, it would fail where two
    eigenvalues are equal.
    """
    scaled = deviations[:, None] * covariance * deviations[None, :]
    # Decomposing what is no number is an error; that it is none shows in the other terms.
    values, vectors = tf.linalg.eigh(tf.where(tf.math.is_finite(scaled), scaled, 0))
    least = (LEAST_VARIANCE * tf.reduce_sum(deviations**2)) ** 2 + TINY
    roots = tf.sqrt(tf.maximum(values, 0) + least)

    def slope(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        half = deviations[:, None] * vectors
        return 0.5 * upstream * tf.matmul(half / roots, half, transpose_b=True), None

    return tf.reduce_sum(roots), slope


def _covariance(of: Statistics) -> tf.Tensor:
    return of.second - of.mean[:, None] * of.mean[None, :]


def relative_error(x: tf.Tensor, target: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """‖x − target‖² / ‖target‖², a scalar; 1 for x = 0. A mask weighs both sums."""
    x, target = exact(x), exact(target)
    error, norm = (x - target) ** 2, target**2
    if mask is not None:
        mask = tf.cast(mask, x.dtype)
        error, norm = mask * error, mask * norm
    return tf.reduce_sum(error) / (tf.reduce_sum(norm) + TINY)


def total_variation(image: tf.Tensor) -> tf.Tensor:
    """Mean squared difference to the pixel below plus that to the right, of image [1, H, W, 3]
    (Mahendran & Vedaldi 2015, with β = 2)."""
    below = image[:, 1:] - image[:, :-1]
    right = image[:, :, 1:] - image[:, :, :-1]
    return tf.reduce_mean(below**2) + tf.reduce_mean(right**2)
