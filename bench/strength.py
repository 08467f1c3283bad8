"""Accuracy of `strength`: the distance of results from their photos, over photos, paintings and
sizes.

    python bench/strength.py --photos FILE… --paintings FILE… [--sizes 128 181 256]
        [--strength 0.5] [--iterations 60] [--weights random]

The distance is ‖F − P‖²/‖P − mean P‖² at the content layer, with F of the result (the average
of iterates) and P of the photo at its size. The variance that the photo lacks next to the painting
is added twice to its own. It is recomputed in float32. Prints one table: a row for each photo and
painting, a column for each size.
"""

import argparse
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import tensorflow as tf
from common import pixels, table

from painterly import Settings, load_vgg, stylize
from painterly.engine.groups import groups_of
from painterly.engine.paintings import Paintings
from painterly.engine.sums import spread
from painterly.engine.tensors import resample, to_batch
from painterly.engine.view import View
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
    layer, result = settings.content_layer, to_batch(step.image)
    view = View.of(replace(settings, precision="float32"), vgg)
    size = tuple(result.shape[1:3])
    ours, photos = (
        view.features(each, [layer])[layer] for each in (result, resample(to_batch(photo), size))
    )
    groups = groups_of(Paintings([painting]), view, size)
    norm = view.losses.content_norm(spread(photos, None), groups, size)
    return float(tf.reduce_sum((ours - photos) ** 2)) / float(norm)


if __name__ == "__main__":
    main()
