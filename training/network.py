"""The network in training: VGG19's layers up to conv5_1 (Simonyan & Zisserman 2014), narrower.

Kernels are standardised (Qiao et al. 2019, "Micro-Batch Training with Batch-Channel Normalization
and Weight Standardization") and activations scaled so that their variance stays about 1 (Brock,
De & Smith 2021, "Characterizing signal propagation to close the performance gap in unnormalized
ResNets"): as good as batch norm here at two thirds of its time, and folded exactly.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from styletransfer.vgg.registry import MEAN_PIXEL, TO_CONV5_1, layer_names

LAYERS = layer_names(TO_CONV5_1)
# Trained channels by block. VGG19 has 64, 128, 256, 512, 512; blocks 3 and 4, where strokes and
# contours are, are kept wider than a quarter of that.
SKETCH_WIDTHS = (16, 32, 80, 128, 128)
PIXEL_SCALE = 60.0  # about the standard deviation of pixels
RELU_GAIN = float(np.sqrt(2 / (1 - 1 / np.pi)))  # of a standard normal variable, to variance 1


class Kernels(NamedTuple):
    """A plain convolution: kernel float32 [3, 3, in, out], bias float32 [out]; then ReLU."""

    kernel: np.ndarray
    bias: np.ndarray


class Convolution(nn.Module):
    """A standardised 3 × 3 convolution with a gain per channel, then ReLU."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.inputs = inputs
        matrix = torch.randn(outputs, inputs * 9, generator=generator)
        # Stored as a matrix, which the optimiser Muon wants.
        self.matrix = nn.Parameter(_orthogonal(matrix) * max(1, outputs / inputs / 9) ** 0.5)
        self.gain = nn.Parameter(torch.ones(outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def kernel(self) -> torch.Tensor:
        """The kernel that the features are convolved with, [out, in, 3, 3]."""
        centred = self.matrix - self.matrix.mean(dim=1, keepdim=True)
        norm = centred.square().sum(dim=1, keepdim=True).add(1e-8).rsqrt()
        kernel = (RELU_GAIN * self.gain[:, None] * norm * centred).view(-1, self.inputs, 3, 3)
        return kernel.contiguous(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [N, in, H, W] → [N, out, H, W]."""
        return functional.relu(functional.conv2d(x, self.kernel(), self.bias, padding=1))


class Network(nn.Module):
    """The trained channels of all LAYERS. widths: channels by block."""

    def __init__(self, widths: Collection[int] = SKETCH_WIDTHS, seed: int = 0) -> None:
        super().__init__()
        if len(widths) != len(SKETCH_WIDTHS):
            raise ValueError(f"widths are {widths!r}, expected {len(SKETCH_WIDTHS)} numbers")
        self.widths = tuple(widths)
        generator = torch.Generator().manual_seed(seed)
        channels, self.convolutions = 3, nn.ModuleDict()
        for layer in LAYERS:
            width = self.width(layer)
            self.convolutions[layer] = Convolution(channels, width, generator)
            channels = width

    def width(self, layer: str) -> int:
        """Trained channels of a layer such as `conv4_2`."""
        return self.widths[int(layer[4]) - 1]

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Features of images [N, 3, H, W] (sRGB, 0…255) after ReLU: layer → [N, C, h, w]."""
        mean = images.new_tensor(MEAN_PIXEL).view(1, 3, 1, 1)
        x = ((images - mean) / PIXEL_SCALE).contiguous(memory_format=torch.channels_last)
        features = {}
        for layer, convolution in self.convolutions.items():
            if layer.endswith("_1") and layer != LAYERS[0]:
                x = functional.max_pool2d(x, 2)
            x = features[layer] = convolution(x)
        return features

    @torch.no_grad()
    def folded(self) -> dict[str, Kernels]:
        """The same function as plain convolutions, for pixels 0…255 less MEAN_PIXEL."""
        layers = {}
        for layer, convolution in self.convolutions.items():
            kernel = convolution.kernel().float().permute(2, 3, 1, 0).cpu().numpy()
            kernel = kernel / PIXEL_SCALE if layer == LAYERS[0] else kernel
            layers[layer] = Kernels(
                np.ascontiguousarray(kernel, np.float32), convolution.bias.float().cpu().numpy()
            )
        return layers


def _orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """A matrix with orthonormal rows or columns, whichever are fewer."""
    rows, columns = matrix.shape
    q, _ = torch.linalg.qr(matrix if rows >= columns else matrix.T)
    return (q if rows >= columns else q.T).contiguous()
