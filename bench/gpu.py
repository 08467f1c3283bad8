"""This engine and its peers on a GPU, side by side, in parts that end within minutes.

    python bench/gpu.py --out FOLDER [--parts PART …] [--sizes 256 512 1024 2048 4096]
        [--minutes 9] [--precision bfloat16|float16] [--publish] [--again]
        [--torch-python PYTHON] [--jax-python PYTHON] [--device gpu|cpu]

Needs the repository, and on the machine TensorFlow, or JAX and FOLDER/programs; for the peers
PyTorch. Each library is looked for in this Python, or in the one named. The parts, all but the
first without being named:

- `export`, on any machine with TensorFlow, with `--device cpu` where it has no GPU: this engine's
  steps as programs for JAX, which carry the weights along, in FOLDER/programs;
- `peak`: a product of matrices, in PyTorch;
- `steps`: a step of this engine (as TensorFlow launches it, compiled by XLA, and under JAX), of
  neural-style-pt, of crowsonkb's recipe, and of VGG alone, at each size; and the time from the
  start of a process to the end of its first step;
- `batch`, `batch-one`: pictures a minute of a batch, with as many side by side as fit and with one;
- `peers-batch`: pictures a minute of crowsonkb's recipe, with the same number of steps.

Everything measured is added to FOLDER/results.json at once. After `--minutes` the run ends, and a
later call with the same arguments goes on there. What ended with an error is tried again then;
`--again` measures all anew.
`--publish` writes docs/performance.md's part between its marks.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import gpu_batch
import gpu_document
import numpy as np
from contestants import OURS, THEIRS, Contestant
from kernels import CHAIN, PRODUCT
from PIL import Image
from repository import REPOSITORY, SAMPLES
from stepping import GoneError, MemoryRanOutError, Worker

from styletransfer.devices import nvidia
from styletransfer.vgg.registry import MEAN_PIXEL, layer_shapes

UNDER_JAX = "jax_steps.py"
SIZES = (256, 512, 1024, 2048, 4096)  # px, the longer side; pictures are 3:2
ROUNDS = 5
ROUND_S = 1.0  # at least, of many steps where these are short
NO_MEMORY = {"skipped": "not enough memory"}
PARTS = ("export", "peak", "steps", "batch", "batch-one", "peers-batch")
VERSIONS = """
from importlib.metadata import PackageNotFoundError, version
for name, package in (("TensorFlow", "tensorflow"), ("JAX", "jax"), ("PyTorch", "torch")):
    try:
        print(name, version(package))
    except PackageNotFoundError:
        pass
"""


class TimeUpError(Exception):
    """The run's minutes are over."""


def main() -> None:
    """Measures what is asked for and not known yet; writes results and document."""
    args = arguments().parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    write_inputs(args.out)
    measuring = Measuring(args)
    signal.signal(signal.SIGALRM, _time_up)
    signal.setitimer(signal.ITIMER_REAL, 60 * args.minutes)
    try:
        for part in args.parts:
            try:
                measuring.part(part)
            except (RuntimeError, subprocess.SubprocessError) as error:
                print(f"{part} could not be measured: {error}", file=sys.stderr)
    except TimeUpError:
        print(f"{args.minutes:g} minutes are over; the same command goes on from here")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        measuring.end()
    gpu_document.write(measuring.results, args.out / "gpu.md")
    if args.publish:
        gpu_document.publish(measuring.results, REPOSITORY / "docs/performance.md")
    print(args.out / "gpu.md")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of inputs and results")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS[1:])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="longer sides in px")
    parser.add_argument("--minutes", type=float, default=9, help="after which the run ends")
    parser.add_argument("--precision", default="bfloat16", help="of this engine's convolutions")
    parser.add_argument("--photos", type=int, default=32, help="of a batch")
    parser.add_argument("--picture-size", type=int, default=512, help="of a batch, px")
    parser.add_argument("--iterations", type=int, default=150, help="of a batch")
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--jax-python", default=sys.executable)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md too")
    return parser


class Measuring:
    """A run: what is known, and how the rest is measured. results: as in FOLDER/results.json."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args, self._file = args, args.out / "results.json"
        self._ends, self._worker = time.monotonic() + 60 * args.minutes, None
        self.results: dict[str, Any] = {"sizes": {}, "batch": {}}
        if self._file.exists():
            self.results = json.loads(self._file.read_text())
        self._libraries = {
            name: version
            for name, python in (
                ("TensorFlow", sys.executable),
                ("JAX", args.jax_python),
                ("PyTorch", args.torch_python),
            )
            if (version := versions(python).get(name))
        }
        here = {"device": device_name(args.device), "precision": args.precision} | self._libraries
        known = self.results.setdefault("machine", here)
        if args.parts != ["export"] and known != here:
            sys.exit(f"{self._file} is of another machine or other versions; name another --out")

    def part(self, name: str) -> None:
        """Measures a part. Raises TimeUpError."""
        args = self._args
        parts: dict[str, Callable[[], None]] = {
            "export": self._export,
            "peak": self._peak,
            "steps": self._steps,
            "batch": lambda: self._batch("auto"),
            "batch-one": lambda: self._batch("1"),
            "peers-batch": lambda: self._noted(
                self.results["batch"],
                "crowsonkb, our steps",
                lambda: gpu_batch.peers_picture(
                    args.torch_python,
                    args.out,
                    args.picture_size,
                    args.iterations,
                    args.device,
                    self._left,
                ),
                needs="PyTorch",
            ),
        }
        parts[name]()

    def end(self) -> None:
        """Ends the process that is measured, if there is one."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    @property
    def _left(self) -> float:
        """Seconds until the run ends."""
        return self._ends - time.monotonic()

    def _export(self) -> None:
        args, sizes = self._args, [str(size) for size in self._args.sizes]
        command = [sys.executable, str(REPOSITORY / "bench/portable_step.py"), "--export"]
        command += ["--out", str(args.out / "programs"), "--precision", args.precision]
        command += ["--weights", str(args.out / "vgg.npz"), "--sizes", *sizes]
        subprocess.run(command, check=True)

    def _peak(self) -> None:
        """Operations a second of a product of matrices."""

        def measure() -> float:
            name = f"product {self._args.precision}"
            seconds = median(self._taken(Contestant(name, "peak", THEIRS, name), 16)["seconds"])
            return CHAIN[self._args.device] * 2 * PRODUCT**3 / seconds

        self._noted(self.results, "peak", measure, needs="PyTorch")

    def _steps(self) -> None:
        for size in sorted(self._args.sizes):
            height = round(size * 2 / 3)
            here = {"height": height, "width": size, "entries": {}}
            entries = self.results["sizes"].setdefault(str(size), here)["entries"]
            for each in self._contestants(size):
                self._noted(
                    entries, each.label, lambda each=each, size=size: self._taken(each, size)
                )

    def _contestants(self, size: int) -> list[Contestant]:
        """Those whose libraries are here, at a size."""
        found, precision = [], self._args.precision
        if "TensorFlow" in self._libraries:
            found.append(Contestant(gpu_document.LAUNCHED, "ours", OURS, f"whole {precision}"))
            found.append(Contestant(gpu_document.COMPILED, "ours", OURS, f"compiled {precision}"))
        program = self._args.out / "programs" / f"step_{size}.stablehlo"
        if "JAX" in self._libraries and program.exists():
            found.append(Contestant(gpu_document.UNDER_JAX, "ours", UNDER_JAX, "step"))
        elif "JAX" in self._libraries:
            print(f"{gpu_document.UNDER_JAX}: needs {program}, which --parts export writes")
        if "PyTorch" in self._libraries:
            for name in ("neural-style-pt", "crowsonkb"):
                found.append(Contestant(f"{name}, float32", "peers", THEIRS, f"{name} float32"))
            label = f"{gpu_document.ALONE}, {precision}"
            found.append(Contestant(label, "peers", THEIRS, f"plain {precision}"))
        return found

    def _taken(self, each: Contestant, size: int) -> dict[str, Any]:
        """A contestant's entry: `seconds` a step in each round; `first_s` from the start of its
        process to the end of the first step; the peak `memory` in bytes; or why `skipped`."""
        pythons = {THEIRS: self._args.torch_python, UNDER_JAX: self._args.jax_python}
        sides = [str(round(size * 2 / 3)), str(size)]
        started = time.monotonic()
        try:
            self._worker = Worker(
                pythons.get(each.script, sys.executable),
                each.script,
                [str(self._args.out), *sides, self._args.device],
            )
            self._worker.take(each.name)
            first = time.monotonic() - started
            once = min(self._worker.take(each.name).seconds for _ in range(2))
            count = max(1, min(100, int(ROUND_S / once)))
            rounds = [self._worker.take(each.name, count) for _ in range(ROUNDS)]
        except (GoneError, MemoryRanOutError) as error:
            print(f"{each.label}, {size} px, ended:\n{error}", file=sys.stderr)
            no_memory = isinstance(error, MemoryRanOutError)
            return NO_MEMORY if no_memory else {"skipped": "ended with an error"}
        finally:
            self.end()
        seconds = [took.seconds for took in rounds]
        return {"seconds": seconds, "first_s": first, "memory": rounds[-1].memory}

    def _batch(self, workers: str) -> None:
        args = self._args
        settings = {
            "DEVICE": args.device,
            "STYLE_SIZE": str(args.picture_size),
            "STYLE_ITERATIONS": str(args.iterations),
            "STYLE_PRECISION": args.precision,
        }
        # The last seconds are for stopping it.
        seconds = self._left - 2 * gpu_batch.STOPPING_S
        if seconds < gpu_batch.STOPPING_S:
            raise TimeUpError
        self._noted(
            self.results["batch"],
            f"this engine, PAINTERS={workers}",
            lambda: gpu_batch.batch(args.out, args.photos, workers, seconds, settings),
            needs="TensorFlow",
        )

    def _noted(
        self, where: dict[str, Any], name: str, measure: Callable[[], Any], needs: str = ""
    ) -> None:
        """Measures where[name] unless it is known or its library is missing, and keeps it."""
        if needs and needs not in self._libraries:
            print(f"{name}: needs {needs}, which is not here")
        elif self._args.again or not is_known(where.get(name)):
            where[name] = measure()
            print(f"{name}: {where[name]}", flush=True)
            self._file.write_text(json.dumps(self.results, indent=1))


def is_known(entry: Any) -> bool:
    """Whether a result need not be measured again: all but none, and what ended with an error."""
    failed = isinstance(entry, dict) and "skipped" in entry and entry != NO_MEMORY
    return entry is not None and not failed


def write_inputs(folder: Path) -> None:
    """Writes photo.npy, painting.npy and vgg.npz: VGG19 with random kernels (He et al. 2015), the
    same for all, which cost the same as trained ones."""
    for name, sample in SAMPLES.items():
        with Image.open(sample) as file:
            np.save(folder / f"{name}.npy", np.asarray(file.convert("RGB"), np.float32) / 255)
    if (folder / "vgg.npz").exists():
        return
    rng, arrays = np.random.default_rng(0), {"mean": MEAN_PIXEL}
    for layer, shape in layer_shapes("vgg19").items():
        spread = (2 / np.prod(shape[:3])) ** 0.5 / (60 if layer == "conv1_1" else 1)
        arrays[f"{layer}_W"] = np.float32(spread) * rng.standard_normal(shape, np.float32)
        arrays[f"{layer}_b"] = np.full(shape[3], 0.1, np.float32)
    np.savez(folder / "vgg.npz", **arrays)


def versions(python: str) -> dict[str, str]:
    """The libraries that a Python has."""
    done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


def device_name(device: str) -> str:
    """The GPU, or `the CPU`."""
    if device == "cpu":
        return "the CPU"
    found = nvidia.installed_gpus()
    if not found:
        sys.exit("no NVIDIA GPU was found; --device cpu tries the command without one")
    return found[0]


def _time_up(*_: object) -> None:
    raise TimeUpError


if __name__ == "__main__":
    main()
