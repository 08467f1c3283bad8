"""The known networks: their layers, published files, and weights in memory."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# Mean of ImageNet's pixels in the order R, G, B and the scale 0…255, which the networks were
# trained without (Simonyan & Zisserman 2014).
MEAN_PIXEL = np.array([123.68, 116.779, 103.939], np.float32)


@dataclass(frozen=True)
class Published:
    """A weights file as Keras publishes it (`notop`: the convolutions alone)."""

    url: str
    md5: str
    size: int  # bytes

    @property
    def name(self) -> str:
        """The file's name, which it keeps in the caches."""
        return self.url.rsplit("/", 1)[-1]

    def __str__(self) -> str:
        return f"{self.name} with {self.size:,} bytes and MD5 {self.md5}"


_HUB = "https://storage.googleapis.com/tensorflow/keras-applications"
PUBLISHED = {
    model: Published(f"{_HUB}/{model}/{model}_weights_tf_dim_ordering_tf_kernels_notop.h5", *rest)
    for model, *rest in (
        ("vgg16", "6d6bbae143d832006294945121d1f1fc", 58_889_256),
        ("vgg19", "253f8cb515780f3b799900260a226db6", 80_134_624),
    )
}


def layer_shapes(model: str) -> dict[str, tuple[int, int, int, int]]:
    """Layer name → its kernel's shape [3, 3, in, out], shallow to deep, for `vgg16` or `vgg19`.

    Raises ValueError for any other model.
    """
    if model not in PUBLISHED:
        raise ValueError(f"model is {model!r}, expected vgg16 or vgg19")
    last = {"vgg16": 3, "vgg19": 4}[model]
    shapes, channels = {}, 3
    for block, (depth, width) in enumerate(
        ((2, 64), (2, 128), (last, 256), (last, 512), (last, 512)), start=1
    ):
        for number in range(1, depth + 1):
            shapes[f"conv{block}_{number}"] = (3, 3, channels, width)
            channels = width
    return shapes


@dataclass(frozen=True)
class Weights:
    """kernels: layer → (float32 [3, 3, in, out], float32 [out]), the first one taking R, G, B in
    0…255 less `mean` (float32 [3]); `identity` tells two sets of weights apart."""

    model: str
    identity: str
    kernels: Mapping[str, tuple[np.ndarray, np.ndarray]]
    mean: np.ndarray


RANDOM_VERSION = 1  # Raise it when `vgg.random_weights` come out otherwise for the same seed.


def random_identity(seed: int) -> str:
    """What tells the random weights of a seed apart in a fingerprint."""
    return f"random:{seed}:v{RANDOM_VERSION}"
