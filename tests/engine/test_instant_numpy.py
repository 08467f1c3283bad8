"""Recipe instant in NumPy, compared with TensorFlow's."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.pictures import psnr, sample_bytes
from support.tiny import last

from styletransfer import Settings, load_vgg, stylize
from styletransfer.engine import constants, instant_numpy, neighbours
from styletransfer.engine.canvas import Canvas
from styletransfer.engine.decoder import decoder
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


def on_canvas(image):
    image = tf.constant(np.float32(image)[None] / 255)
    return Canvas.around(tuple(image.shape[1:3])).padded(image)


def places_of(vgg, image):
    """As TensorFlow computes them."""
    found = vgg.forward(image, constants.MATCHED_LAYERS, REPLICATED)
    layers = {layer: neighbours.places(layer, each) for layer, each in found.items()}
    return layers | {neighbours.PIXELS: tf.nn.space_to_depth(image, constants.PLACE)[0]}


def test_places_have_the_same_features_and_pixels(vgg, photo):
    image = on_canvas(photo)
    *expected, pixels = places_of(vgg, image).values()
    found = instant_numpy.places(image[0].numpy())
    assert len(found.layers) == len(expected) == 5
    for own, wanted in zip(found.layers, expected, strict=True):
        assert np.abs(own - wanted).max() < 1e-4 * np.max(wanted)
    assert np.array_equal(found.pixels, pixels)


def test_places_find_the_same_matches(vgg, photo, mosaic, compared_alike):
    images = [on_canvas(each) for each in (mosaic, photo)]
    painting, picture = (places_of(vgg, each) for each in images)
    grid = painting["conv3_1"].shape[:2]
    candidates = neighbours.candidates([lambda _: iter([painting])], [np.ones(grid, bool)], 608)
    picture.pop(neighbours.PIXELS)
    index = neighbours.index_of(candidates)
    wanted = neighbours.nearest(index, lambda _: iter([dict(picture)]))
    places = [instant_numpy.places(each[0].numpy()) for each in images]
    found = instant_numpy.nearest(*places)
    assert (found == wanted.numpy()).mean() > 0.995  # The rest are as near: rounding decides.


def test_the_decoder_makes_the_same_of_the_same_matches(vgg, mosaic):
    places = places_of(vgg, on_canvas(mosaic))
    pixels = places.pop(neighbours.PIXELS)
    shuffled = np.random.default_rng(0).permutation(pixels.shape[0])
    pixels = tf.gather(pixels, shuffled)
    features = tf.gather(tf.concat(list(places.values()), -1), shuffled)
    wanted = decoder()(decoder().joined(features, pixels)[None], pixels[None])[0]
    found = instant_numpy.decoded(features.numpy(), pixels.numpy())
    assert found.dtype == np.float32 and np.abs(found - wanted).max() < 1e-3


@pytest.mark.parametrize(
    "changes",
    [
        {},
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
