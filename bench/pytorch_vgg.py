"""VGG19 in PyTorch with this project's weights, and helpers, for all recipes that the engine is
compared with."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from PIL import Image
from torch.nn import functional


def compute_on(computer: str) -> None:
    """Makes PyTorch compute on `cpu` or `gpu`, with the fastest kernels for each size there."""
    if computer == "gpu":
        torch.set_default_device("cuda")
        torch.backends.cudnn.benchmark = True


class Network:
    """VGG19's convolutions in `dtype`.

    vgg_arrays: `conv1_1_W` [3, 3, in, out] and `conv1_1_b` [out], …, as in this project's .npz
    weights, and `mean` [3], which is subtracted from R, G, B in 0…255.
    """

    def __init__(
        self, vgg_arrays: Mapping[str, np.ndarray], dtype: torch.dtype = torch.float32
    ) -> None:
        self.dtype = dtype
        self.mean = torch.tensor(vgg_arrays["mean"]).reshape(1, 3, 1, 1)
        self.convolutions = {
            name[:-2]: (
                torch.tensor(vgg_arrays[name]).permute(3, 2, 0, 1).contiguous().to(dtype),
                torch.tensor(vgg_arrays[f"{name[:-2]}_b"]).to(dtype),
            )
            for name in sorted(vgg_arrays)
            if name.endswith("_W")
        }

    def features(
        self, image: torch.Tensor, layers: Iterable[str], first_padding: str = "replicate"
    ) -> dict[str, torch.Tensor]:
        """Features of image [1, 3, H, W] (sRGB 0…1) after ReLU: layer → [1, C, h, w].

        first_padding: of the first convolution, `replicate` or `constant` (zeros, as for all
        others).
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
    """(height, width) in px of picture [H, W, 3] with a longer side of `longer` px."""
    height, width = picture.shape[:2]
    return tuple(round(longer * side / max(height, width)) for side in (height, width))


def resized(picture: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """picture [H, W, 3], sRGB 0…1, as [1, 3, height, width], resized bicubically in 8 bits by
    Pillow."""
    eight_bits = Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))
    smaller = eight_bits.resize(size[::-1], Image.Resampling.BICUBIC)
    return tensor(np.asarray(smaller, np.float32) / 255)


def tensor(picture: np.ndarray) -> torch.Tensor:
    """picture [H, W, 3] as float32 [1, 3, H, W]."""
    return torch.tensor(picture, dtype=torch.float32).permute(2, 0, 1)[None].contiguous()
