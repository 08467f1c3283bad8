"""The targets that a picture is compared with, and sums over its features."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

TERMS = ("content", "style", "total_variation", "structure")


class Group(NamedTuple):
    """Paintings that share a region of the picture, blended into one target.

    Attributes:
        weight: The group's weight in the style term.
        masks: The region's mask [1, h, w, 1] at each style layer; empty for the whole picture.
        targets: The target at each statistics layer, in the recipe's form.
        variance: The variance of the paintings' features at the content layer.
        candidates: Each painting's neighbours.Candidates; empty if nothing is matched.
        matches: The index of each place's match among the candidates, int64
            [1, h, w, paintings]; empty if nothing is matched. TensorFlow keeps a function's int32
            arguments in the host's memory, and would send them to a GPU in each step.
        places: The sum of the places' weights at each matched layer.
    """

    weight: tf.Tensor
    masks: tuple[tf.Tensor, ...]
    targets: tuple[Any, ...]
    variance: tf.Tensor
    candidates: tuple[Any, ...] = ()
    matches: tuple[tf.Tensor, ...] = ()
    places: tuple[tf.Tensor, ...] = ()

    def without_maps(self) -> "Group":
        """Returns the group without tensors of a picture's size."""
        return self._replace(masks=(), candidates=(), matches=(), places=())


class PaintingStatistics(NamedTuple):
    """A painting's statistics.

    Attributes:
        layers: The statistics to blend and compare at each statistics layer, in the recipe's form.
        variance: As in `Group`.
    """

    layers: tuple[Any, ...]
    variance: tf.Tensor


class Targets(NamedTuple):
    """The targets of a picture.

    Attributes:
        content: The photo's feature at the content layer [1, h, w, C].
        content_mask: The content mask at this layer [1, h, w, 1]; empty if there is none.
        content_norm: The divisor of the content error, a scalar.
        variation_norm: The divisor of total variation, in the shape of
            `RelativeLosses.total_variation`.
        groups: The groups of paintings.
    """

    content: tf.Tensor
    content_mask: tuple[tf.Tensor, ...]
    content_norm: tf.Tensor
    variation_norm: tf.Tensor
    groups: tuple[Group, ...]


def sum_dtype(dtype: tf.DType) -> tf.DType:
    """Returns the dtype of sums over features of this dtype: float32, or float64 for float64."""
    return tf.float64 if dtype == tf.float64 else tf.float32


def widened(feature: tf.Tensor) -> tf.Tensor:
    """Returns a feature in `sum_dtype`."""
    return tf.cast(feature, sum_dtype(feature.dtype))


def add_sums(sums: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds the sums over another part of a picture to `sums`."""
    for name, value in more.items():
        known = name in sums
        sums[name] = tf.nest.map_structure(tf.add, sums[name], value) if known else value
