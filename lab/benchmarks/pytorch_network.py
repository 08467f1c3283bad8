"""VGG19 in PyTorch, and steps of Adam: what the recipes of pytorch.py share."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

WIDTHS = {1: (64, 2), 2: (128, 2), 3: (256, 4), 4: (512, 4), 5: (512, 4)}  # channels, layers
MEAN = (123.68, 116.779, 103.939)  # R, G, B, subtracted from pixels in 0…255

Step = Callable[[], float]


class Network:
    """VGG19's convolutions with random kernels (He et al. 2015) in `dtype`."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self.mean = torch.tensor(MEAN).reshape(1, 3, 1, 1)
        self.convolutions, inputs = {}, 3
        generator = torch.Generator(torch.get_default_device()).manual_seed(0)
        for block, (outputs, count) in WIDTHS.items():
            for number in range(1, count + 1):
                scale = (2 / (9 * inputs)) ** 0.5 / (60 if inputs == 3 else 1)
                kernel = scale * torch.randn(outputs, inputs, 3, 3, generator=generator)
                bias = torch.full((outputs,), 0.1)
                self.convolutions[f"conv{block}_{number}"] = kernel.to(dtype), bias.to(dtype)
                inputs = outputs

    def features(
        self, image: torch.Tensor, layers: Iterable[str], first_padding: str = "replicate"
    ) -> dict[str, torch.Tensor]:
        """Return features after ReLU.

        Args:
            image: [1, 3, H, W], sRGB 0…1.
            layers: Names such as conv4_1.
            first_padding: Padding of the first convolution, `replicate` or `constant` (zeros, as
                in all others).

        Returns:
            Layer → [1, C, h, w].
        """
        layers = set(layers)
        x = functional.pad((image * 255 - self.mean).to(self.dtype), (1, 1, 1, 1), first_padding)
        found = {}
        for layer, (kernel, bias) in self.convolutions.items():
            first = layer == "conv1_1"
            if layer.endswith("_1") and not first:
                x = functional.max_pool2d(x, 2)
            x = functional.relu_(functional.conv2d(x, kernel, bias, padding=0 if first else 1))
            if layer in layers:
                found[layer] = x
            if len(found) == len(layers):
                break
        return found


def fit(picture: np.ndarray, longer: int) -> tuple[int, int]:
    """(height, width) in px of picture [H, W, 3] scaled to a longer side of `longer` px."""
    height, width = picture.shape[:2]
    return tuple(round(longer * side / max(height, width)) for side in (height, width))


def resized(picture: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """picture uint8 [H, W, 3] as float32 [1, 3, height, width], sRGB 0…1, resized bicubically."""
    smaller = Image.fromarray(picture).resize(size[::-1], Image.Resampling.BICUBIC)
    image = torch.tensor(np.asarray(smaller), dtype=torch.float32) / 255
    return image.permute(2, 0, 1)[None].contiguous()


def adam_steps(
    image: torch.Tensor,
    loss: Callable[[torch.Tensor], torch.Tensor],
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Step:
    """Return a function that takes one step of Adam on image [1, 3, H, W] and returns the loss."""
    image.requires_grad_()
    adam = torch.optim.Adam([image], lr=rate, betas=betas)

    def step() -> float:
        adam.zero_grad()
        found = loss(image)
        found.backward()
        adam.step()
        return found.item()

    return step
