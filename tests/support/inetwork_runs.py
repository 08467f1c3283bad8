"""inetwork.py on small pictures in the current folder, and what it writes there."""

from functools import cache

import numpy as np
from PIL import Image

from painterly.cli.picture import inetwork

QUICK = ["--num_iter", "1", "--weights", "random", "--device", "cpu"]
ONE, TWO = ["beach.jpg", "monet.jpg", "x"], ["beach.jpg", "monet.jpg", "klimt.png", "x"]


def grey(name, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(name)


@cache
def painted(*flags):
    """The picture that these flags paint."""
    size = () if {"--size", "--image_size"} & set(flags) else ("--image_size", "48")
    assert inetwork([*ONE, *size, *QUICK, "--num_iter", "4", *flags]) == 0
    return np.asarray(Image.open("x.png"))
