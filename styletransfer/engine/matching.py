"""Keeps the matches between the places of a picture and of its paintings up to date."""

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from styletransfer.engine import neighbours
from styletransfer.engine.objective import Objective, Problem
from styletransfer.engine.optimizers import CONTENT_WEIGHTS

# As the photo's steered weight falls from LOOSENED_FROM to its bound, the picture's part of what is
# looked for grows from the strength to MAX_FREEDOM.
LOOSENED_FROM, MAX_FREEDOM = 0.1, 4.0


class Matching:
    """A problem with its matches, which follow the picture. A recipe without matches leaves the
    problem as it is.

    Attributes:
        problem: The problem with the latest matches.
        is_needed: Whether the recipe has matches.

    Args:
        objective: The objective of the picture.
        problem: The problem, without matches.
        photo: The photo [1, h, w, 3], sRGB 0…1.
        snapshot: A step's snapshot, with the matches to begin with.

    Raises:
        ValueError: The snapshot's matches do not fit.
    """

    def __init__(
        self,
        objective: Objective,
        problem: Problem,
        photo: tf.Tensor,
        snapshot: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self._objective, self.problem = objective, problem
        self.is_needed = bool(objective.losses.matched_layers)
        if not self.is_needed:
            return
        self._photo = objective.places_of(objective.canvas(tuple(photo.shape[1:3])).padded(photo))
        groups = problem.targets.groups
        self._indices = [[neighbours.index_of(each) for each in one.candidates] for one in groups]
        counts = [len(one.candidates) for one in groups]
        shape = objective.matches_shape(tuple(photo.shape[1:3]), sum(counts))
        matches = np.zeros(shape, np.int32)
        if snapshot is not None:
            matches = snapshot.get("matches", matches[0])
            if np.shape(matches) != shape:
                raise ValueError(f"the snapshot's matches do not have the shape {shape}")
        self.problem = problem.with_matches(tf.split(tf.constant(matches, tf.int32), counts, -1))

    @property
    def matches(self) -> tuple[tf.Tensor, ...]:
        """The matches of each group's paintings, int32 [1, h, w, paintings]; none if nothing is
        matched."""
        return tuple(each.matches[0] for each in self.problem.targets.groups if each.matches)

    def matched(self, picture: tf.Tensor, content_weight: float | None = None) -> Problem:
        """Matches a picture [1, H, W, 3] on its canvas, and returns the problem with the new
        matches. content_weight: the photo's weight if it is steered."""
        if self.is_needed:
            freedom = _freedom(self._objective.freedom, content_weight)
            picture = self._objective.composited(tf.convert_to_tensor(picture), self.problem)
            places = self._objective.places_of(picture)
            matches = [
                [neighbours.nearest(each, places, self._photo, freedom) for each in group]
                for group in self._indices
            ]
            self.problem = self.problem.with_matches([tf.stack(each, -1)[None] for each in matches])
        return self.problem


def _freedom(strength: float, content_weight: float | None) -> float:
    """The picture's part of what is looked for: the strength. It grows as a steered weight of the
    photo falls to its bound, beyond 1, where matches lead away from the photo: a picture of matches
    that stay near the photo would stay there, too."""
    if content_weight is None:
        return strength
    low = CONTENT_WEIGHTS[0]
    weight = min(max(content_weight, low), LOOSENED_FROM)
    held = math.log(weight / low) / math.log(LOOSENED_FROM / low)
    return held * strength + (1 - held) * MAX_FREEDOM
