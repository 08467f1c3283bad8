"""The interface of recipes: losses, and answers to the engine's other questions.

The answers here are the usual ones. Each recipe's file has its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from painterly.engine.features.gaussians import TINY
from painterly.engine.features.structure import detail
from painterly.engine.features.sums import Spread, Statistics, moment_sums, statistics
from painterly.engine.features.targets import Group
from painterly.engine.schedule import painting_size
from painterly.engine.tensors import blurred
from painterly.images import masks
from painterly.images.arrays import resize
from painterly.settings.settings import Settings
from painterly.vgg.network import VGG, poolings_before
from painterly.vgg.ops import Index, crop

# The standard deviation, in sRGB 0…1, of the grain that a picture starts with: one step of 8 bits.
# Without it, all positions of a white background get the same gradient, and so the same stroke in
# rows and columns.
FIRST_GRAIN = 0.005
FLAT_GRAIN_BLUR = 2.0  # px
FULL_GRAIN_FROM = 0.3  # strength: near the photo, its flat parts stay flat


class Losses(ABC):
    """The losses of a recipe: content, style and total variation, as functions of features.

    The style term compares sums over positions with those of the paintings, so that a picture can
    be computed in tiles; places are compared by neighbours.py. Equal losses are interchangeable.
    """

    content_layer: str  # the layer at which the photo is compared
    statistics_layers: tuple[str, ...]  # the layers at which statistics of paintings are compared
    # The layers at which places are compared with the places that they are matched to; empty
    # without neighbours.
    matched_layers: tuple[str, ...] = ()
    # The weight of the photo's flat parts in the content error, 0…1; strong contours have 1. See
    # structure.py.
    flat_weight: float = 1.0
    bare_weight: float = 1.0  # the same where flat parts stay bare

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers at which paintings are compared."""
        return tuple(dict.fromkeys((*self.statistics_layers, *self.matched_layers)))

    def layer_masks(
        self, mask: np.ndarray, height: int, width: int, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """Return the mean of a mask [h, w], 0…1, of any size over each position's pixels, [1, h, w,
        1] at each layer, for a picture of this height and width in px."""
        whole = resize(mask, height, width)
        return tuple(tf.constant(masks.pooled(whole, poolings_before(name))) for name in layers)

    def sums(self, feature: tf.Tensor, mask: tf.Tensor | None = None) -> Any:
        """Return the sums over a feature [1, h, w, C] that style is computed from. A mask
        [1, h, w, 1] weights the positions."""
        return moment_sums(feature, mask)

    def painting_statistics(self, sums: Any) -> Any:
        """Return the statistics to blend and compare, from a painting's sums at a layer."""
        return statistics(sums)

    @abstractmethod
    def content_norm(
        self, photo: Spread, groups: Sequence[Group], size: tuple[int, int]
    ) -> tf.Tensor:
        """Return the divisor of the content error Σ ‖F − P‖², a scalar, for a picture of this
        (height, width) and the sums of the photo's feature P."""

    def for_drawings(self) -> "Losses":
        """Return the losses for paintings that are drawings in ink."""
        return self

    def variation_norm(self, size: tuple[int, int], area: float) -> tf.Tensor:
        """Return the divisors [2] of `total_variation` for a picture of this (height, width).

        The term is a mean over the painted part, the share `area`, so that a small one is as
        smooth.
        """
        height, width = size
        pairs = np.array([(height - 1) * width, height * (width - 1)])
        return tf.constant(np.maximum(3 * pairs, 1) * (area + TINY), tf.float32)

    def total_variation(
        self, pixels: tf.Tensor, shown: tf.Tensor | None, counted: tuple[Index, Index]
    ) -> tf.Tensor:
        """Return the sums [2] of squared differences to the pixel below and to the right, after
        Mahendran & Vedaldi 2015, with β = 2.

        Args:
            pixels: A picture [1, h, w, 3], sRGB 0…1.
            shown: The part [1, h, w, 1] that is painted, or None for all of it. Pairs of pixels
                outside of it are left out.
            counted: The number of rows and columns to sum over. The row and the column after them,
                if there are any, are neighbours of the last ones.
        """
        height, width = counted
        sums = []
        for here, there in (
            (((0, -1), (0, width)), ((1, None), (0, width))),
            (((0, height), (0, -1)), ((0, height), (1, None))),
        ):
            square = tf.square(crop(pixels, *there) - crop(pixels, *here))
            if shown is not None:
                near = crop(shown, *there) + crop(shown, *here)
                square = tf.where(near > 0, square, tf.zeros_like(square))
            sums.append(tf.reduce_sum(square))
        return tf.stack(sums)

    def blend(self, paintings: Sequence[Sequence[Any]], shares: Sequence[float]) -> tuple[Any, ...]:
        """Return one target at each layer for several paintings, from the statistics of each at
        each layer.

        Raw moments are blended, as if each painting covered its share of one canvas. (Covariances
        do not blend linearly.) With one target, a step costs the same for 1 painting and for 16.
        """
        parts = [share / sum(shares) for share in shares]
        return tuple(
            Statistics(
                *(
                    tf.add_n([part * value for part, value in zip(parts, values, strict=True)])
                    for values in zip(*layer, strict=True)
                )
            )
            for layer in zip(*paintings, strict=True)
        )

    def group_weights(self, areas: Sequence[float], shares: Sequence[float]) -> list[float]:
        """Return the weight of each group: the part of the picture that it covers times its share,
        normalised to a sum of 1. So a pixel has the same weight in small and large regions."""
        weights = [area * share for area, share in zip(areas, shares, strict=True)]
        return [weight / sum(weights) for weight in weights]

    def style(
        self, sums: Mapping[str, Sequence[Any]], groups: Sequence[Group], positions: tf.Tensor
    ) -> tf.Tensor:
        """Return the part of the style term that statistics have, a scalar, from each statistics
        layer's sums over the picture for each group, and its number of pixels."""
        terms = []
        for number, group in enumerate(groups):
            of_group = [sums[layer][number] for layer in self.statistics_layers]
            terms.append(group.weight * self.group_style(of_group, group, positions))
        return tf.add_n(terms)

    @abstractmethod
    def group_style(self, sums: Sequence[Any], group: Group, positions: tf.Tensor) -> tf.Tensor:
        """Return the part of one group from its sums at each layer, as for `style`."""


class Recipe(ABC):
    """The way in which a picture is painted, apart from its settings.

    `settings/recipes.py` has what programs need to know without TensorFlow.

    Attributes:
        pads: Whether pictures are painted with a margin, and paintings padded like them; see
            picture.py.
        composites: Whether the photo shows outside of the painted part while it is painted.
            Otherwise regions restrict paintings, not the picture.
        joins_terms: Whether XLA may compile the operations from sums to losses.
        bounds: The range of the picture's values while L-BFGS optimises it, or None for any.
        first_grain: The standard deviation of the grain in the first picture, in sRGB 0…1.
        flat_grain: The same for coarser grain in the photo's flat parts, unless they stay bare; see
            structure.py.
    """

    pads = True
    composites = True
    joins_terms = False
    bounds: tuple[float, float] | None = (0.0, 1.0)
    first_grain = FIRST_GRAIN
    flat_grain = 0.0

    def network(self, vgg: VGG) -> VGG:
        """Return the network whose features are compared."""
        return vgg

    @abstractmethod
    def losses(self, settings: Settings, vgg: VGG) -> Losses:
        """Return the losses for these settings. The network has their content layer."""

    def steered_to(self, strength: float) -> float:
        """Return the relative content error to which a picture is steered for a `strength`."""
        return strength

    def painting_size(
        self, painting: tuple[int, int], picture: tuple[int, int], stroke_size: float
    ) -> tuple[int, int]:
        """Return the (height, width) at which a painting of a size is compared with a picture."""
        return painting_size(*painting, max(picture), stroke_size)

    def first_picture(self, photo: tf.Tensor, settings: Settings, bare: bool) -> tf.Tensor:
        """Return the picture to start from for a photo [1, h, w, 3], sRGB 0…1. `bare`: flat parts
        stay so."""
        if settings.init_image == "noise":
            return tf.random.stateless_uniform(photo.shape, [settings.seed, 0])
        if settings.init_image == "gray":
            photo = tf.repeat(tf.image.rgb_to_grayscale(photo), 3, axis=-1)
        if not self.first_grain:
            return photo
        grain = tf.random.stateless_normal((*photo.shape[:3], 1), [settings.seed, 0])
        picture = photo + self.first_grain * grain
        if self.flat_grain and not bare:
            channels = 1 if settings.init_image == "gray" else 3
            shape = (*photo.shape[:3], channels)
            grain = tf.random.stateless_normal(shape, [settings.seed, 1])
            grain = 0.5 * grain + 2 * blurred(grain, FLAT_GRAIN_BLUR)
            amount = self.flat_grain * min(1.0, settings.strength / FULL_GRAIN_FROM)
            picture += amount * (1 - detail(photo)) * grain
        return tf.clip_by_value(picture, 0.0, 1.0)
