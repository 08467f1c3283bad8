"""`python -m lab.training`: from a VGG and pictures to a file of weights. See README.md."""

import argparse
import sys

import torch

from lab.training.command import SAMPLES, parser, recipe_of, run
from lab.training.crops import read_folders
from lab.training.train import WIDTHS, Recipe, Trainer
from painterly.vgg.sources import named_source, read_source

VGG_LICENCE = (
    "distilled from the VGG networks of Karen Simonyan and Andrew Zisserman "
    "(https://www.robots.ox.ac.uk/~vgg/research/very_deep/), CC BY 4.0"
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command line. Returns the exit code."""
    options = parser("python -m lab.training", __doc__, Recipe, "network")
    add = options.add_argument
    add("--model", default="vgg16", choices=("vgg16", "vgg19"), help="of the teacher")
    add("--teacher", default="published", help="its weights: a file, or Keras' (published)")
    add("--widths", type=_widths, default=WIDTHS, help="as conv1_1=32,conv2_1=64,…")
    return run(options.parse_args(arguments), _begin)


def _widths(text: str) -> dict[str, int]:
    pairs = (each.split("=") for each in text.split(","))
    return {layer.strip(): int(width) for layer, width in pairs}


def _begin(options: argparse.Namespace) -> tuple[Trainer, dict[str, str]]:
    teacher = read_source(named_source(options.teacher, options.model), options.model, seed=0)
    pictures = read_folders([*SAMPLES, *options.pictures])
    recipe, device = recipe_of(options, Recipe), torch.device(options.device)
    trainer = Trainer(recipe, teacher.kernels, pictures, device)
    return trainer, {"licence": VGG_LICENCE, "teacher": f"{options.model}, {teacher.identity}"}


if __name__ == "__main__":
    sys.exit(main())
