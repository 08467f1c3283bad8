"""A photo painted by recipe `attention`: the steps on a latent; the loss is in distillation.py.

A large picture is painted at a native size, decoded, and finished by recipe default: enlarged, it
is the photo and the start of the last scales.
The photo and the paintings are looked at for several steps at once: what the UNet sees in them does
not depend on the picture.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from painterly.attention.cost import DECODED_EVERY
from painterly.attention.diffusion.unet import COMPARED
from painterly.attention.diffusion.weights import DiffusionWeights
from painterly.attention.distillation import Latent, Wanted, Weighing, times_of
from painterly.attention.latent_view import (
    Previews,
    Shown,
    colours_of,
    first_weight,
    pooled,
    steered,
)
from painterly.attention.memory import (
    AHEAD,
    PLACE,
    AttentionFootprint,
    canvas_of,
    footprint_of,
    latent_plan,
    seen_size,
)
from painterly.attention.networks import Networks
from painterly.devices.budget import MemoryBudget
from painterly.devices.choose import chosen_precision, deterministic, full_float32, gpus_in_use
from painterly.engine.memory_model import MemoryPlan, PaintingInputs
from painterly.engine.optimisation.compilation import compiles_steps, compiles_terms, xla_failed
from painterly.engine.optimisation.optimizers import rate_for_strength
from painterly.engine.optimisation.scale_optimizer import UNSTEERED
from painterly.engine.paintings import nothing_to_paint
from painterly.engine.picture import Canvas, picture_size
from painterly.engine.places import is_used
from painterly.engine.schedule import Schedule, StepEta, work_of_steps
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
from painterly.settings.settings import Settings
from painterly.vgg.network import VGG

HALVED = COMPARED[:3]  # self-attentions at 1/16; the others are at 1/8


class AttentionTransfer(Transfer):
    """A photo prepared to be painted by recipe `attention`.

    Raises:
        ValueError: Arrays do not fit.
        PictureError: Its masks leave nothing to paint.
        MemoryShortError: It cannot be painted in the available memory.
        WeightsError: The weights cannot be used.
    """

    def __init__(
        self,
        inputs: TransferInputs,
        weights: DiffusionWeights,
        vgg: VGG,
        budget: MemoryBudget,
    ) -> None:
        super().__init__(inputs)
        full_float32()
        if self._settings.deterministic:
            deterministic()
        planned = PaintingInputs(
            self._photo_size,
            self.is_masked,
            paintings=len(self._styles.paintings),
        )
        self._size = self.schedule.sizes[0]
        self._canvas = canvas_of(self._size)
        self._plan = _native_plan(planned, self._size, self._settings, weights, vgg, budget)
        self._weights, self._dtype = weights, _dtype_of(self._settings)
        self._joins = compiles_terms(self._settings)

        self.memory_plan = self._plan
        self._measured: StyleTransfer | None = None
        self._finish: StyleTransfer | None = None
        schedule, measures = self.schedule.finishing, self._settings.content_weight == "auto"
        if schedule is not None or measures:
            steps = schedule or Schedule([self._size], [1], False)
            finishing = self._settings.finishing(max(steps.sizes[-1]))
            default = StyleTransfer(
                replace(self._inputs, settings=finishing, init=None),
                vgg,
                budget,
                steps,
                [self._size] * measures,
            )
            self._measured = default if measures else None
            if schedule is not None:
                self._finish = default
                self.memory_plan = _at_least(default.memory_plan, self._plan)

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
        networks = Networks.of(self._weights, self._dtype, joins=self._joins)
        photo, latent = self._encoded(networks, resample(to_batch(self._content), self._size))
        shown, paintings, allowed = self._seen_paintings(networks)
        previews = Previews(colours_of([latent, *paintings], [photo, *shown]))
        weighing = Weighing(self._places(), allowed)
        next_weight = self._steering(networks, latent, previews)
        if resume is None:
            state, weight = self._first_state(networks, photo, latent), first_weight(settings)
        else:
            state = _restored(resume, self.snapshot_shapes(done))
            weight = float(resume["content_weight"])
        times = times_of(total)
        compiled = compiles_steps(
            settings, ("attention", self._dtype), self._canvas.size, total - done
        )
        rate = settings.learning_rate
        if settings.content_weight == "auto":
            rate *= rate_for_strength(settings.strength)
        wanted: list[Wanted] = []
        for number in range(done, total):
            check_stop()
            at, time = number % AHEAD, tf.constant(times[number : number + 1])
            if not wanted or at == 0:
                wanted = self._wanted(networks, latent, paintings, times[number - at :][:AHEAD])
            # At the photo itself its error is 0, and rounding would be all of its gradient.
            at_photo = number == 0 and settings.init_image == "content" and self._init is None
            params = 0.0 if at_photo else weight, settings.style_scale, rate
            arguments = state, time, wanted, weighing, tf.constant(at), tf.constant(params)
            state, errors, compiled = self._stepped(networks, arguments, compiled)
            terms = np.pad(errors.numpy(), (0, len(TERMS) - 2))
            if not np.isfinite(terms).all():
                raise DivergedError(f"the optimisation diverges at step {number + 1}")
            weight = next_weight(number + 1, state.latent, weight)
            arrays = {**state._asdict(), "content_weight": np.float32(weight)}
            picture, preview = (Shown(by, state.latent) for by in (networks.decode, previews.of))
            step = Step(eta.tick(), picture, self._canvas, self._postprocess, terms, arrays)
            if number + 1 < total:
                step.shown_as(preview)
            yield step
            if self._finish is not None:
                step.expire()

        if self._finish is None:
            return np.empty(0)
        painted = self._canvas.cropped(networks.decode(state.latent).numpy())[0]
        footprint, finishing = self._plan.footprint, self._finish.memory_plan
        assert isinstance(footprint, AttentionFootprint)
        if finishing.bytes_needed + footprint.weights > finishing.budget.bytes:
            Networks.let_go(self._weights, self._dtype, joins=self._joins)
        return painted.clip(0, 1)

    def _steering(
        self, networks: Networks, latent: tf.Tensor, previews: Previews
    ) -> Callable[[int, tf.Tensor, float], float]:
        """Return a function that takes the number of a step, its latent and the photo's weight, and
        returns the weight of the next step.

        The distance is measured from the photo as the autoencoder gives it back from its latent:
        what it loses is not the paintings' part.
        """
        settings, total = self._settings, self.schedule.counts[0]
        if self._measured is None:
            return lambda number, latent, weight: weight
        given_back = networks.decode(latent).numpy()
        previews.decoded(latent.numpy(), given_back)
        distance = self._measured.distance(self._canvas.cropped(given_back)[0])

        def next_weight(number: int, latent: tf.Tensor, weight: float) -> float:
            if number % DECODED_EVERY or number == total:
                return weight
            picture = networks.decode(latent).numpy()
            previews.decoded(latent.numpy(), picture)
            if number <= UNSTEERED * total:
                return weight
            error = distance(self._canvas.cropped(picture)[0])
            # A snapshot has it in float32.
            return float(np.float32(steered(weight, error, settings.strength)))

        return next_weight

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

    def _first_state(self, networks: Networks, photo: np.ndarray, latent: tf.Tensor) -> Latent:
        """Return the state before the first step."""
        settings = self._settings
        if self._init is not None:
            start = resample(to_batch(self._init), self._size)
        elif settings.init_image == "noise":
            return Latent.start(tf.random.stateless_normal(latent.shape, [settings.seed, 0]))
        elif settings.init_image == "gray":
            start = tf.image.grayscale_to_rgb(
                tf.image.rgb_to_grayscale(self._canvas.cropped(photo))
            )
        else:
            return Latent.start(latent)
        return Latent.start(self._encoded(networks, start)[1])

    def _encoded(
        self, networks: Networks, picture: tf.Tensor, canvas: Canvas | None = None
    ) -> tuple[np.ndarray, tf.Tensor]:
        """Return a picture [1, h, w, 3] on its canvas, the photo's by default, and its latent."""
        shown = (canvas or self._canvas).padded(np.asarray(picture)[0])[None].clip(0, 1)
        return shown, tf.identity(networks.encode(tf.constant(shown)))

    def _seen_paintings(
        self, networks: Networks
    ) -> tuple[list[np.ndarray], list[tf.Tensor], tuple[tuple[tf.Tensor | None, ...], ...]]:
        """Return the paintings on their canvases, their latents, and which of their keys each
        self-attention may use."""
        pictures, latents, allowed = [], [], []
        for painting, mask in zip(self._styles.paintings, self._styles.masks, strict=True):
            size = seen_size(picture_size(painting), self._size, self._settings)
            canvas = canvas_of(size)
            picture, latent = self._encoded(networks, resample(to_batch(painting), size), canvas)
            pictures.append(picture)
            latents.append(latent)
            layers = _at_layers(None if mask is None else canvas.padded_mask(mask))
            allowed.append(
                [None if each is None else tf.constant(is_used(each).ravel()) for each in layers]
            )
        return pictures, latents, tuple(zip(*allowed, strict=True))

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
    ) -> list[Wanted]:
        """Return the targets of the next steps, AHEAD of them, at these times; the last one is
        repeated if there are fewer."""
        padded = [*times, *[times[-1]] * (AHEAD - len(times))]
        seen_photo, *seen = (
            networks.seen(latent, tf.constant(padded)) for latent in (photo, *paintings)
        )
        layers = zip(seen_photo, *seen, strict=True)
        return [
            Wanted(q, tuple(k for _, k, _ in found), tuple(v for *_, v in found))
            for (q, _, _), *found in layers
        ]


def _native_plan(
    inputs: PaintingInputs,
    size: tuple[int, int],
    settings: Settings,
    weights: DiffusionWeights,
    vgg: VGG,
    budget: MemoryBudget,
) -> MemoryPlan:
    """Return the memory plan of the steps on the latent, with the distance that recipe default
    measures."""
    dtype = _dtype_of(settings)
    loaded = Networks.are_loaded(weights, dtype, joins=compiles_terms(settings))
    footprint = footprint_of(inputs, size, settings, weights, dtype.size, loaded)
    native = latent_plan(size, settings, footprint, budget)
    finishing, measured = settings.finishing(max(size)), inputs._replace(has_init=True)
    return _at_least(native, plan_painting(measured, [size], finishing, vgg, budget).memory)


def _at_least(plan: MemoryPlan, other: MemoryPlan) -> MemoryPlan:
    """Return a plan that needs as much memory as another one, or more."""
    return replace(plan, bytes_needed=max(plan.bytes_needed, other.bytes_needed))


def _dtype_of(settings: Settings) -> tf.DType:
    """Return the precision of products."""
    return tf.as_dtype(chosen_precision(settings.precision))


def _restored(snapshot: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> Latent:
    """Return the state in a step's snapshot. Raises ValueError if it does not fit."""
    for name, wanted in shapes.items():
        in_snapshot(snapshot, name, wanted)
    return Latent(*(tf.constant(np.asarray(snapshot[name], np.float32)) for name in Latent._fields))


def _at_layers(mask: np.ndarray | None) -> list[Any]:
    """Return a mask [H, W] of a canvas at the places of each compared self-attention."""
    if mask is None:
        return [None] * len(COMPARED)
    return [pooled(mask, PLACE * (2 if number in HALVED else 1)) for number in COMPARED]
