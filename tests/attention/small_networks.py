"""Small networks of Stable Diffusion's shape with random weights."""

from functools import cache

from painterly.attention.diffusion.weights import Architecture, DiffusionWeights, RandomTensors

SMALL = Architecture((32, 64, 64, 64), (32, 32, 64, 64), 48, 4, 2)


@cache
def small_weights() -> DiffusionWeights:
    """Return the weights that tests/attention/make_reference.py takes."""
    return DiffusionWeights(*map(RandomTensors, range(3)), identity="random", architecture=SMALL)
