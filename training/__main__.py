"""`python -m training`: from nothing to a file of weights. See training/README.md."""

import argparse
import json
import logging
import os
import sys
from dataclasses import asdict, fields
from pathlib import Path

# Idle threads of OpenMP wait without burning a processor that others want; before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from PIL import Image

from styletransfer.errors import WeightsError
from training import export, scenes
from training.fold import COLOUR_CHANNELS, Layers, random_layers
from training.network import SKETCH_WIDTHS
from training.score import Scores, score_network, table
from training.train import CHECKPOINT, Recipe, Trainer, provenance, train

logger = logging.getLogger("training")
FOLDER = Path("training-run")
SCORE_SIZE = 128  # px, of the longer side


def main(arguments: list[str] | None = None) -> int:
    """Runs one command line. Returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        options.run(options)
    except (ValueError, OSError, WeightsError) as error:
        logger.error("%s", error)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m training", description=__doc__)
    parser.add_argument("--threads", type=int, help="that compute (default: all)")
    commands = parser.add_subparsers(dest="command")
    recipe, machine, file = _recipe_defaults(), _machine_defaults(), _file_defaults()
    parser.set_defaults(run=_all, folder=FOLDER, **(recipe | machine | file))

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        sub.set_defaults(run=run)
        return sub

    for name, run, options, text in (
        ("all", _all, recipe | machine | file, "train, score and write the file (the default)"),
        ("train", _train, recipe | machine, "train to the last step, from the checkpoint if any"),
        ("export", _export, file, "score and write the checkpoint's network"),
    ):
        sub = command(name, run, text)
        sub.add_argument("--folder", **_argument("folder", FOLDER))
        for option, default in options.items():
            sub.add_argument(f"--{option.replace('_', '-')}", **_argument(option, default))
    sub = command("score", _score, "score files of weights beside random features")
    sub.add_argument("files", nargs="+", type=Path)
    sub.add_argument(
        "--size", type=int, default=SCORE_SIZE, help="longer side of the pictures, in px"
    )
    sub.add_argument("--steps", type=int, default=60, help="of each synthesis")
    sub = command("scenes", _show_scenes, "draw some scenes to look at")
    sub.add_argument("output", type=Path, nargs="?", default=Path("scenes.png"))
    sub.add_argument("--seed", type=int, default=0)
    return parser


def _recipe_defaults() -> dict[str, object]:
    return {each.name: each.default for each in fields(Recipe)}


def _machine_defaults() -> dict[str, object]:
    if torch.cuda.is_available():
        return {"device": "cuda", "workers": max(1, (os.cpu_count() or 2) - 2)}
    return {"device": "cpu", "workers": 1}


def _file_defaults() -> dict[str, object]:
    return {
        "output": Path("sketch.npz"),
        "dtype": "int8",
        "colour_channels": COLOUR_CHANNELS,
        "score_steps": 60,
    }


def _argument(name: str, default: object) -> dict[str, object]:
    helps = {
        "widths": "trained channels of blocks 1 to 5",
        "scenes": "per step, each seen in two views",
        "pool": "textures at hand at a time",
        "rate": "learning rate",
        "averaging": "decay of the running average of weights, which is the result",
        "folder": "of the checkpoint",
        "workers": "processes that draw scenes",
        "dtype": f"of the kernels in the file: {', '.join(export.TYPES)}",
        "score_steps": "of each synthesis that the file is scored by; 0: no scores",
    }
    text = helps.get(name, name.replace("_", " "))
    if name == "widths":
        return {"nargs": 5, "type": int, "default": SKETCH_WIDTHS, "help": text}
    return {"type": type(default), "default": default, "help": text}


def _recipe(options: argparse.Namespace) -> Recipe:
    values = {each.name: getattr(options, each.name) for each in fields(Recipe)}
    return Recipe(**{**values, "widths": tuple(options.widths)})


def _train(options: argparse.Namespace) -> Trainer:
    return train(_recipe(options), options.folder, torch.device(options.device), options.workers)


def _all(options: argparse.Namespace) -> None:
    _write(options, _train(options))


def _export(options: argparse.Namespace) -> None:
    _write(options, Trainer.from_checkpoint(options.folder / CHECKPOINT, torch.device("cpu")))


def _write(options: argparse.Namespace, trainer: Trainer) -> None:
    """Folds, normalises, scores and writes the averaged network."""
    images = export.calibration_images()
    layers = export.finished(trainer.averaged.folded(), options.colour_channels, images)
    recipe = {
        **asdict(trainer.recipe),
        "steps": trainer.step,
        "colour_channels": options.colour_channels,
        "views": 2 * trainer.step * trainer.recipe.scenes,
        **provenance(),
        "tasks": {name: round(value, 4) for name, value in trainer.evaluate().items()},
    }
    if options.score_steps:
        recipe["scores"] = score_network(layers, SCORE_SIZE, options.score_steps).as_dict()
    export.write(options.output, layers, recipe, options.dtype)
    size = options.output.stat().st_size
    logger.info("wrote %s, %d bytes, %s", options.output, size, json.dumps(recipe))


def _score(options: argparse.Namespace) -> None:
    images = export.calibration_images()
    networks: dict[str, Layers] = {
        "random": export.finished(random_layers(SKETCH_WIDTHS, 0), COLOUR_CHANNELS, images)
    }
    for path in options.files:
        networks[path.name] = export.read(path)[0]
    found: dict[str, Scores] = {}
    for name, layers in networks.items():
        found[name] = score_network(layers, options.size, options.steps)
    print(table(found))


def _show_scenes(options: argparse.Namespace) -> None:
    drawn = next(scenes.batches(options.seed, range(1), 24))
    outline = np.repeat(drawn.outline[..., None], 3, axis=-1)
    rows = [
        np.concatenate(list(pictures[first : first + 8]), axis=1)
        for first in range(0, 24, 8)
        for pictures in (drawn.image, outline)
    ]
    Image.fromarray(np.concatenate(rows)).save(options.output)


if __name__ == "__main__":
    sys.exit(main())
