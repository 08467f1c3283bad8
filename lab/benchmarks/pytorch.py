"""Steps of the peers in PyTorch: a worker of peers.py and gpu.py.

    python lab/benchmarks/pytorch.py --sizes 512 1024 --recipe plain|neural-style-pt|crowsonkb
        [--precision float32] [--device cpu|gpu] [--steps 10]

Prints a line of JSON for each size: step_s, the mean seconds of a step (forward, loss, backward,
Adam); first_s, those of the first step; and whole, the peak memory in bytes.

All recipes use VGG19 with random weights, which cost as much as trained ones. `plain` computes
VGG19 up to the deepest layer that this engine compares, and nothing else. On a GPU, float32 has
PyTorch's default meaning: convolutions in TF32.
"""

import argparse
import json
import time
from collections.abc import Callable

import crowsonkb
import neural_style_pt
import numpy as np
import torch
from common import PAINTING, PHOTO, accept_oom_kill, peak_memory, pixels
from pytorch_network import Network, Step, adam_steps, fit, resized

DEEPEST = "conv4_1"
WARM_UP = 2  # steps


def plain(network: Network, photo: np.ndarray, painting: np.ndarray, size: int) -> Step:
    """Return steps of VGG alone: the loss is the mean of its deepest feature."""
    return adam_steps(
        resized(photo, fit(photo, size)),
        lambda image: network.features(image, [DEEPEST])[DEEPEST].mean(),
        rate=0.02,
    )


def main() -> None:
    """Measure one recipe at each size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    recipes: dict[str, Callable[[Network, np.ndarray, np.ndarray, int], Step]] = {
        "plain": plain,
        "neural-style-pt": neural_style_pt.steps,
        "crowsonkb": crowsonkb.steps,
    }
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="longer sides in px")
    parser.add_argument("--recipe", choices=recipes, required=True)
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16", "float16"), default="float32"
    )
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--steps", type=int, default=10)
    args = parser.parse_args()
    accept_oom_kill()
    if args.device == "gpu":
        torch.set_default_device("cuda")
        torch.backends.cudnn.benchmark = True
    photo, painting, dtype = pixels(PHOTO), pixels(PAINTING), getattr(torch, args.precision)
    for size in args.sizes:
        if args.device == "gpu":
            torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        step = recipes[args.recipe](Network(dtype), photo, painting, size)
        step()
        result = {"size": size, "first_s": time.perf_counter() - started}
        for _ in range(WARM_UP):
            step()
        started = time.perf_counter()
        for _ in range(args.steps):
            step()
        result["step_s"] = (time.perf_counter() - started) / args.steps
        on_gpu = args.device == "gpu"
        result["whole"] = torch.cuda.max_memory_allocated() if on_gpu else peak_memory()
        del step
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
