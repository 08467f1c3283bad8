"""Files of networks that were trained here: the one that comes with the program, any layers,
widths and types, and whatever is wrong with a file."""

import numpy as np
import pytest
import tensorflow as tf
from support import tiny
from support.fabricated import SOME_LAYERS, trained_arrays
from support.failures import weights_error
from support.inetwork_formulas import features

from painterly import load_vgg
from painterly.vgg.architectures import ARCHITECTURES, BUILTIN, DISTILLED, Weights
from painterly.vgg.sources import read_weights

LAYERS = tuple(ARCHITECTURES["vgg19"].shapes)[:13]


def picture():
    noise = np.random.default_rng(7).random((37, 51, 3), np.float32)
    return (0.5 * noise + np.linspace(0, 0.5, 51, dtype=np.float32)[None, :, None]).astype(
        np.float32
    )


def assert_computes(vgg, arrays):
    image = picture()
    kernels = {
        layer: (arrays[f"{layer}_W"] * arrays.get(f"{layer}_scale", 1.0), arrays[f"{layer}_b"])
        for layer in ARCHITECTURES["vgg19"].shapes
        if f"{layer}_W" in arrays
    }
    x = tf.constant(255.0 * image.astype(np.float64) - arrays["mean"])
    wanted = features(x, Weights("vgg19", "", kernels, arrays["mean"]), "max")
    found = tiny.features(vgg, image, vgg.layers)
    assert set(found) == set(wanted)
    for layer, feature in found.items():
        expected = wanted[layer].numpy()
        assert feature.shape == expected.shape
        peak = np.abs(expected).max()
        assert peak > 0
        assert np.abs(feature - expected).max() <= 1e-4 * peak, layer


def save(path, arrays):
    np.savez(path, **arrays)
    return path


# --- what comes with the program --------------------------------------------------------------


def test_the_built_in_network_is_a_small_file_and_computes_what_tensorflow_does_with_it():
    assert BUILTIN.stat().st_size <= 16_000_000
    with np.load(BUILTIN, allow_pickle=False) as arrays:
        assert_computes(load_vgg(), dict(arrays))


# --- a user's own -----------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["vgg19", "vgg16"])
@pytest.mark.parametrize("dtype", ["int8", "float16", "float32"])
def test_a_file_of_any_type_computes_what_tensorflow_does_in_float64(dtype, model, tmp_path):
    arrays = trained_arrays(dtype=dtype)
    vgg = load_vgg(model, save(tmp_path / "own.npz", arrays))
    assert_computes(vgg, arrays)
    assert (vgg.model, vgg.layers) == (DISTILLED, LAYERS)


def test_layers_may_be_left_out_but_for_the_first_of_a_block(tmp_path):
    arrays = trained_arrays(dtype="int8", layers=SOME_LAYERS)
    path = save(tmp_path / "own.npz", arrays)
    vgg, weights = load_vgg("vgg16", path), read_weights(path, "vgg16")
    assert_computes(vgg, arrays)
    assert vgg.layers == SOME_LAYERS
    expected = dict(zip(SOME_LAYERS, arrays["teacher_scale"].tolist(), strict=True))
    assert weights.teacher_scale == expected


# --- files that are wrong ---------------------------------------------------------------------


def kernel(*shape, dtype=np.float32, value=1.0):
    return np.full(shape, value, dtype)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": np.array(3)}, "it is not of format 2; another version may have written it"),
        ({"format": np.array([[2, 2]])}, "it is not of format 2"),
        ({"format": np.array("one")}, "it is not of format 2"),
        ({"conv3_2_b": None}, "no conv3_2_b of shape (0,)"),
        ({"conv1_1_W": None, "conv1_1_b": None}, "wrong at conv1_1; expected layers of VGG19, c"),
        ({"conv4_1_W": None, "conv4_1_b": None}, "wrong at conv4_1; expected layers of VGG19, c"),
        ({"conv5_5_W": kernel(3, 3, 3, 3)}, "wrong at conv5_5; expected layers of VGG19, conv1_"),
        ({"teacher_scale": None}, "no teacher_scale of shape (13,)"),
        ({"teacher_scale": kernel(12)}, "teacher_scale has shape (12,); expected (13,)"),
        ({"teacher_scale": kernel(13, value=0.0)}, "teacher_scale is not positive"),
        ({"teacher_scale": kernel(13, value=np.nan)}, "teacher_scale of shape (13,) holds NaN"),
        ({"conv2_1_W": kernel(3, 3, 5, 6)}, "W has shape (3, 3, 5, 6); expected (3, 3, 4, 6)"),
        ({"conv2_1_W": kernel(5, 5, 4, 6)}, "expected (3, 3, 4, 6)"),
        ({"conv2_1_b": kernel(5)}, "conv2_1_W has shape (3, 3, 4, 6); expected (3, 3, 4, 5)"),
        ({"conv2_1_W": kernel(3, 3, 4, 6, dtype="i1")}, "no conv2_1_scale of shape (6,)"),
        ({"conv2_1_W": kernel(3, 3, 4, 6, value=np.nan)}, "W of shape (3, 3, 4, 6) holds NaN"),
        ({"conv2_1_b": kernel(6, value=np.inf)}, "conv2_1_b of shape (6,) holds NaN or infinity"),
        ({"mean": None}, "no mean of shape (3,)"),
        ({"mean": kernel(3, value=np.nan)}, "mean of shape (3,) holds NaN"),
        ({"conv2_1_b": np.full(6, "x")}, "cannot be used"),
        ({"conv1_1_W": np.array([print], object)}, "cannot be used"),  # It would run code.
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(changes, message, tmp_path):
    arrays = trained_arrays() | changes
    present = {name: array for name, array in arrays.items() if array is not None}
    found = weights_error(read_weights, save(tmp_path / "own.npz", present), "vgg19")
    assert found.startswith(f"weights file {tmp_path / 'own.npz'}") and message in found
