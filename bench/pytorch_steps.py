"""Steps of the peers, in PyTorch, and products of matrices: a worker (bench/stepping.py) of
bench/performance.py and bench/gpu.py.

    python bench/pytorch_steps.py FOLDER HEIGHT WIDTH cpu|gpu

FOLDER has photo.npy, painting.npy and vgg.npz. Every step is forward, loss, backward and Adam, with
the same weights and picture. The two recipes compare the layers of Gatys, Ecker & Bethge 2016, this
engine all of these but conv5_1. On a GPU, float32 has PyTorch's default meaning: convolutions in
TF32.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytorch_objective
import pytorch_recipe
import torch
from kernels import CHAIN, DEEPEST, PRODUCT
from pytorch_vgg import Network, compute_on, fit, resized
from stepping import most_memory, serve
from torch.nn import functional

STYLE_LAYERS = tuple(pytorch_objective.STYLE_LAYERS)
CONTENT_LAYER = pytorch_objective.CONTENT_LAYER

Step = Callable[[], float]


def plain(network: Network, photo: torch.Tensor, _: torch.Tensor) -> Step:
    """VGG and hardly anything else: the loss is the mean of the deepest feature that this engine
    compares."""
    return adam_steps(
        photo.clone(),
        lambda image: network.features(image, [DEEPEST])[DEEPEST].mean(),
        rate=pytorch_recipe.LEARNING_RATE,
    )


def neural_style_pt(network: Network, photo: torch.Tensor, painting: torch.Tensor) -> Step:
    """A step of https://github.com/ProGamerGov/neural-style-pt with its defaults, but with its
    Adam: its L-BFGS takes as many evaluations and holds 200 pictures more.

    Pictures are in 0…255, padding is zero everywhere; style is the squared difference of Gram
    matrices, each divided by the number of values of its feature.
    """

    def features(image: torch.Tensor, *layers: str) -> dict[str, torch.Tensor]:
        return network.features(image, layers, "constant")

    def gram(feature: torch.Tensor) -> torch.Tensor:
        flat = feature[0].flatten(1)
        return flat @ flat.T / feature.numel()

    target = features(photo, CONTENT_LAYER)[CONTENT_LAYER]
    grams = {layer: gram(each) for layer, each in features(painting, *STYLE_LAYERS).items()}

    def loss(image: torch.Tensor) -> torch.Tensor:
        found = features(image / 255, *STYLE_LAYERS, CONTENT_LAYER)
        style = sum(functional.mse_loss(gram(found[layer]), grams[layer]) for layer in grams)
        content = functional.mse_loss(found[CONTENT_LAYER], target)
        roughness = image.diff(dim=2).abs().sum() + image.diff(dim=3).abs().sum()
        return 5 * content + 100 * style + 1e-3 * roughness

    return adam_steps(255 * photo, loss, rate=1.0)


def crowsonkb(network: Network, content: np.ndarray, style: np.ndarray, size: tuple) -> Step:
    """A step of bench/pytorch_recipe.py."""
    objective = pytorch_objective.Objective(network, content, style, size)
    return pytorch_recipe.ScaleOptimization(objective, resized(content, size)).step


def product(dtype: torch.dtype, chain: int) -> Step:
    """A chain of products of square matrices, the library's peak."""
    left, right = (torch.randn(PRODUCT, PRODUCT).to(dtype) for _ in range(2))
    right /= PRODUCT**0.5  # Keeps values near 1.

    def multiply() -> float:
        x = left
        for _ in range(chain):
            x = x @ right
        return x[0, 0].item()

    return multiply


def adam_steps(
    image: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor], rate: float
) -> Step:
    """Steps of Adam from image [1, 3, H, W] on."""
    image.requires_grad_()
    adam = torch.optim.Adam([image], lr=rate)

    def step() -> float:
        adam.zero_grad()
        found = loss(image)
        found.backward()
        adam.step()
        return found.item()

    return step


def main() -> None:
    """Serves the steps of all peers for one size."""
    folder, size, computer = Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), sys.argv[4]
    compute_on(computer)
    with np.load(folder / "vgg.npz") as file:
        arrays = dict(file)
    content, style = (np.load(folder / f"{name}.npy") for name in ("photo", "painting"))

    def prepare(name: str) -> Step:
        recipe, _, dtype = name.partition(" ")
        if recipe == "product":
            return product(getattr(torch, dtype), CHAIN[computer])
        network = Network(arrays, getattr(torch, dtype))
        if recipe == "crowsonkb":
            return crowsonkb(network, content, style, size)
        painting = resized(style, fit(style, min(max(style.shape[:2]), max(size))))
        make = {"plain": plain, "neural-style-pt": neural_style_pt}[recipe]
        return make(network, resized(content, size), painting)

    serve(prepare, torch.cuda.max_memory_allocated if computer == "gpu" else most_memory)


if __name__ == "__main__":
    main()
