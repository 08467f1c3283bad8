"""The loss of recipe attention, and its gradient: equal to the formulas of the paper."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from painterly.attention.diffusion.layers import attention
from painterly.attention.diffusion.unet import Attended
from painterly.attention.distillation import Distillation, Wanted, Weighing

RNG = np.random.default_rng(0)
MATRICES = RNG.standard_normal((2, 3, 4, 6))  # queries, keys and values at two layers


def projected(latent, layer):
    """Queries, keys and values [2 heads, places, 3] of a latent [places, 4]."""
    return [np.reshape(latent @ each, (-1, 2, 3)).swapaxes(0, 1) for each in MATRICES[layer]]


def attended(q, k, v, allowed):
    odds = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(3)) * allowed
    return odds / odds.sum(-1, keepdims=True) @ v


def test_loss_and_gradient_are_the_papers_formulas():
    """Two paintings, one with a mask, have a weight at each place; float64."""
    latent, photo, *paintings = RNG.standard_normal((4, 6, 4))
    places, allowed = RNG.random((2, 6)), [np.ones(6), np.arange(6) < 4]
    factors = np.array([0.25, 1.5])

    def errors(moved):
        content, style = 0, 0
        for layer in range(2):
            q, k, v = projected(moved, layer)
            content += np.abs(q - projected(photo, layer)[0]).mean()
            for painting, place, keys in zip(paintings, places, allowed, strict=True):
                # Gradients do not pass through the target.
                target = attended(
                    projected(latent, layer)[0], *projected(painting, layer)[1:], keys
                )
                style += (np.abs(attended(q, k, v, 1) - target).mean((0, 2)) * place).mean()
        return np.array([content, style])

    def seen(latent, *_):
        matrices = tf.constant(MATRICES)
        for layer in range(2):
            q, k, v = (
                tf.transpose(
                    tf.reshape(tf.reshape(latent, [6, 4]) @ matrices[layer, part], [1, 6, 2, 3]),
                    [0, 2, 1, 3],
                )
                for part in range(3)
            )
            yield Attended(q, k, v, attention(q, k, v))

    network = SimpleNamespace(
        layers=SimpleNamespace(attention=attention), attentions=lambda *x: [*seen(*x)]
    )
    wanted = []
    for layer in range(2):
        q = projected(photo, layer)[0]
        _, k, v = zip(*(projected(each, layer) for each in paintings), strict=True)
        wanted.append(Wanted(q[None], tuple(x[None] for x in k), tuple(x[None] for x in v)))
    weighing = Weighing((tuple(places),) * 2, ((None, allowed[1]),) * 2)
    found, gradient = Distillation(network, None).gradient(
        tf.constant(latent.reshape(1, 2, 3, 4)), tf.constant([1]), wanted, weighing, 0, factors
    )
    np.testing.assert_allclose(found, errors(latent), rtol=1e-12)
    slopes = [
        (errors(latent + step) - errors(latent - step)) @ factors / 2e-6
        for step in 1e-6 * np.eye(24).reshape(24, 6, 4)
    ]
    np.testing.assert_allclose(np.ravel(gradient), slopes, rtol=1e-6, atol=1e-8)
