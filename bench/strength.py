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
import os
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from styletransfer import Settings
    from styletransfer.vgg.network import VGG

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> None:
    """Paints all of them, and prints the table and its summary."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--paintings", type=Path, nargs="+", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 181, 256], help="px")
    parser.add_argument("--strength", type=float, default=0.5)
    parser.add_argument("--iterations", type=int, default=60, help="as the setting")
    parser.add_argument("--weights", default="random", help="a name or a file")
    args = parser.parse_args()

    from styletransfer import Settings, load_vgg
    from styletransfer.images.decode import decode

    vgg = load_vgg("vgg19", args.weights)
    photos, paintings = (
        {path.stem: decode(path.read_bytes(), path.name).pixels for path in paths}
        for paths in (args.photos, args.paintings)
    )
    print(f"| photo | painting | {' | '.join(f'{size} px' for size in args.sizes)} |")
    print(f"| --- | --- |{' --- |' * len(args.sizes)}")
    found, started = [], time.perf_counter()
    for photo, painting in product(photos, paintings):
        row = []
        for size in args.sizes:
            settings = Settings(size=size, strength=args.strength, iterations=args.iterations)
            row.append(distance(photos[photo], paintings[painting], settings, vgg))
        found += row
        print(f"| {photo} | {painting} | {' | '.join(f'{each:.3f}' for each in row)} |", flush=True)
    mean, spread = np.mean(found), np.std(found)
    print(
        f"\nstrength {args.strength:g}: mean {mean:.3f}, standard deviation {spread:.3f}, "
        f"from {min(found):.3f} to {max(found):.3f}; {len(found)} pictures with weights "
        f"{vgg.identity}, {args.iterations} iterations, {time.perf_counter() - started:.0f} s"
    )


def distance(photo: np.ndarray, painting: np.ndarray, settings: "Settings", vgg: "VGG") -> float:
    """The distance of one result from its photo."""
    import tensorflow as tf

    from styletransfer import stylize
    from styletransfer.engine.losses import spread
    from styletransfer.engine.objective import Objective
    from styletransfer.engine.pyramid import resample, to_batch
    from styletransfer.engine.style_targets import StyleTargets

    for step in stylize(photo, [painting], settings, vgg):  # noqa: B007
        pass
    layer, result = settings.content_layer, to_batch(step.image)
    objective = Objective.of(replace(settings, precision="float32"), vgg)
    size = tuple(result.shape[1:3])
    ours, photos = (
        objective.features(each, [layer])[layer]
        for each in (result, resample(to_batch(photo), size))
    )
    groups = StyleTargets([painting]).groups(objective, size)
    norm = objective.losses.content_norm(spread(photos, None), groups, size)
    return float(tf.reduce_sum((ours - photos) ** 2)) / float(norm)


if __name__ == "__main__":
    main()
