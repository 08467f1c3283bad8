"""inetwork.py on small pictures in the current folder, and what it writes there."""

import csv
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from styletransfer.cli import inetwork_arguments
from styletransfer.cli.inetwork import inetwork

QUICK = ["--num_iter", "1", "--weights", "random", "--device", "cpu"]
ONE, TWO = ["beach.jpg", "monet.jpg", "x"], ["beach.jpg", "monet.jpg", "klimt.png", "x"]


def grey(name, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(name)


def pixels(name):
    return np.asarray(Image.open(name), np.float32) / 255


DEFAULTS = vars(inetwork_arguments.parse_arguments([]))


def tries(*flags: str) -> Callable[..., Any]:
    """Marks a test of what these flags do. It fails where it does not give `inetwork` each of them,
    with another value than the default; test_inetwork_flags.py asks which flags no test is of."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def checked(*args: Any, **kwargs: Any) -> None:
            given, parse = set(), inetwork_arguments.parse_arguments

            def noted(words):
                found = parse(words)
                given.update(name for name, value in vars(found).items() if value != DEFAULTS[name])
                return found

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(inetwork_arguments, "parse_arguments", noted)
                test(*args, **kwargs)
            assert given >= set(flags), "not given, or only with their defaults"

        checked.tried_flags = frozenset(flags)
        return checked

    return decorate


def painted(*flags, pictures=tuple(ONE)):
    """The picture that these flags paint."""
    inetwork_arguments.parse_arguments(flags)  # So that they are noted for the cached ones, too.
    return _painted(flags, pictures)


@cache
def _painted(flags, pictures):
    size = () if {"--size", "--image_size"} & set(flags) else ("--image_size", "48")
    assert inetwork([*pictures, *size, *QUICK, "--num_iter", "4", *flags]) == 0
    return np.asarray(Image.open("x.png"))


def table(name="x.csv"):
    with Path(name).open() as file:
        return list(csv.DictReader(file))
