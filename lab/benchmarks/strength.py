"""Accuracy of `strength`: the distance of results from their photos, over photos, paintings and
sizes.

    python lab/benchmarks/strength.py --photos FILE… --paintings FILE… [--sizes 128 181 256]
        [--strength 0.5] [--iterations 60] [--weights random]

The distance is the content error that `strength` steers, of the result (the average of iterates,
rebuilt from patches) and of the photo at its size, recomputed in float32. Prints one table: a row
for each photo and painting, a column for each size.
"""

import argparse
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from common import pixels, table

from painterly import Settings, load_vgg, objective, stylize
from painterly.engine.picture import picture_size
from painterly.engine.schedule import painting_size
from painterly.images.arrays import resize, to_float
from painterly.vgg.network import VGG


def main() -> None:
    """Paint all of them, and print the table and its summary."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--paintings", type=Path, nargs="+", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 181, 256], help="px")
    parser.add_argument("--strength", type=float, default=0.5)
    parser.add_argument("--iterations", type=int, default=60, help="as the setting")
    parser.add_argument("--weights", default="random", help="a name or a file")
    args = parser.parse_args()
    vgg = load_vgg("vgg19", args.weights)
    rows, found = [], []
    for photo, painting in product(args.photos, args.paintings):
        row = []
        for size in args.sizes:
            settings = Settings(size=size, strength=args.strength, iterations=args.iterations)
            row.append(distance(pixels(photo), pixels(painting), settings, vgg))
        found += row
        rows.append([photo.stem, painting.stem, *(f"{each:.3f}" for each in row)])
        print(rows[-1], file=sys.stderr)
    print(table(["photo", "painting", *(f"{size} px" for size in args.sizes)], rows))
    print(
        f"\nstrength {args.strength:g}: mean {np.mean(found):.3f}, standard deviation "
        f"{np.std(found):.3f}, from {min(found):.3f} to {max(found):.3f}; {len(found)} pictures "
        f"with weights {vgg.identity}, {args.iterations} iterations"
    )


def distance(photo: np.ndarray, painting: np.ndarray, settings: Settings, vgg: VGG) -> float:
    """Return the distance of one result from its photo."""
    for step in stylize(photo, [painting], settings, vgg):  # noqa: B007
        pass
    size = picture_size(step.image)
    seen = painting_size(*picture_size(painting), max(size), settings.stroke_size)
    at_size = [resize(to_float(photo), *size), resize(to_float(painting), *seen)]
    measured = replace(settings, precision="float32", content_weight=1.0)
    terms, _ = objective(step.image, at_size[0], at_size[1:], measured, vgg)
    return terms["content"]


if __name__ == "__main__":
    main()
