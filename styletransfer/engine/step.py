"""A step of the optimisation, as callers see it."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from styletransfer.engine.canvas import Canvas
from styletransfer.engine.optimizers import State
from styletransfer.engine.postprocess import Postprocess
from styletransfer.engine.schedule import Position
from styletransfer.engine.targets import TERMS


class Step:
    """One step of the optimisation. `losses` and `image` are computed when they are first read.

    If memory is short, `del` a step before the next one: it holds 48 bytes per pixel.

    Attributes:
        iteration: The step's number, from 1.
        total: As in `Position`.
        fraction: As in `Position`.
        eta_s: As in `Position`.
        scale: The longer side of the picture at this step in px.
    """

    def __init__(
        self,
        position: Position,
        terms: tf.Tensor | None,
        picture: tf.Tensor,
        canvas: Canvas,
        postprocess: Postprocess,
        state: State | None = None,
        matches: Sequence[tf.Tensor] = (),
    ) -> None:
        self._picture, self._state, self._matches = picture, state, matches
        self.iteration, self.total, self.fraction, self.eta_s = position
        self.scale = max(canvas.picture)
        self._terms, self._canvas, self._postprocess = terms, canvas, postprocess

    @property
    def content_weight(self) -> float:
        """The photo's weight relative to the painting's after this step; `strength` steers it. 0 in
        recipe instant."""
        return 0.0 if self._state is None else float(self._state.content_weight)

    @cached_property
    def losses(self) -> dict[str, float]:
        """The weighted contributions to the loss, and their sum `total`; empty in recipe instant,
        which has none."""
        return {} if self._terms is None else named(self._terms)

    @cached_property
    def image(self) -> np.ndarray:
        """The picture so far: float32 [H, W, 3], sRGB 0…1. Do not write to it."""
        # It shares TensorFlow's memory: a copy would take memory when it is shortest.
        image = self._canvas.cropped(np.asarray(self._picture))[0]
        if image.min() < 0 or image.max() > 1:  # L-BFGS without bounds leaves the range.
            image = np.clip(image, 0, 1)
        return self._postprocess(image)

    @property
    def can_resume(self) -> bool:
        """Whether a run can resume after this step; not in recipe instant."""
        return self._state is not None

    def snapshot(self) -> dict[str, np.ndarray]:
        """Returns the arrays that `stylize` needs to resume after this step, if it can.

        They are `iteration`, the image and the optimiser's state, float32, 48 bytes per pixel in
        all. They share TensorFlow's memory; if they are kept beyond the next step, they take that
        much more.
        """
        assert self._state is not None
        state = {name: np.asarray(value) for name, value in self._state._asdict().items()}
        if self._matches:
            matches = np.concatenate([each.numpy() for each in self._matches], -1)
            state["matches"] = matches.astype(np.int32)
        return {"iteration": np.array(self.iteration), **state}


def named(terms: tf.Tensor) -> dict[str, float]:
    """Returns the terms [4] by name, and their sum `total`."""
    values = [float(value) for value in terms.numpy()]
    return {**dict(zip(TERMS, values, strict=True)), "total": sum(values)}
