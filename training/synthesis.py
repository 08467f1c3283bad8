"""A small style transfer in PyTorch, to score networks by what they paint. Its losses are like the
engine's; it has no tiling, and the product does not use it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from styletransfer.vgg.registry import MEAN_PIXEL
from training.fold import Layers, convolved
from training.network import LAYERS

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"
# Shallow layers, which carry palette and stroke, count most.
STYLE_WEIGHTS = (16.0, 8.0, 4.0, 2.0, 1.0)
RATE = 0.03  # of Adam, pixels being 0…1
SMOOTHNESS = 0.3


@dataclass(frozen=True)
class Moments:
    """Of a layer's features: mean [C], covariance [C, C], and the norm that errors are relative
    to."""

    mean: torch.Tensor
    covariance: torch.Tensor
    norm: torch.Tensor


def features(layers: Layers, image: torch.Tensor, wanted: Sequence[str]) -> dict[str, torch.Tensor]:
    """Features of image [1, 3, H, W] (0…1) at the layers wanted: name → [C, h × w]."""
    x = image * 255 - image.new_tensor(MEAN_PIXEL).view(1, 3, 1, 1)
    found = {}
    for layer in LAYERS[: max(map(LAYERS.index, wanted)) + 1]:
        if layer.endswith("_1") and layer != LAYERS[0]:
            x = functional.max_pool2d(x, 2)
        x = convolved(x, *layers[layer])
        if layer in wanted:
            found[layer] = x[0].flatten(1)
    return found


def moments(feature: torch.Tensor) -> Moments:
    """Of a feature [C, positions]."""
    mean = feature.mean(1)
    centred = feature - mean[:, None]
    covariance = centred @ centred.T / feature.shape[1]
    return Moments(mean, covariance, mean.square().sum() + covariance.trace())


def style_error(feature: torch.Tensor, target: Moments) -> torch.Tensor:
    """How far a feature's mean and covariance are from the painting's, relative."""
    found = moments(feature)
    mean = (found.mean - target.mean).square().sum() / target.norm
    spread = target.covariance.square().sum() + 1e-12
    return mean + (found.covariance - target.covariance).square().sum() / spread


def painted(
    layers: Layers,
    painting: np.ndarray,
    photo: np.ndarray | None,
    steps: int,
) -> np.ndarray:
    """A picture in the style of `painting`, both float32 [H, W, 3], 0…1: of `photo`, or, without
    one, its texture from noise. Adam in two scales."""
    generator = torch.Generator().manual_seed(0)
    size = (photo if photo is not None else painting).shape[:2]
    image = None
    for scale in (2, 1):
        height, width = (max(32, side // scale) for side in size)
        style = _resized(painting, scale)
        found = features(layers, style, STYLE_LAYERS)
        targets = {layer: moments(feature) for layer, feature in found.items()}
        kept = None
        if photo is not None:
            start = functional.interpolate(_tensor(photo), (height, width), mode="area")
            kept = features(layers, start, (CONTENT_LAYER,))[CONTENT_LAYER]
        else:
            noise = torch.randn(1, 3, height, width, generator=generator)
            start = (style.mean((2, 3), True) + 0.1 * noise).clamp(0, 1)
        if image is not None:
            start = functional.interpolate(image, (height, width), mode="bicubic")
        image = _descended(layers, start, targets, kept, steps)
    return image[0].permute(1, 2, 0).clamp(0, 1).numpy()


def _descended(
    layers: Layers,
    start: torch.Tensor,
    targets: dict[str, Moments],
    kept: torch.Tensor | None,
    steps: int,
) -> torch.Tensor:
    image = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([image], lr=RATE, betas=(0.9, 0.99))
    wanted = (*STYLE_LAYERS, CONTENT_LAYER) if kept is not None else STYLE_LAYERS
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, 2 * (1 - step / steps))
        found = features(layers, image, wanted)
        pairs = zip(STYLE_LAYERS, STYLE_WEIGHTS, strict=True)
        loss = sum(w * style_error(found[layer], targets[layer]) for layer, w in pairs)
        loss = loss / sum(STYLE_WEIGHTS)
        if kept is not None:
            spread = (kept - kept.mean(1, keepdim=True)).square().sum()
            loss = loss + (found[CONTENT_LAYER] - kept).square().sum() / (spread + 1e-6)
        across = (image[..., 1:] - image[..., :-1]).square().mean()
        down = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
        loss = loss + SMOOTHNESS * (across + down)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            image.clamp_(0, 1)
    return image.detach()


def _tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float()


def _resized(picture: np.ndarray, scale: int) -> torch.Tensor:
    tensor = _tensor(picture)
    size = [max(32, side // scale) for side in tensor.shape[2:]]
    return functional.interpolate(tensor, size, mode="area")
