"""Networks that make the losses' arithmetic hard: VGG19's architecture with few channels, and
kernels such as careless training, pruning or conversion leave behind."""

from functools import cache

import numpy as np

from painterly.vgg.architectures import Weights
from painterly.vgg.network import VGG
from support import tiny

Kernels = dict[str, tuple[np.ndarray, np.ndarray]]
FACTORS = (100.0, 0.01, 0.3, 30.0)  # for the outputs of the layers, in turn


def _scaled(kernels: Kernels) -> Kernels:
    """Outputs times FACTORS."""
    return {
        layer: (kernel * FACTORS[number % 4], bias * FACTORS[number % 4])
        for number, (layer, (kernel, bias)) in enumerate(kernels.items())
    }


def _dead(kernels: Kernels) -> Kernels:
    """Three channels of ten never rise above 0."""
    found = {}
    for layer, (kernel, bias) in kernels.items():
        alive = np.arange(bias.size) % 10 >= 3
        found[layer] = kernel * alive, np.where(alive, bias, -1)
    return found


def _faint(kernels: Kernels) -> Kernels:
    """All features of a hundred-thousandth: the first kernels are, and there are no biases."""
    found = {layer: (kernel, 0 * bias) for layer, (kernel, bias) in kernels.items()}
    return found | {"conv1_1": (1e-5 * found["conv1_1"][0], found["conv1_1"][1])}


_CHANGES = {"hard": lambda kernels: _dead(_scaled(kernels)), "dead": _dead, "faint": _faint}


@cache
def network(kind: str) -> VGG:
    """Return the network of this kind: `hard` (scaled and dead), `dead` or `faint`."""
    weights = tiny.weights()
    kernels = {
        layer: tuple(np.asarray(each, np.float32) for each in both)
        for layer, both in _CHANGES[kind](dict(weights.kernels)).items()
    }
    return VGG(Weights("vgg19", f"hard:{kind}", kernels, weights.mean))
