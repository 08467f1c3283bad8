"""The decoder of recipe `instant` in PyTorch, and its file; see painterly/engine/instant/."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lab.training.export import quantised, save
from painterly.engine.instant.networks import CORRECTION, GREY, PIXEL_SCALE
from painterly.engine.places import PIXELS_OF_PLACE, PLACE

QUARTER, HALF, FULL = 128, 64, 16  # channels at a quarter, a half and the whole of the size


class Decoder(nn.Module):
    """The decoder in training. channels: the number of features of a place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        # Layer → side of its kernel, channels in and out.
        shapes = {
            "join": (1, channels + PIXELS_OF_PLACE, QUARTER),
            "quarter1": (3, QUARTER, QUARTER),
            "quarter2": (3, QUARTER, QUARTER),
            "half1": (3, QUARTER, HALF),
            "half2": (3, HALF + PIXELS_OF_PLACE // 4, HALF),
            "full1": (3, HALF, 4 * FULL),
            "full2": (3, FULL + 3, FULL),
            "full3": (3, FULL, 3),
        }
        self.sides = {name: side for name, (side, _, _) in shapes.items()}
        # Kernels are kept as matrices [out, in · n²], which the optimiser Muon wants. The last one
        # begins with next to nothing: the picture is the collage of its places.
        self.matrices, self.biases = nn.ParameterDict(), nn.ParameterDict()
        for name, (side, inputs, outputs) in shapes.items():
            size = inputs * side**2
            gain = 0.01 if name == "full3" else 1.0
            matrix = gain * torch.randn(outputs, size) / size**0.5
            self.matrices[name] = nn.Parameter(matrix)
            self.biases[name] = nn.Parameter(torch.zeros(outputs))

    @torch.no_grad()
    def standardise(self, features: torch.Tensor) -> None:
        """Set mean and deviation from places [N, C, h, w]."""
        self.mean.copy_(features.mean((0, 2, 3)))
        self.deviation.copy_(features.std((0, 2, 3)) + 0.05)

    def kernel(self, name: str) -> torch.Tensor:
        """Return the kernel of a layer, [out, in, n, n]."""
        matrix, side = self.matrices[name], self.sides[name]
        return matrix.view(len(matrix), -1, side, side)

    def forward(self, features: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
        """Return the pictures [N, 3, 4·h, 4·w] of places: features [N, C, h, w] and pixels [N, 48,
        h, w], 0…1."""
        pixels = PIXEL_SCALE * (pixels - GREY)
        collage = functional.pixel_shuffle(pixels, PLACE)
        standard = (features - self.mean[:, None, None]) / self.deviation[:, None, None]
        x = functional.relu(self._convolved("join", torch.cat([standard, pixels], 1)))
        for name in ("quarter1", "quarter2"):
            x = x + functional.relu(self._convolved(name, x))
        x = functional.relu(self._convolved("half1", functional.interpolate(x, scale_factor=2)))
        x = torch.cat([x, functional.pixel_unshuffle(collage, 2)], 1)
        x = functional.relu(self._convolved("half2", x))
        x = functional.relu(functional.pixel_shuffle(self._convolved("full1", x), 2))
        x = functional.relu(self._convolved("full2", torch.cat([x, collage], 1)))
        return GREY + collage / PIXEL_SCALE + CORRECTION * self._convolved("full3", x)

    def _convolved(self, name: str, x: torch.Tensor) -> torch.Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        if self.sides[name] > 1:
            x = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        return functional.conv2d(x, self.kernel(name), self.biases[name])

    @torch.no_grad()
    def write(self, path: Path, recipe: Mapping[str, Any]) -> None:
        """Write the file, with the recipe of its training.

        TensorFlow orders the channels of places and of enlarged maps by position first, PyTorch by
        colour.
        """
        found: dict[str, np.ndarray] = {
            "mean": self.mean.cpu().numpy(),
            "deviation": self.deviation.cpu().numpy(),
        }
        for name in self.sides:
            kernel, bias = self.kernel(name).cpu(), self.biases[name].cpu()
            if name == "join":
                kernel = _by_position(kernel, PIXELS_OF_PLACE)
            if name == "half2":
                kernel = _by_position(kernel, PIXELS_OF_PLACE // 4)
            if name == "full1":
                order = torch.arange(4 * FULL).view(FULL, 4).T.flatten()
                kernel, bias = kernel[order], bias[order]
            values, scale = quantised(kernel.permute(2, 3, 1, 0).numpy())
            found |= {f"{name}_W": values, f"{name}_scale": scale, f"{name}_b": bias.numpy()}
        save(path, found, recipe)


def _by_position(kernel: torch.Tensor, count: int) -> torch.Tensor:
    """Return a kernel [out, in, n, n] whose last `count` inputs are ordered by position, then
    colour."""
    order = torch.arange(count).view(3, count // 3).T.flatten()
    others = kernel.shape[1] - count
    return torch.cat([kernel[:, :others], kernel[:, others + order]], 1)
