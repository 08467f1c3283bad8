"""Recipe `inetwork`: the original INetwork script (titu1994/Neural-Style-Transfer).

Its style loss compares shifted Gram matrices, chained over all layers (Novak & Nikulin 2016,
"Improving the Neural Algorithm of Artistic Style"). The picture has one size and no margin.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from painterly.engine.features.sums import Spread, widened
from painterly.engine.features.targets import Group
from painterly.engine.recipes.base import Losses, Recipe
from painterly.images import masks
from painterly.images.arrays import resize
from painterly.settings.settings import Settings
from painterly.vgg.architectures import ARCHITECTURES
from painterly.vgg.network import VGG, poolings_before
from painterly.vgg.ops import Index, crop

VGGS = tuple(tuple(ARCHITECTURES[model].shapes) for model in ARCHITECTURES)


class Blend(NamedTuple):
    """Several paintings as one target at a layer.

    Σ_j w_j ‖G_j − G‖² over paintings j is W·(‖mean − G‖² + spread) with the sum W of the weights,
    so one target gives exactly the loss of many.
    """

    gram: tf.Tensor  # the weighted mean of the paintings' Gram matrices [C, C]
    spread: tf.Tensor  # the weighted mean of their squared distances to it, a scalar


@dataclass(frozen=True)
class OriginalLosses(Losses):
    """The losses of the original.

    As in the original, nothing is divided by a target's norm, so the balance between terms depends
    on the picture's size.
    """

    statistics_layers: tuple[str, ...]  # every convolution of the network
    content_layer: str
    content_loss_type: int

    def layer_masks(
        self, mask: np.ndarray, height: int, width: int, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """Return the resized mask at each layer: 1 above 127/255, else 0."""
        sides = [2 ** poolings_before(name) for name in layers]
        return tuple(
            tf.constant(masks.binary(resize(mask, height // side, width // side))) for side in sides
        )

    def sums(self, feature: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        """Return (F − 1)ᵀ(F − 1) [C, C] of a feature F that is first multiplied by the mask. It is
        not divided by the number of positions."""
        if mask is not None:
            feature *= tf.cast(mask, feature.dtype)
        flat = widened(tf.reshape(feature, [-1, feature.shape[-1]])) - 1
        return tf.matmul(flat, flat, transpose_a=True)

    def painting_statistics(self, sums: tf.Tensor) -> tf.Tensor:
        return sums

    def content_norm(
        self, photo: Spread, groups: Sequence[Group], size: tuple[int, int]
    ) -> tf.Tensor:
        positions, channels = math.prod(size), int(photo.first.shape[0])
        divisors = 1.0, 2 * channels**0.5 * positions**0.5, channels * positions
        return tf.constant(divisors[self.content_loss_type], tf.float32)

    def variation_norm(self, size: tuple[int, int], area: float) -> tf.Tensor:
        """Return 1, since total variation is not relative."""
        return tf.constant(1.0)

    def total_variation(
        self, pixels: tf.Tensor, shown: tf.Tensor | None, counted: tuple[Index, Index]
    ) -> tf.Tensor:
        """Return Σ (a + b)^1.25 over all rows and columns except the last, in the scale 0…255.

        Here a and b are the squared differences to the pixel below and to the right.
        """
        scaled = 255.0 * pixels
        corner = crop(scaled, (0, -1), (0, -1))
        below = crop(scaled, (1, None), (0, -1)) - corner
        right = crop(scaled, (0, -1), (1, None)) - corner
        return tf.reduce_sum((below**2 + right**2) ** 1.25)

    def blend(
        self, paintings: Sequence[Sequence[tf.Tensor]], shares: Sequence[float]
    ) -> tuple[Blend, ...]:
        """Return the target of several paintings; `shares` are their style weights."""
        return tuple(_blend(grams, shares) for grams in zip(*paintings, strict=True))

    def group_weights(self, areas: Sequence[float], shares: Sequence[float]) -> list[float]:
        """Return the style weights as given, since masked features include areas."""
        return list(shares)

    def group_style(
        self, sums: Sequence[tf.Tensor], group: Group, positions: tf.Tensor
    ) -> tf.Tensor:
        """Return Σ_i 2^−(n−1−i) · (s_i − s_{i+1}) over i from 1 to n − 1.

        Here s_l is the error of layer l; s_n is 0 if the network is not a whole VGG.
        """
        errors = []
        for gram, target in zip(sums, group.targets, strict=True):
            distance = tf.reduce_sum((target.gram - gram) ** 2)
            errors.append((distance + target.spread) / (4 * 3**2 * positions**2))
        if self.statistics_layers not in VGGS:
            # The last error is only subtracted. It is small at VGG's last layer, but an earlier
            # layer's error would grow without bounds.
            errors.append(tf.zeros_like(errors[0]))
        count = len(errors)
        return tf.add_n(
            [2.0 ** -(count - 1 - i) * (errors[i - 1] - errors[i]) for i in range(1, count)]
        )


def _blend(grams: Sequence[tf.Tensor], weights: Sequence[float]) -> Blend:
    """Return one layer's Gram matrices as one target, in float64 because the sums are large."""
    wide = [tf.cast(gram, tf.float64) for gram in grams]
    parts = [weight / sum(weights) for weight in weights]
    mean = tf.add_n([part * gram for part, gram in zip(parts, wide, strict=True)])
    spread = tf.add_n(
        [part * tf.reduce_sum((gram - mean) ** 2) for part, gram in zip(parts, wide, strict=True)]
    )
    return Blend(tf.cast(mean, grams[0].dtype), tf.cast(spread, grams[0].dtype))


class INetwork(Recipe):
    """The recipe of the original."""

    pads = False
    composites = False  # The original applies masks to features only.
    bounds = None
    first_grain = 0.0

    def network(self, vgg: VGG) -> VGG:
        """Return the network with features as large as VGG's, since the losses are not relative."""
        return vgg.as_large_as_teacher

    def losses(self, settings: Settings, vgg: VGG) -> Losses:
        return OriginalLosses(vgg.layers, settings.content_layer, settings.content_loss_type)

    def painting_size(
        self, painting: tuple[int, int], picture: tuple[int, int], stroke_size: float
    ) -> tuple[int, int]:
        """Return the picture's size, whatever the painting's proportions."""
        return picture
