"""inetwork.py on small pictures in the current folder, and what it writes there."""

from functools import cache

import numpy as np
from PIL import Image

from painterly.cli import arguments
from painterly.cli.command import inetwork
from painterly.cli.picture_order import order_of
from painterly.configuration.flags import Work
from painterly.storage.files_bucket import FilesBucket

QUICK = ["--num_iter", "1", "--weights", "random", "--device", "cpu"]
ONE, TWO = ["beach.jpg", "monet.jpg", "x"], ["beach.jpg", "monet.jpg", "klimt.png", "x"]


def order(*words):
    """The order that a command line makes of the files in the current folder."""
    painter = arguments.parser(Work.PICTURE, arguments.INETWORK)
    args = arguments.of_work(painter, arguments.parsed(painter, words), Work.PICTURE)
    return order_of(args, {"VGG_WEIGHTS": "random"}, FilesBucket())


def exit_code(words):
    """The exit code of inetwork.py, which a wrong flag ends at once."""
    try:
        return inetwork(words)
    except SystemExit as ended:
        return ended.code


def grey(name, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(name)


@cache
def painted(*flags):
    """The picture that these flags paint."""
    size = () if {"--size", "--image_size"} & set(flags) else ("--image_size", "48")
    assert inetwork([*ONE, *size, *QUICK, "--num_iter", "4", *flags]) == 0
    return np.asarray(Image.open("x.png"))
