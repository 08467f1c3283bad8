"""The targets that a picture is compared with."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from painterly.engine.features import neighbours
from painterly.engine.features.structure import PhotoContours


class Group(NamedTuple):
    """Paintings that share a region of the picture, blended into one target."""

    weight: tf.Tensor  # the group's weight in the style term
    # The region's mask [1, h, w, 1] at each style layer; empty for the whole picture.
    masks: tuple[tf.Tensor, ...]
    targets: tuple[Any, ...]  # the target at each statistics layer, in the recipe's form
    variance: tf.Tensor  # the variance of the paintings' features at the content layer
    # Each painting's neighbours.Candidates; empty if nothing is matched.
    candidates: tuple[Any, ...] = ()
    # The index of each place's match among the candidates, int64 [1, h, w, paintings]; empty if
    # nothing is matched. TensorFlow keeps a function's int32 arguments in the host's memory, and
    # would send them to a GPU in each step.
    matches: tuple[tf.Tensor, ...] = ()
    places: tuple[tf.Tensor, ...] = ()  # the sum of the places' weights at each matched layer

    def without_maps(self) -> "Group":
        """Return the group without tensors of a picture's size."""
        return self._replace(masks=(), candidates=(), matches=(), places=())


class PaintingStatistics(NamedTuple):
    """A painting's statistics."""

    # The statistics to blend and compare at each statistics layer, in the recipe's form.
    layers: tuple[Any, ...]
    variance: tf.Tensor  # as in `Group`


class Targets(NamedTuple):
    """The targets of a picture."""

    content: tf.Tensor  # the photo's feature at the content layer [1, h, w, C]
    # The weight of the content error at each position of this layer [1, h, w, 1]: the content mask,
    # and less where the photo is flat; empty if all count alike.
    content_mask: tuple[tf.Tensor, ...]
    content_norm: tf.Tensor  # the divisor of the content error, a scalar
    # The divisor of total variation, in the shape of `Losses.total_variation`.
    variation_norm: tf.Tensor
    groups: tuple[Group, ...]  # the groups of paintings
    # The feature of what the photo is made into before it is matched; empty if it stays as it is.
    # The picture approaches it; its distance from the photo is measured.
    drawing: tuple[tf.Tensor, ...] = ()
    # The factor of the content error's gradient at each position [1, h, w, 1]: more in faces; empty
    # if all count alike. The error itself, which strength steers, is without it.
    held: tuple[tf.Tensor, ...] = ()


class Problem(NamedTuple):
    """One picture's targets at one scale."""

    targets: Targets  # the targets of the network's features
    # The mask [1, H, W, 1] and photo [1, H, W, 3] if the picture is composited with the photo
    # before it is compared; else empty.
    background: tuple[tf.Tensor, ...]
    contours: PhotoContours = ()  # the photo's contours; empty if they are not compared

    def with_padded_candidates(self) -> "Problem":
        """Return the problem with each painting's candidates padded by `neighbours.padded`."""
        return self._with_groups(
            group._replace(candidates=tuple(map(neighbours.padded, group.candidates)))
            for group in self.targets.groups
        )

    def with_blended_matches(self) -> "Problem":
        """Return the problem with the matches of each group's paintings as if they were of one."""
        groups = []
        for group in self.targets.groups:
            if len(group.candidates) > 1:
                blend, matches = neighbours.blended(group.candidates, group.matches[0])
                group = group._replace(candidates=(blend,), matches=(matches,))
            groups.append(group)
        return self._with_groups(groups)

    def with_matches(self, matches: Sequence[tf.Tensor]) -> "Problem":
        """Return the problem with matches for each group, int64 [1, h, w, paintings]."""
        return self._with_groups(
            group._replace(matches=(each,))
            for group, each in zip(self.targets.groups, matches, strict=True)
        )

    def _with_groups(self, groups: Iterable[Group]) -> "Problem":
        return self._replace(targets=self.targets._replace(groups=tuple(groups)))


def composited(image: tf.Tensor, background: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return an image [1, H, W, 3] over a background as in `Problem`, if there is one; both may be
    cut to a tile."""
    if not background:
        return image
    mask, photo = background
    return mask * image + (1 - mask) * photo
