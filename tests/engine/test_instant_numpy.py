"""Recipe instant in NumPy, compared with TensorFlow's."""

import dataclasses

import numpy as np
import pytest
from support.pictures import psnr, sample_bytes
from support.tiny import last

from styletransfer import Settings, load_vgg, stylize
from styletransfer.engine import instant_numpy, neighbours
from styletransfer.vgg.network import NetworkOptions

USUAL = Settings(preset="instant", size=256, precision="float32")
REPLICATED = NetworkOptions(padding="replicate")


@pytest.fixture(scope="module")
def vgg():
    return load_vgg()


@pytest.fixture(scope="module")
def photo():
    return sample_bytes("photos/landscape.jpg")[40:136]


@pytest.fixture(scope="module")
def mosaic():
    return sample_bytes("paintings/mosaic.jpg", 200)[:120]


@pytest.fixture
def compared_alike(monkeypatch):
    """Places are compared in all directions; both would otherwise choose others at random."""
    monkeypatch.setattr(neighbours, "MATCHED_DIRECTIONS", 608)
    monkeypatch.setattr(instant_numpy, "MATCHED_DIRECTIONS", 608)


@pytest.mark.parametrize(
    "changes",
    [
        {"strength": 0.3},
        {"size": 160, "stroke_size": 1.5, "preserve_color": True},
    ],
    ids=str,
)
def test_the_whole_picture_is_much_the_same(vgg, photo, mosaic, compared_alike, changes):
    settings = USUAL.replaced(changes)
    wanted = last(stylize(photo, [mosaic], settings, vgg)).image
    found = instant_numpy.painted(photo, mosaic, settings)
    assert found.shape == wanted.shape and found.dtype == np.float32
    assert psnr(found, wanted) > 40


def test_a_tiny_photo_and_a_narrow_painting_are_painted(photo):
    settings = dataclasses.replace(USUAL, size=32)
    found = instant_numpy.painted(photo[:20, :5], photo[:90, :3], settings)
    assert found.shape == (32, 8, 3) and 0 <= found.min() <= found.max() <= 1
