"""How long a step takes, and how much memory: this engine's, the peers', and beside them what the
processor can do at best.

    python bench/performance.py --torch-python PYTHON --out FOLDER [--sizes 256 512 1024 2048 4096]
        [--only ours tiles peers limit paintings batch] [--rounds 5] [--minutes 7] [--publish]
        [--device cpu|gpu]

PYTHON is that of an environment that bench/requirements.txt fills. What is measured has a process
of its own, new for each size; only one of them works at any time, on all cores, and they take turns
(A B C A B C …). Times are medians of the rounds, ratios those of the quotients within each round. A
round before them, in which kernels are made for a size, counts for memory only. Where all rounds of
a size would take longer than `--minutes`, there are fewer; where even two would, one, that counts.

FOLDER/results.json gathers what was found, so that sizes can be measured one after another; from it
the tables, performance.md, and the plot, performance.png, are made anew each time. `--publish`
writes them into docs/ as well. `--only` is for trying things: ratios there are only between what
ran together.

Needs Linux, which counts the memory of processes.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contestants import PARTS, THEIRS, Contestant, contestants
from performance_document import publish, write
from stepping import GoneError, MemoryRanOutError, Worker, free_memory

from styletransfer.devices import nvidia

BENCH = Path(__file__).resolve().parent
SIZES = (256, 512, 1024, 2048, 4096)  # px, the longer side; photos are 3:2
MARGIN = 1.1  # times the memory expected, which must be free
SMALL = 1024  # px; below it a turn is several steps, as the first finds caches and threads cold
NO_MEMORY = "not enough memory"


def main() -> None:
    """Measures what is asked for, adds it to what is known, and writes the document."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--torch-python", required=True, help="Python of the PyTorch environment")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is found")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="longer sides in px")
    parser.add_argument("--only", nargs="+", choices=(*PARTS, "batch"), default=(*PARTS, "batch"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=7, help="for the steps at a size")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md too")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    load, cores = os.getloadavg()[0], os.cpu_count()
    if load > cores / 4:
        print(f"load {load:.1f} on {cores} cores: no times to rely on", file=sys.stderr)

    file = args.out / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {"run": 0, "sizes": {}}
    here = machine(args.torch_python, args.device)
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
    """All rounds at one size, into results["sizes"]."""
    taking_part = [
        each for each in contestants(args.device) if each.part in args.only and each.runs_at(size)
    ]
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
    """The contestants' turns at one size (longer side in px); what is found goes into
    results["sizes"], an entry for each: `seconds` a step in each round, `memory` at most and
    `at_rest`, before the first step, in bytes; or why it was `skipped`."""

    def __init__(
        self, size: int, folder: Path, args: argparse.Namespace, results: dict[str, Any]
    ) -> None:
        self._size = round(size * 2 / 3), size  # height, width
        self._folder, self._torch_python, self._computer = folder, args.torch_python, args.device
        self._results, self._workers = results, {}
        height, width = self._size
        here = {"height": height, "width": width, "entries": {}}
        self._known = results["sizes"].setdefault(str(size), here)["entries"]
        self._entries: dict[str, dict[str, Any]] = {}
        self._steps = max(1, round((SMALL / size) ** 2))

    def round(self, taking_part: list[Contestant]) -> float:
        """A turn for each; the seconds that their steps took in all. Raises GoneError."""
        taken = 0.0
        for each in taking_part:
            entry = self._entries.get(each.label)
            if entry is None:
                entry = {"run": self._results["run"], "seconds": []}
                self._entries[each.label] = self._known[each.label] = entry
                on_cpu = self._computer == "cpu"
                if on_cpu and self._expected(each) * MARGIN > free_memory():
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
            arguments = [str(self._folder), *map(str, self._size), self._computer]
            self._workers[process] = Worker(python, each.script, arguments)
        worker = self._workers[process]
        seconds, entry["memory"] = worker.take(each.name, self._steps)
        entry["seconds"].append(seconds)
        entry["at_rest"] = worker.at_rest
        print(f"{self._size[1]} px: {each.label}: {seconds:.3f} s", file=sys.stderr)
        return seconds * self._steps

    def _expected(self, each: Contestant) -> float:
        """Bytes of memory that it will hold at most, by what it held a pixel at the next smaller
        size known; 0 where none is."""
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
    """What bench/batch_overhead.py prints, line by line: name → the rest."""
    said = run([sys.executable, BENCH / "batch_overhead.py"])
    lines = said[said.rindex("exit code") :].splitlines()
    pairs = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines)
    return dict(pairs)


def machine(torch_python: str, computer: str) -> dict[str, str]:
    """The processor, the GPU if that computes, and the libraries, in words."""
    lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    about = {name.strip(): value.strip() for name, _, value in lines}
    details = [f"{name} {about[name]}" for name in ("cpu family", "model") if name in about]
    flags = about.get("flags", "").split()
    details += [name.upper() for name in ("avx512_bf16", "amx_bf16") if name in flags]
    asked = "from importlib.metadata import version; print(version('torch'))"
    gpu = {"GPU": nvidia.installed_gpus()[0]} if computer == "gpu" else {}
    return gpu | {
        "processor": f"{about.get('model name', platform.machine())} ({', '.join(details)})",
        "cores": str(os.cpu_count()),
        "TensorFlow": version("tensorflow"),
        "PyTorch": run([torch_python, "-c", asked]).strip(),
    }


def run(command: list[str | Path]) -> str:
    """What a command prints; ends this one with what it says if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
