"""inetwork.py on small pictures in the current folder, and what it writes there."""

from functools import cache

import numpy as np
import pytest
from PIL import Image

from painterly.cli import asked as asked_module
from painterly.cli import picture
from painterly.cli.command import inetwork
from painterly.storage.files_bucket import FilesBucket

RANDOM = ["--weights", "random", "--device", "cpu"]
QUICK = ["--num_iter", "1", *RANDOM]
ONE, TWO = ["beach.jpg", "monet.jpg", "x"], ["beach.jpg", "monet.jpg", "klimt.png", "x"]


def asked(*words):
    """The picture that a command line asks for."""
    found = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asked_module, "paint_files", lambda pictures: found.extend(pictures) or 0)
        assert inetwork(words) == 0
    [args] = found
    return args


def order(*words):
    """The order that a command line makes of the files in the current folder."""
    args = asked(*words)
    settings = picture.settings_of(args)
    return picture.order_of(args, settings, {"VGG_WEIGHTS": "random"}, FilesBucket())


def grey(name, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(name)


@cache
def painted(*flags):
    """The picture that these flags paint."""
    size = () if {"--size", "--image_size"} & set(flags) else ("--image_size", "48")
    steps = () if "--num_iter" in flags else ("--num_iter", "4")
    assert inetwork([*ONE, *size, *RANDOM, *steps, *flags]) == 0
    return np.asarray(Image.open("x.png"))
