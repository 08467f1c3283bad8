"""A photo painted by recipe `attention`: the steps on a latent; the loss is in attention.py.

A large picture is painted at a native size, decoded, and finished by recipe default: enlarged, it
is the photo and the start of the last scales.
The photo and the paintings are looked at for several steps at once: what the UNet sees in them does
not depend on the picture.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from painterly.devices.budget import MemoryBudget
from painterly.devices.choose import deterministic, fastest_precision, full_float32, gpus_in_use
from painterly.diffusion.autoencoder import Autoencoder
from painterly.diffusion.text import empty_prompt
from painterly.diffusion.unet import COMPARED, UNet
from painterly.diffusion.weights import DiffusionWeights
from painterly.engine.attention import Distillation, Latent, Wanted, Weighing, adam, times_of
from painterly.engine.attention_memory import (
    AHEAD,
    PLACE,
    AttentionFootprint,
    canvas_of,
    footprint_of,
    plan_memory,
    seen_size,
)
from painterly.engine.compilation import compiles_steps, compiles_terms, xla_failed
from painterly.engine.memory_model import MemoryPlan, PaintingInputs
from painterly.engine.paintings import nothing_to_paint
from painterly.engine.picture import Canvas, picture_size
from painterly.engine.schedule import StepEta, work_of_steps
from painterly.engine.style_transfer import StyleTransfer, plan_painting
from painterly.engine.tensors import resample, to_batch
from painterly.engine.transfer import (
    TERMS,
    CheckStop,
    Step,
    Transfer,
    TransferInputs,
    in_snapshot,
)
from painterly.errors import DivergedError, MemoryShortError
from painterly.images.arrays import resize
from painterly.settings import Settings
from painterly.vgg.network import VGG

# The photo's weight for a strength: the paper's for .5, and those that its authors take for faces
# and for strong styles are near.
STRENGTHS, PHOTO_WEIGHTS = (0.0, 0.3, 0.5, 0.8, 1.0), (1.0, 0.35, 0.25, 0.15, 0.05)
HALVED = COMPARED[:3]  # self-attentions at 1/16; the others are at 1/8


class Networks:
    """The networks in a precision, and what TensorFlow traces of them. One object serves all
    pictures on a device."""

    def __init__(
        self, weights: DiffusionWeights, dtype: tf.DType, *, keeps: bool, joins: bool
    ) -> None:
        sizes = weights.architecture
        if "prompt" not in weights.kept:
            weights.kept["prompt"] = empty_prompt(
                weights.text_encoder,
                width=sizes.text,
                heads=sizes.text_heads,
                depth=sizes.text_depth,
            )
        self.dtype = dtype
        unet = UNet(weights.unet, dtype, widths=sizes.unet, joins=joins, recomputes=not keeps)
        autoencoder = Autoencoder(weights.autoencoder, dtype, widths=sizes.autoencoder, joins=joins)
        self._method = Distillation(unet, weights.kept["prompt"])
        self.encode = tf.function(autoencoder.encode, autograph=False)
        self.decode = tf.function(autoencoder.decode, autograph=False)
        self.seen = tf.function(self._seen, autograph=False)
        self.step = tf.function(self._step, autograph=False)
        self.compiled_step = tf.function(self._step, autograph=False, jit_compile=True)

    @classmethod
    def of(
        cls, weights: DiffusionWeights, dtype: tf.DType, *, keeps: bool, joins: bool
    ) -> "Networks":
        """Return the networks, made once.

        Args:
            weights: Their weights.
            dtype: The precision.
            keeps: Whether gradients keep all blocks instead of computing them again.
            joins: As in `Layers`.
        """
        # The device's tensors belong to it.
        key = dtype, keeps, joins, tf.zeros([]).device
        if key not in weights.kept:
            weights.kept[key] = cls(weights, dtype, keeps=keeps, joins=joins)
        networks: Networks = weights.kept[key]
        return networks

    @classmethod
    def let_go(cls, weights: DiffusionWeights) -> None:
        """Let go of what `of` keeps."""
        for key, kept in [*weights.kept.items()]:
            if isinstance(kept, cls):
                weights.kept.pop(key, None)

    def _seen(self, latent: tf.Tensor, times: tf.Tensor) -> list[tuple[tf.Tensor, ...]]:
        return [each[:3] for each in self._method.seen(latent, times)]

    def _step(
        self,
        state: Latent,
        time: tf.Tensor,
        wanted: Sequence[Wanted],
        weighing: Weighing,
        at: tf.Tensor,
        params: tf.Tensor,
    ) -> tuple[Latent, tf.Tensor]:
        """Return the next state, and the weighted errors [2]; params are the weights of photo and
        paintings, and the learning rate."""
        weights = params[:2]
        errors, direction = self._method.gradient(state.latent, time, wanted, weighing, at, weights)
        return adam(state, direction, params[2]), weights * errors


class Decoded:
    """A picture [1, H, W, 3] that is decoded when it is read."""

    def __init__(self, networks: Networks, latent: tf.Tensor) -> None:
        self._networks, self._latent = networks, latent

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Decode."""
        return np.asarray(self._networks.decode(self._latent), dtype)


class AttentionTransfer(Transfer):
    """A photo prepared to be painted by recipe `attention`.

    Raises:
        ValueError: Arrays do not fit, or a large picture has no network to be finished with.
        PictureError: Its masks leave nothing to paint.
        MemoryShortError: It cannot be painted in the available memory.
        WeightsError: The weights cannot be used.
    """

    def __init__(
        self,
        inputs: TransferInputs,
        weights: DiffusionWeights,
        vgg: VGG | None,
        budget: MemoryBudget,
    ) -> None:
        super().__init__(inputs)
        full_float32()
        if self._settings.deterministic:
            deterministic()
        planned = PaintingInputs(
            self._photo_size,
            self._painted_part is not None,
            paintings=len(self._styles.paintings),
        )
        self._size = self.schedule.sizes[0]
        self._canvas = canvas_of(self._size)
        self._plan = _native_plan(planned, self._size, self._settings, weights, budget)
        self._weights, self._dtype = weights, precision_of(self._settings)
        self.memory_plan, self._finish = self._plan, None
        if (schedule := self.schedule.finishing) is not None:
            if vgg is None:
                raise ValueError("a large picture needs a network to be finished with: load_vgg()")
            finishing = self._settings.finishing(max(schedule.sizes[-1]))
            inputs = replace(self._inputs, settings=finishing, init=None)
            self._finish = StyleTransfer(inputs, vgg, budget, schedule)
            self.memory_plan = _of_both(self._plan, self._finish.memory_plan)

    def snapshot_shapes(self, iteration: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a step's snapshot except `iteration`, or an empty dictionary if a
        run cannot resume there."""
        if not 0 < iteration < self.schedule.total:
            return {}
        native = self.schedule.counts[0]
        if iteration > native and self._finish is not None:
            shapes = self._finish.snapshot_shapes(iteration - native)
            return {**shapes, "painted": (*self._size, 3)}
        latent = (1, *(side // PLACE for side in self._canvas.size), 4)
        images = dict.fromkeys(("latent", "momentum", "variance"), latent)
        return {**images, "count": (), "content_weight": (), "terms": (len(TERMS),)}

    def _steps(
        self, done: int, resume: Mapping[str, np.ndarray] | None, check_stop: CheckStop
    ) -> Iterator[Step]:
        """Take the steps after `done`: at the native size, and then at larger ones."""
        native, finish = self.schedule.counts[0], self._finish
        eta = StepEta(work_of_steps(self.schedule, self._settings, bool(gpus_in_use())), done)
        if done > native:
            assert resume is not None
            painted = in_snapshot(resume, "painted", (*self._size, 3))
            further: Mapping[str, np.ndarray] | None = {
                **resume,
                "iteration": np.array(done - native),
            }
        else:
            painted, further = (yield from self._native_steps(done, resume, check_stop, eta)), None
        if finish is None:
            return
        finish.start_from(painted)
        number = max(done, native)
        for step in finish.steps(further, check_stop):
            skipped = native + step.iteration - number - 1
            position = eta.tick(skipped)
            number = position.iteration
            yield step.within(position, painted=painted)

    def _native_steps(
        self,
        done: int,
        resume: Mapping[str, np.ndarray] | None,
        check_stop: CheckStop,
        eta: StepEta,
    ) -> Generator[Step, None, np.ndarray]:
        """Take the steps on the latent after `done`, and return the picture [h, w, 3] if it is
        finished at a larger size."""
        settings, total = self._settings, self.schedule.counts[0]
        networks = Networks.of(
            self._weights,
            self._dtype,
            keeps=self._plan.fast,
            joins=compiles_terms(settings),
        )
        photo = resample(to_batch(self._content), self._size)
        latent = self._encoded(networks, photo, self._canvas)
        paintings, allowed = self._seen_paintings(networks)
        weighing = Weighing(self._places(), allowed)
        state = (
            self._first_state(networks, photo, latent)
            if resume is None
            else _restored(resume, self.snapshot_shapes(done))
        )
        times = times_of(total)
        compiled = compiles_steps(
            settings, ("attention", self._dtype), self._canvas.size, total - done
        )
        photo_weight = photo_weight_of(settings)
        ahead = AHEAD if self._plan.fast else 1
        wanted: list[Wanted] = []
        for number in range(done, total):
            check_stop()
            at, time = number % ahead, tf.constant(times[number : number + 1])
            if not wanted or at == 0:
                wanted = self._wanted(
                    networks, latent, paintings, times[number - at :][:ahead], ahead
                )
            # At the photo itself its error is 0, and rounding would be all of its gradient.
            at_photo = number == 0 and settings.init_image == "content" and self._init is None
            params = 0.0 if at_photo else photo_weight, settings.style_scale, settings.learning_rate
            arguments = state, time, wanted, weighing, tf.constant(at), tf.constant(params)
            state, errors, compiled = self._stepped(networks, arguments, compiled)
            terms = np.pad(errors.numpy(), (0, len(TERMS) - 2))
            if not np.isfinite(terms).all():
                raise DivergedError(f"the optimisation diverges at step {number + 1}")
            arrays = {**state._asdict(), "content_weight": np.float32(photo_weight)}
            picture: Any = Decoded(networks, state.latent)
            step = Step(eta.tick(), picture, self._canvas, self._postprocess, terms, arrays)
            yield step
            if self._finish is not None:
                step.expire()

        if self._finish is None:
            return np.empty(0)
        painted = self._canvas.cropped(networks.decode(state.latent).numpy())[0]
        footprint, finishing = self._plan.footprint, self._finish.memory_plan
        assert isinstance(footprint, AttentionFootprint)
        if finishing.bytes_needed + footprint.weights > finishing.budget.bytes:
            Networks.let_go(self._weights)
        return painted.clip(0, 1)

    def _stepped(
        self, networks: Networks, arguments: tuple[Any, ...], compiled: bool
    ) -> tuple[Latent, tf.Tensor, bool]:
        """Return the next state, the errors, and whether to compile the next step."""
        try:
            if compiled:
                try:
                    return (*networks.compiled_step(*arguments), True)
                except tf.errors.ResourceExhaustedError:
                    raise
                except tf.errors.OpError as error:
                    xla_failed(error)
            return (*networks.step(*arguments), False)
        except (tf.errors.ResourceExhaustedError, MemoryError):
            raise MemoryShortError(
                "memory ran out; choose a smaller size, or another recipe"
            ) from None

    def _first_state(self, networks: Networks, photo: tf.Tensor, latent: tf.Tensor) -> Latent:
        """Return the state before the first step."""
        settings = self._settings
        if self._init is not None:
            photo = resample(to_batch(self._init), self._size)
        elif settings.init_image == "noise":
            return Latent.start(tf.random.stateless_normal(latent.shape, [settings.seed, 0]))
        elif settings.init_image == "gray":
            photo = tf.repeat(tf.image.rgb_to_grayscale(photo), 3, axis=-1)
        else:
            return Latent.start(latent)
        return Latent.start(self._encoded(networks, photo, self._canvas))

    @staticmethod
    def _encoded(networks: Networks, picture: tf.Tensor, canvas: Canvas) -> tf.Tensor:
        """Return the latent of a picture [1, h, w, 3] on its canvas."""
        shown = canvas.padded(np.asarray(picture)[0])[None].clip(0, 1)
        return tf.identity(networks.encode(tf.constant(shown)))

    def _seen_paintings(
        self, networks: Networks
    ) -> tuple[list[tf.Tensor], tuple[tuple[tf.Tensor | None, ...], ...]]:
        """Return the paintings' latents, and which of their keys each self-attention may use."""
        latents, allowed = [], []
        for painting, mask in zip(self._styles.paintings, self._styles.masks, strict=True):
            size = seen_size(picture_size(painting), self._size, self._settings.stroke_size)
            canvas = canvas_of(size)
            latents.append(self._encoded(networks, resample(to_batch(painting), size), canvas))
            shown = None if mask is None else canvas.padded_mask(mask)
            allowed.append([None if shown is None else _used(each) for each in _at_layers(shown)])
        return latents, tuple(zip(*allowed, strict=True))

    def _places(self) -> tuple[tuple[tf.Tensor, ...], ...]:
        """Return each painting's weight at each query of each self-attention. Raises PictureError
        if there is nothing to paint."""
        styles, places = self._styles, {}
        if self._painted_part is None and all(region is None for region in styles.regions):
            parts = [share / sum(styles.shares) for share in styles.shares]
            return (tuple(map(tf.constant, parts)),) * len(COMPARED)
        painted = 1.0 if self._content_mask is None else resize(self._content_mask, *self._size)
        for members, share in zip(styles.members, styles.shares_of_groups(self._size), strict=True):
            shares = [styles.shares[number] for number in members]
            shown = self._canvas.padded(share * painted)
            for number, part in zip(members, shares, strict=True):
                places[number] = _at_layers(part / sum(shares) * shown)
        if not any(each.any() for each in places[0]) and len(places) == 1:
            raise nothing_to_paint()
        ordered = [places[number] for number in range(len(places))]
        return tuple(
            tuple(tf.constant(each.ravel()) for each in layer)
            for layer in zip(*ordered, strict=True)
        )

    def _wanted(
        self,
        networks: Networks,
        photo: tf.Tensor,
        paintings: Sequence[tf.Tensor],
        times: Sequence[int],
        ahead: int,
    ) -> list[Wanted]:
        """Return the targets of the next steps, `ahead` of them, at these times; the last one is
        repeated if there are fewer."""
        padded = [*times, *[times[-1]] * (ahead - len(times))]
        seen_photo, *seen = (
            networks.seen(latent, tf.constant(padded)) for latent in (photo, *paintings)
        )
        layers = zip(seen_photo, *seen, strict=True)
        return [
            Wanted(q, tuple(k for _, k, _ in found), tuple(v for *_, v in found))
            for (q, _, _), *found in layers
        ]


def plan(
    inputs: PaintingInputs,
    sizes: Sequence[tuple[int, int]],
    settings: Settings,
    weights: DiffusionWeights,
    vgg: VGG,
    budget: MemoryBudget,
) -> MemoryPlan:
    """Return the memory plan of a painting at scales of these sizes. Raises PictureError,
    MemoryShortError."""
    native = _native_plan(inputs, sizes[0], settings, weights, budget)
    if len(sizes) == 1:
        return native
    finishing = settings.finishing(max(sizes[-1]))
    inputs = inputs._replace(has_init=True)
    return _of_both(native, plan_painting(inputs, sizes[1:], finishing, vgg, budget).memory)


def _of_both(native: MemoryPlan, finishing: MemoryPlan) -> MemoryPlan:
    """Return the memory plan of a picture that is painted, and then finished."""
    return replace(finishing, bytes_needed=max(native.bytes_needed, finishing.bytes_needed))


def _native_plan(
    inputs: PaintingInputs,
    size: tuple[int, int],
    settings: Settings,
    weights: DiffusionWeights,
    budget: MemoryBudget,
) -> MemoryPlan:
    number = precision_of(settings).size
    return plan_memory(
        size, settings, footprint_of(inputs, size, settings, weights, number), budget
    )


def precision_of(settings: Settings) -> tf.DType:
    """Return the precision of products."""
    named = settings.precision
    return tf.as_dtype(fastest_precision() if named == "auto" else named)


def photo_weight_of(settings: Settings) -> float:
    """Return the weight of the photo's queries."""
    if settings.content_weight != "auto":
        return float(settings.content_weight)
    return float(np.interp(settings.strength, STRENGTHS, PHOTO_WEIGHTS))


def _restored(snapshot: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> Latent:
    """Return the state in a step's snapshot. Raises ValueError if it does not fit."""
    for name, wanted in shapes.items():
        in_snapshot(snapshot, name, wanted)
    return Latent(*(tf.constant(np.asarray(snapshot[name], np.float32)) for name in Latent._fields))


def _at_layers(mask: np.ndarray | None) -> list[Any]:
    """Return a mask [H, W] of a canvas at the places of each compared self-attention."""
    if mask is None:
        return [None] * len(COMPARED)
    return [_pooled(mask, PLACE * (2 if number in HALVED else 1)) for number in COMPARED]


def _pooled(mask: np.ndarray, side: int) -> np.ndarray:
    height, width = (length // side for length in mask.shape)
    means: np.ndarray = mask.reshape(height, side, width, side).mean((1, 3), dtype=np.float32)
    return means


def _used(mask: np.ndarray) -> tf.Tensor:
    """Return the places that are used: those that are mostly in the mask, or else most."""
    return tf.constant((mask >= min(0.5, float(mask.max()))).ravel())
