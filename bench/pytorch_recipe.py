"""crowsonkb's style-transfer-pytorch, reimplemented in PyTorch.

    python bench/pytorch_recipe.py TASK FOLDER [--size 512] [--iterations 500] [--device cpu|gpu]

bench/compare_recipe.py compares this project's engine with it. Formulas, constants and schedule are
those of https://github.com/crowsonkb/style-transfer-pytorch with its defaults (Adam, max pooling,
one painting, starting from the photo), in float32; on a GPU with PyTorch's default, TF32
convolutions.

The constants are as published, for torchvision's weights. Content and style are quadratic in the
activations, total variation and EPSILON are independent of them; so with other weights the layers
and the three terms contribute differently. This project's random weights have a mean activation of
1 at every layer, so that STYLE_LAYERS' weights apply unchanged.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import torch
from pytorch_exact import exact_loss
from pytorch_objective import (
    CONTENT_LAYER,
    STYLE_LAYERS,
    Objective,
)
from pytorch_vgg import Network, compute_on, fit, resized, tensor
from torch.nn import functional

FIRST_SCALE = 128  # px, longer side
ITERATIONS = 500  # at each scale; the first takes twice as many
LEARNING_RATE = 0.02
BETAS = (0.9, 0.99)
AVERAGING = 0.99

Progress = Callable[[int, int, float], None]


class ScaleOptimization:
    """Adam on a picture at one scale, and the average of its iterates.

    image: the picture to start from, [1, 3, H, W]. previous: the optimisation of the previous
    scale, whose moments it continues.
    """

    def __init__(
        self, objective: Objective, image: torch.Tensor, previous: "ScaleOptimization | None" = None
    ) -> None:
        self._objective = objective
        self._image = image.clamp(0, 1).requires_grad_()
        self._average, self._weight = (1 - AVERAGING) * self._image.detach(), 1 - AVERAGING
        self._adam = torch.optim.Adam([self._image], lr=LEARNING_RATE, betas=BETAS)
        if previous is not None:
            moments, size = previous._adam.state[previous._image], tuple(image.shape[2:])
            self._adam.state[self._image] = {
                "step": moments["step"],
                "exp_avg": enlarged(moments["exp_avg"], size, "bicubic"),
                "exp_avg_sq": enlarged(moments["exp_avg_sq"], size, "bilinear"),
            }

    def step(self) -> float:
        """Takes one step; the loss before it."""
        self._adam.zero_grad()
        loss = sum(self._objective.terms(self._image).values())
        loss.backward()
        self._adam.step()
        with torch.no_grad():
            self._image.clamp_(0, 1)
            self._average = AVERAGING * self._average + (1 - AVERAGING) * self._image
        self._weight = AVERAGING * self._weight + 1 - AVERAGING
        return loss.item()

    @property
    def result(self) -> torch.Tensor:
        """The average [1, 3, H, W], with the same bias correction as Adam's moments."""
        return self._average / self._weight


def paint(
    content: np.ndarray,
    style: np.ndarray,
    vgg_arrays: Mapping[str, np.ndarray],
    end_scale: int,
    iterations: int = ITERATIONS,
    progress: Progress | None = None,
) -> np.ndarray:
    """Paints content in the style of a painting, both float32 [H, W, 3], sRGB 0…1; the result,
    the same with a longer side of `end_scale` px.

    iterations: steps at each scale, twice as many at the first. progress: called after every step
    with the scale's longer side in px, the number of the step at it from 1, and the loss.
    """
    network = Network(vgg_arrays)
    optimization = None
    for scale in scales(end_scale):
        size = fit(content, scale)
        objective = Objective(network, content, style, size)
        first = optimization is None
        image = resized(content, size) if first else enlarged(optimization.result, size, "bicubic")
        optimization = ScaleOptimization(objective, image, optimization)
        for step in range(1, iterations * (2 if first else 1) + 1):
            loss = optimization.step()
            if progress is not None:
                progress(scale, step, loss)
    return optimization.result[0].clamp(0, 1).permute(1, 2, 0).contiguous().cpu().numpy()


def loss(
    image: np.ndarray, content: np.ndarray, style: np.ndarray, vgg_arrays: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """The recipe's loss of an image at its size, all float32 [H, W, 3], sRGB 0…1: the weighted
    contributions `content`, `style conv1_1`, …, `total variation`, and their sum `total`.

    content and style may be of any size.
    """
    with torch.no_grad():
        objective = Objective(Network(vgg_arrays), content, style, image.shape[:2])
        terms = objective.terms(tensor(image))
    values = {name: term.item() for name, term in terms.items()}
    return {**values, "total": sum(values.values())}


def scales(end: int) -> list[int]:
    """The longer side in px of each scale, growing by √2 to `end`; only `end` may be below
    FIRST_SCALE."""
    found = [end]
    while (scale := round(end / 2 ** (len(found) / 2))) >= FIRST_SCALE:
        found.append(scale)
    return found[::-1]


def enlarged(x: torch.Tensor, size: tuple[int, int], method: str) -> torch.Tensor:
    """x [1, C, h, w] at a size, by `bicubic` or `bilinear` interpolation."""
    return functional.interpolate(x, size, mode=method, align_corners=False)


def main() -> None:
    """Runs a task on the pictures and weights in a folder; prints its numbers as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("folder", type=Path, help="has photo.npy, painting.npy and vgg.npz")
    parser.add_argument("--size", type=int, default=512, help="longer side in px")
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="steps at each scale")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    args = parser.parse_args()
    compute_on(args.device)
    with np.load(args.folder / "vgg.npz") as file:
        vgg_arrays = dict(file)
    pictures = [np.load(args.folder / f"{name}.npy") for name in ("photo", "painting")]
    print(json.dumps(TASKS[args.task](args, *pictures, vgg_arrays)), flush=True)


def _paint(
    args: argparse.Namespace, content: np.ndarray, style: np.ndarray, vgg_arrays: dict
) -> dict[str, float | str]:
    """Paints into theirs.npy. One-time costs of the process are not timed."""
    paint(content, style, vgg_arrays, end_scale=32, iterations=1)
    ends: dict[int, list[float]] = {}

    def show(scale: int, step: int, loss: float) -> None:
        ends.setdefault(scale, []).append(time.perf_counter())
        if step % 50 == 0:
            print(f"{scale} px, step {step}, loss {loss:.4g}", file=sys.stderr, flush=True)

    started, used = time.perf_counter(), time.process_time()
    result = paint(content, style, vgg_arrays, args.size, args.iterations, show)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    np.save(args.folder / "theirs.npy", result)
    return {
        "seconds": seconds,
        "processor_s": used,
        "steps": sum(map(len, ends.values())),
        "step_s": median(b - a for a, b in pairwise(ends[args.size])),
        "computer": f"PyTorch, {computer()}",
    }


def _loss(
    args: argparse.Namespace, content: np.ndarray, style: np.ndarray, vgg_arrays: dict
) -> dict[str, dict[str, float]]:
    """The loss of the photo itself, and of theirs.npy and ours.npy, as published and with exact
    roots."""
    images = {name: np.load(args.folder / f"{name}.npy") for name in ("theirs", "ours")}
    photo = resized(content, images["theirs"].shape[:2])[0].permute(1, 2, 0).cpu().numpy()
    found = {}
    for name, image in {"photo": photo, **images}.items():
        exactly = exact_loss(image, content, style, vgg_arrays)
        found[name] = loss(image, content, style, vgg_arrays) | {
            f"{term}, exact roots": value
            for term, value in exactly.items()
            if term.startswith(("style", "total")) and term != "total variation"
        }
    return found


def _features(
    args: argparse.Namespace, content: np.ndarray, style: np.ndarray, vgg_arrays: dict
) -> dict[str, list[int]]:
    """Writes the photo at the size, and its features with zero padding, to features.npz, so that
    the other side can check that it has the same network."""
    photo = resized(content, fit(content, args.size))
    layers = (*STYLE_LAYERS, CONTENT_LAYER)
    found = {"photo": photo, **Network(vgg_arrays).features(photo, layers, "constant")}
    arrays = {name: each[0].permute(1, 2, 0).cpu().numpy() for name, each in found.items()}
    np.savez(args.folder / "features.npz", **arrays)
    return {name: list(array.shape) for name, array in arrays.items()}


def computer() -> str:
    """The device in words."""
    if torch.get_default_device().type == "cuda":
        return f"{torch.cuda.get_device_name()}, float32, convolutions in TF32"
    return f"the CPU, {torch.get_num_threads()} threads, float32"


TASKS = {"paint": _paint, "loss": _loss, "features": _features}

if __name__ == "__main__":
    main()
