"""Time and memory of a step on a CPU: this engine's, its peers', and the processor's peak. For GPUs
there is bench/gpu.py.

    python bench/performance.py --torch-python PYTHON --out FOLDER [--sizes 256 512 1024 2048 4096]
        [--only ours tiled built-in peers limit paintings batch] [--rounds 5] [--minutes 7]
        [--publish]

PYTHON is the Python of an environment with bench/requirements.txt. Each contestant has a process of
its own for each size. Only one works at a time, on all cores, and they take turns (A B C A B C …).
Times are medians over the rounds; ratios are medians of the quotients within each round. The round
before the first, in which kernels are compiled, counts for memory only. If all rounds of a size
would take longer than `--minutes`, there are fewer; if even two would, only one, which counts.

FOLDER/results.json accumulates the results, so that sizes can be measured one by one; the tables,
performance.md, and the plot, performance.png, are rewritten from it each time. `--publish` writes
them into docs/, too. `--only` is for experiments: there are ratios only between what ran together.

Needs Linux for the memory of processes.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contestants import PARTS, THEIRS, Contestant, contestants
from performance_document import publish, write
from stepping import GoneError, MemoryRanOutError, Worker, free_memory

BENCH = Path(__file__).resolve().parent
SIZES = (256, 512, 1024, 2048, 4096)  # px, the longer side; photos are 3:2
MARGIN = 1.1  # times the expected memory must be free
SMALL = 1024  # px; below it a turn is several steps, since caches and threads start cold
NO_MEMORY = "not enough memory"


def main() -> None:
    """Measures, adds to the known results, and writes the document."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--torch-python", required=True, help="Python of the PyTorch environment")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="longer sides in px")
    parser.add_argument("--only", nargs="+", choices=(*PARTS, "batch"), default=(*PARTS, "batch"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=7, help="for the steps at a size")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md too")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    load, cores = os.getloadavg()[0], os.cpu_count()
    if load > cores / 4:
        print(f"load {load:.1f} on {cores} cores: the times will be unreliable", file=sys.stderr)

    file = args.out / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {"run": 0, "sizes": {}}
    here = machine(args.torch_python)
    if results.setdefault("machine", here) != here:
        sys.exit(f"{file} is of another machine or other versions; name another --out")
    results["run"] += 1
    with tempfile.TemporaryDirectory() as folder:
        run([sys.executable, BENCH / "inputs.py", folder, args.torch_python])
        for size in sorted(args.sizes):
            measure(size, args, Path(folder), results)
            file.write_text(json.dumps(results, indent=1))
    if "batch" in args.only:
        results["batch"] = batch_overhead()
        file.write_text(json.dumps(results, indent=1))
    write(results, args.out)
    if args.publish:
        publish(results, BENCH.parent / "docs")
    print(args.out / "performance.md")


def measure(size: int, args: argparse.Namespace, folder: Path, results: dict[str, Any]) -> None:
    """Runs all rounds at one size; adds to results["sizes"]."""
    taking_part = [each for each in contestants() if each.part in args.only and each.runs_at(size)]
    turns = Turns(size, folder, args, results)
    try:
        took = turns.round(taking_part)
        rounds = min(args.rounds, int(60 * args.minutes / took) - 1)
        for _ in range(rounds):
            turns.round(taking_part)
    except GoneError as error:
        sys.exit(f"a measurement ended with an error:\n{error}")
    finally:
        turns.end()


class Turns:
    """The contestants' turns at one size (longer side in px).

    results["sizes"] receives an entry for each: `seconds` per step in each round; the peak `memory`
    and that `at_rest`, before the first step, in bytes; or why it was `skipped`.
    """

    def __init__(
        self, size: int, folder: Path, args: argparse.Namespace, results: dict[str, Any]
    ) -> None:
        self._size = round(size * 2 / 3), size  # height, width
        self._folder, self._torch_python = folder, args.torch_python
        self._results, self._workers = results, {}
        height, width = self._size
        here = {"height": height, "width": width, "entries": {}}
        self._known = results["sizes"].setdefault(str(size), here)["entries"]
        self._entries: dict[str, dict[str, Any]] = {}
        self._steps = max(1, round((SMALL / size) ** 2))

    def round(self, taking_part: list[Contestant]) -> float:
        """Runs a turn of each; the seconds of all their steps. Raises GoneError."""
        taken = 0.0
        for each in taking_part:
            entry = self._entries.get(each.label)
            if entry is None:
                entry = {"run": self._results["run"], "seconds": []}
                self._entries[each.label] = self._known[each.label] = entry
                if self._expected(each) * MARGIN > free_memory():
                    entry["skipped"] = NO_MEMORY
            if "skipped" in entry:
                continue
            try:
                taken += self._turn(each, entry)
            except MemoryRanOutError:
                entry["skipped"] = NO_MEMORY
        return taken

    def end(self) -> None:
        """Ends all processes."""
        for worker in self._workers.values():
            worker.end()

    def _turn(self, each: Contestant, entry: dict[str, Any]) -> float:
        process = each.process or each.name
        if process not in self._workers:
            python = self._torch_python if each.script == THEIRS else sys.executable
            arguments = [str(self._folder), *map(str, self._size), "cpu"]
            self._workers[process] = Worker(python, each.script, arguments)
        worker = self._workers[process]
        seconds, entry["memory"] = worker.take(each.name, self._steps)
        entry["seconds"].append(seconds)
        entry["at_rest"] = worker.at_rest
        print(f"{self._size[1]} px: {each.label}: {seconds:.3f} s", file=sys.stderr)
        return seconds * self._steps

    def _expected(self, each: Contestant) -> float:
        """Bytes of memory that it will take, extrapolated from those per pixel at the next smaller
        size; 0 if there is none."""
        height, width = self._size
        smaller = [
            (of["height"] * of["width"], of["entries"][each.label])
            for of in self._results["sizes"].values()
            if of["width"] < width and "memory" in of["entries"].get(each.label, {})
        ]
        if not smaller:
            return 0.0
        pixels, entry = max(smaller, key=lambda pair: pair[0])
        taken = entry["memory"] - entry["at_rest"]
        return entry["at_rest"] + taken * height * width / pixels


def batch_overhead() -> dict[str, str]:
    """The lines that bench/batch_overhead.py prints: name → the rest."""
    tests = str(BENCH.parent / "tests")
    said = run([sys.executable, BENCH / "batch_overhead.py"], {"PYTHONPATH": tests})
    lines = said[said.rindex("exit code") :].splitlines()
    pairs = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines)
    return dict(pairs)


def machine(torch_python: str) -> dict[str, str]:
    """The processor and the libraries, in words."""
    lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    about = {name.strip(): value.strip() for name, _, value in lines}
    details = [f"{name} {about[name]}" for name in ("cpu family", "model") if name in about]
    flags = about.get("flags", "").split()
    details += [name.upper() for name in ("avx512_bf16", "amx_bf16") if name in flags]
    asked = "from importlib.metadata import version; print(version('torch'))"
    return {
        "processor": f"{about.get('model name', platform.machine())} ({', '.join(details)})",
        "cores": str(os.cpu_count()),
        "TensorFlow": version("tensorflow"),
        "PyTorch": run([torch_python, "-c", asked]).strip(),
    }


def run(command: list[str | Path], environment: dict[str, str] | None = None) -> str:
    """The output of a command; exits with its output if it fails. environment: added to ours."""
    variables = os.environ | (environment or {})
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
