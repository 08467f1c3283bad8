"""Recipe instant in NumPy, compared with TensorFlow's."""

import dataclasses

import numpy as np
import pytest
from support.pictures import psnr, sample_bytes
from support.tiny import last

from styletransfer import Settings, stylize
from styletransfer.engine import instant_numpy, neighbours

USUAL = Settings(preset="instant", size=256, precision="float32")
PHOTO = sample_bytes("photos/landscape.jpg")[40:136]
MOSAIC = sample_bytes("paintings/mosaic.jpg", 200)[:120]


@pytest.mark.parametrize(
    "changes",
    [
        {"strength": 0.3},
        {"size": 160, "stroke_size": 1.5, "preserve_color": True},
    ],
    ids=str,
)
def test_the_whole_picture_is_much_the_same(builtin, monkeypatch, changes):
    for module in (neighbours, instant_numpy):  # Both would compare in directions chosen at random.
        monkeypatch.setattr(module, "MATCHED_DIRECTIONS", 608)
    settings = USUAL.replaced(changes)
    wanted = last(stylize(PHOTO, [MOSAIC], settings, builtin)).image
    found = instant_numpy.painted(PHOTO, MOSAIC, settings)
    assert found.shape == wanted.shape and found.dtype == np.float32
    assert psnr(found, wanted) > 40


def test_a_tiny_photo_and_a_narrow_painting_are_painted():
    settings = dataclasses.replace(USUAL, size=32)
    found = instant_numpy.painted(PHOTO[:20, :5], PHOTO[:90, :3], settings)
    assert found.shape == (32, 8, 3) and 0 <= found.min() <= found.max() <= 1
