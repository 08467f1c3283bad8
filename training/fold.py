"""From a trained network to plain convolutions for style transfer: fixed colour channels beside the
trained ones, and every layer scaled to mean activation 1 (Gatys, Ecker & Bethge 2016), all as NumPy
arrays. ReLU commutes with positive scales, so features keep their shape."""

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn import functional

from styletransfer.vgg.registry import MEAN_PIXEL
from training.network import LAYERS, Kernels

COLOUR_CHANNELS = 16
# A channel whose root mean square is below this part of its layer's median is scaled as if it were
# there.
LEAST_ACTIVITY = 0.25
BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16
# Directions in colour, and where along each the ReLU's hinge is, in pixel values from the mean.
_DIRECTIONS = np.array(
    [
        *([1, 1, 1], [-1, -1, -1], [1, -0.5, -0.5], [-1, 0.5, 0.5], [-0.5, 1, -0.5]),
        *([0.5, -1, 0.5], [-0.5, -0.5, 1], [0.5, 0.5, -1], [1, 0, 0], [0, 1, 0], [0, 0, 1]),
        *([-1, 0, 0], [0, -1, 0], [0, 0, -1], [1, 1, 0], [0, 1, 1]),
    ]
)

Layers = Mapping[str, Kernels]


def colour_layers(count: int = COLOUR_CHANNELS) -> dict[str, Kernels]:
    """Fixed channels that carry blurred colour through all layers, so that the palette is matched
    whatever the trained ones see: hinges along `count` directions in colour, blurred by each layer.

    Raises ValueError for more than 16.
    """
    if not 0 < count <= len(_DIRECTIONS):
        raise ValueError(f"colour channels are {count}, expected 1 to {len(_DIRECTIONS)}")
    directions = _DIRECTIONS[:count]
    norms = np.linalg.norm(directions, axis=1)
    grey = np.abs(directions.sum(axis=1) / norms) > 0.9
    first = BLUR[:, :, None, None] * (directions / norms[:, None]).T[None, None]
    layers = {LAYERS[0]: Kernels(_float(first), _float(np.where(grey, 35.0, 17.5)))}
    carry = BLUR[:, :, None, None] * np.eye(count)[None, None]
    for layer in LAYERS[1:]:
        layers[layer] = Kernels(_float(carry), np.zeros(count, np.float32))
    return layers


def side_by_side(one: Layers, other: Layers) -> dict[str, Kernels]:
    """Two networks as one, which do not see each other: block-diagonal kernels."""
    joined = {}
    for layer in LAYERS:
        (a, a_bias), (b, b_bias) = one[layer], other[layer]
        if layer == LAYERS[0]:
            kernel = np.concatenate([a, b], axis=3)
        else:
            shape = (3, 3, a.shape[2] + b.shape[2], a.shape[3] + b.shape[3])
            kernel = np.zeros(shape, np.float32)
            kernel[:, :, : a.shape[2], : a.shape[3]] = a
            kernel[:, :, a.shape[2] :, a.shape[3] :] = b
        joined[layer] = Kernels(kernel, np.concatenate([a_bias, b_bias]))
    return joined


@torch.no_grad()
def features(layers: Layers, images: np.ndarray) -> dict[str, torch.Tensor]:
    """Features of images (uint8 [n, H, W, 3]): layer → float32 [n, C, h, w] after ReLU."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    x = x - torch.tensor(MEAN_PIXEL).view(1, 3, 1, 1)
    found = {}
    for layer, (kernel, bias) in layers.items():
        if layer.endswith("_1") and layer != LAYERS[0]:
            x = functional.max_pool2d(x, 2)
        x = found[layer] = convolved(x, kernel, bias)
    return found


def convolved(x: torch.Tensor, kernel: np.ndarray, bias: np.ndarray) -> torch.Tensor:
    """ReLU of a 3 × 3 convolution of x [n, in, h, w], borders continued by zeros."""
    weight = torch.from_numpy(kernel).permute(3, 2, 0, 1).contiguous()
    return functional.relu(functional.conv2d(x, weight, torch.from_numpy(bias), padding=1))


@torch.no_grad()
def normalised(layers: Layers, images: np.ndarray) -> dict[str, Kernels]:
    """The same network scaled by what it does on `images` (uint8 [n, H, W, 3]): within a layer all
    channels to the same root mean square, and the layer to mean activation 1. Channels at the same
    mean would not do: rarely active ones would outweigh the rest. Those hardly ever active are
    boosted less, those that never are become 0."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    x = x - torch.tensor(MEAN_PIXEL).view(1, 3, 1, 1)
    found, undo = {}, np.ones(3, np.float32)
    for layer, (kernel, bias) in layers.items():
        if layer.endswith("_1") and layer != LAYERS[0]:
            x = functional.max_pool2d(x, 2)
        kernel = kernel * undo[None, None, :, None]
        x = convolved(x, kernel, bias)
        power = x.square().mean((0, 2, 3)).sqrt().numpy()
        alive = power > 1e-3 * power.mean()
        least = LEAST_ACTIVITY * np.median(power[alive])
        scale = np.where(alive, 1 / np.maximum(power, least), 0)
        scale /= (x.mean((0, 2, 3)).numpy() * scale)[alive].mean()
        found[layer] = Kernels(_float(kernel * scale), _float(bias * scale))
        x = x * torch.from_numpy(_float(scale)).view(1, -1, 1, 1)
        undo = _float(np.where(alive, 1 / np.where(alive, scale, 1), 0))
    return found


def random_layers(widths: tuple[int, ...], seed: int) -> dict[str, Kernels]:
    """Random orthogonal kernels with zero biases: what a trained network is compared with."""
    rng, layers, inputs = np.random.default_rng(seed), {}, 3
    for layer in LAYERS:
        outputs = widths[int(layer[4]) - 1]
        rows = 9 * inputs
        q, _ = np.linalg.qr(rng.standard_normal((max(rows, outputs), min(rows, outputs))))
        kernel = (q if rows >= outputs else q.T).reshape(3, 3, inputs, outputs)
        kernel = kernel - kernel.mean((0, 1, 2))
        layers[layer] = Kernels(_float(kernel), np.zeros(outputs, np.float32))
        inputs = outputs
    return layers


def _float(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.float32)
