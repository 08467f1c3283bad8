"""VGG's convolutions in PyTorch: those of the teacher, and the student in training.

Both take images [N, 3, H, W] (sRGB, 0…255). Borders are continued by their own values, as the
engine does: zeros, with which VGG was trained, would spend much of a small crop on its frame.
"""

from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from painterly.vgg.architectures import MEAN_PIXEL

PIXEL_SCALE = 60.0  # about the standard deviation of pixels
# Layer → (kernel float32 [3, 3, in, out], bias float32 [out]), shallow to deep, for pixels 0…255
# less MEAN_PIXEL.
Layers = Mapping[str, tuple[np.ndarray, np.ndarray]]
# The same as (kernel [out, in, 3, 3], bias [out]).
Kernels = Mapping[str, tuple[torch.Tensor, torch.Tensor]]


def tensors(layers: Layers, last: str, device: torch.device) -> Kernels:
    """Return the layers up to `last` as PyTorch wants them."""
    names = list(layers)
    return {
        name: (
            _fastest(torch.tensor(kernel).permute(3, 2, 0, 1)).to(device),
            torch.tensor(bias).to(device),
        )
        for name, (kernel, bias) in layers.items()
        if names.index(name) <= names.index(last)
    }


def features(
    kernels: Kernels, images: torch.Tensor, wanted: Collection[str]
) -> dict[str, torch.Tensor]:
    """Return features after ReLU at the layers wanted: layer → [N, C, h, w]."""
    x, found = centred(images), {}
    for name, (kernel, bias) in kernels.items():
        x = functional.relu(convolved(pooled(x, name), kernel, bias))
        if name in wanted:
            found[name] = x
        if len(found) == len(wanted):
            break
    return found


def centred(images: torch.Tensor) -> torch.Tensor:
    """Return images less the mean pixel: the input of conv1_1."""
    return _fastest(images - images.new_tensor(MEAN_PIXEL).view(1, 3, 1, 1))


def pooled(x: torch.Tensor, layer: str) -> torch.Tensor:
    """Return the input of a layer from the features before it: the first of a block pools them."""
    begins_block = layer.endswith("_1") and layer != "conv1_1"
    return functional.max_pool2d(x, 2) if begins_block else x


def convolved(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return a 3 × 3 convolution of x [N, in, H, W], before ReLU."""
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, bias)


class Student(nn.Module):
    """The network in training. widths: layer → channels, shallow to deep."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.widths = dict(widths)
        # A kernel is kept as a matrix [out, in · 9], which the optimiser Muon wants; that of
        # conv1_1 for pixels divided by PIXEL_SCALE, so that all are of similar size.
        self.matrices, self.biases = nn.ParameterDict(), nn.ParameterDict()
        inputs = 3
        for name, outputs in self.widths.items():
            self.matrices[name] = nn.Parameter(torch.zeros(outputs, inputs * 9))
            self.biases[name] = nn.Parameter(torch.zeros(outputs))
            inputs = outputs

    def kernel(self, name: str) -> torch.Tensor:
        """Return the kernel of a layer, [out, in, 3, 3]."""
        matrix = self.matrices[name]
        scale = PIXEL_SCALE if name == "conv1_1" else 1.0
        return _fastest(matrix.view(len(matrix), -1, 3, 3) / scale)

    @torch.no_grad()
    def set(self, name: str, kernel: torch.Tensor, bias: torch.Tensor) -> None:
        """Set a layer's kernel [out, in, 3, 3] and bias [out]."""
        scale = PIXEL_SCALE if name == "conv1_1" else 1.0
        self.matrices[name].copy_(kernel.flatten(1) * scale)
        self.biases[name].copy_(bias)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return features after ReLU: layer → [N, C, h, w]."""
        kernels = {name: (self.kernel(name), self.biases[name]) for name in self.widths}
        return features(kernels, images, self.widths)

    @torch.no_grad()
    def layers(self) -> Layers:
        """Return the same function as arrays."""
        return {
            name: (
                np.ascontiguousarray(self.kernel(name).permute(2, 3, 1, 0).cpu().numpy()),
                self.biases[name].cpu().numpy(),
            )
            for name in self.widths
        }


def _fastest(x: torch.Tensor) -> torch.Tensor:
    """Return the same in the memory layout that convolves fastest."""
    return x.contiguous(memory_format=torch.channels_last)
