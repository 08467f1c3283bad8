"""Speed of a processor: its convolutions, a step and whole pictures, next to PyTorch.

    python lab/benchmarks/processor.py --torch-python PYTHON [--avx2] [--size 512] [--rounds 3]

PYTHON is the Python of an environment with lab/requirements.txt. Prints tables, and a row
for RESULTS.md. --avx2 restricts TensorFlow and PyTorch to the kernels that oneDNN has for AVX2, and
to float32; TensorFlow's own operations still use what the processor has. Each measurement has a
separate process, and only one of them runs at a time. Needs Linux.
"""

import argparse
import os
import re
import sys
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from common import ITERATIONS, run_in_turns, run_worker, table

KINDS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")  # as in /proc/cpuinfo, fastest first
GIGA = 1e9


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--avx2", action="store_true")
    parser.add_argument("--size", type=int, default=512, help="longer side in px")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if args.avx2:
        os.environ |= {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    precisions = ["float32"] if args.avx2 else ["float32", "bfloat16"]
    name = f"{processor()}{', kernels for AVX2' if args.avx2 else ''}, {os.cpu_count()} cores"
    print(f"{date.today()}, {name}\n")
    for precision in precisions:
        print(convolutions(precision, args), end="\n\n")
    print(row(name, "float32" if args.avx2 else "auto", args))


def processor() -> str:
    """Return the processor's name, and the instructions that decide which kernels it has."""
    found = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", found)
    kind = next((kind for kind in KINDS if kind in found), "no AVX2")
    return f"{model[1] if model else 'unknown'} ({kind})"


def convolutions(precision: str, args: argparse.Namespace) -> str:
    """Return the table of convolutions: billions of floating-point operations a second."""
    options = ("--precision", precision, "--size", args.size)
    ours = run_worker(sys.executable, "kernels.py", "--library", "tensorflow", *options)
    torch = run_worker(args.torch_python, "kernels.py", "--library", "torch", *options)
    head = [
        f"{precision}, GFLOP/s",
        *("forward", "forward, weights not constant", "gradient"),
        *("PyTorch forward", "PyTorch gradient"),
    ]
    rows = []
    for mine, theirs in zip(ours, torch, strict=True):
        speeds = [mine[name] for name in ("forward", "loose", "gradient")]
        speeds += [theirs[name] for name in ("forward", "gradient")]
        rows.append([mine["layer"], *(f"{speed / GIGA:.0f}" for speed in speeds)])
    return table(head, rows)


def row(name: str, precision: str, args: argparse.Namespace) -> str:
    """Return the row for RESULTS.md: medians of alternating rounds."""
    size = ("--sizes", args.size)
    short = (*size, "--iterations", ITERATIONS, "--precision", precision)
    whole = (*size, "--precision", precision, "--preset")
    workers: dict[str, tuple[Any, ...]] = {
        "step, built-in": (sys.executable, "ours.py", *short),
        "step, VGG19": (sys.executable, "ours.py", *short, "--network", "vgg19"),
        "step, PyTorch's VGG19 in float32": (
            *(args.torch_python, "pytorch.py", "--recipe", "plain", *size),
        ),
        "draft": (sys.executable, "ours.py", *whole, "draft"),
        "fine": (sys.executable, "ours.py", *whole, "fine"),
    }
    found = run_in_turns(workers, args.rounds)
    for result in (each for results in found.values() for each in results):
        if "failed" in result:
            sys.exit(result["failed"])
    middle = {
        label: median(result["step_s" if "step" in label else "picture_s"] for result in results)
        for label, results in found.items()
    }
    ratio = middle["step, PyTorch's VGG19 in float32"] / middle["step, VGG19"]
    head = [f"{args.size} px", *(f"{label}, s" for label in workers), "PyTorch ÷ ours, VGG19"]
    return table(head, [[name, *(f"{value:.3g}" for value in middle.values()), f"{ratio:.2f}"]])


if __name__ == "__main__":
    main()
