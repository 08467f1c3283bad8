"""The places of pictures, and their matches among the places of paintings."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from styletransfer.devices.tensorflow import gpus_in_use
from styletransfer.engine import neighbours
from styletransfer.engine.objective import Objective, Problem
from styletransfer.engine.optimizers import CONTENT_WEIGHTS
from styletransfer.vgg.tiles import Tile, joined, own

# As the photo's steered weight falls from LOOSENED_FROM to its bound, the picture's part in queries
# grows from the strength to MAX_FREEDOM, if the strength is at least the second of FREE_STRENGTHS;
# up to the first one it does not grow.
LOOSENED_FROM, MAX_FREEDOM = 0.1, 4.0
FREE_STRENGTHS = 0.5, 0.75

FEW_BANDS = 3

# Takes a tile, and each layer's feature [1, h, w, C] of its own part.
Seen: TypeAlias = Callable[[Tile, Mapping[str, tf.Tensor]], None]


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
        self._padded = objective.canvas(tuple(photo.shape[1:3])).padded(photo)
        self._photo = places_of(objective, self._padded)
        groups = problem.targets.groups
        self._indices = [[neighbours.index_of(each) for each in one.candidates] for one in groups]
        counts = [len(one.candidates) for one in groups]
        shape = matches_shape(objective, tuple(photo.shape[1:3]), sum(counts))
        matches = np.zeros(shape, np.int32)
        if snapshot is not None:
            matches = snapshot.get("matches", matches[0])
            if np.shape(matches) != shape:
                raise ValueError(f"the snapshot's matches do not have the shape {shape}")
        if gpus_in_use():  # Where steps may be compiled.
            problem = problem.with_padded_candidates()
        self.problem = problem.with_matches(tf.split(tf.constant(matches, tf.int32), counts, -1))

    @property
    def matches(self) -> tuple[tf.Tensor, ...]:
        """The matches of each group's paintings, int64 [1, h, w, paintings]; empty if nothing is
        matched."""
        return tuple(each.matches[0] for each in self.problem.targets.groups if each.matches)

    def matched(self, picture: tf.Tensor, content_weight: float | None = None) -> Problem:
        """Matches a picture, and returns the problem with the new matches.

        Args:
            picture: The picture on its canvas [1, H, W, 3], sRGB 0…1.
            content_weight: The photo's weight if it is steered, else None.
        """
        if self.is_needed:
            freedom = _freedom(self._objective.freedom, content_weight)
            picture = self._objective.composited(tf.convert_to_tensor(picture), self.problem)
            places = places_of(self._objective, picture)
            matches = [
                [neighbours.nearest(each, places, self._photo, freedom) for each in group]
                for group in self._indices
            ]
            self.problem = self.problem.with_matches([tf.stack(each, -1)[None] for each in matches])
        return self.problem

    def save_memory(self) -> None:
        """Matches in small parts from now on."""
        if self.is_needed:
            self._objective = replace(self._objective, saves_memory=True)
            self._photo = places_of(self._objective, self._padded)


def _freedom(strength: float, content_weight: float | None) -> float:
    """Returns the picture's part in queries: the strength, unless the content weight is steered.

    At high strengths, it grows as a steered weight falls to its bound. Beyond 1, matches lead away
    from the photo. With matches near the photo, the picture would stay there too. At middle ones it
    comes far enough without, and forms keep their outlines.
    """
    if content_weight is None:
        return strength
    low = CONTENT_WEIGHTS[0]
    weight = min(max(content_weight, low), LOOSENED_FROM)
    held = math.log(weight / low) / math.log(LOOSENED_FROM / low)
    most = float(np.interp(strength, FREE_STRENGTHS, (strength, MAX_FREEDOM)))
    return held * strength + (1 - held) * most


def matches_shape(objective: Objective, size: tuple[int, int], paintings: int) -> tuple[int, ...]:
    """Returns the shape of all matches of a picture of `size` (height, width) among paintings."""
    height, width = objective.canvas(size).size
    return 1, height // neighbours.PLACE, width // neighbours.PLACE, paintings


def places_of(objective: Objective, image: tf.Tensor) -> neighbours.PlacesOf:
    """Returns the places of an image [1, H, W, 3], computed once if they are few, else each time
    they are needed."""
    if _band_rows(objective, image) < image.shape[1]:
        return partial(places, objective, image)
    (kept,) = places(objective, image)
    # A copy, because matching removes each layer after its use.
    return lambda few: iter([dict(kept)])


def places(
    objective: Objective,
    image: tf.Tensor,
    few: bool = False,
    seen: Seen | None = None,
    with_pixels: bool = False,
) -> Iterator[neighbours.Places]:
    """Computes the places of an image, in bands of rows from top to bottom.

    Args:
        objective: The objective, with matched layers.
        image: The image on its canvas [1, H, W, 3], sRGB 0…1.
        few: Whether a part of the bands is enough, at least FEW_BANDS if there are as many.
        seen: Called with the features of all layers that are compared.
        with_pixels: Whether places include their pixels.
    """
    matched = objective.losses.matched_layers
    layers = objective.layers if seen else matched
    height = image.shape[1]
    high = _band_rows(objective, image)

    def in_tiles(first: int) -> Iterator[tuple[Tile, neighbours.Places]]:
        rows = first, min(first + high, height)
        for tile, found in objective.tiled_features(image, layers, rows):
            if seen:
                seen(tile, found)
            features = {layer: neighbours.places(layer, found[layer]) for layer in matched}
            if with_pixels:
                pixels = own(image, tile, 1)
                features[neighbours.PIXELS] = tf.nn.space_to_depth(pixels, neighbours.PLACE)[0]
            yield tile, features

    step = max(1, -(-height // high) // FEW_BANDS) if few else 1
    for first in range(0, height, step * high):
        yield neighbours.aligned(joined(in_tiles(first)))


def _band_rows(objective: Objective, image: tf.Tensor) -> int:
    size = tuple(image.shape[1:3])
    return neighbours.band_rows(size, objective.matched_channels, objective.saves_memory)
