"""A VGG with few channels and small pictures, so that an optimisation takes milliseconds."""

import io
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import painterly.images.opening  # noqa: F401  Pillow writes HEIC with what this registers.
from painterly.vgg.architectures import ARCHITECTURES, MEAN_PIXEL, Weights

if TYPE_CHECKING:  # Loads TensorFlow.
    from painterly.vgg.network import VGG

CHANNELS = {1: 16, 2: 12, 3: 12, 4: 16, 5: 12}  # by block


def weights(model: str = "vgg19", seed: int = 0) -> Weights:
    """VGG's architecture with few channels and random kernels."""
    rng = np.random.default_rng(seed)
    kernels, channels = {}, 3
    for layer in ARCHITECTURES[model].shapes:
        width = CHANNELS[int(layer[4])]
        kernel = rng.standard_normal((3, 3, channels, width)) / np.sqrt(4.5 * channels)
        scale = 1 / 60 if layer == "conv1_1" else 1.0
        kernels[layer] = (kernel * scale).astype(np.float32), np.full(width, 0.1, np.float32)
        channels = width
    return Weights(model, f"tiny:{seed}", kernels, MEAN_PIXEL)


@cache
def network() -> "VGG":
    """Return the network with these weights, which paints in float32 by default.

    All tests of a process share it, because tracing another network takes TensorFlow seconds.
    """
    from painterly.vgg.network import VGG

    compute_in_float32()
    return VGG(weights())


def compute_in_float32() -> None:
    """Make `precision auto` float32 on every machine.

    A CPU with bfloat16 would trace everything a second time, and the tests would try something else
    than on other machines.
    """
    from painterly.engine import extractor

    extractor.chosen_precision = lambda named: "float32" if named == "auto" else named


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth random picture, float32 [H, W, 3], sRGB 0…1."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray((rng.random((6, 7, 3)) * 255).astype(np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 255
    return np.clip(smooth + 0.05 * rng.standard_normal(smooth.shape), 0, 1).astype(np.float32)


def last(steps: Iterable[Any]) -> Any:
    """Return the last of an optimisation's steps. Its image is the result."""
    for step in steps:  # noqa: B007
        pass
    return step


def each_read(steps: Iterable[Any]) -> list[Any]:
    """Return all of an optimisation's steps, with the image and the losses of each."""
    read = []
    for step in steps:
        assert step.losses is not None and step.image is not None
        read.append(step)
    return read


def file(height: int, width: int, seed: int = 0, kind: str = "JPEG", **options: object) -> bytes:
    """Such a picture as a file's bytes."""
    out = io.BytesIO()
    pixels = (picture(height, width, seed) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def trained_file(seed: int = 0) -> bytes:
    """These weights as a `.npz` in the format of lab/training/export.py."""
    arrays: dict[str, Any] = {"format": np.array(2), "mean": MEAN_PIXEL}
    kernels = weights(seed=seed).kernels
    arrays["teacher_scale"] = np.ones(len(kernels), np.float32)
    for layer, pair in kernels.items():
        arrays[f"{layer}_W"], arrays[f"{layer}_b"] = pair
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


@pytest.fixture(scope="session")
def tiny() -> "VGG":
    """VGG19 with few channels, so that an optimisation takes milliseconds."""
    return network()


@pytest.fixture(scope="session")
def random_vgg() -> "VGG":
    """VGG19 with all its channels and random features."""
    from painterly.vgg.network import load_vgg

    return load_vgg("vgg19", "random")


def features(vgg, image, layers, **options):
    """The features of an image (float32 [H, W, 3], sRGB 0…1): name → float32 [h, w, C]."""
    import tensorflow as tf

    from painterly.vgg.network import NetworkOptions

    found = vgg.forward(tf.constant(image[None]), layers, NetworkOptions(**options))
    return {layer: feature[0].numpy() for layer, feature in found.items()}
