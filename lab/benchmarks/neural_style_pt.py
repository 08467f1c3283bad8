"""The recipe of https://github.com/ProGamerGov/neural-style-pt with its defaults, for pytorch.py.

It uses Adam here. The original's L-BFGS evaluates the loss as often, and holds 200 pictures more.
Pictures are in 0…255 and padding is zero everywhere. Style is the squared difference of Gram
matrices, each divided by the number of values of its feature.
"""

import numpy as np
import torch
from pytorch_network import Network, Step, adam_steps, fit, resized
from torch.nn import functional

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"
CONTENT_WEIGHT, STYLE_WEIGHT, ROUGHNESS_WEIGHT = 5, 100, 1e-3


def steps(network: Network, photo: np.ndarray, painting: np.ndarray, size: int) -> Step:
    """Return steps on the photo, uint8 [H, W, 3], at a longer side of `size` px."""

    def features(image: torch.Tensor, *layers: str) -> dict[str, torch.Tensor]:
        return network.features(image / 255, layers, "constant")

    def gram(feature: torch.Tensor) -> torch.Tensor:
        flat = feature[0].flatten(1)
        return flat @ flat.T / feature.numel()

    start = 255 * resized(photo, fit(photo, size))
    style = 255 * resized(painting, fit(painting, min(max(painting.shape[:2]), size)))
    target = features(start, CONTENT_LAYER)[CONTENT_LAYER]
    grams = {layer: gram(feature) for layer, feature in features(style, *STYLE_LAYERS).items()}

    def loss(image: torch.Tensor) -> torch.Tensor:
        found = features(image, *STYLE_LAYERS, CONTENT_LAYER)
        style_loss = sum(functional.mse_loss(gram(found[layer]), grams[layer]) for layer in grams)
        content_loss = functional.mse_loss(found[CONTENT_LAYER], target)
        roughness = image.diff(dim=2).abs().sum() + image.diff(dim=3).abs().sum()
        return (
            CONTENT_WEIGHT * content_loss + STYLE_WEIGHT * style_loss + ROUGHNESS_WEIGHT * roughness
        )

    return adam_steps(start, loss, rate=1.0)
