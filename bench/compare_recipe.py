"""Compares this engine with crowsonkb's style-transfer-pytorch on the same photo and painting.

    python bench/compare_recipe.py --photo FILE --painting FILE --torch-python PYTHON --out FOLDER
        [--size 512] [--iterations N] [--weights random] [--ours NAME=VALUE …] [--device cpu|gpu]

Theirs is bench/pytorch_recipe.py, in an environment of its own with bench/requirements.txt; ours is
`stylize` with its default settings or those of --ours. Both use the same weights, and one after the
other the same cores or GPU, each with its default number of steps unless --iterations is given.
Only the painting is timed. Both results are evaluated by *their* loss.

FOLDER receives the pictures, comparison.png (photo | painting | theirs | ours) and the table,
comparison.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from markdown_page import table
from repository import REPOSITORY

RECIPE = REPOSITORY / "bench" / "pytorch_recipe.py"
SAME_NETWORK = 1e-4  # of a layer's largest feature: the two libraries' rounding may differ


def main() -> None:
    """Paints both, writes the files, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--painting", type=Path, required=True)
    parser.add_argument("--torch-python", required=True, help="Python of the PyTorch environment")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--size", type=int, default=512, help="longer side in px")
    parser.add_argument("--iterations", type=int, help="for both; theirs at each scale")
    parser.add_argument(
        "--ours", nargs="+", default=[], metavar="NAME=VALUE", help="settings of ours"
    )
    parser.add_argument("--weights", default="random", help="a file of VGG19, or random")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    args = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    args.out.mkdir(parents=True, exist_ok=True)
    load, cores = os.getloadavg()[0], os.cpu_count()
    if load > cores / 4:
        print(f"load {load:.1f} on {cores} cores: the times will be unreliable", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        compare(args, Path(folder))


def compare(args: argparse.Namespace, folder: Path) -> None:
    """Runs one comparison; both sides share `folder`."""
    from styletransfer.devices.native_stderr import hold_native_stderr

    with hold_native_stderr():
        from styletransfer import Settings
        from styletransfer.devices import tensorflow
        from styletransfer.images import arrays, decode
        from styletransfer.images.encode import encode
        from styletransfer.images.output import OutputFormat
        from styletransfer.vgg.download import find
        from styletransfer.vgg.network import VGG
        from styletransfer.vgg.random_weights import random_weights
        from styletransfer.vgg.readers import read_weights

        computer = tensorflow.choose_devices(args.device)
    weights = (
        random_weights("vgg19", seed=0)
        if args.weights == "random"
        else read_weights(find("vgg19", args.weights), "vgg19")
    )
    vgg = VGG(weights)
    kernels = {f"{layer}_W": kernel for layer, (kernel, _) in weights.kernels.items()}
    biases = {f"{layer}_b": bias for layer, (_, bias) in weights.kernels.items()}
    np.savez(folder / "vgg.npz", mean=weights.mean, **kernels, **biases)
    photo, painting = (
        decode.decode(path.read_bytes(), path.name).pixels for path in (args.photo, args.painting)
    )
    np.save(folder / "photo.npy", photo)
    np.save(folder / "painting.npy", painting)
    steps = {} if args.iterations is None else {"iterations": args.iterations}
    how = {"size": args.size, "device": args.device, **steps}
    chosen = [f"--{name}={value}" for name, value in how.items()]

    check_network(vgg, args.torch_python, folder)
    theirs = recipe(args.torch_python, "paint", folder, *chosen)
    settings = Settings(recipe="moments", size=args.size, **steps).replaced(
        dict(each.split("=", 1) for each in args.ours)
    )
    ours = paint(photo, painting, settings, vgg, folder)
    losses = recipe(args.torch_python, "loss", folder)

    results = {name: np.load(folder / f"{name}.npy") for name in ("theirs", "ours")}
    for name, result in results.items():
        (args.out / f"{name}.png").write_bytes(encode(result, OutputFormat("png")))
    height = results["ours"].shape[0]
    row = [
        arrays.resize(picture, height, round(picture.shape[1] * height / picture.shape[0]))
        for picture in (photo, painting, *results.values())
    ]
    gap = np.ones((height, 8, 3), np.float32)
    side_by_side = np.concatenate([part for each in row for part in (gap, each)][1:], axis=1)
    (args.out / "comparison.png").write_bytes(encode(side_by_side, OutputFormat("png")))
    heading = (
        f"{args.photo.name} by {args.painting.name}, {args.size} px, weights {vgg.identity}\n\n"
        "![photo, painting, theirs, ours](comparison.png)\n\n"
    )
    text = compared(theirs, ours | {"computer": f"TensorFlow, {computer}"}, losses)
    (args.out / "comparison.md").write_text(f"{heading}{text}\n")
    print(f"\n{text}")


def recipe(python: str, task: str, folder: Path, *options: str) -> dict[str, Any]:
    """The result of a task of the recipe; its progress goes to stderr."""
    done = subprocess.run(
        [python, str(RECIPE), task, str(folder), *options],
        # Each thread on a core of its own: two threads on one core spin while they wait for each
        # other, and a step takes twenty times as long.
        env={"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"} | os.environ,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def check_network(vgg: Any, python: str, folder: Path) -> None:
    """Exits unless both sides compute the same features of the photo at 128 px, with zero
    padding."""
    recipe(python, "features", folder, "--size=128")
    with np.load(folder / "features.npz") as file:
        found = dict(file)
    for layer, ours in vgg.features(found.pop("photo"), list(found)).items():
        difference = np.abs(found[layer] - ours).max() / ours.max()
        if difference > SAME_NETWORK:
            sys.exit(f"the two networks differ at {layer}, by {difference:.1e} of its maximum")


def paint(
    photo: np.ndarray, painting: np.ndarray, settings: Any, vgg: Any, folder: Path
) -> dict[str, Any]:
    """Paints with the engine into ours.npy. One-time costs of the process are not timed."""
    from styletransfer import Settings, stylize

    for step in stylize(photo, [painting], Settings(size=32, iterations=1), vgg):
        step.image  # noqa: B018  Computed when read.
    ends: dict[int, list[float]] = {}
    started, used = time.perf_counter(), time.process_time()
    for step in stylize(photo, [painting], settings, vgg):
        ends.setdefault(step.scale, []).append(time.perf_counter())
        if step.iteration % 50 == 0:
            print(f"{step.scale} px, step {step.iteration} of {step.total}", file=sys.stderr)
    result = step.image
    seconds, used = time.perf_counter() - started, time.process_time() - used
    np.save(folder / "ours.npy", result)
    return {
        "seconds": seconds,
        "processor_s": used,
        "steps": sum(map(len, ends.values())),
        "step_s": median(b - a for a, b in pairwise(ends[settings.size])),
    }


def compared(theirs: dict, ours: dict, losses: dict[str, dict[str, float]]) -> str:
    """The times of both, and their loss of the photo itself and of both results, in Markdown."""
    times = [
        ("computed by", "–", theirs["computer"], ours["computer"]),
        ("painting, s", "–", f"{theirs['seconds']:.1f}", f"{ours['seconds']:.1f}"),
        ("processor time, s", "–", f"{theirs['processor_s']:.1f}", f"{ours['processor_s']:.1f}"),
        ("steps", "–", f"{theirs['steps']}", f"{ours['steps']}"),
        ("a step at the last scale, s", "–", f"{theirs['step_s']:.3f}", f"{ours['step_s']:.3f}"),
    ]
    terms = [
        (f"their loss: {term}", *(f"{losses[name][term]:.5f}" for name in losses))
        for term in losses["photo"]
    ]
    return table(("", "the photo itself", "theirs", "ours"), [*times, *terms])


if __name__ == "__main__":
    main()
