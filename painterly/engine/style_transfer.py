"""A picture, grown from 128 px to its size, each scale optimised to match the paintings; on arrays.

The picture grows about twofold at most from one scale to the next. Each scale starts from the
result of the one before, and matches the picture's places again to the paintings' places
(neighbours.py). With Adam the result is the average of the iterates. The schedule follows
crowsonkb's style-transfer-pytorch. Recipes differ in losses, sizes and starts (recipes/).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
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
from painterly.engine.extractor import Extractor, footprint_of
from painterly.engine.faces.care import held
from painterly.engine.faces.strokes import Brush
from painterly.engine.features.convolutions import limit_blas
from painterly.engine.features.structure import leaves_bare
from painterly.engine.features.targets import Problem
from painterly.engine.groups import check_memory, groups_of, keep_targets, painting_sizes
from painterly.engine.memory_model import MemoryPlan, PaintingInputs, fastest_plan
from painterly.engine.optimisation.matching import Matching
from painterly.engine.optimisation.objective import Objective
from painterly.engine.optimisation.optimizers import (
    State,
    StepParams,
    initial_content_weight,
    term_weights,
)
from painterly.engine.optimisation.scale_optimizer import (
    CHECK_EVERY,
    ScaleOptimizer,
    ScaleSchedule,
    program,
)
from painterly.engine.paintings import Paintings, as_paintings
from painterly.engine.patches import Patches, patch_count
from painterly.engine.picture import (
    PICTURE_BYTES,
    Canvas,
    check_mask,
    picture_size,
    postprocess_bytes,
)
from painterly.engine.schedule import StepEta, work_of_steps
from painterly.engine.tensors import padded, resample, scaled_photo, to_batch
from painterly.engine.transfer import (
    FULL_STRENGTH,
    TERMS,
    Drawn,
    Step,
    Transfer,
    TransferInputs,
    in_snapshot,
    named,
)
from painterly.forks import cached_property
from painterly.settings.settings import Settings
from painterly.signals import CheckStop
from painterly.vgg.network import VGG

one_operation_at_a_time()

MOST_ERROR_OF_PATCHES = 0.04  # most that patches may add to a content error beyond the strength
# A drawing is as far from the photo at most, as a part of the distance that is steered to.
DRAWN_WITHIN = 0.9
# How firmly faces are held, and how bold their strokes are, in parts of what recipe `instant`
# needs: an optimised face is more like its photo, and has strokes already.
FIRMLY, BOLDLY = 0.5, 0.85
MOMENT_S = 0.4  # for which `step_seconds` measures


class PaintingPlan(NamedTuple):
    """The plan of a painting."""

    objective: Objective
    memory: MemoryPlan  # the memory plan of the last scale, which takes the most


def plan_painting(
    inputs: PaintingInputs,
    sizes: Sequence[tuple[int, int]],
    settings: Settings,
    vgg: VGG,
    budget: MemoryBudget,
) -> PaintingPlan:
    """Return the plan for a painting within a budget, at scales of these (height, width). Raises
    PictureError if the picture is too narrow for its recipe, MemoryShortError if it cannot be
    computed in the available memory."""
    objective, last = Objective.of(settings, vgg), sizes[-1]
    if inputs.drawn:
        objective = objective.for_drawings()
    objective.extractor.canvas(last).check(settings.recipe)
    outside = postprocess_bytes(inputs.size, last, settings, inputs.masked)
    if inputs.has_init and len(sizes) == 1:
        outside += PICTURE_BYTES * math.prod(last)
    on_gpu = device_name().startswith("GPU")
    footprint = footprint_of(objective.extractor, settings, inputs, outside, on_gpu)
    memory = fastest_plan(last, inputs.size, footprint, budget)
    objective = objective.planned(memory.fast, saves_memory=memory.side is not None)
    return PaintingPlan(objective, memory)


class StyleTransfer(Transfer):
    """A photo prepared to be painted by optimisation. Raises ValueError if arrays do not fit, or
    the network does not fit the recipe, PictureError if the picture is too narrow for it, and
    MemoryShortError."""

    def __init__(self, inputs: TransferInputs, vgg: VGG, budget: MemoryBudget) -> None:
        super().__init__(inputs)
        inputs = self._inputs
        settings, styles, init = inputs.settings, inputs.styles, inputs.init
        full_float32()
        if settings.deterministic:
            deterministic()
        self._objective, self.memory_plan = plan_painting(
            self.painting_inputs, self.schedule.sizes, settings, vgg, budget
        )
        self._extractor = self._objective.extractor
        check_memory(styles, self._extractor, self.schedule.sizes[-1], settings.stroke_size, budget)
        in_tiles = self.memory_plan.side is not None
        keep_targets(styles, self._extractor, self.schedule.sizes, settings.stroke_size, in_tiles)
        self._first = None if init is None else resample(to_batch(init), self.schedule.sizes[0])

    @cached_property
    def _bare(self) -> bool:
        return _stays_bare(self._extractor, self._styles)

    def snapshot_shapes(self, iteration: int) -> dict[str, tuple[int, ...]]:
        if not 0 < iteration < self.schedule.total:
            return {}
        ends = np.cumsum(self.schedule.counts)
        size = self.schedule.sizes[int(np.searchsorted(ends, iteration))]
        shapes = State.shapes((1, *self._extractor.canvas(size).size, 3))
        shapes["terms"] = (len(TERMS),)
        if self._extractor.losses.matched_layers:
            shapes["matches"] = self._extractor.matches_shape(size, len(self._styles.paintings))
        return shapes

    def _steps(
        self, done: int, resume: Mapping[str, np.ndarray] | None, check_stop: CheckStop
    ) -> Iterator[Step]:
        """Paint, and let go of each step when the next one is asked for: its picture and its
        optimiser's state would stay in memory. The last optimised one is the picture as it stands
        while it is rebuilt."""
        optimised = sum(self.schedule.counts)
        for step in self._painted(done, resume, check_stop):
            is_last = step.iteration >= optimised
            yield step
            if not is_last:
                step.expire()

    def _painted(
        self, done: int, resume: Mapping[str, np.ndarray] | None, check_stop: CheckStop
    ) -> Iterator[Step]:
        sizes, counts, rebuilds = self.schedule
        work = work_of_steps(self.schedule, self._settings, on_gpu=bool(gpus_in_use()))
        eta = StepEta(work, done)
        photo = scaled_photo(self._content, sizes[-1])
        sketches = [*map(to_batch, self._drawings(photo[0], (1, 0)))]
        state: State | None = None
        before = None if resume is None else in_snapshot(resume, "terms", (len(TERMS),))
        terms = None if before is None else tf.constant(before, tf.float32)
        canvas = self._extractor.canvas(sizes[0])
        for size, count in zip(sizes, counts, strict=True):
            previous, canvas = canvas, self._extractor.canvas(size)
            if done > count:
                done -= count
                continue
            # From the host to the device that paints.
            scaled = tf.identity(resample(photo, size))
            cares = self._cares(size)
            firmly = FIRMLY * held(cares, size) if cares else None
            problem = self._problem(scaled, firmly)
            if sketches:
                drawings = (resample(each, size) for each in sketches)
                scaled, problem = self._led(problem, scaled, *drawings)
            if size == sizes[-1]:
                del photo, sketches  # Memory is shortest at the last scale.
            if resume is not None:
                state = State.restored(resume, (1, *canvas.size, 3))
            elif state is not None:
                state = state.resampled(previous, canvas)
            else:
                state = self._first_state(scaled)
            optimizer = ScaleOptimizer(
                self._objective,
                Matching(
                    self._extractor,
                    problem,
                    scaled,
                    self._settings.strength,
                    self._bare,
                    firmly,
                    resume,
                ),
                state,
                self._settings,
                self.memory_plan.for_scale(size),
                ScaleSchedule(count, done, is_first=size == sizes[0], is_last=size == sizes[-1]),
            )
            del scaled, problem, firmly  # As large as the picture.
            state = resume = None  # The optimiser replaces the state.
            for number in range(done + 1, count + 1):
                terms = optimizer.step(number)
                skipped = count - number if optimizer.converged else 0
                # No other name refers to the state: it would stay in memory during the next step.
                yield Step(
                    eta.tick(skipped),
                    optimizer.state.average,
                    canvas,
                    self._postprocess,
                    terms,
                    optimizer.state._asdict(),
                    optimizer.matching.matches,
                )
                if skipped:
                    break
            if rebuilds and size == sizes[-1]:
                picture, targets = optimizer.state.average, optimizer.matching.problem.targets
                error = partial(optimizer.objective.content_error, targets=targets, canvas=canvas)
                picture = self._rebuilt(picture, canvas, error, check_stop)
                picture = self._with_strokes(picture, canvas, check_stop)
                yield Step(
                    eta.tick(),
                    picture,
                    canvas,
                    self._postprocess,
                    terms,
                    optimizer.state._asdict(),
                )
            state, done = optimizer.state, 0
            del optimizer

    def _rebuilt(
        self,
        picture: tf.Tensor,
        canvas: Canvas,
        content_error: Callable[[tf.Tensor], float],
        check_stop: CheckStop,
    ) -> tf.Tensor:
        """Return a finished picture on its canvas [1, H, W, 3], rebuilt from patches of the
        paintings, as far as the strength permits: `content_error` returns the relative distance of
        a picture from the photo. The distance of a mixture is nearly a
        quadratic function of its parts."""
        settings = self._settings
        # Without a copy on a CPU, which numpy() makes.
        whole = tf.constant(self._from_patches(np.asarray(picture)[0], canvas, check_stop)[None])
        if settings.content_weight != "auto":
            return whole
        limit = settings.strength + min(MOST_ERROR_OF_PATCHES, settings.strength / 4)
        last = content_error(whole)
        if last <= limit:
            return whole
        first, middle = map(content_error, (picture, (picture + whole) / 2))
        if first >= limit:
            return picture
        square = 2 * (first + last - 2 * middle)
        slope = last - first - square
        parts = np.linspace(0, 1, 101)
        part = parts[first + slope * parts + square * parts**2 <= limit][-1]
        return picture + float(part) * (whole - picture)

    def _from_patches(
        self, picture: np.ndarray, canvas: Canvas, check_stop: CheckStop
    ) -> np.ndarray:
        limit_blas()
        count = patch_count(canvas.picture)
        groups = self._groups(
            canvas, lambda members, sizes: Patches.of(self._styles, members, sizes, count)
        )
        return self._from_groups(picture, canvas, groups, check_stop)

    def _with_strokes(self, picture: tf.Tensor, canvas: Canvas, check_stop: CheckStop) -> tf.Tensor:
        if not self._stroked(canvas.picture):
            return picture
        whole = np.array(picture)
        part = min(1.0, self._settings.strength / FULL_STRENGTH)
        groups = self._groups(canvas, partial(Brush.of, self._styles))
        groups = [(brush, part * share) for brush, share in groups]
        self._add_strokes(whole[0], canvas, groups, check_stop, BOLDLY)
        return tf.constant(whole)

    def _groups(
        self,
        canvas: Canvas,
        drawn: Callable[[Sequence[int], Sequence[tuple[int, int]]], Drawn],
    ) -> list[tuple[Drawn, np.ndarray]]:
        """Return what is drawn from each group of paintings, of its members at their sizes, and
        its share of each pixel of a canvas [H, W, 1]."""
        styles, size = self._styles, canvas.picture
        sizes = painting_sizes(styles, self._extractor, size, self._settings.stroke_size)
        return [
            (drawn(members, sizes), canvas.padded(share)[..., None])
            for members, share in zip(styles.members, styles.shares_of_groups(size), strict=True)
        ]

    def _led(
        self, problem: Problem, photo: tf.Tensor, bold: tf.Tensor, faint: tf.Tensor
    ) -> tuple[tf.Tensor, Problem]:
        """Return the drawing [1, h, w, 3] between a photo and two drawings that is as bold as the
        strength permits, and the problem whose pictures approach it.

        Distances from the photo are nearly quadratic functions of a drawing's part."""
        canvas = self._extractor.canvas(tuple(bold.shape[1:3]))
        limit = DRAWN_WITHIN * self._extractor.recipe.steered_to(self._settings.strength)

        def distance(drawing: tf.Tensor) -> float:
            image = padded(canvas, drawing)
            return self._objective.content_error(image, problem.targets, canvas)

        if (far := distance(bold)) > limit:
            if (near := distance(faint)) > limit:
                bold = photo + math.sqrt(limit / near) * (faint - photo)
            else:
                bold = faint + math.sqrt((limit - near) / (far - near)) * (bold - faint)
        drawing = tf.identity(bold)  # From the host to the device that paints.
        return drawing, self._objective.led_to(problem, drawing)

    def _problem(self, photo: tf.Tensor, firmly: np.ndarray | None) -> Problem:
        size, stroke_size = (photo.shape[1], photo.shape[2]), self._settings.stroke_size
        groups = groups_of(self._styles, self._extractor, size, self._content_mask, stroke_size)
        return self._objective.problem(photo, groups, self._painted_part, self._bare, firmly)

    def _first_state(self, photo: tf.Tensor) -> State:
        first = self._first
        if first is None:
            first = self._extractor.recipe.first_picture(photo, self._settings, self._bare)
        canvas = self._extractor.canvas((photo.shape[1], photo.shape[2]))
        return State.start(padded(canvas, first), initial_content_weight(self._settings))


def _stays_bare(extractor: Extractor, paintings: Paintings) -> bool:
    """Return whether the photo's flat parts stay bare. A recipe without matches does not ask."""
    return bool(extractor.losses.matched_layers) and leaves_bare(paintings)


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
    """Compute the loss that `stylize` minimises, and its gradient; faces count as all else.

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
    groups = groups_of(paintings, minimised.extractor, picture_size(content), content_mask)
    painted_part = (
        content_mask if settings.traits.original else paintings.painted_part(content_mask)
    )
    bare = _stays_bare(minimised.extractor, paintings)
    problem = minimised.problem(photo, groups, painted_part, bare)
    problem = Matching(minimised.extractor, problem, photo, settings.strength, bare).matched(
        picture
    )
    weights = term_weights(initial_content_weight(settings), settings)
    terms, gradient = program(minimised, problem).gradient(picture, problem, weights)
    return named((weights * terms).numpy()), gradient[0].numpy()


def step_seconds(
    size: tuple[int, int],
    settings: Settings,
    vgg: VGG,
    memory_limit: int | None = None,
    check_stop: CheckStop = lambda: None,
) -> float:
    """Measure the seconds of a step for a moment, after the first few, in which TensorFlow traces
    the step and chooses its kernels.

    Args:
        size: The (height, width) in px of a picture of noise.
        settings: Its settings.
        vgg: The network.
        memory_limit: As in `stylize`.
        check_stop: Is called after a few steps. Its errors end the measurement.
    """
    objective = Objective.of(settings, vgg)
    footprint = footprint_of(objective.extractor, settings)
    fast = footprint.is_fast(size, device_budget(Limits(memory_limit)).bytes)
    objective = objective.planned(fast, saves_memory=False)
    noise = tf.random.stateless_uniform([1, *size, 3], [0, 0])
    groups = groups_of(Paintings([noise[0].numpy()]), objective.extractor, size)
    image = padded(objective.extractor.canvas(size), noise)
    problem = objective.problem(noise, groups, None)
    problem = Matching(objective.extractor, problem, noise, settings.strength, False).matched(image)
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
            check_stop()
            steps += CHECK_EVERY
            elapsed = perf_counter() - started
    return elapsed / steps
