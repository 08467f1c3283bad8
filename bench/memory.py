"""The memory that painting takes, beside the estimate made before it.

    python bench/memory.py [--sizes 1024 2048 4243] [--weights builtin random]
        [--precisions bfloat16] [--plans untiled 3,128 6,64 6,16]

Each picture is 3:2 and painted by a process of its own, one step at each scale, with one plan for
all scales: `untiled`, or `first_whole_block,rows` of a Tiling. Memory is what Linux counts as the
most resident, less what was resident before painting. What would need more than is free is left
out. On the CPU only.
"""

import argparse
import os
import subprocess
import sys
from itertools import product

from stepping import most_memory

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

HEADER = (
    "| picture | network | arithmetic | plan | used, MB | estimated, MB | estimated / used "
    "| whole process |"
)


def main() -> None:
    """Paints all of them and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 2048, 4243], help="px")
    parser.add_argument("--weights", nargs="+", default=["builtin", "random"])
    parser.add_argument("--precisions", nargs="+", default=["bfloat16"])
    parser.add_argument("--plans", nargs="+", default=["untiled", "3,128", "6,64", "6,16"])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(row(args.sizes[0], args.weights[0], args.precisions[0], args.plans[0]))
        return
    print(HEADER)
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    each = product(args.sizes, args.weights, args.precisions, args.plans)
    for size, weights, precision, plan in each:
        options = ["--sizes", str(size), "--weights", weights]
        options += ["--precisions", precision, "--plans", plan]
        command = [sys.executable, __file__, "--one", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print(done.stdout.strip() or f"{options}: {done.stderr.strip()[-300:]}", flush=True)


def row(size: int, weights: str, precision: str, plan: str) -> str:
    """One line of the table, measured in this process."""
    import numpy as np

    from styletransfer import Settings, load_vgg
    from styletransfer.devices.system_memory import resident_memory
    from styletransfer.engine import memory_model
    from styletransfer.engine.style_targets import style_targets
    from styletransfer.engine.stylize import StyleTransfer
    from styletransfer.engine.tiled_gradient import UNTILED, Tiling
    from styletransfer.images.encode import encode
    from styletransfer.images.output import OutputFormat

    tiling = UNTILED if plan == "untiled" else Tiling(*map(int, plan.split(",")))
    memory_model.TILINGS = (tiling,)
    generator = np.random.default_rng(0)
    height = round(size * 2 / 3)
    photo = generator.integers(0, 256, (height, size, 3), dtype=np.uint8)
    painting = generator.integers(0, 256, (512, 768, 3), dtype=np.uint8)
    vgg = load_vgg("vgg19", weights)
    settings = Settings(size=size, iterations=1, precision=precision)
    before = resident_memory()
    transfer = StyleTransfer(photo, style_targets([painting]), settings, vgg)
    estimated = transfer.memory_plan.bytes_needed
    for step in transfer.steps():
        if step.iteration == step.total:
            encode(step.image, OutputFormat("jpg"))
        del step
    peak = most_memory()
    used = peak - before
    return (
        f"| {size} × {height} | {weights} | {precision} | {plan} | {used / 1e6:.0f} "
        f"| {estimated / 1e6:.0f} | {estimated / used:.2f} | {(estimated + before) / peak:.2f} |"
    )


if __name__ == "__main__":
    main()
