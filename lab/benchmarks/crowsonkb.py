"""The recipe of https://github.com/crowsonkb/style-transfer-pytorch with its defaults, for
pytorch.py, at one scale: Adam, max pooling, one painting, starting from the photo.

The constants are as published, for torchvision's weights.
"""

import numpy as np
import torch
from pytorch_network import Network, Step, adam_steps, fit, resized
from torch.nn import functional

STYLE_LAYERS = {
    "conv1_1": 256 / 341,
    "conv2_1": 64 / 341,
    "conv3_1": 16 / 341,
    "conv4_1": 4 / 341,
    "conv5_1": 1 / 341,
}
CONTENT_LAYER = "conv4_2"
CONTENT_WEIGHT = 0.015
TOTAL_VARIATION_WEIGHT = 2.0
EPSILON = 1e-4  # added to the variances
ROOT_ITERATIONS = 12
LEARNING_RATE, BETAS, AVERAGING = 0.02, (0.9, 0.99), 0.99


class MatrixRoot(torch.autograd.Function):
    """The square root of a symmetric positive matrix [C, C] by the Newton–Schulz iteration, with
    the gradient of the Lyapunov equation (Lin & Maji 2017, "Improved Bilinear Pooling with CNNs").

    It needs only matrix products; eigenvalues far below the norm do not converge.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, matrix: torch.Tensor) -> torch.Tensor:
        """Y → √(A/‖A‖), Z → its inverse: T = (3 − ZY) / 2, Y ← YT, Z ← TZ."""
        norm = torch.linalg.matrix_norm(matrix)
        identity = torch.eye(len(matrix), device=matrix.device)
        y, z = matrix / norm, identity
        for _ in range(ROOT_ITERATIONS):
            t = (3 * identity - z @ y) / 2
            y, z = y @ t, t @ z
        root = y * norm.sqrt()
        ctx.save_for_backward(root)
        return root

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: torch.Tensor) -> torch.Tensor:
        """X of RX + XR = G for the root R: half the upper right block of the sign of the matrix
        [[R, G], [0, −R]], by the Newton–Schulz iteration S ← S (3 − S²) / 2."""
        (root,) = ctx.saved_tensors
        norm = torch.linalg.matrix_norm(root)
        r, g = root / norm, gradient / norm
        identity = torch.eye(len(root), device=root.device)
        for _ in range(ROOT_ITERATIONS):
            t = 3 * identity - r @ r
            r, g = r @ t / 2, (g @ t - r @ (r @ g - g @ r)) / 2
        return g / 2


def steps(network: Network, photo: np.ndarray, painting: np.ndarray, size: int) -> Step:
    """Return steps at a scale with a longer side of `size` px, and the average of their pictures.

    The painting is resized to the same longer side, but never enlarged; both are uint8 [H, W, 3].
    """
    image = resized(photo, fit(photo, size))
    content = network.features(image, [CONTENT_LAYER])[CONTENT_LAYER]
    style = resized(painting, fit(painting, min(max(painting.shape[:2]), size)))
    styles = {}
    for layer, feature in network.features(style, STYLE_LAYERS).items():
        mean, covariance = gaussian(feature)
        styles[layer] = mean, covariance, MatrixRoot.apply(covariance)

    def loss(image: torch.Tensor) -> torch.Tensor:
        features = network.features(image, {*STYLE_LAYERS, CONTENT_LAYER})
        style_loss = sum(
            weight * wasserstein(features[layer], *styles[layer])
            for layer, weight in STYLE_LAYERS.items()
        )
        content_loss = functional.mse_loss(features[CONTENT_LAYER], content)
        smoothness = TOTAL_VARIATION_WEIGHT * total_variation(image)
        return CONTENT_WEIGHT * content_loss + style_loss + smoothness

    optimize = adam_steps(image, loss, LEARNING_RATE, BETAS)
    average = (1 - AVERAGING) * image.detach()

    def step() -> float:
        nonlocal average
        found = optimize()
        with torch.no_grad():
            image.clamp_(0, 1)
            average = AVERAGING * average + (1 - AVERAGING) * image
        return found

    return step


def gaussian(feature: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [C] and covariance [C, C] of a feature [1, C, h, w] over its positions, plus EPSILON on
    the diagonal."""
    flat = feature[0].flatten(1)
    mean = flat.mean(1)
    second_moment = flat @ flat.T / flat.shape[1]
    return mean, second_moment - torch.outer(mean, mean) + EPSILON * torch.eye(len(mean))


def wasserstein(
    feature: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor, root: torch.Tensor
) -> torch.Tensor:
    """Return the squared Wasserstein-2 distance per channel of a feature's Gaussian and the
    painting's: (‖m − m′‖² + tr(S + S′ − 2 √(√S′ S √S′))) / C."""
    here, spread = gaussian(feature)
    joint = MatrixRoot.apply(root @ spread @ root)
    return ((here - mean) ** 2).mean() + torch.diagonal(spread + covariance - 2 * joint).mean()


def total_variation(image: torch.Tensor) -> torch.Tensor:
    """Mean squared differences of image [1, 3, H, W], with replicated borders, to its eight
    neighbours; straight ones weighted by 1/3, diagonal ones by 1/12."""
    wide = functional.pad(image, (1, 1, 1, 1), "replicate")
    middle, right, below = wide[..., 1:-1, 1:-1], wide[..., 1:-1, 2:], wide[..., 2:, 1:-1]
    straight = (right - middle, below - middle)
    diagonal = (wide[..., 1:, 1:] - wide[..., :-1, :-1], wide[..., 1:, :-1] - wide[..., :-1, 1:])
    # Each pair of neighbours appears once above and contributes from both sides.
    return 2 * (
        sum((difference**2).mean() for difference in straight) / 3
        + sum((difference**2).mean() for difference in diagonal) / 12
    )
