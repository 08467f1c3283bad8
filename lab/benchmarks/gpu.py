"""Measures this engine and its peers on a GPU, and writes the tables.

    python lab/benchmarks/gpu.py --out FOLDER
        [--parts steps pictures peers limits trace batch tests]
        [--sizes 512 1024 2048 4096] [--networks builtin vgg19]
        [--precisions bfloat16 float16 float32] [--compile always never]
        [--tests tests/engine] [--minutes 9] [--torch-python PYTHON] [--device gpu|cpu]

Parts:

- steps: a step and a matching of this engine with both networks in bfloat16, float16 and float32,
  compiled by XLA and not; the first step; memory against the estimate; the share of the device's
  peak
- pictures: whole pictures as draft, fine and print, the first size twice: the second picture is
  one in a running process
- peers: steps of neural-style-pt and of crowsonkb's recipe, and VGG19 alone
- limits: steps with VGG19 at the largest size, in tiles that fit into less memory
- trace: the same compiled, with profiles of ten steps in FOLDER/trace
- batch: a batch of photos: seconds from the command to its first picture and to its end, and
  pictures a minute
- tests: the test suite with the first GPU; its output is in FOLDER/tests.txt

Every result is added to FOLDER/results.json at once. After --minutes the run ends before its next
measurement, and the same command continues there. --device cpu tries the script without a GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

from common import (
    GIB,
    PAINTING,
    REPOSITORY,
    Result,
    pixels,
    run_batch,
    run_worker,
    table,
    time_of,
)
from PIL import Image

PARTS = ("steps", "pictures", "peers", "limits", "trace", "batch", "tests")
NETWORKS, PRECISIONS = ("builtin", "vgg19"), ("bfloat16", "float16", "float32")
COMPILE = ("always", "never")
PRESETS = ("draft", "fine", "print")
RECIPES = ("plain", "neural-style-pt", "crowsonkb")
LIMITS = (8_000_000_000, 16_000_000_000, 24_000_000_000)  # bytes
PHOTO_SIZE = (768, 512)  # width, height of the batch's photos in px


def main() -> None:
    """Measure what is missing, then write FOLDER/gpu.md."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048, 4096], help="px")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--compile", nargs="+", choices=COMPILE, default=COMPILE)
    parser.add_argument("--iterations", type=int, default=75, help="steps setting, except pictures")
    parser.add_argument("--photos", type=int, default=100, help="photos of the batch")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="files and folders of tests")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    file, ends = args.out / "results.json", time.monotonic() + 60 * args.minutes
    results = json.loads(file.read_text()) if file.exists() else {}
    for name, command in measurements(args).items():
        if time.monotonic() > ends:
            print(f"{args.minutes:g} minutes are over; the same command continues")
            break
        if name not in results:
            results[name] = measured(args, name, command)
            print(f"{name}: {results[name]}", flush=True)
            file.write_text(json.dumps(results, indent=1))
    (args.out / "gpu.md").write_text(document(results))
    print(args.out / "gpu.md")


def measured(args: argparse.Namespace, name: str, command: tuple) -> list[Result]:
    """Return the results of a measurement in `measurements`."""
    if name == "tests":
        return tests(args)
    return batch(args) if name == "batch" else run_worker(*command)


def measurements(args: argparse.Namespace) -> dict[str, tuple]:
    """Name → arguments of `run_worker`, if it is one, for each measurement of the chosen parts."""
    ours = (sys.executable, "ours.py", "--device", args.device)
    peers = (args.torch_python, "pytorch.py", "--device", args.device)
    sizes, steps = ("--sizes", *args.sizes), ("--iterations", args.iterations)
    found: dict[str, dict[str, tuple]] = {
        "steps": {
            f"{network}, {precision}, {'compiled' if when == 'always' else 'not compiled'}": (
                *(*ours, *sizes, *steps, "--peak", "--compile", when),
                *("--network", network, "--precision", precision),
            )
            for when, network, precision in product(args.compile, args.networks, args.precisions)
        },
        "pictures": {
            f"{network}, {preset}": (
                *(*ours, "--sizes", args.sizes[0], *args.sizes),
                *("--network", network, "--preset", preset),
            )
            for network, preset in product(args.networks, PRESETS)
        },
        "peers": {recipe: (*peers, *sizes, "--recipe", recipe) for recipe in RECIPES},
        "limits": {
            f"vgg19, MEMORY_LIMIT={limit / 1e9:g}GB": (
                *(*ours, "--sizes", max(args.sizes), *steps),
                *("--network", "vgg19", "--memory-limit", limit),
            )
            for limit in LIMITS
        },
        "trace": {
            f"{network}, traced": (
                *(*ours, *sizes, *steps, "--network", network, "--compile", "always"),
                *("--trace", args.out / "trace" / network),
            )
            for network in args.networks
        },
        "batch": {"batch": ()},
        "tests": {"tests": ()},
    }
    return {name: command for part in args.parts for name, command in found[part].items()}


def batch(args: argparse.Namespace) -> list[Result]:
    """Paint photos at the smallest size, as the command does. Pictures a minute count from the
    first picture's start on, in all and in the second half."""
    for folder in ("photos", "paintings"):
        (args.out / folder).mkdir(exist_ok=True)
    Image.fromarray(pixels(PAINTING)).save(args.out / "paintings/brush.png")
    samples = sorted((REPOSITORY / "samples/photos").glob("*.jpg"))
    for number in range(args.photos):
        sample = Image.fromarray(pixels(samples[number % len(samples)]))
        left, top = (7 * number % (sample.size[n] - PHOTO_SIZE[n] + 1) for n in (0, 1))
        photo = sample.crop((left, top, left + PHOTO_SIZE[0], top + PHOTO_SIZE[1]))
        photo.save(args.out / f"photos/{number:03}.jpg", quality=95)
    variables = {
        "BUCKET_SOURCE": str(args.out / "photos"),
        "BUCKET_STYLE": str(args.out / "paintings"),
        "BUCKET_RESULT": str(args.out / "results"),
        "STYLE_SIZE": str(min(args.sizes)),
        "STYLE_ITERATIONS": str(args.iterations),
        "DEVICE": args.device,
    }
    started = datetime.now(UTC)
    done, events = run_batch(variables)
    whole_s = (datetime.now(UTC) - started).total_seconds()
    if done.returncode or "done" not in events:
        return [{"failed": (done.stdout + done.stderr)[-500:]}]
    times = {name: [time_of(each) for each in events[name]] for name in ("plan", "memory", "done")}
    # TensorFlow and the weights are loaded once the first picture's memory is known.
    painting = (times["done"][-1] - times["memory"][0]).total_seconds()
    count = len(times["done"])
    loading = (times["memory"][0] - times["plan"][0]).total_seconds()
    later = times["done"][count // 2 :]  # Most steps are compiled by then.
    later_s = (later[-1] - later[0]).total_seconds()
    return [
        {
            "painted": count,
            "first_s": (times["done"][0] - started).total_seconds(),
            "whole_s": whole_s,
            "per_minute": 60 * count / painting,
            "later_per_minute": 60 * (len(later) - 1) / later_s if later_s else 0.0,
            "loading_s": loading,
        }
    ]


def tests(args: argparse.Namespace) -> list[Result]:
    """Run the tests, which see the first GPU. Return pytest's last line."""
    output = args.out / "tests.txt"
    with output.open("w") as file:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args.tests],
            cwd=REPOSITORY,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "0" if args.device == "gpu" else "-1"},
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return [{"tests": output.read_text().splitlines()[-1]}]


def document(results: dict[str, list[Result]]) -> str:
    """Return all results as tables in Markdown."""
    peaks = {name: rows[0]["peak"] for name, rows in results.items() if "peak" in rows[0]}
    devices = {row["device"] for rows in results.values() for row in rows if "device" in row}
    parts, steps, batches = [f"{date.today()}, {', '.join(devices)}"], [], []
    for name, rows in results.items():
        for row in rows:
            if "failed" in row:
                steps.append([name, "", row["failed"].replace("\n", " "), *[""] * 8])
            elif "size" in row:
                peak = peaks.get(name)
                steps.append([name, *cells(row, peak)])
            elif "painted" in row:
                keys = ("first_s", "whole_s", "per_minute", "later_per_minute")
                batches.append([name, str(row["painted"]), *(f"{row[key]:.1f}" for key in keys)])
            elif "tests" in row:
                parts.append(f"Tests: {row['tests']}")
    head = [
        *("", "px", "ms a step", "ms without matching", "ms of a matching"),
        *("first step, s", "picture, s", "GiB"),
        *("estimated / used", "TFLOP/s of convolutions", "share of the peak"),
    ]
    parts.append(table(head, steps))
    head = ["", "painted", "to the first, s", "in all, s", "pictures a minute", "the second half"]
    parts.append(table(head, batches))
    return "\n\n".join(parts) + "\n"


def cells(row: Result, peak: float | None) -> list[str]:
    """Return the cells of one size. peak: measured operations a second, if known."""
    rate = row["operations"] / row.get("alone_s", row["step_s"]) if "operations" in row else None
    return [
        str(row["size"]),
        f"{1000 * row['step_s']:.2f}",
        f"{1000 * row['alone_s']:.2f}" if "alone_s" in row else "",
        f"{1000 * row['matching_s']:.1f}" if "matching_s" in row else "",
        f"{row['first_s']:.1f}",
        f"{row['picture_s']:.1f}" if "picture_s" in row else "",
        f"{row['whole'] / GIB:.2f}",
        f"{row['estimated'] / row['used']:.2f}" if "used" in row else "",
        f"{rate / 1e12:.1f}" if rate else "",
        f"{rate / peak:.1%}" if rate and peak else "",
    ]


if __name__ == "__main__":
    main()
