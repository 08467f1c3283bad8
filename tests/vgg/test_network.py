"""Features against keras.applications with the same weights, and the random network."""

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support import fabricated
from support.painted import as_before
from support.tiny import features, picture

from painterly import load_vgg
from painterly.vgg import architectures
from painterly.vgg.architectures import random_identity
from painterly.vgg.network import VGG
from painterly.vgg.random_weights import calibration_photo, random_weights
from painterly.vgg.sources import read_weights

REPO = Path(__file__).parents[2]
# Shallow to deep, each block at least once.
COMPARED = {
    "vgg19": ("conv1_1", "conv1_2", "conv2_2", "conv3_4", "conv4_1", "conv5_1", "conv5_4"),
    "vgg16": ("conv1_1", "conv2_1", "conv3_3", "conv4_2", "conv5_3"),
}


@pytest.fixture(scope="module")
def odd_image():
    """A picture of odd sides."""
    return picture(75, 101)


@pytest.mark.thorough
@pytest.mark.parametrize("model", ["vgg16", "vgg19"])
def test_features_and_files_equal_kerass(model, odd_image, tmp_path):
    """With fabricated weights in the published form, and as Keras saves them. The published files
    have the address and the checksum that Keras expects."""
    import keras  # Takes seconds, which the other tests need not wait.

    path, published = tmp_path / "published.h5", getattr(keras.applications, model)
    fabricated.save_h5(path, fabricated.weights(model))
    network = getattr(keras.applications, model.upper())(include_top=False, weights=str(path))
    source = importlib.import_module(f"keras.src.applications.{model}")
    assert architectures.ARCHITECTURES[model].url == source.WEIGHTS_PATH_NO_TOP
    assert architectures.ARCHITECTURES[model].md5 in inspect.getsource(source)
    layers = COMPARED[model]
    outputs = [network.get_layer(f"block{each[4]}_conv{each[6]}").output for each in layers]
    batch = published.preprocess_input(odd_image[None] * 255.0)
    wanted = keras.Model(network.input, outputs)(batch)
    found = features(load_vgg(model, path), odd_image, layers)
    for layer, expected in zip(layers, wanted, strict=True):
        feature, expected = found[layer], expected.numpy()[0]
        assert (feature.dtype, feature.shape) == (np.float32, expected.shape)
        peak = np.abs(expected).max()
        assert np.isfinite(peak) and peak > 0
        assert np.abs(feature - expected).max() <= 1e-4 * peak, layer
    if model == "vgg16":
        network.save(tmp_path / "whole.h5")
        network.save_weights(tmp_path / "keras3.weights.h5")
        kernels = read_weights(path, model).kernels
        for name in ("whole.h5", "keras3.weights.h5"):
            saved = read_weights(tmp_path / name, model).kernels
            for layer, arrays in kernels.items():
                for expected, own in zip(arrays, saved[layer], strict=True):
                    np.testing.assert_array_equal(own, expected)


def test_a_wrong_layer_or_model_is_named(tiny, odd_image):
    with pytest.raises(ValueError, match="vgg19 has no layer conv6_1"):
        features(tiny, odd_image, ["conv1_1", "conv6_1"])
    with pytest.raises(ValueError, match="model is 'vgg11', expected vgg16 or vgg19"):
        load_vgg("vgg11")


def test_the_photo_that_networks_are_calibrated_by_is_the_sample_at_a_quarter_of_its_size():
    sample = np.float32(Image.open(REPO / "samples/photos/landscape.jpg"))
    quarter = sample.reshape(160, 4, 240, 4, 3).mean((1, 3))
    np.testing.assert_array_equal(calibration_photo()[0], quarter)


def test_random_weights_follow_their_seed_and_give_each_channel_mean_activation_1(monkeypatch):
    """And centre it before the ReLU. Here a sixteenth of VGG's channels."""
    monkeypatch.setattr(architectures, "WIDTHS", (4, 8, 16, 32, 32))
    weights, again = (random_weights("vgg16", 3) for _ in range(2))
    other = load_vgg("vgg16", "random", seed=4)
    assert other.identity == random_identity(4) != weights.identity
    arrays = [each for pair in weights.kernels.values() for each in pair]
    as_before("random_network", *(each.ravel()[:99] for each in arrays))
    photo = calibration_photo() / 255
    found = features(VGG(weights), photo.numpy()[0], list(weights.kernels))
    x = photo * 255 - weights.mean
    for layer, (kernel, bias) in weights.kernels.items():
        np.testing.assert_array_equal(again.kernels[layer][0], kernel)
        assert not np.allclose(other.kernels(tf.float32)[layer][0], kernel)
        np.testing.assert_allclose(found[layer].mean((0, 1)), 1, atol=1e-3, err_msg=layer)
        if layer.endswith("_1") and layer != "conv1_1":
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        before = tf.nn.conv2d(x, kernel, 1, "SAME").numpy()[0] + bias
        np.testing.assert_allclose(before.mean((0, 1)), 0, atol=1e-3, err_msg=layer)
        x = found[layer][None]
