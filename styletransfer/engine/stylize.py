"""Gatys' style transfer (Gatys, Ecker & Bethge 2016), coarse to fine, on arrays.

The picture grows from 128 px to its final size, about twofold at most from one scale to the next.
Each scale starts from the result of the one before, and matches the picture's places again to the
paintings' places (neighbours.py). With Adam the result is the average of the iterates. The schedule
follows crowsonkb's style-transfer-pytorch; the losses are relative (losses.py). The recipe
`inetwork` has one scale and the losses of the original script (inetwork_losses.py).
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from styletransfer.devices.tensorflow import (
    deterministic,
    full_float32,
    gpus_in_use,
    one_operation_at_a_time,
)
from styletransfer.engine import instant, pyramid
from styletransfer.engine.canvas import Canvas
from styletransfer.engine.grain import grained
from styletransfer.engine.matching import Matching, matches_shape
from styletransfer.engine.memory_available import MemoryBudget
from styletransfer.engine.memory_model import MemoryPlan, PaintingInputs, plan_painting
from styletransfer.engine.objective import Objective, Problem
from styletransfer.engine.optimizers import State, initial_content_weight, term_weights
from styletransfer.engine.postprocess import Postprocess
from styletransfer.engine.scale_optimizer import ScaleOptimizer, ScaleSchedule, program
from styletransfer.engine.schedule import StepEta
from styletransfer.engine.step import Step, named
from styletransfer.engine.style_targets import StyleTargets, style_targets
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG
from styletransfer.vgg.sources import is_built_in

one_operation_at_a_time()

# The standard deviation, in sRGB 0…1, of the grain that a picture starts with: one step of 8 bits.
# Without it, all positions of a white background get the same gradient, and so the same stroke in
# rows and columns.
FIRST_GRAIN = 0.005


class StyleTransfer:
    """A photo prepared to be painted in a style; `steps` runs it. Other arguments as in `stylize`.

    Attributes:
        memory_plan: The memory plan of the last scale, which takes the most memory.

    Args:
        set_aside: Bytes of the host's memory that are free now and that others will take.
        share: The most bytes that it may take, if others paint on the same device.

    Raises:
        ValueError: Arrays do not fit, or the network does not fit recipe instant.
        PictureError: The picture is too narrow for its recipe.
        MemoryShortError: It cannot be computed in the available memory.
    """

    memory_plan: MemoryPlan

    def __init__(  # noqa: PLR0913  The inputs of a painting.
        self,
        content: np.ndarray,
        styles: StyleTargets,
        settings: Settings,
        vgg: VGG,
        *,
        content_mask: np.ndarray | None = None,
        color_mask: np.ndarray | None = None,
        init: np.ndarray | None = None,
        memory_limit: int | None = None,
        set_aside: int = 0,
        share: int | None = None,
    ) -> None:
        if settings.recipe == "instant" and not is_built_in(vgg.identity):
            raise ValueError("recipe instant paints with the built-in network: load_vgg()")
        full_float32()
        if settings.deterministic:
            deterministic()
        size = pyramid.picture_size(content)
        pyramid.check_values(content, "the photo")
        for name, mask in {"content_mask": content_mask, "color_mask": color_mask}.items():
            if mask is not None:
                pyramid.check_mask(mask, name)
        if init is not None:
            pyramid.check_values(init, "init")
        self._content, self._styles, self._settings = content, styles, settings
        self._content_mask = content_mask
        self._painted = styles.painted(content_mask, settings.recipe)
        regions = styles.masked_groups(content_mask is not None)
        masked, count = self._painted is not None, len(styles.paintings)
        about = PaintingInputs(size, masked, regions, init is not None, count)
        budget = MemoryBudget(memory_limit, set_aside, share)
        plan = plan_painting(about, settings, vgg, budget)
        styles.check_memory(plan.objective, plan.sizes[-1], settings.stroke_size, budget)
        self._objective, self._planner, self.memory_plan = plan.objective, plan.planner, plan.memory
        self._sizes, self._counts = plan.sizes, plan.counts
        self._postprocess = Postprocess.of(content, settings, self._painted, color_mask)
        self._init = None
        if init is not None:
            self._init = pyramid.resample(pyramid.to_batch(init), self._sizes[0])

    def snapshot_shapes(self, iteration: int) -> dict[str, tuple[int, ...]]:
        """Returns the shapes of a step's snapshot except `iteration`, or an empty dictionary if a
        run cannot resume there."""
        ends = np.cumsum(self._counts)
        if self._settings.recipe == "instant" or not 0 < iteration < ends[-1]:
            return {}
        size = self._sizes[int(np.searchsorted(ends, iteration))]
        shapes = State.shapes((1, *self._objective.canvas(size).size, 3))
        if self._objective.losses.matched_layers:
            count = len(self._styles.paintings)
            shapes["matches"] = matches_shape(self._objective, size, count)
        return shapes

    def steps(self, resume: Mapping[str, np.ndarray] | None = None) -> Iterator[Step]:
        """Runs the optimisation and yields every step; `resume` and errors as in `stylize`."""
        total = sum(self._counts)
        done = 0 if resume is None else int(resume["iteration"])
        if not 0 <= done < total:
            raise ValueError(f"a snapshot of step {done} for a run of {total}")
        if self._settings.recipe == "instant":
            return self._instant_steps()
        return self._steps(done, resume)

    def _steps(self, done: int, resume: Mapping[str, np.ndarray] | None) -> Iterator[Step]:
        eta = StepEta(self._sizes, self._counts, done, on_gpu=bool(gpus_in_use()))
        photo = pyramid.scaled_photo(self._content, self._sizes[-1])
        state: State | None = None
        canvas = self._objective.canvas(self._sizes[0])
        for size, count in zip(self._sizes, self._counts, strict=True):
            previous, canvas = canvas, self._objective.canvas(size)
            if done > count:
                done -= count
                continue
            last = size == self._sizes[-1]
            # From the host to the device that paints.
            scaled = tf.identity(pyramid.resample(photo, size))
            problem = self._problem(scaled, size)
            if last:
                del photo  # Memory is shortest at the last scale.
            snapshot = resume
            if resume is not None:
                state, resume = State.restored(resume, (1, *canvas.size, 3)), None
            elif state is not None:
                state = state.resampled(previous, canvas)
            else:
                first = canvas.padded(self._first_image(scaled))
                state = State.start(first, initial_content_weight(self._settings))
                del first
            matching = Matching(self._objective, problem, scaled, snapshot)
            del scaled, snapshot, problem
            plan = self._planner.plan_memory(size, None if last else self.memory_plan)
            optimizer = ScaleOptimizer(
                self._objective,
                matching,
                state,
                self._settings,
                self._planner,
                plan,
                ScaleSchedule(count, done, is_first=size == self._sizes[0], is_last=last),
            )
            state = None  # The optimiser replaces it.
            yield from self._steps_at_scale(optimizer, canvas, range(done + 1, count + 1), eta)
            state = optimizer.state
            del optimizer
            done = 0

    def _instant_steps(self) -> Iterator[Step]:
        """Paints at each scale in one step."""
        settings, objective = self._settings, self._objective
        eta = StepEta(self._sizes, self._counts, on_gpu=bool(gpus_in_use()))
        photo = pyramid.scaled_photo(self._content, self._sizes[-1])
        canvas, picture = objective.canvas(self._sizes[0]), None
        for size in self._sizes:
            previous, canvas = canvas, objective.canvas(size)
            scaled = tf.identity(pyramid.resample(photo, size))
            groups = self._styles.groups(objective, size, self._content_mask, settings.stroke_size)
            if picture is not None:
                first = pyramid.resample(previous.cropped(picture), size)
            elif self._init is not None:
                first = self._init
            else:
                first = tf.constant(grained(scaled[0].numpy())[None])
            photo_there, first = canvas.padded(scaled), canvas.padded(first)
            picture = instant.painted(objective, groups, photo_there, first, settings.strength)
            yield Step(eta.tick(), None, picture, canvas, self._postprocess)

    def _steps_at_scale(
        self, optimizer: ScaleOptimizer, canvas: Canvas, numbers: range, eta: StepEta
    ) -> Iterator[Step]:
        for number in numbers:
            terms = optimizer.step(number, last=number == numbers[-1])
            converged = optimizer.converged
            position = eta.tick(skipped=numbers[-1] - number if converged else 0)
            state, matches = optimizer.state, optimizer.matches
            step = Step(
                position,
                terms,
                state.average,
                canvas,
                self._postprocess,
                state=state,
                matches=matches,
            )
            del state
            yield step
            del step
            if converged:
                return

    def _problem(self, photo: tf.Tensor, size: tuple[int, int]) -> Problem:
        stroke_size = self._settings.stroke_size
        groups = self._styles.groups(self._objective, size, self._content_mask, stroke_size)
        return self._objective.problem(photo, groups, self._painted)

    def _first_image(self, photo: tf.Tensor) -> tf.Tensor:
        """Returns the picture [1, h, w, 3] that the optimisation starts from."""
        if self._init is not None:
            return self._init
        settings = self._settings
        if settings.init_image == "noise":
            return tf.random.stateless_uniform(photo.shape, [settings.seed, 0])
        if settings.init_image == "gray":
            photo = tf.repeat(tf.image.rgb_to_grayscale(photo), 3, axis=-1)
        if settings.recipe == "inetwork":
            return photo
        grain = tf.random.stateless_normal((*photo.shape[:3], 1), [settings.seed, 0])
        return tf.clip_by_value(photo + FIRST_GRAIN * grain, 0.0, 1.0)


def stylize(  # noqa: PLR0913  The public signature.
    content: np.ndarray,
    styles: Sequence[np.ndarray] | StyleTargets,
    settings: Settings,
    vgg: VGG,
    shares: Sequence[float] | None = None,
    resume: Mapping[str, np.ndarray] | None = None,
    *,
    content_mask: np.ndarray | None = None,
    style_masks: Sequence[np.ndarray | None] | None = None,
    regions: Sequence[np.ndarray | None] | None = None,
    color_mask: np.ndarray | None = None,
    init: np.ndarray | None = None,
    memory_limit: int | None = None,
) -> Iterator[Step]:
    """Paints a photo in the style of paintings.

    Masks are float32 [h, w], 0…1, of any size.

    Args:
        content: The photo [H, W, 3], sRGB, float32 0…1, or full-range uint8 or uint16, which take
            less memory.
        styles: Paintings as such arrays, or `StyleTargets`, which can be reused for many photos.
        settings: The settings.
        vgg: The network.
        shares: The paintings' shares of the blend, equal by default.
        resume: A step's `snapshot()` from a run with the same inputs, to continue after that step.
        content_mask: The part of the photo that is painted; the rest keeps the photo's pixels.
        style_masks: The part of each painting that is used. They are also the regions, as in
            INetwork, unless regions or a content mask are given.
        regions: The part of the picture that each painting is for. Parts that no region covers keep
            the photo's pixels.
        color_mask: The part to which `preserve_color` applies.
        init: The picture to start from, of any size, instead of `settings.init_image`.
        memory_limit: The bytes that the process may use in all (on a GPU: there); by default, all
            that is free. A picture that does not fit is computed in tiles
            (`Objective.gradient`): the same picture up to rounding, in less memory and more time.

    Yields:
        Every step. The last step's image is the result. Its longer side is `settings.size` px, or
        the photo's with `rescale_image`.

    Raises:
        ValueError: Arrays, shares or a snapshot do not fit.
        MemoryShortError: The picture cannot be computed in the available memory.
        PictureError: The masks leave nothing to paint.
        DivergedError: The optimisation diverges.
    """
    targets = style_targets(styles, shares, style_masks, regions, content_mask)
    transfer = StyleTransfer(
        content,
        targets,
        settings,
        vgg,
        content_mask=content_mask,
        color_mask=color_mask,
        init=init,
        memory_limit=memory_limit,
    )
    return transfer.steps(resume)


def objective(  # noqa: PLR0913  The public signature.
    image: np.ndarray,
    content: np.ndarray,
    styles: Sequence[np.ndarray] | StyleTargets,
    settings: Settings,
    vgg: VGG,
    shares: Sequence[float] | None = None,
    *,
    content_mask: np.ndarray | None = None,
    style_masks: Sequence[np.ndarray | None] | None = None,
    regions: Sequence[np.ndarray | None] | None = None,
) -> tuple[dict[str, float], np.ndarray]:
    """Computes the loss that `stylize` minimises, and its gradient.

    If `content_weight` is `auto`, it is the weight that steering starts from. Other arguments as in
    `stylize`.

    Args:
        image: The picture, float32 [H, W, 3], sRGB 0…1.
        content: The photo, float32, of the same shape.
        styles: As in `stylize`; paintings are used at their own size.

    Returns:
        The weighted contributions `content`, `style`, `total_variation` and `structure` with their
        sum `total`, and d total / d image, float32 [H, W, 3].
    """
    if settings.recipe == "instant":
        raise ValueError("recipe instant has no loss")
    if np.shape(image) != np.shape(content):
        raise ValueError(f"image {np.shape(image)} and content {np.shape(content)} differ")
    if content_mask is not None:
        pyramid.check_mask(content_mask, "content_mask")
    targets = style_targets(styles, shares, style_masks, regions, content_mask)
    minimised = Objective.of(settings, vgg, as_given=True)
    photo = pyramid.to_batch(content)
    groups = targets.groups(minimised, pyramid.picture_size(content), content_mask)
    problem = minimised.problem(photo, groups, targets.painted(content_mask, settings.recipe))
    picture = pyramid.to_batch(image)
    problem = Matching(minimised, problem, photo).matched(picture)
    weights = term_weights(initial_content_weight(settings), settings)
    gradient_at = program(minimised, problem).gradient
    terms, gradient = gradient_at(picture, problem, weights)
    return named(weights * terms), gradient[0].numpy()
