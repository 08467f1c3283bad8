"""VGG's convolutions in PyTorch: the teacher as it is read from a file, and the student in training.

Both take images [N, 3, H, W] (sRGB, 0…255). Borders are continued by their own values, as the
engine does: zeros, with which VGG was trained, would spend much of a small crop on its frame.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from styletransfer.vgg.registry import MEAN_PIXEL

PIXEL_SCALE = 60.0  # about the standard deviation of pixels
# Layer → (kernel float32 [3, 3, in, out], bias float32 [out]) for pixels 0…255 less MEAN_PIXEL.
Layers = Mapping[str, tuple[np.ndarray, np.ndarray]]


def block(layer: str) -> int:
    """The block of a layer such as `conv4_2`: 4."""
    return int(layer[4])


def convolved(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A 3 × 3 convolution of x [N, in, H, W] with kernel [out, in, 3, 3], before ReLU."""
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, bias)


def centred(images: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    """Images less the mean pixel, divided by `scale`, in the layout that convolves fastest."""
    mean = images.new_tensor(MEAN_PIXEL).view(1, 3, 1, 1)
    return ((images - mean) / scale).contiguous(memory_format=torch.channels_last)


class Teacher(nn.Module):
    """A VGG with fixed weights, up to its layer `last`."""

    def __init__(self, layers: Layers, last: str) -> None:
        super().__init__()
        names = list(layers)
        self.names = names[: names.index(last) + 1]
        for name in self.names:
            kernel, bias = layers[name]
            weight = torch.tensor(kernel).permute(3, 2, 0, 1)
            self.register_buffer(
                f"{name}_W", weight.contiguous(memory_format=torch.channels_last)
            )
            self.register_buffer(f"{name}_b", torch.tensor(bias))

    @torch.no_grad()
    def forward(self, images: torch.Tensor, wanted: Sequence[str]) -> dict[str, torch.Tensor]:
        """Features after ReLU at the layers wanted: layer → [N, C, h, w]."""
        x, found = centred(images), {}
        for previous, name in zip([self.names[0], *self.names], self.names, strict=False):
            if block(name) != block(previous):
                x = functional.max_pool2d(x, 2)
            x = functional.relu(
                convolved(x, self.get_buffer(f"{name}_W"), self.get_buffer(f"{name}_b"))
            )
            if name in wanted:
                found[name] = x
            if len(found) == len(wanted):
                break
        return found


class Student(nn.Module):
    """The network in training. widths: layer → channels, shallow to deep; a pooling stands before
    each new block. Features have a root mean square of about 1."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.widths = dict(widths)
        # A kernel is kept as a matrix [out, in · 9], which the optimiser Muon wants.
        self.matrices, self.biases = nn.ParameterDict(), nn.ParameterDict()
        inputs = 3
        for name, outputs in self.widths.items():
            self.matrices[name] = nn.Parameter(torch.zeros(outputs, inputs * 9))
            self.biases[name] = nn.Parameter(torch.zeros(outputs))
            inputs = outputs

    def kernel(self, name: str) -> torch.Tensor:
        """The kernel of a layer, [out, in, 3, 3]."""
        matrix = self.matrices[name]
        kernel = matrix.view(len(matrix), -1, 3, 3)
        return kernel.contiguous(memory_format=torch.channels_last)

    def inputs(self, images: torch.Tensor, name: str) -> torch.Tensor:
        """What the layer `name` convolves, given images [N, 3, H, W]."""
        names = list(self.widths)
        before = names[: names.index(name)]
        x = self._through(images, before)[before[-1]] if before else centred(images, PIXEL_SCALE)
        return functional.max_pool2d(x, 2) if before and block(before[-1]) < block(name) else x

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Features after ReLU: layer → [N, C, h, w]."""
        return self._through(images, list(self.widths))

    def _through(self, images: torch.Tensor, names: Sequence[str]) -> dict[str, torch.Tensor]:
        x, found = centred(images, PIXEL_SCALE), {}
        for previous, name in zip([names[0], *names], names, strict=False):
            if block(name) != block(previous):
                x = functional.max_pool2d(x, 2)
            x = found[name] = functional.relu(convolved(x, self.kernel(name), self.biases[name]))
        return found

    @torch.no_grad()
    def layers(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """The same function as plain convolutions, for pixels 0…255 less MEAN_PIXEL."""
        found = {}
        for name, bias in self.biases.items():
            kernel = self.kernel(name).float().permute(2, 3, 1, 0).cpu().numpy()
            if not found:
                kernel = kernel / PIXEL_SCALE
            found[name] = np.ascontiguousarray(kernel, np.float32), bias.float().cpu().numpy()
        return found

    @torch.no_grad()
    def load_layers(self, layers: Layers) -> None:
        """Takes the kernels of `layers`, the inverse of `layers()`."""
        for name, (kernel, bias) in layers.items():
            scale = PIXEL_SCALE if name == next(iter(layers)) else 1.0
            matrix = torch.tensor(kernel * scale).permute(3, 2, 0, 1).flatten(1)
            self.matrices[name].copy_(matrix)
            self.biases[name].copy_(torch.tensor(bias))
