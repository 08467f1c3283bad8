"""`python -m training`: from a VGG and folders of pictures to a file of weights. See README.md."""

import argparse
import json
import logging
import os
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

# Idle threads of OpenMP wait without burning a processor that others want; before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from styletransfer.errors import WeightsError
from styletransfer.vgg.readers import read_weights
from styletransfer.vgg.registry import Weights
from styletransfer.vgg.sources import named_source, read_source
from training.export import TYPES, normalised, write
from training.loop import line, train
from training.pictures import batch, read_folders
from training.train import WIDTHS, Recipe, Trainer

logger = logging.getLogger("training")
SAMPLES = Path(__file__).parent.parent / "samples"
CALIBRATION_CROPS = 96
VGG_LICENCE = (
    "distilled from the VGG networks of Karen Simonyan and Andrew Zisserman "
    "(https://www.robots.ox.ac.uk/~vgg/research/very_deep/), CC BY 4.0"
)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command line. Returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        _distil(options)
    except (ValueError, OSError, WeightsError) as error:
        logger.error("%s", error)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m training",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--model", default="vgg16", choices=("vgg16", "vgg19"), help="of the teacher")
    add("--teacher", default="published", help="its weights: a file, or Keras' (published)")
    add("--widths", type=_widths, default=WIDTHS, help="as conv1_1=32,conv2_1=64,…")
    add("--start", type=Path, help="a file of weights to begin with, instead of the teacher")
    recipe = {each.name: each for each in fields(Recipe) if each.name != "widths"}
    for name, each in recipe.items():
        add(f"--{name}", type=type(each.default), default=each.default, help=HELP[name])
    add("--dtype", default="int8", choices=TYPES, help="of the kernels in the file")
    add_run_options(parser, "training-run", "network.npz")
    return parser


def add_run_options(parser: argparse.ArgumentParser, folder: str, output: str) -> None:
    """Adds the options of any training. folder and output: the usual ones."""
    cuda = torch.cuda.is_available()
    add = parser.add_argument
    add("pictures", nargs="*", type=Path, help="folders of photos and paintings, beside samples/")
    add("--folder", type=Path, default=Path(folder), help="of the checkpoint")
    add("--output", type=Path, default=Path(output), help="the file of weights")
    add("--device", default="cuda" if cuda else "cpu", help="cpu or cuda")
    add("--threads", type=int, help="that compute; all where unset")
    add("--workers", type=int, default=8 if cuda else 1, help="processes that crop pictures")


HELP = {
    "seed": "of every random number",
    "steps": "in all; a higher number goes on with a finished training",
    "crops": "of a step",
    "rate": "how far a step moves a kernel at first, relative to its size",
    "averaging": "decay of the running average of weights, which is the result",
}


def _widths(text: str) -> dict[str, int]:
    pairs = (each.split("=") for each in text.split(","))
    return {layer.strip(): int(width) for layer, width in pairs}


def _distil(options: argparse.Namespace) -> None:
    """Trains, and writes the averaged network."""
    given = {each.name: getattr(options, each.name) for each in fields(Recipe)}
    teacher = read_source(named_source(options.teacher, options.model), options.model, seed=0)
    pictures = read_folders([SAMPLES, *options.pictures])
    start = None if options.start is None else read_weights(options.start, options.model)
    device = torch.device(options.device)
    trainer = Trainer(
        Recipe(**given), teacher.kernels, pictures, device, start.kernels if start else None
    )
    train(trainer, options.folder, options.workers)
    export(trainer, teacher, options)


def export(trainer: Trainer, teacher: Weights, options: argparse.Namespace) -> None:
    """Normalises, scores and writes the averaged network."""
    images = batch((trainer.recipe.seed, 2**31 + 2), trainer.trained_on, CALIBRATION_CROPS)
    on_device = torch.from_numpy(images).to(trainer.device)
    layers, teacher_scale = normalised(trainer.averaged, trainer.teacher, on_device)
    scores = trainer.evaluate()
    recipe = {
        **asdict(trainer.recipe),
        "licence": VGG_LICENCE,
        "teacher": f"{options.model}, {teacher.identity}",
        "pictures": len(trainer.trained_on),
        **provenance(),
        "scores": {name: round(value, 4) for name, value in scores.items()},
    }
    write(options.output, layers, teacher_scale, recipe, options.dtype)
    size = options.output.stat().st_size
    logger.info("wrote %s, %d bytes, %s", options.output, size, line(scores))
    logger.info("%s", json.dumps(recipe))


def provenance() -> dict[str, str]:
    """The git commit of this code, empty outside a repository."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {"commit": found.stdout.strip(), "torch": torch.__version__}


if __name__ == "__main__":
    sys.exit(main())
