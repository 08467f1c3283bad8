"""The ready styles that are not by painters: a program draws them."""

import importlib
from pathlib import Path

import numpy as np
from PIL import Image

from painterly.settings.ready_styles import path, tables, title

DRAWING = Path(__file__).parents[2] / "drawing"
SCALE = 0.1


def forms(picture: Image.Image) -> np.ndarray:
    """Return a picture's large forms: the mean colours of a grid of 6 × 8 fields."""
    return np.asarray(picture.resize((8, 6), Image.Resampling.BOX), float)


def test_the_program_draws_the_styles_that_are_committed(monkeypatch):
    monkeypatch.syspath_prepend(DRAWING)  # As the program runs.
    draw = importlib.import_module("draw")
    by_nobody = {name for name in tables() if title(name).artist is None}
    assert draw.SAMPLES.keys() == {path(name).name for name in by_nobody}
    for name, function in draw.SAMPLES.items():
        drawn = function(SCALE)
        assert drawn.dtype == np.uint8
        with Image.open(draw.STYLES / name) as painting:
            width, height = painting.size
            assert drawn.shape == (round(height * SCALE), round(width * SCALE), 3)
            difference = np.abs(forms(Image.fromarray(drawn)) - forms(painting.convert("RGB")))
        assert difference.mean() < 15, name  # it is above 25 for any two of the samples
