"""Features against keras.applications with the same weights, and the random network."""

import numpy as np
import pytest
import tensorflow as tf
from support import fabricated

from styletransfer import load_vgg
from styletransfer.vgg import registry
from styletransfer.vgg.network import VGG
from styletransfer.vgg.random_weights import (
    CALIBRATION_PHOTO,
    CALIBRATION_SIZE,
    random_weights,
)
from styletransfer.vgg.readers import read_weights
from styletransfer.vgg.registry import random_identity

# Shallow to deep, each block at least once.
COMPARED = {
    "vgg19": ("conv1_1", "conv1_2", "conv2_2", "conv3_4", "conv4_1", "conv5_1", "conv5_4"),
    "vgg16": ("conv1_1", "conv2_1", "conv3_3", "conv4_2", "conv5_3"),
}


@pytest.fixture(scope="module")
def h5(tmp_path_factory):
    """Fabricated files in the published form: model → path."""
    folder = tmp_path_factory.mktemp("weights")
    return {
        model: fabricated.save_h5(folder / f"{model}.h5", fabricated.weights(model, seed))
        for seed, model in enumerate(COMPARED)
    }


@pytest.fixture(scope="module")
def networks(h5):
    """keras.applications' networks with those files: model → network."""
    import keras  # Takes seconds, which the other tests need not wait.

    return {
        "vgg19": keras.applications.VGG19(include_top=False, weights=str(h5["vgg19"])),
        "vgg16": keras.applications.VGG16(include_top=False, weights=str(h5["vgg16"])),
    }


@pytest.fixture(scope="module")
def image():
    """Noise over a ramp, of odd sides and different in each channel: sRGB 0…1."""
    noise = np.random.default_rng(7).random((75, 101, 3), np.float32)
    ramp = np.linspace(0, 1, 101, dtype=np.float32)[None, :, None] * [1.0, 0.5, 0.1]
    return (0.5 * noise + 0.5 * ramp).astype(np.float32)


@pytest.fixture(scope="module")
def kerass_features(networks, image):
    """(model, pool) → layer → feature [h, w, C], as Keras computes them."""
    return {
        (model, pool): computed(model, network if pool == "max" else averaging(network), image)
        for model, network in networks.items()
        for pool in ("max", "ave")
    }


def averaging(network):
    """The same network, its maxima replaced by averages."""
    import keras

    def other(layer):
        if isinstance(layer, keras.layers.MaxPooling2D):
            return keras.layers.AveragePooling2D(layer.pool_size, layer.strides, layer.padding)
        return layer.__class__.from_config(layer.get_config())

    clone = keras.models.clone_model(network, clone_function=other)
    clone.set_weights(network.get_weights())
    return clone


def computed(model, network, image):
    import keras

    published = getattr(keras.applications, model)
    layers = COMPARED[model]
    outputs = [network.get_layer(f"block{each[4]}_conv{each[6]}").output for each in layers]
    batch = published.preprocess_input(image[None] * 255.0)
    features = keras.Model(network.input, outputs)(batch)
    return {layer: each.numpy()[0] for layer, each in zip(layers, features, strict=True)}


def assert_equal_features(found, wanted):
    assert set(found) == set(wanted)
    for layer, feature in found.items():
        assert feature.dtype == np.float32
        assert feature.shape == wanted[layer].shape
        peak = np.abs(wanted[layer]).max()
        assert np.isfinite(peak)
        assert peak > 0
        assert np.abs(feature - wanted[layer]).max() <= 1e-4 * peak, layer


# --- features ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["max", "ave"])
@pytest.mark.parametrize("model", COMPARED)
def test_features_equal_kerass_with_the_published_form(model, pool, h5, image, kerass_features):
    vgg = load_vgg(model, h5[model])
    assert_equal_features(vgg.features(image, COMPARED[model], pool), kerass_features[model, pool])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["whole.h5", "keras3.weights.h5"])
def test_files_that_keras_saves_read_as_the_published_form(name, networks, h5, tmp_path):
    network = networks["vgg16"]
    (network.save if name == "whole.h5" else network.save_weights)(tmp_path / name)
    published, saved = (read_weights(path, "vgg16") for path in (h5["vgg16"], tmp_path / name))
    for layer, arrays in published.kernels.items():
        for expected, found in zip(arrays, saved.kernels[layer], strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_wrong_layer_pool_or_model_is_named(h5, image):
    vgg = load_vgg("vgg16", h5["vgg16"])
    with pytest.raises(ValueError, match="vgg16 has no layer conv3_4"):
        vgg.features(image, ["conv1_1", "conv3_4"])
    with pytest.raises(ValueError, match="pool is 'avg', expected max or ave"):
        vgg.features(image, ["conv1_1"], pool="avg")
    with pytest.raises(ValueError, match="model is 'vgg11', expected vgg16 or vgg19"):
        load_vgg("vgg11")


# --- random -----------------------------------------------------------------------------------


@pytest.fixture
def random(monkeypatch):
    """model → random weights of seed 3, with a sixteenth of VGG's channels."""
    monkeypatch.setattr(registry, "WIDTHS", (4, 8, 16, 32, 32))
    return {model: random_weights(model, 3) for model in COMPARED}


def test_a_seed_gives_the_same_kernels_each_time_and_another_gives_others(random):
    again = random_weights("vgg16", 3).kernels
    for layer, arrays in random["vgg16"].kernels.items():
        for one, other in zip(arrays, again[layer], strict=True):
            np.testing.assert_array_equal(one, other)
    other = load_vgg("vgg16", "random", seed=4)
    assert other.identity == random_identity(4) != random["vgg16"].identity
    for layer, (kernel, _) in other.kernels(tf.float32).items():
        assert not np.allclose(kernel, random["vgg16"].kernels[layer][0])


@pytest.mark.parametrize("model", COMPARED)
def test_random_weights_centre_each_channel_and_give_it_mean_activation_1(model, random):
    weights = random[model]
    photo = tf.io.decode_jpeg(CALIBRATION_PHOTO.read_bytes(), dct_method="INTEGER_ACCURATE")
    photo = tf.image.resize(tf.cast(photo, tf.float32)[None], CALIBRATION_SIZE, "area") / 255
    features = VGG(weights).features(photo.numpy()[0], list(weights.kernels))
    x = photo * 255 - weights.mean
    for layer, (kernel, bias) in weights.kernels.items():
        np.testing.assert_allclose(features[layer].mean((0, 1)), 1, atol=1e-3, err_msg=layer)
        if layer.endswith("_1") and layer != "conv1_1":
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        before = tf.nn.conv2d(x, kernel, 1, "SAME").numpy()[0] + bias
        np.testing.assert_allclose(before.mean((0, 1)), 0, atol=1e-3, err_msg=layer)
        x = features[layer][None]
