"""What a recipe provides: its losses, and the targets that they compare a picture with."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

TERMS = ("content", "style", "total_variation", "structure")


class Group(NamedTuple):
    """Paintings that share a region of the picture, blended into one target: their weight in the
    style term; the region's mask [1, h, w, 1] at each style layer (empty: the whole picture); the
    target at each statistics layer, in the recipe's own form; how much their features vary at the
    content layer, as `Losses.variance`; each painting's neighbours.Candidates, and the number of
    each place's match among them, int32 [1, h, w, paintings] (both empty: nothing is matched)."""

    weight: tf.Tensor
    masks: tuple[tf.Tensor, ...]
    targets: tuple[Any, ...]
    variance: tf.Tensor
    candidates: tuple[Any, ...] = ()
    matches: tuple[tf.Tensor, ...] = ()


class PaintingStatistics(NamedTuple):
    """What is used of a painting: what is blended and compared at each statistics layer, in the
    recipe's own form, and `Group.variance`."""

    layers: tuple[Any, ...]
    variance: tf.Tensor


class Targets(NamedTuple):
    """The targets of a picture: the photo's feature at the content layer [1, h, w, C]; the content
    mask there [1, h, w, 1] (empty: everywhere); what the content error is divided by; the groups of
    paintings; the part of the picture that is painted, a scalar, and the sums of total variation
    over the rest, where the photo shows, which no step changes (empty: all is painted)."""

    content: tf.Tensor
    content_mask: tuple[tf.Tensor, ...]
    content_norm: tf.Tensor
    groups: tuple[Group, ...]
    painted: tuple[tf.Tensor, ...] = ()

    def without_maps(self) -> "Targets":
        """What the terms need beside sums: nothing that has a picture's size."""
        groups = tuple(group._replace(masks=(), candidates=(), matches=()) for group in self.groups)
        return self._replace(content=self.content[:, :0, :0], content_mask=(), groups=groups)


class Losses(Protocol):
    """A recipe's losses. Everything is computed from sums over positions, so that a picture can be
    computed in tiles."""

    @property
    def pads_images(self) -> bool:
        """Whether pictures are painted with a margin; see canvas.py."""

    @property
    def composites(self) -> bool:
        """Whether the photo shows outside the content mask already during the optimisation."""

    @property
    def content_layer(self) -> str:
        """The layer at which the photo is compared."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers at which paintings are compared."""

    @property
    def statistics_layers(self) -> tuple[str, ...]:
        """Those of them at which statistics are compared."""

    @property
    def matched_layers(self) -> tuple[str, ...]:
        """Those of them at which places are compared with the places they are matched to."""

    def layer_masks(
        self, mask: np.ndarray, height: int, width: int, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """A mask [h, w], 0…1, of a picture of this size, at each layer: [1, h, w, 1]."""

    def sums(self, feature: tf.Tensor, mask: tf.Tensor | None = None) -> Any:
        """The sums over a feature [1, h, w, C] that style is computed from, each position weighted
        by a mask [1, h, w, 1] if given. Those of tiles add up."""

    def painting_statistics(self, sums: Any) -> Any:
        """What is blended and matched of a painting, from its sums at a layer."""

    def content_error(
        self, feature: tf.Tensor, target: tf.Tensor, mask: tf.Tensor | None
    ) -> tf.Tensor:
        """Σ (F − P)² over a picture's feature and the photo's, both [1, h, w, C], weighted by a
        mask [1, h, w, 1] if given."""

    def spread(self, feature: tf.Tensor, mask: tf.Tensor | None) -> Any:
        """The sums over a feature [1, h, w, C] at the content layer that its variance is computed
        from, each position weighted by a mask [1, h, w, 1] if given. Those of parts add up."""

    def variance(self, spread: Any) -> tf.Tensor:
        """How much a feature varies, a mean over positions, from its `spread`; a scalar."""

    def content_norm(self, photo: Any, groups: Sequence[Group]) -> tf.Tensor:
        """What the content error of a picture is divided by, from the `spread` of the photo and
        from the paintings; a scalar."""

    def total_variation(self, rows: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        """The sums that total variation is computed from, over the first `own` rows of rows
        [1, r, W, 3] (sRGB 0…1). The row after them, if any, is the last one's neighbour."""

    def blend(self, paintings: Sequence[Sequence[Any]], shares: Sequence[float]) -> tuple[Any, ...]:
        """One target at each layer for several paintings' statistics at each layer."""

    def group_weights(self, areas: Sequence[float], shares: Sequence[float]) -> list[float]:
        """The weight of each group: areas are its part of the picture, shares its paintings'."""

    def terms(
        self, sums: Mapping[str, Any], targets: Targets, height: tf.Tensor, width: tf.Tensor
    ) -> tf.Tensor:
        """Unweighted content, style and total variation [3] of a picture of this size.

        sums: under each statistics layer's name `sums` for each group of paintings; under
        `neighbours` and each matched layer's name `Errors` for each group; under `content` and
        `total_variation` the results of `content_error` and `total_variation`.
        """


def sum_dtype(dtype: tf.DType) -> tf.DType:
    """What sums over features of this dtype are computed in: float32 or, for float64, float64."""
    return tf.float64 if dtype == tf.float64 else tf.float32


def widened(feature: tf.Tensor) -> tf.Tensor:
    """A feature in `sum_dtype`."""
    return tf.cast(feature, sum_dtype(feature.dtype))


def add_sums(sums: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds the sums over another part of a picture to `sums`."""
    for name, value in more.items():
        known = name in sums
        sums[name] = tf.nest.map_structure(tf.add, sums[name], value) if known else value
