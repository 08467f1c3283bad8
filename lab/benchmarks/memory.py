"""The memory that painting uses, next to the estimate that is made before it, on the CPU.

    python lab/benchmarks/memory.py [--sizes 1024 2048 4243] [--networks builtin vgg19]
        [--precisions bfloat16] [--limits 0 2e9 1.5e9]

A separate process paints each picture. A limit is MEMORY_LIMIT in bytes, which makes the engine
compute in tiles; 0 is none. Memory is Linux's peak of resident memory, less the resident memory
before the painting.
"""

import argparse
import sys
from itertools import product

from common import run_worker, table

HEAD = (
    *("plan", "network", "arithmetic", "limit, GB"),
    *("used, MB", "estimated, MB", "estimated / used"),
)


def main() -> None:
    """Paint all of them and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 2048, 4243], help="px")
    parser.add_argument("--networks", nargs="+", default=["builtin", "vgg19"])
    parser.add_argument("--precisions", nargs="+", default=["bfloat16"])
    parser.add_argument("--limits", type=float, nargs="+", default=[0, 2e9, 1.5e9])
    args = parser.parse_args()
    rows = []
    for size, network, precision, limit in product(
        args.sizes, args.networks, args.precisions, args.limits
    ):
        options = ["--sizes", size, "--network", network, "--precision", precision]
        options += ["--memory-limit", int(limit)] if limit else []
        found = run_worker(sys.executable, "ours.py", *options, "--iterations", 3)[-1]
        print(found, file=sys.stderr)
        plan = found.get("plan") or f"{size} px: {found['failed']}"
        used, estimated = (found.get(name, 0) / 1e6 for name in ("used", "estimated"))
        figures = (f"{used:.0f}", f"{estimated:.0f}", f"{estimated / used:.2f}") if used else ()
        rows.append([plan, network, precision, f"{limit / 1e9:g}", *figures])
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()
