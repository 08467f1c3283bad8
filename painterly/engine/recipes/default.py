"""Recipe `default`, and its simpler form `moments`.

Each place of the picture is painted like the most similar place of the painting (after Kolkin et
al. 2022, "Neural Neighbor Style Transfer"; neighbours.py), and shallow layers get the
painting's statistics, which carry palette and grain (after Gatys, Ecker & Bethge 2016;
gaussians.py).
`moments` compares statistics alone, at deeper layers, too.

Each term is relative to the norm of its target, so the balance between terms does not depend on
the scale of the weights, the photo, its size or the painting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from painterly.devices.choose import gpus_in_use
from painterly.engine.features.gaussians import (
    TINY,
    Displacements,
    by_eigenvectors,
    by_products,
    gaussian,
    moments_errors,
)
from painterly.engine.features.sums import Spread, Statistics, Sums, statistics, variance
from painterly.engine.features.targets import Group
from painterly.engine.places import MATCHED_LAYERS
from painterly.engine.recipes.base import Losses, Recipe
from painterly.settings.settings import Settings
from painterly.vgg.network import VGG

# The layers of Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural
# Networks", without conv5_1, which costs a fifth of the time and changes nothing visible, with the
# weights of crowsonkb's style-transfer-pytorch. Shallow layers carry palette and stroke.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
STYLE_LAYER_WEIGHTS = dict(
    zip(STYLE_LAYERS, (weight / 340 for weight in (256, 64, 16, 4)), strict=True)
)
# The statistics' layers if there are neighbours: statistics carry palette and grain, neighbours
# larger forms.
SHALLOW_LAYERS = STYLE_LAYERS[:2]
# The factor of statistics for drawings in ink: paper would turn grey, since the mean of a whole
# drawing is darker than that of a sparse one.
DRAWN_STATISTICS = 0.15
# Lower bound of the variance of a photo's features, as a part of their mean square: a plain wall
# has next to no shapes that could be preserved.
MIN_CONTENT_VARIANCE = 0.02
# The part of a strength to which a picture is steered before it is rebuilt, from one strength to
# another. Measured, so that pictures of 512 px end near their strengths.
ROOM_FOR_PATCHES = (0.5, 0.8), (0.8, 1.0)


@dataclass(frozen=True)
class RelativeLosses(Losses):
    """Losses relative to their targets."""

    content_layer: str
    statistics: str  # the statistics of paintings that are compared, `gram` or `moments`
    # Computes the map between two Gaussians; see gaussians.py.
    displacements: Displacements = by_eigenvectors
    statistics_layers: tuple[str, ...] = STYLE_LAYERS
    matched_layers: tuple[str, ...] = ()
    flat_weight: float = 1.0
    bare_weight: float = 1.0
    statistics_weight: float = 1.0  # the factor of the statistics' weights

    def for_drawings(self) -> "RelativeLosses":
        return replace(self, statistics_weight=DRAWN_STATISTICS)

    def content_norm(
        self, photo: Spread, groups: Sequence[Group], size: tuple[int, int]
    ) -> tf.Tensor:
        """Return the divisor of the content error.

        It is the photo's variance ‖P − mean P‖² plus twice its deficit to the paintings' variance,
        summed over positions: in a clear sky, strokes have to add the missing variance, and a
        strength of 0.5 must leave room for them. The mean of P is left out, since it dominates
        Σ ‖P‖² if features have large biases.
        """
        shapes = variance(photo)
        wanted = tf.add_n(
            [
                tf.cast(group.weight, tf.float64) * tf.cast(group.variance, tf.float64)
                for group in groups
            ]
        )
        lack = tf.maximum(wanted - shapes, 0)
        norm = photo.weight * (shapes + 2 * lack)
        return tf.maximum(norm, MIN_CONTENT_VARIANCE * photo.square) + TINY

    def blend(self, paintings: Sequence[Sequence[Any]], shares: Sequence[float]) -> tuple[Any, ...]:
        blends = super().blend(paintings, shares)
        return tuple(map(gaussian, blends)) if self.statistics == "moments" else blends

    def group_style(self, sums: Sequence[Sums], group: Group, positions: tf.Tensor) -> tf.Tensor:
        moments = [*map(statistics, sums)]
        if self.statistics == "moments":
            errors = moments_errors(moments, group.targets, self.displacements)
        else:
            errors = gram_errors(moments, group.targets)
        layers = zip(self.statistics_layers, errors, strict=True)
        weights = {
            each: self.statistics_weight * STYLE_LAYER_WEIGHTS[each] for each in STYLE_LAYERS
        }
        return tf.add_n([tf.cast(weights[layer], error.dtype) * error for layer, error in layers])


def gram_errors(moments: Sequence[Statistics], targets: Sequence[Statistics]) -> list[tf.Tensor]:
    """Return the squared distance of the Gram matrices at each layer (Gatys, Ecker & Bethge 2016),
    relative to the target's norm."""
    return [
        tf.reduce_sum((has.second - target.second) ** 2) / (tf.reduce_sum(target.second**2) + TINY)
        for has, target in zip(moments, targets, strict=True)
    ]


class Default(Recipe):
    """The default recipe."""

    joins_terms = True
    flat_grain = 0.1

    def steered_to(self, strength: float) -> float:
        """Return less than the strength: patches lead further away from the photo. At high
        strengths they add little."""
        return strength * float(np.interp(strength, *ROOM_FOR_PATCHES))

    def losses(self, settings: Settings, vgg: VGG) -> Losses:
        matched = tuple(layer for layer in MATCHED_LAYERS if layer in vgg.layers)
        losses = relative_losses(settings, SHALLOW_LAYERS, matched)
        return replace(losses, flat_weight=0.1, bare_weight=0.3)


class Moments(Recipe):
    """The default recipe without places."""

    def losses(self, settings: Settings, vgg: VGG) -> Losses:
        return relative_losses(settings, STYLE_LAYERS)


def relative_losses(
    settings: Settings, statistics_layers: tuple[str, ...], matched_layers: tuple[str, ...] = ()
) -> RelativeLosses:
    """Return relative losses at these layers, as they are computed fastest."""
    return RelativeLosses(
        settings.content_layer,
        settings.style_statistics,
        by_products if gpus_in_use() else by_eigenvectors,
        statistics_layers,
        matched_layers,
    )
