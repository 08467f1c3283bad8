"""Networks that make the losses' arithmetic hard: VGG19's architecture with few channels, and
kernels such as careless training, pruning or conversion leave behind."""

from functools import cache

import numpy as np
import tensorflow as tf

from styletransfer.vgg.network import VGG
from styletransfer.vgg.registry import Weights
from support import tiny

Kernels = dict[str, tuple[np.ndarray, np.ndarray]]
FACTORS = (100.0, 0.01, 0.3, 30.0)  # of the layers' outputs, in turn


def _scaled(kernels: Kernels, compensated: bool) -> Kernels:
    """Outputs times FACTORS; `compensated`: the next layer's kernel is divided by its input's."""
    found, before = {}, 1.0
    for number, (layer, (kernel, bias)) in enumerate(kernels.items()):
        factor = FACTORS[number % len(FACTORS)]
        found[layer] = kernel * factor / before, bias * factor
        before = factor if compensated else 1.0
    return found


def _dead(kernels: Kernels) -> Kernels:
    """Three channels of ten never rise above 0."""
    found = {}
    for layer, (kernel, bias) in kernels.items():
        alive = np.arange(bias.size) % 10 >= 3
        found[layer] = kernel * alive, np.where(alive, bias, -1)
    return found


def _doubled(kernels: Kernels) -> Kernels:
    """Each channel is there twice."""
    half = {layer: bias.size // 2 for layer, (_, bias) in kernels.items()}
    return {
        layer: tuple(np.concatenate([each[..., : half[layer]]] * 2, -1) for each in both)
        for layer, both in kernels.items()
    }


def _low_rank(kernels: Kernels) -> Kernels:
    """Kernels of rank 8, as matrices [3 · 3 · in, out]."""
    found = {}
    for layer, (kernel, bias) in kernels.items():
        left, values, right = np.linalg.svd(kernel.reshape(-1, bias.size), full_matrices=False)
        values[8:] = 0
        found[layer] = ((left * values) @ right).reshape(kernel.shape), bias
    return found


def _heavy_tailed(kernels: Kernels) -> Kernels:
    """Student's t with two degrees of freedom, of the same root mean square."""
    rng, found = np.random.default_rng(1), {}
    for layer, (kernel, bias) in kernels.items():
        drawn = rng.standard_t(2, kernel.shape)
        found[layer] = drawn * np.sqrt((kernel**2).mean() / (drawn**2).mean()), bias
    return found


def _biased(kernels: Kernels) -> Kernels:
    """Biases a hundred times larger: most of every feature is its mean."""
    return {layer: (kernel, 100 * bias) for layer, (kernel, bias) in kernels.items()}


def _faint(kernels: Kernels) -> Kernels:
    """All features of a hundred-thousandth: the first kernels are, and there are no biases."""
    found = {layer: (kernel, 0 * bias) for layer, (kernel, bias) in kernels.items()}
    return found | {"conv1_1": (1e-5 * found["conv1_1"][0], found["conv1_1"][1])}


_CHANGES = {
    "scaled": lambda kernels: _scaled(kernels, compensated=False),
    "scaled and compensated": lambda kernels: _scaled(kernels, compensated=True),
    "dead": _dead,
    "doubled": _doubled,
    "low rank": _low_rank,
    "heavy-tailed": _heavy_tailed,
    "biased": _biased,
    "faint": _faint,
}
KINDS = tuple(_CHANGES)


def network(kind: str) -> VGG:
    """The network of this kind, of KINDS."""
    return VGG(Weights("vgg19", f"hard:{kind}", _kernels(kind), tiny.weights().mean))


def shared_network(kind: str) -> VGG:
    """The same with the features of this kind until the next call. All kinds are one network, whose
    kernels are variables: what TensorFlow traces of it takes seconds, and serves them all."""
    found = _shared()
    found.become(kind)
    return found


@cache
def _kernels(kind: str) -> Kernels:
    return {
        layer: tuple(np.asarray(each, np.float32) for each in both)
        for layer, both in _CHANGES[kind](dict(tiny.weights().kernels)).items()
    }


class _Changeable(VGG):
    def __init__(self) -> None:
        super().__init__(tiny.weights())
        self._variables: dict[tf.DType, dict[str, list[tf.Variable]]] = {}

    def become(self, kind: str) -> None:
        self._kernels = _kernels(kind)
        for variables in self._variables.values():
            for layer, pair in variables.items():
                for variable, value in zip(pair, self._kernels[layer], strict=True):
                    variable.assign(tf.cast(value, variable.dtype))

    def tensors(self, dtype: tf.DType) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
        assert dtype != tf.float16, "its scales would be those of another kind"
        if dtype not in self._variables:
            with tf.init_scope():
                self._variables[dtype] = {
                    layer: [tf.Variable(tf.cast(each, dtype)) for each in pair]
                    for layer, pair in self._kernels.items()
                }
        return {
            layer: tuple(map(tf.convert_to_tensor, pair))
            for layer, pair in self._variables[dtype].items()
        }


_shared = cache(_Changeable)
