"""The targets that a picture is compared with."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from painterly.engine.features import neighbours
from painterly.engine.features.structure import PhotoContours


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
        """Return the group without tensors of a picture's size."""
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
        content_mask: The weight of the content error at each position of this layer [1, h, w, 1]:
            the content mask, and less where the photo is flat; empty if all count alike.
        content_norm: The divisor of the content error, a scalar.
        variation_norm: The divisor of total variation, in the shape of
            `Losses.total_variation`.
        groups: The groups of paintings.
        drawing: The feature of what the photo is made into before it is matched; empty if it stays
            as it is. The picture approaches it; its distance from the photo is measured.
    """

    content: tf.Tensor
    content_mask: tuple[tf.Tensor, ...]
    content_norm: tf.Tensor
    variation_norm: tf.Tensor
    groups: tuple[Group, ...]
    drawing: tuple[tf.Tensor, ...] = ()


class Problem(NamedTuple):
    """One picture's targets at one scale.

    Attributes:
        targets: The targets of the network's features.
        background: The mask [1, H, W, 1] and photo [1, H, W, 3] if the picture is composited with
            the photo before it is compared; else empty.
        contours: The photo's contours; empty if they are not compared.
    """

    targets: Targets
    background: tuple[tf.Tensor, ...]
    contours: PhotoContours = ()

    def with_padded_candidates(self) -> "Problem":
        """Return the problem with each painting's candidates padded by `neighbours.padded`."""
        groups = tuple(
            group._replace(candidates=tuple(map(neighbours.padded, group.candidates)))
            for group in self.targets.groups
        )
        return self._replace(targets=self.targets._replace(groups=groups))

    def with_blended_matches(self) -> "Problem":
        """Return the problem with the matches of each group's paintings as if they were of one."""
        groups = []
        for group in self.targets.groups:
            if len(group.candidates) > 1:
                blend, matches = neighbours.blended(group.candidates, group.matches[0])
                group = group._replace(candidates=(blend,), matches=(matches,))
            groups.append(group)
        return self._replace(targets=self.targets._replace(groups=tuple(groups)))

    def with_matches(self, matches: Sequence[tf.Tensor]) -> "Problem":
        """Return the problem with matches for each group, int64 [1, h, w, paintings]."""
        groups = tuple(
            group._replace(matches=(each,))
            for group, each in zip(self.targets.groups, matches, strict=True)
        )
        return self._replace(targets=self.targets._replace(groups=groups))


def composited(image: tf.Tensor, background: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return an image [1, H, W, 3] over a background as in `Problem`, if there is one; both may be
    cut to a tile."""
    if not background:
        return image
    mask, photo = background
    return mask * image + (1 - mask) * photo
