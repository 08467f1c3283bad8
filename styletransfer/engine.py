"""The optimisation of Gatys, Ecker & Bethge 2016 from coarse to fine. Knows arrays, never files.

From about 128 px the picture grows by √2 to its final size, each scale starting from the one
before, with Adam (Kingma & Ba 2015); the average of iterates is the result. The schedule follows
the best public recipe (crowsonkb, style-transfer-pytorch); the losses are relative (losses.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.clock import Clock
from styletransfer.device import native_bfloat16, one_operation_at_a_time
from styletransfer.losses import STYLE_LAYERS, TERMS, Targets, style_grams, weighted_terms
from styletransfer.settings import Settings, fit
from styletransfer.vgg import VGG

FIRST_SCALE = 128  # px, longer side
SMALLEST_SIDE = 32  # px; below it conv5_1 has too few positions for statistics
CANVAS_MULTIPLE = 16  # px; what VGG's four poolings shrink to one

one_operation_at_a_time()
BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-8


class Style:
    """The paintings of one look and their shares; their targets are computed once and kept.

    paintings: float32 [H, W, 3], sRGB 0…1, each in its own size and proportions.
    shares: proportions of any sum, one a painting; None for equal ones. Raises ValueError where
    they do not fit.
    """

    def __init__(
        self, paintings: Sequence[np.ndarray], shares: Sequence[float] | None = None
    ) -> None:
        shares = [1.0] * len(paintings) if shares is None else [float(each) for each in shares]
        if not paintings:
            raise ValueError("a look needs at least one painting")
        if len(shares) != len(paintings):
            raise ValueError(f"{len(shares)} shares for {len(paintings)} paintings")
        if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
            raise ValueError(f"shares {shares} must not be negative, and not all 0")
        self.paintings = [_batch(painting) for painting in paintings]
        self.shares = [share / sum(shares) for share in shares]
        self._kept: dict[tuple, tuple[tf.Tensor, ...]] = {}

    def grams(
        self, vgg: VGG, longer: int | None, pool: str, dtype: tf.DType
    ) -> tuple[tf.Tensor, ...]:
        """The blended targets with each painting's longer side at most `longer` px (None: as
        given). A painting is never enlarged: that adds no stroke, only blur."""
        key = (vgg, longer, pool, dtype)
        if key not in self._kept:
            if len(self._kept) >= 32:  # Photos at full size each bring scales of their own.
                self._kept.pop(next(iter(self._kept)))
            paintings = self.paintings
            if longer is not None:
                paintings = [_on_canvas(_shrunk(painting, longer)) for painting in paintings]
            self._kept[key] = style_grams(vgg, paintings, self.shares, pool, dtype)
        return self._kept[key]


class Step:
    """One step of the optimisation. What costs time to know is computed when asked for.

    iteration: number of this step, from 1 · total: number of steps of the whole run ·
    scale: longer side in px of the picture at this step · eta_s: seconds left, an estimate.
    """

    def __init__(
        self,
        iteration: int,
        total: int,
        scale: int,
        eta_s: float,
        terms: tf.Tensor,
        state: "_State",
        size: tuple[int, int],
    ) -> None:
        self.iteration, self.total, self.scale, self.eta_s = iteration, total, scale, eta_s
        self._terms, self._state, self._size = terms, state, size

    @cached_property
    def losses(self) -> dict[str, float]:
        """The weighted contributions to the loss, and their sum `total`."""
        return _named(self._terms)

    @cached_property
    def image(self) -> np.ndarray:
        """The picture so far: float32 [H, W, 3], sRGB 0…1."""
        average = _off_canvas(self._state.average, self._size)
        return tf.clip_by_value(average, 0.0, 1.0)[0].numpy()

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that `stylize` needs to go on after this step: `iteration`, and the image and the
        optimiser's state, float32, 48 bytes a pixel in all."""
        arrays = {name: value.numpy() for name, value in self._state._asdict().items()}
        return {"iteration": np.array(self.iteration), **arrays}


def stylize(
    content: np.ndarray,
    styles: Sequence[np.ndarray] | Style,
    settings: Settings,
    vgg: VGG,
    shares: Sequence[float] | None = None,
    resume: Mapping[str, np.ndarray] | None = None,
) -> Iterator[Step]:
    """Paints content (float32 [H, W, 3], sRGB 0…1) in the style of paintings; yields every step.

    styles: paintings as such arrays, blended in `shares` (default equal), or a `Style` that has
    them and is kept from photo to photo. The last step's image is the result; its longer side is
    `settings.size` px. resume: a step's `snapshot()`, from the same pictures and settings: goes on
    with the step after it. Raises ValueError for arrays, shares or a snapshot that do not fit.
    """
    style = styles if isinstance(styles, Style) else Style(styles, shares)
    content = _batch(content)
    dtype = convolution_dtype(settings.precision)
    scales, counts = schedule(*content.shape[1:3], settings)
    program = _program(vgg, settings.content_layer, settings.pool_type, dtype)
    weights = _term_weights(settings)
    done = 0 if resume is None else int(resume["iteration"])
    if not 0 <= done < sum(counts):
        raise ValueError(f"a snapshot of step {done} for a run of {sum(counts)}")
    clock = Clock(scales, counts, done)

    state: _State | None = None
    for size, before, count in zip(scales, [None, *scales], counts, strict=False):
        if done > count:
            done -= count
            continue
        photo = _on_canvas(_resize(content, size))
        if resume is not None:
            state, resume = _restored(resume, photo), None
        else:
            state = _start(photo, settings) if before is None else _grown(state, before, size)
        scale = max(size)
        targets = Targets(
            program.content_target(photo), style.grams(vgg, scale, settings.pool_type, dtype)
        )
        for number in range(done + 1, count + 1):
            # Polynomial-decay averaging (Shamir & Zhang 2013, η = 3) until the decay asked for is
            # reached: the average looks back over about a quarter of the steps, never to the start.
            decay = tf.constant(min(settings.averaging, 1 - 4 / (number + 3)))
            state, terms = program.step(
                state, targets, weights, tf.constant(settings.learning_rate), decay
            )
            eta_s = clock.tick()
            yield Step(clock.done, sum(counts), scale, eta_s, terms, state, size)
        done = 0
        # The next scale starts from the average: it is smoother than the last iterate.
        state = state._replace(image=tf.clip_by_value(state.average, 0.0, 1.0))


def objective(
    image: np.ndarray,
    content: np.ndarray,
    styles: Sequence[np.ndarray],
    settings: Settings,
    vgg: VGG,
    shares: Sequence[float] | None = None,
) -> tuple[dict[str, float], np.ndarray]:
    """The loss that `stylize` descends, at `image`, and its gradient.

    image, content: float32 [H, W, 3] of one shape, sRGB 0…1; styles are taken at the size they
    are given. Returns the weighted contributions `content`, `style`, `total_variation` with their
    sum `total`, and d total / d image, float32 [H, W, 3].
    """
    dtype = convolution_dtype(settings.precision)
    program = _program(vgg, settings.content_layer, settings.pool_type, dtype)
    if np.shape(image) != np.shape(content):
        raise ValueError(f"image {np.shape(image)} and content {np.shape(content)} differ")
    grams = Style(styles, shares).grams(vgg, None, settings.pool_type, dtype)
    targets = Targets(program.content_target(_batch(content)), grams)
    terms, gradient = program.gradient(_batch(image), targets, _term_weights(settings))
    return _named(terms), gradient[0].numpy()


def schedule(
    height: int, width: int, settings: Settings
) -> tuple[list[tuple[int, int]], list[int]]:
    """The scales, (height, width) each, that a photo of this size is painted at, coarse to fine,
    and the number of steps at each."""
    longer = max(height, width) if settings.size == "full" else int(settings.size)
    scales = scale_sizes(height, width, longer)
    return scales, [settings.iterations * (2 if n == 0 else 1) for n in range(len(scales))]


def scale_sizes(height: int, width: int, longer: int) -> list[tuple[int, int]]:
    """(height, width) of each scale, coarse to fine by √2: the last has the longer side asked
    for, the first about FIRST_SCALE, but no shorter side below SMALLEST_SIDE where that can be."""
    sizes = [fit(height, width, longer)]
    while True:
        smaller = fit(height, width, round(longer / 2 ** (len(sizes) / 2)))
        if max(smaller) < FIRST_SCALE * 0.99 or min(smaller) < SMALLEST_SIDE:
            return sizes[::-1]
        sizes.append(smaller)


def convolution_dtype(precision: str) -> tf.DType:
    """The type convolutions are computed in, for `auto`, `float32` or `bfloat16`."""
    if precision == "auto":
        precision = "bfloat16" if native_bfloat16() else "float32"
    return tf.as_dtype(precision)


class _State(NamedTuple):
    """Image, Adam's two moments and the average of iterates, all [1, H, W, 3]; Adam's count."""

    image: tf.Tensor
    momentum: tf.Tensor
    variance: tf.Tensor
    average: tf.Tensor
    count: tf.Tensor


class _Program(NamedTuple):
    content_target: Callable[..., tf.Tensor]
    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    step: Callable[..., tuple[_State, tf.Tensor]]


@lru_cache(maxsize=4)
def _program(vgg: VGG, content_layer: str, pool: str, dtype: tf.DType) -> _Program:
    """The traced functions for one network and layer choice. Shapes are open in them, so that
    every photo and scale shares one trace; all numbers are arguments for the same reason."""
    picture = tf.TensorSpec([1, None, None, 3], tf.float32)
    scalar = tf.TensorSpec([], tf.float32)
    shapes = {layer: vgg.channels(layer) for layer in (*STYLE_LAYERS, content_layer)}
    target_spec = Targets(
        tf.TensorSpec([1, None, None, shapes[content_layer]], dtype),
        tuple(tf.TensorSpec([shapes[layer]] * 2, tf.float32) for layer in STYLE_LAYERS),
    )
    weight_spec = tf.TensorSpec([len(TERMS)], tf.float32)

    def loss_and_gradient(
        image: tf.Tensor, targets: Targets, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = weighted_terms(vgg, image, targets, weights, content_layer, pool, dtype)
            total = tf.reduce_sum(terms)
        return terms, tape.gradient(total, image)

    @tf.function(input_signature=[picture])
    def content_target(photo: tf.Tensor) -> tf.Tensor:
        return vgg.forward(photo, [content_layer], pool, dtype)[content_layer]

    @tf.function(
        input_signature=[_State(*[picture] * 4, scalar), target_spec, weight_spec, scalar, scalar]
    )
    def step(
        state: _State, targets: Targets, weights: tf.Tensor, rate: tf.Tensor, decay: tf.Tensor
    ) -> tuple[_State, tf.Tensor]:
        terms, gradient = loss_and_gradient(state.image, targets, weights)
        count = state.count + 1
        momentum = BETA_1 * state.momentum + (1 - BETA_1) * gradient
        variance = BETA_2 * state.variance + (1 - BETA_2) * gradient**2
        unbiased = momentum / (1 - BETA_1**count)
        spread = tf.sqrt(variance / (1 - BETA_2**count)) + EPSILON
        image = tf.clip_by_value(state.image - rate * unbiased / spread, 0.0, 1.0)
        average = decay * state.average + (1 - decay) * image
        return _State(image, momentum, variance, average, count), terms

    gradient = tf.function(loss_and_gradient, input_signature=[picture, target_spec, weight_spec])
    return _Program(content_target, gradient, step)


def _start(photo: tf.Tensor, settings: Settings) -> _State:
    if settings.init_image == "noise":
        image = tf.random.stateless_uniform(photo.shape, [settings.seed, 0])
    elif settings.init_image == "gray":
        image = tf.repeat(tf.image.rgb_to_grayscale(photo), 3, axis=-1)
    else:
        image = photo
    zero = tf.zeros_like(image)
    return _State(tf.clip_by_value(image, 0.0, 1.0), zero, zero, image, tf.constant(0.0))


def _restored(snapshot: Mapping[str, np.ndarray], photo: tf.Tensor) -> _State:
    """The state of a snapshot. Raises ValueError unless it is of the photo's size."""
    arrays = [np.asarray(snapshot[name], np.float32) for name in _State._fields]
    if any(each.shape != tuple(photo.shape) for each in arrays[:4]):
        raise ValueError(f"a snapshot of {arrays[0].shape} for a picture of {tuple(photo.shape)}")
    return _State(*map(tf.constant, arrays))


def _grown(state: _State, before: tuple[int, int], size: tuple[int, int]) -> _State:
    """The state at the next scale: Adam goes on with its moments, enlarged like the image."""
    image, momentum, variance, average = (
        _on_canvas(tf.image.resize(_off_canvas(each, before), size, method))
        for each, method in zip(
            state[:4], ("bicubic", "bicubic", "bilinear", "bicubic"), strict=True
        )
    )
    return _State(tf.clip_by_value(image, 0.0, 1.0), momentum, variance, average, state.count)


def _on_canvas(image: tf.Tensor) -> tf.Tensor:
    """image [1, H, W, 3] on a canvas whose sides are multiples of CANVAS_MULTIPLE, its content
    mirrored into the margin below and to the right.

    So no pooling drops a row, every pixel is seen by every layer; and photos of many sizes share
    few shapes, for each of which oneDNN keeps compiled kernels (about 5 MB).
    """
    for axis in (1, 2):
        side = image.shape[axis]
        indices = np.pad(np.arange(side), (0, -side % CANVAS_MULTIPLE), mode="symmetric")
        if len(indices) != side:
            image = tf.gather(image, indices, axis=axis)
    return image


def _shrunk(painting: tf.Tensor, longer: int) -> tf.Tensor:
    height, width = painting.shape[1:3]
    return (
        painting if max(height, width) <= longer else _resize(painting, fit(height, width, longer))
    )


def _off_canvas(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    return image[:, : size[0], : size[1]]


def _term_weights(settings: Settings) -> tf.Tensor:
    return tf.constant(
        [settings.content_weight, settings.style_scale, settings.total_variation_weight]
    )


def _named(terms: tf.Tensor) -> dict[str, float]:
    values = [float(value) for value in terms.numpy()]
    return {**dict(zip(TERMS, values, strict=True)), "total": sum(values)}


def _batch(image: np.ndarray) -> tf.Tensor:
    array = np.asarray(image, np.float32)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"expected a picture of shape [H, W, 3], got {list(array.shape)}")
    return tf.constant(array[None])


def _resize(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """image [1, H, W, C] at another size; without aliasing when it shrinks."""
    if tuple(image.shape[1:3]) == tuple(size):
        return image
    shrinks = image.shape[1] > size[0]
    return tf.image.resize(image, size, "lanczos3" if shrinks else "bicubic", antialias=shrinks)
