"""Attention Distillation (Zhou et al., CVPR 2025): the loss of recipe `attention`, and its steps.

A picture is a latent of Stable Diffusion 1.5. At the last self-attentions of the UNet, its own
outputs are compared with the outputs that its queries have among the painting's keys and
values, and its queries with the photo's. No noise is added. The time of the diffusion, an input of
the UNet, falls from step to step, and so forms come first and brushwork last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from painterly.attention.diffusion.layers import widened
from painterly.attention.diffusion.unet import Attended, UNet

TIMES = 1000  # the diffusion's
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
# Factor of the loss while it is backpropagated: float16 has no numbers as small as the gradient of
# a mean over a map.
LOSS_SCALE = 2.0**15


class Latent(NamedTuple):
    """The state of an optimisation, float32.

    Attributes:
        latent: The picture's latent [1, h, w, 4].
        momentum: Adam's first moment [1, h, w, 4].
        variance: Adam's second moment [1, h, w, 4].
        count: The number of steps taken, a scalar.
    """

    latent: tf.Tensor
    momentum: tf.Tensor
    variance: tf.Tensor
    count: tf.Tensor

    @classmethod
    def start(cls, latent: tf.Tensor) -> "Latent":
        """Return the state before the first step."""
        return cls(latent, tf.zeros_like(latent), tf.zeros_like(latent), tf.zeros([], latent.dtype))


class Wanted(NamedTuple):
    """The targets of a self-attention, each at several times of the diffusion.

    Attributes:
        q: The photo's queries [T, heads, N, d].
        k: Each painting's keys [T, heads, M, d].
        v: Each painting's values [T, heads, M, d].
    """

    q: tf.Tensor
    k: tuple[tf.Tensor, ...]
    v: tuple[tf.Tensor, ...]


class Weighing(NamedTuple):
    """The weights of paintings.

    Attributes:
        places: At each compared self-attention, each painting's weight at each query [N], of a sum
            of 1 over paintings, or a scalar.
        allowed: At each compared self-attention, whether each painting's keys [M] may be attended
            to, or None for all.
    """

    places: tuple[tuple[tf.Tensor, ...], ...]
    allowed: tuple[tuple[tf.Tensor | None, ...], ...]


def times_of(steps: int) -> list[int]:
    """Return the time of the diffusion of each step, descending: those of DDIM (Song et al. 2021),
    as Stable Diffusion 1.5's configuration has it."""
    return [min(TIMES - 1, 1 + number * TIMES // steps) for number in reversed(range(steps))]


def errors(
    attend: Callable[..., tf.Tensor],
    own: Sequence[Attended],
    wanted: Sequence[Wanted],
    weighing: Weighing,
    at: tf.Tensor,
) -> tf.Tensor:
    """Return the errors [2] to the photo and to the paintings: mean absolute differences, summed
    over self-attentions.

    Args:
        attend: As `layers.attention`.
        own: The picture's self-attentions, of a batch of 1.
        wanted: The targets of each.
        weighing: The weights of paintings.
        at: The index of the time in `wanted`.
    """
    to_photo, to_paintings = [], []
    for found, target, places, allowed in zip(
        own, wanted, weighing.places, weighing.allowed, strict=True
    ):
        to_photo.append(tf.reduce_mean(difference(found.q, tf.gather(target.q, [at]))))
        for k, v, weight, keys in zip(target.k, target.v, places, allowed, strict=True):
            there = attend(found.q, tf.gather(k, [at]), tf.gather(v, [at]), keys)
            each = difference(found.out, tf.stop_gradient(there))
            to_paintings.append(tf.reduce_mean(weight * tf.reduce_mean(each, [0, 1, 3])))
    return tf.stack([tf.add_n(to_photo), tf.add_n(to_paintings)])


def difference(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return |x − y| in float32."""
    return tf.abs(widened(x) - widened(y))


@dataclass(frozen=True)
class Distillation:
    """The UNet and its prompt, which is empty."""

    unet: UNet
    context: tf.Tensor

    def seen(self, latent: tf.Tensor, times: tf.Tensor) -> list[Attended]:
        """Return the compared self-attentions of a latent [1, h, w, 4] at times [T]."""
        many = tf.broadcast_to(latent, [times.shape[0], *latent.shape[1:]])
        return self.unet.attentions(many, times, self.context)

    def gradient(
        self,
        latent: tf.Tensor,
        time: tf.Tensor,
        wanted: Sequence[Wanted],
        weighing: Weighing,
        at: tf.Tensor,
        weights: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the errors [2] of a latent, and the gradient of their weighted sum.

        Args:
            latent: The latent [1, h, w, 4].
            time: The time [1] of the diffusion.
            wanted: As in `errors`.
            weighing: As in `errors`.
            at: As in `errors`.
            weights: The weights [2] of the errors.
        """
        with tf.GradientTape() as tape:
            tape.watch(latent)
            found = errors(
                self.unet.layers.attention, self.seen(latent, time), wanted, weighing, at
            )
            loss = LOSS_SCALE * tf.reduce_sum(weights * found)
        return found, tape.gradient(loss, latent) / LOSS_SCALE


def adam(state: Latent, direction: tf.Tensor, rate: tf.Tensor | float) -> Latent:
    """Return the state after a step of Adam (Kingma & Ba 2015)."""
    count = state.count + 1
    momentum = BETA_1 * state.momentum + (1 - BETA_1) * direction
    variance = BETA_2 * state.variance + (1 - BETA_2) * tf.square(direction)
    mean, scale = momentum / (1 - BETA_1**count), variance / (1 - BETA_2**count)
    latent = state.latent - rate * mean / (tf.sqrt(scale) + EPSILON)
    return Latent(latent, momentum, variance, count)
