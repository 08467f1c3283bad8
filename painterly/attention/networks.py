"""The networks of recipe `attention` in a precision, and what TensorFlow traces of them."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from painterly.attention.diffusion.autoencoder import Autoencoder
from painterly.attention.diffusion.text import empty_prompt
from painterly.attention.diffusion.unet import UNet
from painterly.attention.diffusion.weights import DiffusionWeights
from painterly.attention.distillation import Distillation, Latent, Wanted, Weighing, adam


class Networks:
    """The networks on the current device. One object serves all pictures there."""

    def __init__(self, weights: DiffusionWeights, dtype: tf.DType, *, joins: bool) -> None:
        sizes = weights.architecture
        prompt = empty_prompt(
            weights.text_encoder,
            width=sizes.text,
            heads=sizes.text_heads,
            depth=sizes.text_depth,
        )
        unet = UNet(weights.unet, dtype, widths=sizes.unet, joins=joins)
        autoencoder = Autoencoder(weights.autoencoder, dtype, widths=sizes.autoencoder, joins=joins)
        self._method = Distillation(unet, prompt)
        self.encode = tf.function(autoencoder.encode, autograph=False)
        self.decode = tf.function(autoencoder.decode, autograph=False)
        self.seen = tf.function(self._seen, autograph=False)
        self.step = tf.function(self._step, autograph=False)
        self.compiled_step = tf.function(self._step, autograph=False, jit_compile=True)

    @classmethod
    def of(cls, weights: DiffusionWeights, dtype: tf.DType, *, joins: bool) -> "Networks":
        """Return the networks, made once.

        Args:
            weights: Their weights.
            dtype: The precision.
            joins: As in `Layers`.
        """
        key = _key(dtype, joins=joins)
        if key not in weights.kept:
            weights.kept[key] = cls(weights, dtype, joins=joins)
        networks: Networks = weights.kept[key]
        return networks

    @staticmethod
    def are_loaded(weights: DiffusionWeights, dtype: tf.DType, *, joins: bool) -> bool:
        """Return whether `of` has made them, so that their weights are in memory."""
        return _key(dtype, joins=joins) in weights.kept

    @staticmethod
    def let_go(weights: DiffusionWeights, dtype: tf.DType, *, joins: bool) -> None:
        """Let go of what `of` keeps; other devices keep theirs."""
        weights.kept.pop(_key(dtype, joins=joins), None)

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
        """Return the next state, and the weighted errors [2].

        Args:
            state: The state.
            time, wanted, weighing, at: As in `Distillation.gradient`.
            params: The weights of photo and paintings, and the learning rate.
        """
        weights = params[:2]
        errors, direction = self._method.gradient(state.latent, time, wanted, weighing, at, weights)
        return adam(state, direction, params[2]), weights * errors


def _key(dtype: tf.DType, *, joins: bool) -> tuple[Any, ...]:
    # The device's tensors belong to it.
    return dtype, joins, tf.zeros([]).device
