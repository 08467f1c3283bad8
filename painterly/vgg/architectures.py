"""The known networks: their layers, their files, and weights in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# Mean of ImageNet's pixels in R, G, B from 0 to 255, subtracted in training (Simonyan & Zisserman
# 2014).
MEAN_PIXEL = np.array([123.68, 116.779, 103.939], np.float32)


@dataclass(frozen=True)
class Architecture:
    """A VGG: blocks of 3 × 3 convolutions with a pooling after each, and its weights file."""

    depths: tuple[int, ...]  # the number of convolutions of each block
    url: str  # the file as Keras publishes it (`notop`: the convolutions alone)
    md5: str  # its hash
    size: int  # its size in bytes

    @property
    def file_name(self) -> str:
        """The file's name, also in the caches."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def identity(self) -> str:
        """The identity of the published weights, as records have it."""
        return f"md5:{self.md5}"

    @property
    def expected_file(self) -> str:
        """A description of the file, for messages."""
        return f"{self.file_name} with {self.size:,} bytes and MD5 {self.md5}"

    @property
    def shapes(self) -> dict[str, tuple[int, int, int, int]]:
        """Layer → shape [3, 3, in, out] of its kernel in the published file, shallow to deep."""
        shapes, channels = {}, 3
        for block, (depth, width) in enumerate(zip(self.depths, WIDTHS, strict=True), start=1):
            for number in range(1, depth + 1):
                shapes[f"conv{block}_{number}"] = (3, 3, channels, width)
                channels = width
        return shapes


_HUB = "https://storage.googleapis.com/tensorflow/keras-applications"
WIDTHS = (64, 128, 256, 512, 512)  # channels of each block of either network
ARCHITECTURES = {
    "vgg16": Architecture(
        depths=(2, 2, 3, 3, 3),
        url=f"{_HUB}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5="6d6bbae143d832006294945121d1f1fc",
        size=58_889_256,
    ),
    "vgg19": Architecture(
        depths=(2, 2, 4, 4, 4),
        url=f"{_HUB}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5="253f8cb515780f3b799900260a226db6",
        size=80_134_624,
    ),
}


MULTIPLE = 16  # px; the four poolings reduce them to one
BUILTIN = Path(__file__).with_name("builtin.npz")  # the network that comes with the program
# `Weights.model` of lab/training/export.py's files, which have their own layers and widths.
DISTILLED = "distilled"


def poolings_before(layer: str) -> int:
    """Return the number of poolings before a layer such as `conv4_2`; each halves the size."""
    return int(layer[4]) - 1


@dataclass(frozen=True)
class Weights:
    """A network's weights."""

    model: str  # `vgg16`, `vgg19` or DISTILLED
    identity: str  # distinguishes two sets of weights in a fingerprint
    # Layer → (float32 [3, 3, in, out], float32 [out]), shallow to deep. The first takes R, G, B
    # from 0 to 255 minus `mean`.
    kernels: Mapping[str, tuple[np.ndarray, np.ndarray]]
    mean: np.ndarray  # float32 [3]
    # Layer → size of the features of the teacher, the VGG that the network was distilled from,
    # relative to the network's; empty if that is not known or there is none.
    teacher_scale: Mapping[str, float] = field(default_factory=dict)


RANDOM_VERSION = 1  # Raise it when `random_weights` changes for the same seed.


def random_identity(seed: int) -> str:
    """Return the identity of a seed's random weights."""
    return f"random:{seed}:v{RANDOM_VERSION}"
