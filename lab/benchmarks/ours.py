"""Paints with this engine and measures it: a worker of peers.py, gpu.py and memory.py.

    python lab/benchmarks/ours.py --sizes 512 1024 [--network builtin|vgg19] [--precision auto]
        [--device cpu|gpu] [--preset fine] [--iterations N] [--memory-limit BYTES]
        [--optimizer lbfgs] [--compile auto] [--halves] [--trace FOLDER] [--peak]

Paints the same photo at each size, and prints a line of JSON for each:

- step_s: mean seconds of a step at the last scale, after the first two matches of its places, with
  its share of the third
- alone_s: the same until places are matched again, if they are
- matching_s: seconds in which all places are matched once, then
- first_s: seconds to the end of the first step, from the start of the process for the first size,
  from the start of the painting for the others
- picture_s: seconds of the whole picture
- used, estimated: bytes of memory in addition to what was in use before the painting
- whole: bytes that the process has used in all; on a GPU, there
- plan: the memory plan in words
- operations: floating-point operations of the network's convolutions in a step

On the CPU, used and whole are exact for the first size alone: a process keeps memory that it has
freed. --peak also measures the floating-point operations a second of a product of matrices. --trace
writes a profile of ten steps and one matching at each size, for TensorBoard, and slows these down.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from common import PAINTING, PHOTO, Result, accept_oom_kill, peak_memory, pixels, process_age

from painterly import Settings, load_vgg
from painterly.devices import choose
from painterly.devices.budget import Limits
from painterly.devices.memory import device_budget
from painterly.devices.system_memory import resident_memory
from painterly.engine.paintings import as_paintings
from painterly.engine.recipes.default import STYLE_LAYERS
from painterly.engine.schedule import is_matched_before
from painterly.engine.stylize import prepared
from painterly.engine.transfer import TransferInputs
from painterly.vgg.network import VGG

TRACED = 10  # steps
PRODUCT, CHAIN = 8192, 20  # rows and columns of the matrices, products in a row


def main() -> None:
    """Paint at each size and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="longer sides in px")
    parser.add_argument("--network", choices=("builtin", "vgg19"), default="builtin")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--preset", default="fine", help="draft, fine or print")
    parser.add_argument("--iterations", type=int, help="default: those of the preset")
    parser.add_argument("--memory-limit", type=int, help="bytes that the process may use")
    parser.add_argument("--optimizer", help="default: Adam")
    parser.add_argument("--compile", default="auto", help="auto, always or never")
    parser.add_argument("--halves", action="store_true", help="a painting for each half, by masks")
    parser.add_argument("--trace", type=Path, help="folder for profiles")
    parser.add_argument("--peak", action="store_true")
    args = parser.parse_args()
    accept_oom_kill()
    device = choose.choose_devices(args.device).first
    if args.peak:
        peak = product_rate(args.precision)
        print(json.dumps({"device": str(device), "peak": peak}), flush=True)
    vgg = load_vgg("vgg19", "builtin" if args.network == "builtin" else "random")
    for size in args.sizes:
        started = time.perf_counter() - (process_age() if size == args.sizes[0] else 0)
        print(json.dumps(paint(size, vgg, args, started)), flush=True)


def paint(size: int, vgg: VGG, args: argparse.Namespace, started: float) -> Result:
    """Paint one picture and measure it. `started` is the time that `first_s` starts from."""
    names = ("precision", "preset", "compile", "iterations", "optimizer")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    settings = Settings(size=size, **given)
    painted_from, before = time.perf_counter(), memory_before()
    left = np.repeat([[1.0, 0.0]], 2, axis=0)
    regions = [left, 1 - left] if args.halves else [None]
    styles = as_paintings([pixels(PAINTING)] * len(regions), regions=regions)
    inputs = TransferInputs(pixels(PHOTO), styles, settings)
    transfer = prepared(inputs, vgg, device_budget(Limits(args.memory_limit)))
    first = begun = matched = ended = 0.0
    steps = 0  # at the last scale
    optimised, count = sum(transfer.schedule.counts), transfer.schedule.counts[-1]
    matches = [each for each in range(1, count + 1) if is_matched_before(each, count)]
    warm_up, unmatched = matches[-2:][0], matches[-1] - 1
    for step in transfer.steps():
        if step.iteration > optimised:  # The picture is rebuilt.
            step.image  # noqa: B018  Computed when it is read.
            break
        steps += step.scale == size
        last = step.iteration == optimised
        if first == 0 or last or steps in (warm_up, unmatched):
            step.losses  # noqa: B018  Reading them waits for the device.
            ended = time.perf_counter()
        first = first or ended - started
        if steps == warm_up:
            begun = ended
        if steps == unmatched:
            matched = ended
        if last:
            step.image  # noqa: B018  Computed when it is read.
        if args.trace and steps == unmatched:
            tf.profiler.experimental.start(str(args.trace / str(size)))
        if args.trace and steps == unmatched + TRACED:
            tf.profiler.experimental.stop()
    used, whole = memory_used(before)
    alone: Result = {}
    if matched and unmatched > warm_up:
        step_s = (matched - begun) / (unmatched - warm_up)
        matching_s = ended - matched - (steps - unmatched) * step_s
        alone = {"alone_s": step_s, "matching_s": matching_s}
    return alone | {
        "size": size,
        "step_s": (ended - begun) / (steps - warm_up),
        "first_s": first,
        "picture_s": time.perf_counter() - painted_from,
        "used": used,
        "whole": whole,
        "estimated": transfer.memory_plan.bytes_needed,
        "plan": str(transfer.memory_plan),
        "operations": operations(vgg, *transfer.memory_plan.size),
    }


def operations(vgg: VGG, height: int, width: int) -> int:
    """Count floating-point operations of the convolutions in a step: forward and to their inputs.

    Each takes 2 · 9 · C · C′ products and sums at each position, of a picture padded by 8 px on
    each side to multiples of 16. Nothing else of a step is counted.
    """
    height, width = (-(-(side + 16) // 16) * 16 for side in (height, width))
    total = 0
    for layer, (kernel, _) in vgg.kernels(tf.float32).items():
        if layer <= max(STYLE_LAYERS):
            shrunk = 2 ** (int(layer[4]) - 1)
            total += 2 * 2 * math.prod(kernel.shape) * (height // shrunk) * (width // shrunk)
    return total


def memory_before() -> int:
    """Return the bytes in use, and the start of a new measurement of the peak on a GPU."""
    if not tf.config.get_visible_devices("GPU"):
        return resident_memory()
    tf.config.experimental.reset_memory_stats("GPU:0")
    return tf.config.experimental.get_memory_info("GPU:0")["current"]


def memory_used(before: int) -> tuple[int, int]:
    """Return the peak in addition to the bytes in use before, and in all."""
    on_gpu = bool(tf.config.get_visible_devices("GPU"))
    peak = tf.config.experimental.get_memory_info("GPU:0")["peak"] if on_gpu else peak_memory()
    return peak - before, peak


def product_rate(precision: str) -> float:
    """Return the floating-point operations a second of a chain of products of square matrices."""
    dtype = choose.fastest_precision() if precision == "auto" else precision
    side = PRODUCT if tf.config.get_visible_devices("GPU") else PRODUCT // 4
    generator = tf.random.Generator.from_seed(0)
    left, right = (tf.cast(generator.normal([side] * 2), dtype) for _ in range(2))
    right /= side**0.5  # Keeps values near 1.

    @tf.function
    def multiply() -> tf.Tensor:
        product = left
        for _ in range(CHAIN):
            product = tf.linalg.matmul(product, right)
        return product[0, 0]

    multiply().numpy()
    started = time.perf_counter()
    multiply().numpy()
    return CHAIN * 2 * side**3 / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
