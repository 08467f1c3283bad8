"""The optimisation of Gatys, Ecker & Bethge 2016 from coarse to fine. Knows arrays, never files.

From about 128 px the picture grows by √2 to its final size, each scale starting from the one
before; with Adam, the average of iterates is the result. The schedule follows the best public
recipe (crowsonkb, style-transfer-pytorch); the losses are relative (losses.py). The recipe
`inetwork` paints at one scale, by the original's losses (inetwork_losses.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from styletransfer.devices.tensorflow import deterministic, one_operation_at_a_time
from styletransfer.engine import memory_available, memory_model, pyramid
from styletransfer.engine.eta import StepEta
from styletransfer.engine.losses import TERMS
from styletransfer.engine.objective import Objective
from styletransfer.engine.optimizers import State, first_weight
from styletransfer.engine.postprocess import Postprocess, postprocess_bytes
from styletransfer.engine.pyramid import schedule
from styletransfer.engine.scale_optimizer import ScaleOptimizer
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.images.arrays import to_float
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG

one_operation_at_a_time()


class Step:
    """One step of the optimisation. What costs time to know is computed when asked for, which
    has to be before the next step is: that may change the picture where it lies.

    iteration: number of this step, from 1 · total: number of steps of the whole run ·
    scale: longer side in px of the picture at this step · eta_s: seconds left, an estimate.
    """

    def __init__(
        self,
        iteration: int,
        total: int,
        eta_s: float,
        terms: tf.Tensor,
        state: State,
        finish: Postprocess,
    ) -> None:
        self.iteration, self.total, self.eta_s = iteration, total, eta_s
        self.scale = max(state.image.shape[1:3])
        self._terms, self._state, self._finish = terms, state, finish

    @cached_property
    def losses(self) -> dict[str, float]:
        """The weighted contributions to the loss, and their sum `total`."""
        return _named(self._terms)

    @cached_property
    def image(self) -> np.ndarray:
        """The picture so far: float32 [H, W, 3], sRGB 0…1, which cannot be written to."""
        # Where TensorFlow has it; a copy would be one more, when memory is shortest.
        image = np.asarray(tf.convert_to_tensor(self._state.average))[0]
        if image.min() < 0 or image.max() > 1:  # As L-BFGS without bounds leaves it.
            image = np.clip(image, 0, 1)
        return self._finish(image)

    def let_go(self) -> None:
        """Frees what the next step would have changed anyway, whoever still holds this one."""
        if isinstance(self._state.image, tf.Variable):
            self._state = None

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that `stylize` needs to go on after this step: `iteration`, and the image and the
        optimiser's state, float32, 48 bytes a pixel in all. They lie where TensorFlow has them;
        kept beyond the next step, they take that memory besides."""
        state = {
            name: np.asarray(tf.convert_to_tensor(value))
            for name, value in self._state._asdict().items()
        }
        return {"iteration": np.array(self.iteration), **state}


def stylize(
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
    """Paints content [H, W, 3] in the style of paintings; yields every step.

    content: sRGB, float32 0…1, or uint8 or uint16 up to white, which take less memory meanwhile.
    styles: paintings as such arrays, blended in `shares` (default equal), or a `StyleTargets`
    made from them, which can be kept from photo to photo. The last step's image is the result;
    its longer side is `settings.size` px, or it has the photo's size with `rescale_image`.

    Masks are float32 [h, w], 0…1, soft, of any size. content_mask: where the photo is painted;
    where it is black, its own pixels are kept. regions: where in the picture each painting goes.
    style_masks: which part of each painting counts, and, as with INetwork, where it goes too if
    neither regions nor a content mask is given. color_mask: where `preserve_color` acts.

    init: the picture to start from, of any size, instead of what `init_image` says. resume: a
    step's `snapshot()`, from the same pictures and settings: goes on with the step after it.

    memory_limit: bytes that the process may hold in all (on a GPU: there); by default, what is
    free. Where a whole step does not fit, it is computed in strips (strips.py): the same picture,
    in less memory and more time.

    Raises ValueError for arrays, shares or a snapshot that do not fit, MemoryShortError where the
    picture cannot be computed in the memory there is, DivergedError where no picture can be found.
    """
    if settings.deterministic:
        deterministic()
    room = memory_available.MemoryBudget(memory_limit)
    style = style_targets(styles, shares, style_masks, regions, content_mask)
    photo = pyramid.to_batch(content)
    finish = Postprocess.of(content, settings, content_mask, color_mask)
    if settings.color_match != "none":
        photo = pyramid.to_batch(
            style.recoloured(to_float(content), settings.color_match, content_mask)
        )
    objective = Objective.of(settings, vgg)
    sizes, counts = schedule(*photo.shape[1:3], settings)
    # What cannot fit is told before any work.
    masked = content_mask is not None
    extras = _extras(objective, photo.shape[1:3], sizes[-1], settings, style, masked)
    largest = memory_model.plan_memory(objective, sizes[-1], room, extras)
    done = 0 if resume is None else int(resume["iteration"])
    if not 0 <= done < sum(counts):
        raise ValueError(f"a snapshot of step {done} for a run of {sum(counts)}")
    clock = StepEta(sizes, counts, done)

    state: State | None = None
    step: Step | None = None
    for size, count in zip(sizes, counts, strict=True):
        if done > count:
            done -= count
            continue
        if step is not None:
            step.let_go()
        scaled = pyramid.resample(photo, size)
        groups = style.groups(objective, size, content_mask)
        problem = objective.problem(scaled, groups, content_mask)
        later = None if size == sizes[-1] else largest
        if later is None:
            del photo  # Memory is short at the last scale.
        if resume is not None:
            state, resume = State.restored(resume, scaled.shape), None
        elif state is not None:
            state = state.resized(size)
        else:
            first = _first_image(scaled, style, settings)
            if init is not None:
                first, init = pyramid.resample(pyramid.to_batch(init), size), None
            state = State.start(first, _first_weight(settings))
            del first
        del scaled, groups
        way = memory_model.plan_memory(objective, size, room, extras, later)
        descent = ScaleOptimizer(
            objective, problem, settings, state, way, room, extras, size == sizes[0]
        )
        state = descent.state
        for number in range(done + 1, count + 1):
            terms = descent.step(number, last=number == count)
            state, ends = descent.state, descent.converged
            eta_s = clock.tick(skipping=count - number if ends else 0)
            step = Step(clock.done, sum(counts), eta_s, terms, state, finish)
            yield step
            if ends:
                break
        done = 0


def style_targets(
    styles: Sequence[np.ndarray] | StyleTargets,
    shares: Sequence[float] | None = None,
    style_masks: Sequence[np.ndarray | None] | None = None,
    regions: Sequence[np.ndarray | None] | None = None,
    content_mask: np.ndarray | None = None,
) -> StyleTargets:
    """The paintings as `StyleTargets`, masks as in `stylize`; `StyleTargets` are returned as is."""
    if isinstance(styles, StyleTargets):
        if not (shares is None and style_masks is None and regions is None):
            raise ValueError("a StyleTargets has shares, masks and regions of its own")
        return styles
    if regions is None and content_mask is None:
        regions = style_masks
    return StyleTargets(styles, shares, style_masks, regions)


def foresee(
    height: int,
    width: int,
    settings: Settings,
    vgg: VGG,
    memory_limit: int | None = None,
    *,
    style: StyleTargets,
    masked: bool = False,
) -> memory_model.MemoryPlan:
    """How `stylize` will compute a photo of this size, with a content mask or without, at its last
    scale, which takes the most memory. Raises MemoryShortError where it cannot."""
    sizes, _ = schedule(height, width, settings)
    goal = Objective.of(settings, vgg)
    extras = _extras(goal, (height, width), sizes[-1], settings, style, masked)
    return memory_model.plan_memory(
        goal, sizes[-1], memory_available.MemoryBudget(memory_limit), extras
    )


def objective(
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
    """The loss that `stylize` descends, at `image`, and its gradient.

    image, content: float32 [H, W, 3] of one shape, sRGB 0…1; styles are taken at the size they
    are given; masks as in `stylize`. Returns the weighted contributions `content`, `style`,
    `total_variation` with their sum `total`, and d total / d image, float32 [H, W, 3]. Where
    `content_weight` is `auto`, it is what steering starts from.
    """
    if np.shape(image) != np.shape(content):
        raise ValueError(f"image {np.shape(image)} and content {np.shape(content)} differ")
    style = style_targets(styles, shares, style_masks, regions, content_mask)
    goal = Objective.of(settings, vgg, as_given=True)
    photo = pyramid.to_batch(content)
    groups = style.groups(goal, tuple(photo.shape[1:3]), content_mask)
    problem = goal.problem(photo, groups, content_mask)
    weights = tf.constant(
        [_first_weight(settings), settings.style_scale, settings.total_variation_weight], tf.float32
    )
    terms, gradient = goal.program(problem).gradient(pyramid.to_batch(image), problem, weights)
    return _named(weights * terms), gradient[0].numpy()


def _extras(
    objective: Objective,
    photo_size: tuple[int, int],
    size: tuple[int, int],
    settings: Settings,
    style: StyleTargets,
    masked: bool,
) -> memory_model.ExtraMemory:
    return memory_model.ExtraMemory(
        lbfgs=settings.optimizer == "lbfgs",
        regions=style.masked_groups(masked),
        composed=masked and objective.losses.composes,
        besides=postprocess_bytes(photo_size, size, settings, masked),
    )


def _first_image(photo: tf.Tensor, style: StyleTargets, settings: Settings) -> tf.Tensor:
    if settings.init_image == "noise":
        return tf.random.stateless_uniform(photo.shape, [settings.seed, 0])
    if settings.init_image == "gray":
        return tf.repeat(tf.image.rgb_to_grayscale(photo), 3, axis=-1)
    if settings.init_image == "style-mean":
        return tf.broadcast_to(tf.constant(style.mean_colour()), photo.shape)
    return photo


def _first_weight(settings: Settings) -> float:
    if settings.content_weight == "auto":
        return first_weight(settings.strength)
    return float(settings.content_weight)


def _named(terms: tf.Tensor) -> dict[str, float]:
    values = [float(value) for value in terms.numpy()]
    return {**dict(zip(TERMS, values, strict=True)), "total": sum(values)}
