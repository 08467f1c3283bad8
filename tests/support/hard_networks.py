"""Networks that make the losses' arithmetic hard: VGG19's architecture with few channels, and
kernels such as careless training, pruning or conversion leave behind."""

from functools import cache

import numpy as np

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


@cache
def network(kind: str) -> VGG:
    """The network of this kind, of KINDS. All tests of a process share it."""
    plain = tiny.weights()
    kernels = {
        layer: tuple(np.asarray(each, np.float32) for each in both)
        for layer, both in _CHANGES[kind](dict(plain.kernels)).items()
    }
    return VGG(Weights(plain.model, f"hard:{kind}", kernels, plain.mean))
