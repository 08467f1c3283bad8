"""A picture, grown from 128 px to its size, each scale optimised to match the paintings; on arrays.

The picture grows about twofold at most from one scale to the next. Each scale starts from the
result of the one before, and matches the picture's places again to the paintings' places
(neighbours.py). With Adam the result is the average of the iterates. The schedule follows
crowsonkb's style-transfer-pytorch. Recipes differ in losses, sizes and starts (recipes/).
"""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from painterly.devices.budget import Limits, MemoryBudget
from painterly.devices.choose import (
    deterministic,
    full_float32,
    gpus_in_use,
    one_operation_at_a_time,
)
from painterly.devices.memory import device_budget, device_name
from painterly.engine.detail import leaves_bare
from painterly.engine.groups import check_memory, groups_of, painting_sizes
from painterly.engine.matching import Matching
from painterly.engine.memory_model import Footprint, MemoryPlan, PaintingInputs, plan
from painterly.engine.objective import Objective
from painterly.engine.optimizers import (
    State,
    StepParams,
    initial_content_weight,
    term_weights,
)
from painterly.engine.paintings import Paintings, as_paintings
from painterly.engine.patches import Patches, enlarged, rebuilt
from painterly.engine.picture import (
    PICTURE_BYTES,
    Canvas,
    check_mask,
    picture_size,
    postprocess_bytes,
)
from painterly.engine.scale_optimizer import (
    CHECK_EVERY,
    ScaleOptimizer,
    ScaleSchedule,
    program,
)
from painterly.engine.schedule import StepEta, painted_size
from painterly.engine.targets import Problem
from painterly.engine.tensors import padded, resample, scaled_photo, to_batch
from painterly.engine.transfer import CheckStop, Optimised, Step, Transfer, TransferInputs, named
from painterly.engine.view import View
from painterly.images.arrays import resampled
from painterly.settings import Settings
from painterly.vgg.network import VGG

one_operation_at_a_time()

OVERSHOOT = 0.04  # most that patches may add to a content error beyond the strength
MOMENT_S = 0.4  # for which `step_seconds` measures


class PaintingPlan(NamedTuple):
    """The plan of a painting.

    Attributes:
        objective: The objective.
        memory: The memory plan of the last scale, which takes the most.
    """

    objective: Objective
    memory: MemoryPlan


def plan_painting(
    inputs: PaintingInputs,
    sizes: Sequence[tuple[int, int]],
    settings: Settings,
    vgg: VGG,
    budget: MemoryBudget,
) -> PaintingPlan:
    """Return the plan for a painting within a budget. `sizes` has the (height, width) of each
    scale.

    Raises:
        PictureError: The picture is too narrow for its recipe.
        MemoryShortError: It cannot be computed in the available memory.
    """
    objective, last = Objective.of(settings, vgg), sizes[-1]
    objective.view.canvas(painted_size(last, settings)).check(settings.recipe)
    outside = postprocess_bytes(inputs.size, last, settings, inputs.masked)
    if inputs.has_init and len(sizes) == 1:
        outside += PICTURE_BYTES * math.prod(last)
    on_gpu = device_name().startswith("GPU")
    footprint = Footprint.of(objective.view, settings, inputs, outside, on_gpu)
    memory = plan(last, inputs.size, footprint, budget)
    objective = objective.planned(memory.fast, saves_memory=memory.side is not None)
    return PaintingPlan(objective, memory)


class _Finished(NamedTuple):
    """A finished picture.

    Attributes:
        picture: The picture on its canvas [1, H, W, 3], sRGB 0…1.
        canvas: The canvas.
        part: The part of it that is rebuilt from patches, 0…1.
        content_weight: The photo's weight at the end.
    """

    picture: tf.Tensor
    canvas: Canvas
    part: float
    content_weight: float


class StyleTransfer(Transfer):
    """A photo prepared to be painted by optimisation.

    Raises:
        ValueError: Arrays do not fit, or the network does not fit the recipe.
        PictureError: The picture is too narrow for its recipe.
        MemoryShortError: It cannot be computed in the available memory.
    """

    def __init__(self, inputs: TransferInputs, vgg: VGG, budget: MemoryBudget) -> None:
        super().__init__(inputs)
        settings, styles, init = inputs.settings, inputs.styles, inputs.init
        full_float32()
        if settings.deterministic:
            deterministic()
        planned = PaintingInputs(
            self._photo_size,
            self._painted_part is not None,
            styles.masked_groups(inputs.content_mask is not None),
            init is not None,
            len(styles.paintings),
        )
        self._objective, self.memory_plan = plan_painting(
            planned, self.sizes, settings, vgg, budget
        )
        self._view = self._objective.view
        check_memory(styles, self._view, self._last, settings.stroke_size, budget)
        self._bare = _stays_bare(self._view, styles)
        self._first = None if init is None else resample(to_batch(init), self.sizes[0])

    @property
    def _last(self) -> tuple[int, int]:
        """The (height, width) of the last scale that is painted."""
        return self.sizes[self.painted - 1]

    def snapshot_shapes(self, iteration: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a step's snapshot except `iteration`, or an empty dictionary if a
        run cannot resume there."""
        ends = np.cumsum(self.counts)
        if not 0 < iteration < ends[-1] or iteration > ends[self.painted - 1]:
            return {}
        size = self.sizes[int(np.searchsorted(ends, iteration))]
        shapes = State.shapes((1, *self._view.canvas(size).size, 3))
        if self._view.losses.matched_layers:
            shapes["matches"] = self._view.matches_shape(size, len(self._styles.paintings))
        return shapes

    def _steps(
        self, done: int, resume: Mapping[str, np.ndarray] | None, check_stop: CheckStop
    ) -> Iterator[Step]:
        """Paint, and let go of each step when the next one is asked for: its picture and its
        optimiser's state would stay in memory."""
        eta = StepEta(self.sizes, self.counts, done, on_gpu=bool(gpus_in_use()))
        for step in self._all_steps(done, resume, eta, check_stop):
            yield step
            if step.iteration < step.total:
                step.expire()

    def _all_steps(
        self,
        done: int,
        resume: Mapping[str, np.ndarray] | None,
        eta: StepEta,
        check_stop: CheckStop,
    ) -> Iterator[Step]:
        finished = yield from self._optimised(done, resume, eta, check_stop)
        if finished is not None:
            yield from self._enlarged(finished, eta, check_stop)

    def _optimised(
        self,
        done: int,
        resume: Mapping[str, np.ndarray] | None,
        eta: StepEta,
        check_stop: CheckStop,
    ) -> "Generator[Step, None, _Finished | None]":
        """Optimise at each scale that is painted, and return the finished picture if the recipe
        rebuilds it."""
        photo = scaled_photo(self._content, self._last)
        state: State | None = None
        finished: _Finished | None = None
        canvas = self._view.canvas(self.sizes[0])
        for size, count in zip(self.sizes[: self.painted], self.counts, strict=False):
            previous, canvas = canvas, self._view.canvas(size)
            if done > count:
                done -= count
                continue
            # From the host to the device that paints.
            scaled = tf.identity(resample(photo, size))
            if size == self._last:
                del photo  # Memory is shortest at the last scale.
            problem = self._problem(scaled)
            if resume is not None:
                state = State.restored(resume, (1, *canvas.size, 3))
            elif state is not None:
                state = state.resampled(previous, canvas)
            else:
                state = self._first_state(scaled)
            optimizer = self._optimizer(problem, scaled, state, resume, (done, count))
            del scaled, problem  # As large as the picture.
            state = resume = None  # The optimiser replaces the state.
            finished = yield from self._at_scale(optimizer, canvas, (done, count), eta, check_stop)
            state, done = optimizer.state, 0
            del optimizer
        return finished

    def _at_scale(
        self,
        optimizer: ScaleOptimizer,
        canvas: Canvas,
        steps: tuple[int, int],
        eta: StepEta,
        check_stop: CheckStop,
    ) -> "Generator[Step, None, _Finished | None]":
        """Optimise at one scale; `steps` as in `_optimizer`. Returns as `_optimised` does, for the
        last scale."""
        done, count = steps
        rebuilds = canvas.picture == self._last and self._settings.traits.rebuilds
        finished = None
        for number in range(done + 1, count + 1):
            terms = optimizer.step(number, last=number == count)
            skipped = count - number if optimizer.converged else 0
            picture = optimizer.state.average
            if rebuilds and number + skipped == count:
                finished = self._finished(optimizer, canvas, check_stop)
                picture = finished.picture
            # No other name refers to the state: it would stay in memory during the next step.
            yield Step(
                eta.tick(skipped),
                picture,
                canvas,
                self._postprocess,
                Optimised(terms, optimizer.state, optimizer.matches),
            )
            del picture
            if skipped:
                break
        if rebuilds and finished is None:  # An earlier run took the last step.
            finished = self._finished(optimizer, canvas, check_stop)
        return finished

    def _finished(
        self, optimizer: ScaleOptimizer, canvas: Canvas, check_stop: CheckStop
    ) -> "_Finished":
        """Return the optimiser's picture, rebuilt from patches of the paintings, as far as the
        strength permits.

        The content error of a mixture is nearly a quadratic function of its parts.
        """
        settings, picture = self._settings, optimizer.state.average
        whole = tf.constant(self._from_patches(picture[0].numpy(), canvas, check_stop)[None])
        limit = settings.strength + min(OVERSHOOT, settings.strength / 4)
        targets = optimizer.problem.targets

        def error(each: tf.Tensor) -> float:
            return self._objective.content_error(each, targets, canvas)

        part = 1.0
        if settings.content_weight == "auto" and (last := error(whole)) > limit:
            first, middle = error(picture), error((picture + whole) / 2)
            square = 2 * (first + last - 2 * middle)
            slope = last - first - square
            parts = np.linspace(0, 1, 101)
            fitting = parts[first + slope * parts + square * parts**2 <= limit]
            part = float(fitting[-1]) if first < limit else 0.0
            whole = picture + part * (whole - picture)
        return _Finished(whole, canvas, part, float(optimizer.state.content_weight))

    def _enlarged(
        self, finished: "_Finished", eta: StepEta, check_stop: CheckStop
    ) -> Iterator[Step]:
        """Enlarge a finished picture to each larger size, and rebuild as much of it."""
        image = finished.canvas.cropped(finished.picture)[0].numpy()
        for size in self.sizes[self.painted :]:
            canvas = Canvas(size)
            image = enlarged(image, resampled(self._content, size))
            image += finished.part * (self._from_patches(image, canvas, check_stop) - image)
            weight = finished.content_weight
            yield Step(eta.tick(), image[None], canvas, self._postprocess, content_weight=weight)

    def _from_patches(
        self, picture: np.ndarray, canvas: Canvas, check_stop: CheckStop
    ) -> np.ndarray:
        """Rebuild a picture on its canvas [H, W, 3] from patches of the paintings."""
        styles, size = self._styles, canvas.picture
        sizes = painting_sizes(styles, self._view, size, self._settings.stroke_size)
        shares = styles.shares_of_groups(size)
        groups = [
            (Patches.of(styles, members, sizes), canvas.padded(share)[..., None])
            for members, share in zip(styles.members, shares, strict=True)
        ]
        return rebuilt(picture, groups, check_stop)

    def _problem(self, photo: tf.Tensor) -> Problem:
        """Return the targets at the scale of this photo [1, h, w, 3], sRGB 0…1."""
        size, stroke_size = (photo.shape[1], photo.shape[2]), self._settings.stroke_size
        groups = groups_of(self._styles, self._view, size, self._content_mask, stroke_size)
        return self._objective.problem(photo, groups, self._painted_part)

    def _first_state(self, photo: tf.Tensor) -> State:
        """Return the state before the first step, for the photo at the first scale."""
        first = self._first
        if first is None:
            first = self._view.recipe.first_picture(photo, self._settings, self._bare)
        canvas = self._view.canvas((photo.shape[1], photo.shape[2]))
        return State.start(padded(canvas, first), initial_content_weight(self._settings))

    def _optimizer(
        self,
        problem: Problem,
        photo: tf.Tensor,
        state: State,
        resume: Mapping[str, np.ndarray] | None,
        steps: tuple[int, int],
    ) -> ScaleOptimizer:
        """Return the optimisation at one scale.

        Args:
            problem: The targets.
            photo: The photo at this scale [1, h, w, 3], sRGB 0…1.
            state: The state to start from.
            resume: The snapshot that the state is from, if it is from one.
            steps: The number of steps that an earlier run has done, and of all steps.
        """
        size, (done, count) = (photo.shape[1], photo.shape[2]), steps
        first, last = size == self.sizes[0], size == self._last
        strength, bare = self._settings.strength, self._bare
        return ScaleOptimizer(
            self._objective,
            Matching(self._view, problem, photo, strength, bare, resume),
            state,
            self._settings,
            self.memory_plan.for_scale(size),
            ScaleSchedule(count, done, is_first=first, is_last=last),
        )


def _stays_bare(view: View, paintings: Paintings) -> bool:
    """Return whether the photo's flat parts stay bare. A recipe without matches does not ask."""
    return bool(view.losses.matched_layers) and leaves_bare(paintings)


def objective(  # noqa: PLR0913  The public signature.
    image: np.ndarray,
    content: np.ndarray,
    styles: Sequence[np.ndarray] | Paintings,
    settings: Settings,
    vgg: VGG,
    shares: Sequence[float] | None = None,
    *,
    content_mask: np.ndarray | None = None,
    style_masks: Sequence[np.ndarray | None] | None = None,
    regions: Sequence[np.ndarray | None] | None = None,
) -> tuple[dict[str, float], np.ndarray]:
    """Compute the loss that `stylize` minimises, and its gradient.

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
    if not settings.traits.optimises:
        raise ValueError(f"recipe {settings.recipe} has no loss")
    if np.shape(image) != np.shape(content):
        raise ValueError(f"image {np.shape(image)} and content {np.shape(content)} differ")
    if content_mask is not None:
        check_mask(content_mask, "content_mask")
    paintings = as_paintings(styles, shares, style_masks, regions, content_mask)
    minimised = Objective.of(settings, vgg, as_given=True)
    photo, picture = to_batch(content), to_batch(image)
    groups = groups_of(paintings, minimised.view, picture_size(content), content_mask)
    painted_part = (
        content_mask if settings.traits.original else paintings.painted_part(content_mask)
    )
    problem = minimised.problem(photo, groups, painted_part)
    bare = _stays_bare(minimised.view, paintings)
    problem = Matching(minimised.view, problem, photo, settings.strength, bare).matched(picture)
    weights = term_weights(initial_content_weight(settings), settings)
    terms, gradient = program(minimised, problem).gradient(picture, problem, weights)
    return named((weights * terms).numpy()), gradient[0].numpy()


def step_seconds(
    size: tuple[int, int], settings: Settings, vgg: VGG, memory_limit: int | None = None
) -> float:
    """Measure the seconds of a step for a moment, after the first few, in which TensorFlow traces
    the step and chooses its kernels.

    Args:
        size: The (height, width) in px of a picture of noise.
        settings: Its settings.
        vgg: The network.
        memory_limit: As in `stylize`.
    """
    objective = Objective.of(settings, vgg)
    footprint = Footprint.of(objective.view, settings)
    fast = footprint.is_fast(size, device_budget(Limits(memory_limit)).bytes)
    objective = objective.planned(fast, saves_memory=False)
    noise = tf.random.stateless_uniform([1, *size, 3], [0, 0])
    groups = groups_of(Paintings([noise[0].numpy()]), objective.view, size)
    image = padded(objective.view.canvas(size), noise)
    problem = objective.problem(noise, groups, None)
    problem = Matching(objective.view, problem, noise, settings.strength, False).matched(image)
    [params] = StepParams.packed(
        [StepParams.of(settings, settings.strength, rate=0.0, decay=0.0, steering=0.0)]
    )
    step = program(objective, problem).step
    for moment in (0.0, MOMENT_S):
        state = State.start(image, initial_content_weight(settings))
        steps, started, elapsed = 0, perf_counter(), 0.0
        while steps == 0 or elapsed < moment:
            for _ in range(CHECK_EVERY):
                state, terms = step(state, problem, params)
            terms.numpy()  # Waits for the device, as often as a painting does.
            steps += CHECK_EVERY
            elapsed = perf_counter() - started
    return elapsed / steps
