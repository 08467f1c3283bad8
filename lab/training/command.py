"""The command line that both trainings share, and what their files say of their making."""

import argparse
import json
import logging
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TypeVar

import torch

from lab.training.loop import Recipe, Training, line, train
from painterly.errors import WeightsError

logger = logging.getLogger("training")
_ROOT = Path(__file__).parents[2]
SAMPLES = (_ROOT / "samples", _ROOT / "painterly/styles")
HELP = {
    "seed": "of every random number",
    "steps": "in all; a higher number goes on with a finished training",
    "crops": "of a step",
    "rate": "how far a step moves a kernel at first, relative to its size",
    "averaging": "decay of the running average of weights, which is the result",
}
AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


def parser(
    program: str, about: str | None, recipe: type[Recipe], output: str
) -> argparse.ArgumentParser:
    """Return the options of any training: those of its recipe in HELP, pictures, and files."""
    found = argparse.ArgumentParser(
        program, description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    cuda = torch.cuda.is_available()
    add = found.add_argument
    for name, text in HELP.items():
        default = getattr(recipe, name)
        add(f"--{name}", type=type(default), default=default, help=text)
    add(
        "pictures",
        nargs="*",
        type=Path,
        help="folders of photos and paintings, beside samples/ and the ready styles",
    )
    add("--folder", type=Path, default=Path("training-run") / output, help="of the checkpoint")
    add("--output", type=Path, default=Path(f"{output}.npz"), help="the file of weights")
    add("--device", default="cuda" if cuda else "cpu", help="cpu or cuda")
    add("--workers", type=int, default=8 if cuda else 1, help="processes that crop pictures")
    return found


def recipe_of(options: argparse.Namespace, recipe: type[AnyRecipe]) -> AnyRecipe:
    """Return the recipe that the options give."""
    return recipe(**{each.name: getattr(options, each.name) for each in fields(recipe)})


def run(
    options: argparse.Namespace,
    begin: Callable[[argparse.Namespace], tuple[Training, Mapping[str, str]]],
) -> int:
    """Train, score and write the averaged network.

    Args:
        options: The command line.
        begin: Makes the training, and the sources that its file names.

    Returns:
        The exit code.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        training, sources = begin(options)
        train(training, options.folder, options.workers)
        scores = training.evaluate()
        recipe = {
            **asdict(training.recipe),
            **sources,
            "pictures": len(training.trained_on),
            "commit": commit(),
            "torch": torch.__version__,
            "scores": {name: round(value, 4) for name, value in scores.items()},
        }
        training.write(options.output, recipe)
    except (ValueError, OSError, WeightsError) as error:
        logger.error("%s", error)
        return 2
    logger.info("wrote %s, %s", options.output, line(scores))
    logger.info("%s", json.dumps(recipe))
    return 0


def commit() -> str:
    """Return the git commit of this code, empty outside a repository."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()
