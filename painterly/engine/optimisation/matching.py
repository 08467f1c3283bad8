"""The places of pictures, and their matches among the places of paintings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from painterly.devices.choose import gpus_in_use
from painterly.engine.extractor import Extractor
from painterly.engine.features import neighbours
from painterly.engine.features.structure import detail
from painterly.engine.features.targets import Group, Problem, composited
from painterly.engine.optimisation.optimizers import CONTENT_WEIGHTS
from painterly.engine.places import equalized
from painterly.engine.tensors import padded
from painterly.engine.transfer import in_snapshot
from painterly.vgg.ops import average_pool

# The picture's part in queries, in parts of the photo that have detail, and in flat ones.
FREEDOM, FLAT_FREEDOM = 0.2, 1.0
# As the photo's steered weight falls from LOOSENED_FROM to its bound, FREEDOM grows to MAX_FREEDOM,
# if the strength is at least the second of FREE_STRENGTHS; up to the first one it does not grow.
LOOSENED_FROM, MAX_FREEDOM = 0.1, 4.0
FREE_STRENGTHS = 0.65, 0.9


class Matching:
    """A problem with its matches, which follow the picture. A recipe without matches leaves the
    problem as it is.

    Attributes:
        problem: The problem with the latest matches. Unless memory is short, those of several
            paintings are blended, so that a step costs the same for 1 painting and for 16.
        matches: The matches of each group's paintings, int64 [1, h, w, paintings]; empty if nothing
            is matched.
        is_needed: Whether the recipe has matches.
    """

    def __init__(
        self,
        extractor: Extractor,
        problem: Problem,
        photo: tf.Tensor,
        strength: float,
        bare: bool,
        held: np.ndarray | None = None,
        snapshot: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Take a problem without matches, its photo [1, h, w, 3], sRGB 0…1, whether the photo's
        flat parts stay bare (structure.py), and how much less freedom there is in its faces [h, w],
        or None without any. Raises ValueError if the matches in a step's snapshot do not fit."""
        self._extractor, self._strength, self.problem = extractor, strength, problem
        self.matches: tuple[tf.Tensor, ...] = ()
        self.is_needed = bool(extractor.losses.matched_layers)
        if not self.is_needed:
            return
        self._padded = padded(extractor.canvas(tuple(photo.shape[1:3])), photo)
        self._photo = extractor.places_of(self._padded)
        shown = average_pool(detail(self._padded), neighbours.PLACE)[0, ..., 0].numpy()
        self._flatness = np.zeros_like(shown) if bare else 1 - shown
        self._left = np.ones_like(shown)
        if held is not None:
            whole = extractor.canvas(held.shape).padded(held)[None, ..., None]
            self._left -= average_pool(tf.constant(whole), neighbours.PLACE)[0, ..., 0].numpy()
        groups = problem.targets.groups
        self._indices = [[neighbours.index_of(each) for each in one.candidates] for one in groups]
        tones = neighbours.tones_of(self._padded)
        self._tones = [
            [equalized(tones, _place_mask(extractor, group), each.tones) for each in indices]
            for group, indices in zip(groups, self._indices, strict=True)
        ]
        counts = [len(one.candidates) for one in groups]
        shape = extractor.matches_shape(tuple(photo.shape[1:3]), sum(counts))
        matches = np.zeros(shape, np.int32)
        if snapshot is not None:
            matches = in_snapshot(snapshot, "matches", shape)
        if gpus_in_use():  # Where steps may be compiled.
            problem = problem.with_padded_candidates()
        self._unblended = problem
        self._use(tf.split(tf.constant(matches, tf.int32), counts, -1))

    def matched(self, picture: tf.Tensor, content_weight: float | None = None) -> Problem:
        """Match a picture on its canvas [1, H, W, 3], and return the problem with the new matches.
        `content_weight` is the photo's if it is steered."""
        if self.is_needed:
            held = _freedom(self._strength, content_weight)
            freedom = self._left * (held + max(0.0, FLAT_FREEDOM - held) * self._flatness)
            picture = composited(tf.convert_to_tensor(picture), self.problem.background)
            places = self._extractor.places_of(picture)
            matches = [
                [
                    neighbours.nearest(index, places, self._photo, freedom, tones)
                    for index, tones in zip(*each, strict=True)
                ]
                for each in zip(self._indices, self._tones, strict=True)
            ]
            self._use([tf.stack(each, -1)[None] for each in matches])
        return self.problem

    def save_memory(self) -> None:
        """Match in small parts from now on."""
        if self.is_needed:
            self._extractor = replace(self._extractor, saves_memory=True)
            self._photo = self._extractor.places_of(self._padded)
            self._use(self.matches)

    def _use(self, matches: Sequence[tf.Tensor]) -> None:
        self.matches = tuple(tf.cast(each, tf.int64) for each in matches)
        self.problem = self._unblended.with_matches(self.matches)
        if not self._extractor.saves_memory:
            self.problem = self.problem.with_blended_matches()


def _place_mask(extractor: Extractor, group: Group) -> np.ndarray | None:
    """Return the part of each place that a group is for, [h, w], 0…1, or None for all of it."""
    if not group.masks:
        return None
    return group.masks[extractor.losses.layers.index("conv3_1")][0, ..., 0].numpy()


def _freedom(strength: float, content_weight: float | None) -> float:
    """Return the picture's part in queries where the photo has detail.

    At high strengths, it grows as a steered weight falls to its bound. Beyond 1, matches lead away
    from the photo. With matches near the photo, the picture would stay there too. At middle ones it
    comes far enough without, and forms keep their outlines.
    """
    if content_weight is None:
        return FREEDOM
    low = CONTENT_WEIGHTS[0]
    weight = min(max(content_weight, low), LOOSENED_FROM)
    held = math.log(weight / low) / math.log(LOOSENED_FROM / low)
    most = float(np.interp(strength, FREE_STRENGTHS, (FREEDOM, MAX_FREEDOM)))
    return held * FREEDOM + (1 - held) * most
