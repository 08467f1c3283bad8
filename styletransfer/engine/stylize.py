"""A picture, grown from 128 px to its size, each scale optimised to match the paintings; on arrays.

The picture grows about twofold at most from one scale to the next. Each scale starts from the
result of the one before, and matches the picture's places again to the paintings' places
(neighbours.py). With Adam the result is the average of the iterates. The schedule follows
crowsonkb's style-transfer-pytorch. Recipes differ in losses, sizes and starts (recipes/).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from time import perf_counter
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.devices.choose import (
    deterministic,
    full_float32,
    gpus_in_use,
    one_operation_at_a_time,
)
from styletransfer.devices.memory import MemoryBudget, device_name
from styletransfer.engine import picture as pictures
from styletransfer.engine.grain import grained
from styletransfer.engine.matching import Matching
from styletransfer.engine.memory_model import (
    MemoryPlan,
    PaintingInputs,
    plan,
)
from styletransfer.engine.objective import Objective
from styletransfer.engine.optimizers import (
    State,
    StepParams,
    initial_content_weight,
    term_weights,
)
from styletransfer.engine.paintings import Paintings, as_paintings
from styletransfer.engine.picture import Canvas, Postprocess
from styletransfer.engine.recipes import instant
from styletransfer.engine.scale_optimizer import (
    CHECK_EVERY,
    ScaleOptimizer,
    ScaleSchedule,
    program,
)
from styletransfer.engine.schedule import Position, StepEta, schedule
from styletransfer.engine.targets import TERMS, Problem
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG
from styletransfer.vgg.sources import is_built_in

one_operation_at_a_time()

MOMENT_S = 0.4  # for which `step_seconds` measures


class Step:
    """One step of the optimisation: a view on the running transfer.

    Image, losses and snapshot are computed when they are first read. Read them before the next step
    is asked for, since that changes the picture: later, they raise RuntimeError unless they have
    been read before. The last step can be read at any time.

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
        picture: tf.Tensor,
        canvas: Canvas,
        postprocess: Postprocess,
        terms: tf.Tensor | None = None,
        state: State | None = None,
        matches: Sequence[tf.Tensor] = (),
    ) -> None:
        self.iteration, self.total, self.fraction, self.eta_s = position
        self.scale = max(canvas.picture)
        self.can_resume = state is not None
        self._picture: tf.Tensor | None = picture
        self._canvas, self._postprocess = canvas, postprocess
        self._terms, self._state, self._matches = terms, state, matches

    @property
    def content_weight(self) -> float:
        """The photo's weight relative to the painting's after this step; `strength` steers it. 0 in
        recipe instant."""
        self._check_current()
        return 0.0 if self._state is None else float(self._state.content_weight)

    @cached_property
    def losses(self) -> dict[str, float]:
        """The weighted contributions to the loss, and their sum `total`; empty in recipe instant,
        which has none."""
        self._check_current()
        return {} if self._terms is None else named(self._terms)

    @cached_property
    def image(self) -> np.ndarray:
        """The picture so far: float32 [H, W, 3], sRGB 0…1. Do not write to it."""
        self._check_current()
        # It shares TensorFlow's memory: a copy would take memory when it is shortest.
        image = self._canvas.cropped(np.asarray(self._picture))[0]
        if image.min() < 0 or image.max() > 1:  # L-BFGS without bounds leaves the range.
            image = np.clip(image, 0, 1)
        return self._postprocess(image)

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return the arrays that `stylize` needs to resume after this step, if `can_resume`.

        They are `iteration`, the image and the optimiser's state, float32, 48 bytes per pixel in
        all. They share TensorFlow's memory; if they are kept beyond the next step, they take that
        much more.
        """
        self._check_current()
        assert self._state is not None
        arrays = {name: np.asarray(value) for name, value in self._state._asdict().items()}
        if self._matches:
            matches = np.concatenate([each.numpy() for each in self._matches], -1)
            arrays["matches"] = matches.astype(np.int32)
        return {"iteration": np.array(self.iteration), **arrays}

    def expire(self) -> None:
        """Let go of the picture, since the next step changes it."""
        self._picture = self._terms = self._state = None
        self._matches = ()

    def _check_current(self) -> None:
        if self._picture is None:
            raise RuntimeError(
                f"step {self.iteration} is over; read image, losses, content_weight and snapshot() "
                "before the next step"
            )


class PaintingPlan(NamedTuple):
    """The plan of a painting.

    Attributes:
        objective: The objective.
        sizes: The (height, width) of each scale, coarse to fine.
        counts: The number of steps at each scale.
        memory: The memory plan of the last scale, which takes the most.
    """

    objective: Objective
    sizes: list[tuple[int, int]]
    counts: list[int]
    memory: MemoryPlan


def plan_painting(
    inputs: PaintingInputs, settings: Settings, vgg: VGG, budget: MemoryBudget
) -> PaintingPlan:
    """Return the plan for a painting within a budget.

    Raises:
        PictureError: The picture is too narrow for its recipe.
        MemoryShortError: It cannot be computed in the available memory.
    """
    objective = Objective.of(settings, vgg)
    sizes, counts = schedule(*inputs.size, settings)
    last = sizes[-1]
    objective.view.canvas(last).check(settings.recipe)
    outside = pictures.postprocess_bytes(inputs.size, last, settings, inputs.masked)
    if inputs.has_init and len(sizes) == 1:
        outside += pictures.PICTURE_BYTES * math.prod(last)
    on_gpu = device_name().startswith("GPU")
    footprint = objective.view.recipe.footprint.of(
        objective.view, settings, inputs, outside, on_gpu
    )
    memory = plan(last, footprint, budget)
    objective = objective.planned(memory.fast, saves_memory=memory.side is not None)
    if inputs.size != last:  # Before a scale begins, so not in addition to it.
        budget.check(pictures.SCALING_BYTES * math.prod(inputs.size), "scaling the photo")
    return PaintingPlan(objective, sizes, counts, memory)


class StyleTransfer:
    """A photo prepared to be painted in a style; `steps` runs it. Other arguments as in `stylize`.

    Attributes:
        memory_plan: The memory plan of the last scale, which takes the most memory.

    Args:
        set_aside: Bytes of the host's memory that are free now and that others will take.
        share: The most bytes that it may take, if others paint on the same device.

    Raises:
        ValueError: Arrays do not fit, or the network does not fit the recipe.
        PictureError: The picture is too narrow for its recipe.
        MemoryShortError: It cannot be computed in the available memory.
    """

    memory_plan: MemoryPlan

    def __init__(  # noqa: PLR0913  The inputs of a painting.
        self,
        content: np.ndarray,
        styles: Paintings,
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
        if settings.traits.network == "builtin" and not is_built_in(vgg.identity):
            raise ValueError(
                f"recipe {settings.recipe} paints with the built-in network: load_vgg()"
            )
        full_float32()
        if settings.deterministic:
            deterministic()
        size = pictures.picture_size(content)
        pictures.check_values(content, "the photo")
        for name, mask in {"content_mask": content_mask, "color_mask": color_mask}.items():
            if mask is not None:
                pictures.check_mask(mask, name)
        if init is not None:
            pictures.check_values(init, "init")
        self._content, self._styles, self._settings = content, styles, settings
        self._content_mask = content_mask
        self._painted_part = styles.painted_part(content_mask, settings)
        regions = styles.masked_groups(content_mask is not None)
        masked, count = self._painted_part is not None, len(styles.paintings)
        inputs = PaintingInputs(size, masked, regions, init is not None, count)
        budget = MemoryBudget(memory_limit, set_aside, share)
        self._objective, self._sizes, self._counts, self.memory_plan = plan_painting(
            inputs, settings, vgg, budget
        )
        self._view = self._objective.view
        styles.check_memory(self._view, self._sizes[-1], settings.stroke_size, budget)
        self._postprocess = Postprocess.of(content, settings, self._painted_part, color_mask)
        self._init = None
        if init is not None:
            self._init = pictures.resample(pictures.to_batch(init), self._sizes[0])

    def snapshot_shapes(self, iteration: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a step's snapshot except `iteration`, or an empty dictionary if a
        run cannot resume there."""
        ends = np.cumsum(self._counts)
        if not self._settings.traits.optimises or not 0 < iteration < ends[-1]:
            return {}
        size = self._sizes[int(np.searchsorted(ends, iteration))]
        shapes = State.shapes((1, *self._view.canvas(size).size, 3))
        if self._view.losses.matched_layers:
            shapes["matches"] = self._view.matches_shape(size, len(self._styles.paintings))
        return shapes

    def steps(self, resume: Mapping[str, np.ndarray] | None = None) -> Iterator[Step]:
        """Run the optimisation and yield every step; `resume` and errors as in `stylize`."""
        total = sum(self._counts)
        done = 0 if resume is None else int(resume["iteration"])
        if not 0 <= done < total:
            raise ValueError(f"a snapshot of step {done} for a run of {total}")
        optimises = self._settings.traits.optimises
        return _one_at_a_time(self._steps(done, resume) if optimises else self._instant_steps())

    def _steps(self, done: int, resume: Mapping[str, np.ndarray] | None) -> Iterator[Step]:
        eta = StepEta(self._sizes, self._counts, done, on_gpu=bool(gpus_in_use()))
        photo = pictures.scaled_photo(self._content, self._sizes[-1])
        state: State | None = None
        canvas = self._view.canvas(self._sizes[0])
        for size, count in zip(self._sizes, self._counts, strict=True):
            previous, canvas = canvas, self._view.canvas(size)
            if done > count:
                done -= count
                continue
            # From the host to the device that paints.
            scaled = tf.identity(pictures.resample(photo, size))
            if size == self._sizes[-1]:
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
            for number in range(done + 1, count + 1):
                terms = optimizer.step(number, last=number == count)
                skipped = count - number if optimizer.converged else 0
                # No other name refers to the state: it would stay in memory during the next step.
                yield Step(
                    eta.tick(skipped),
                    optimizer.state.average,
                    canvas,
                    self._postprocess,
                    terms,
                    optimizer.state,
                    optimizer.matches,
                )
                if skipped:
                    break
            state, done = optimizer.state, 0
            del optimizer

    def _problem(self, photo: tf.Tensor) -> Problem:
        """Return the targets at the scale of this photo [1, h, w, 3], sRGB 0…1."""
        size, stroke_size = (photo.shape[1], photo.shape[2]), self._settings.stroke_size
        groups = self._styles.groups(self._view, size, self._content_mask, stroke_size)
        return self._objective.problem(photo, groups, self._painted_part)

    def _first_state(self, photo: tf.Tensor) -> State:
        """Return the state before the first step, for the photo at the first scale."""
        first = self._init
        if first is None:
            first = self._view.recipe.first_picture(photo, self._settings)
        canvas = self._view.canvas((photo.shape[1], photo.shape[2]))
        return State.start(canvas.padded(first), initial_content_weight(self._settings))

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
        first, last = size == self._sizes[0], size == self._sizes[-1]
        return ScaleOptimizer(
            self._objective,
            Matching(self._view, problem, photo, self._settings.strength, resume),
            state,
            self._settings,
            self.memory_plan.for_scale(size),
            ScaleSchedule(count, done, is_first=first, is_last=last),
        )

    def _instant_steps(self) -> Iterator[Step]:
        """Paint at each scale in one step."""
        settings, view = self._settings, self._view
        eta = StepEta(self._sizes, self._counts, on_gpu=bool(gpus_in_use()))
        photo = pictures.scaled_photo(self._content, self._sizes[-1])
        canvas, picture = view.canvas(self._sizes[0]), None
        for size in self._sizes:
            previous, canvas = canvas, view.canvas(size)
            scaled = tf.identity(pictures.resample(photo, size))
            groups = self._styles.groups(view, size, self._content_mask, settings.stroke_size)
            if picture is not None:
                first = pictures.resample(previous.cropped(picture), size)
            elif self._init is not None:
                first = self._init
            else:
                first = tf.constant(grained(scaled[0].numpy())[None])
            photo_there, first = canvas.padded(scaled), canvas.padded(first)
            picture = instant.painted(view, groups, photo_there, first, settings.strength)
            yield Step(eta.tick(), picture, canvas, self._postprocess)


def _one_at_a_time(steps: Iterator[Step]) -> Iterator[Step]:
    """Yield steps that can be read until the next one is asked for. A step that is referenced for
    longer would keep a picture and an optimiser's state in memory."""
    for step in steps:
        yield step
        if step.iteration < step.total:
            step.expire()


def named(terms: tf.Tensor) -> dict[str, float]:
    """Return the terms [4] by name, and their sum `total`."""
    values = [float(value) for value in terms.numpy()]
    return {**dict(zip(TERMS, values, strict=True)), "total": sum(values)}


def stylize(  # noqa: PLR0913  The public signature.
    content: np.ndarray,
    styles: Sequence[np.ndarray] | Paintings,
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
    """Paint a photo in the style of paintings.

    Masks are float32 [h, w], 0…1, of any size.

    Args:
        content: The photo [H, W, 3], sRGB, float32 0…1, or full-range uint8 or uint16, which take
            less memory.
        styles: Paintings as such arrays, or `Paintings`, which can be reused for many photos.
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
        Every step, to be read before the next one is asked for. The last step's image is the
        result. Its longer side is `settings.size` px, or the photo's with `rescale_image`.

    Raises:
        ValueError: Arrays, shares or a snapshot do not fit.
        MemoryShortError: The picture cannot be computed in the available memory.
        PictureError: The masks leave nothing to paint.
        DivergedError: The optimisation diverges.
    """
    transfer = StyleTransfer(
        content,
        as_paintings(styles, shares, style_masks, regions, content_mask),
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
        pictures.check_mask(content_mask, "content_mask")
    paintings = as_paintings(styles, shares, style_masks, regions, content_mask)
    minimised = Objective.of(settings, vgg, as_given=True)
    photo, picture = pictures.to_batch(content), pictures.to_batch(image)
    groups = paintings.groups(minimised.view, pictures.picture_size(content), content_mask)
    painted_part = paintings.painted_part(content_mask, settings)
    problem = minimised.problem(photo, groups, painted_part)
    problem = Matching(minimised.view, problem, photo, settings.strength).matched(picture)
    weights = term_weights(initial_content_weight(settings), settings)
    terms, gradient = program(minimised, problem).gradient(picture, problem, weights)
    return named(weights * terms), gradient[0].numpy()


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
    footprint = objective.view.recipe.footprint.of(objective.view, settings)
    fast = footprint.is_fast(size, MemoryBudget(memory_limit).bytes)
    objective = objective.planned(fast, saves_memory=False)
    noise = tf.random.stateless_uniform([1, *size, 3], [0, 0])
    groups = Paintings([noise[0].numpy()]).groups(objective.view, size)
    image = objective.view.canvas(size).padded(noise)
    problem = objective.problem(noise, groups, None)
    problem = Matching(objective.view, problem, noise, settings.strength).matched(image)
    [params] = StepParams.packed([StepParams.of(settings, rate=0.0, decay=0.0, steering=0.0)])
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
