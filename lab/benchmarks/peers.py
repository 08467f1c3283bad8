"""Time and memory of a step: this engine's and its peers', in PyTorch, on the CPU. gpu.py does the
same on a GPU.

    python lab/benchmarks/peers.py --torch-python PYTHON [--sizes 256 512 1024 2048] [--rounds 3]

PYTHON is the Python of an environment with lab/requirements.txt. Each measurement has a
separate process, only one of them runs at a time, and they alternate (A B C A B C …). The tables
show the median of the rounds for time, the largest value for memory. Needs Linux.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from datetime import date
from statistics import median

from common import GIB, ITERATIONS, Result, run_in_turns, table

PEERS_STEPS = 10
VGG_ALONE = "PyTorch, VGG19 alone"
CONTESTANTS = {
    "this engine, built-in network": ("ours.py", "--network", "builtin"),
    "this engine, VGG19": ("ours.py", "--network", "vgg19"),
    "this engine, VGG19, float32": ("ours.py", "--network", "vgg19", "--precision", "float32"),
    VGG_ALONE: ("pytorch.py", "--recipe", "plain"),
    "neural-style-pt": ("pytorch.py", "--recipe", "neural-style-pt"),
    "crowsonkb": ("pytorch.py", "--recipe", "crowsonkb"),
}


def main() -> None:
    """Measure all of them and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024, 2048], help="px")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 4:
        print(f"load {load:.1f} on {cores} cores: the times will be unreliable", file=sys.stderr)
    found: dict[tuple[str, int], list[Result]] = {}
    for size in args.sizes:
        workers = {label: command(label, size, args.torch_python) for label in CONTESTANTS}
        for label, results in run_in_turns(workers, args.rounds).items():
            found[label, size] = results
    print(f"{date.today()}, {platform.processor() or platform.machine()}, {cores} cores\n")
    head = [f"{size} px" for size in args.sizes]
    print(table(["seconds a step", *head], rows(found, args.sizes, seconds)), end="\n\n")
    print(table(["GiB in all", *head], rows(found, args.sizes, gibibytes)))


def command(label: str, size: int, torch_python: str) -> tuple:
    """Return the arguments of `run_worker` for one contestant at one size."""
    script, *options = CONTESTANTS[label]
    ours = script == "ours.py"
    steps = ["--iterations", ITERATIONS] if ours else ["--steps", PEERS_STEPS]
    python = sys.executable if ours else torch_python
    return python, script, *options, "--sizes", size, *steps


def rows(
    found: dict[tuple[str, int], list[Result]],
    sizes: list[int],
    summary: Callable[[list[Result]], str],
) -> list[list[str]]:
    """Return a row for each contestant, a column for each size: a summary of the results, or the
    reason that one of them failed."""

    def cell(results: list[Result]) -> str:
        failed = [result["failed"] for result in results if "failed" in result]
        return failed[0] if failed else summary(results)

    return [[label, *(cell(found[label, size]) for size in sizes)] for label in CONTESTANTS]


def seconds(results: list[Result]) -> str:
    """Return the median time of a step."""
    return f"{median(result['step_s'] for result in results):.3g}"


def gibibytes(results: list[Result]) -> str:
    """Return the largest memory of the process."""
    return f"{max(result['whole'] for result in results) / GIB:.2f}"


if __name__ == "__main__":
    main()
