"""Weights files: every form reads right, and whatever is damaged or wrong is named."""

import hashlib
import io
import os
import re

import h5py
import numpy as np
import pytest
from support import fabricated
from support.failures import weights_error

from painterly.vgg import architectures
from painterly.vgg.architectures import ARCHITECTURES, MEAN_PIXEL, Weights
from painterly.vgg.sources import read_weights

SAVERS = {
    "h5": fabricated.save_h5,
    "mat": fabricated.save_mat,
    "npz": fabricated.save_npz,
}
MODELS = ("vgg16", "vgg19")


@pytest.fixture(autouse=True, scope="module")
def quick():
    """Files with a sixteenth of VGG's channels; test_network.py reads them in full size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(architectures, "WIDTHS", (4, 8, 16, 32, 32))
        yield


@pytest.fixture(scope="module")
def weight_files(tmp_path_factory):
    """Whole fabricated files: (model, kind) → path."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for model in MODELS:
        given = fabricated.weights(model)
        for kind, save in SAVERS.items():
            made[model, kind] = save(folder / f"{model}.{kind}", given)
    return made


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("model", MODELS)
def test_every_form_reads_back_what_was_saved(model, kind, weight_files):
    given, found = fabricated.weights(model), read_weights(weight_files[model, kind], model)
    assert list(found.kernels) == list(ARCHITECTURES[model].shapes)
    for layer, arrays in found.kernels.items():
        for array, wanted in zip(arrays, given.kernels[layer], strict=True):
            assert array.dtype == np.float32
            assert np.array_equal(array, wanted)
    np.testing.assert_allclose(found.mean, [123.68, 116.779, 103.939], rtol=1e-6)
    assert (
        found.identity == "md5:" + hashlib.md5(weight_files[model, kind].read_bytes()).hexdigest()
    )
    assert found.model == model


@pytest.mark.parametrize("layout", ["new", "old", "oldest"])
@pytest.mark.parametrize("net", [True, False])
def test_a_mat_file_of_any_layout_keeps_its_arrays_and_its_mean_pixel(layout, net, tmp_path):
    given = fabricated.weights("vgg16")
    face = Weights("vgg16", "face", given.kernels, np.array([129.2, 104.8, 93.6], np.float32))
    found = read_weights(fabricated.save_mat(tmp_path / "a.mat", face, layout, net), "vgg16")
    np.testing.assert_allclose(found.mean, face.mean, rtol=1e-6)
    for layer, arrays in given.kernels.items():
        for array, wanted in zip(found.kernels[layer], arrays, strict=True):
            np.testing.assert_array_equal(array, wanted)


# --- files that are wrong ---------------------------------------------------------------------


def test_the_file_of_vgg19_which_has_all_layers_of_vgg16_is_refused_as_its(weight_files):
    message = weights_error(read_weights, weight_files["vgg19", "npz"], "vgg16")
    assert message.endswith("it has a layer conv3_4, which vgg16 has not")


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.9])
def test_a_truncated_file_is_refused_naming_what_was_expected(kind, share, weight_files, tmp_path):
    whole = weight_files["vgg19", kind]
    path = tmp_path / whole.name
    with whole.open("rb") as stream:
        path.write_bytes(stream.read(int(whole.stat().st_size * share)))
    message = weights_error(read_weights, path, "vgg19")
    assert message.startswith(f"weights file {path}")
    assert "expected" in message
    assert ("it is empty" in message) == (share == 0)
    if kind == "h5":
        assert "80,134,624 bytes and MD5 253f8cb515780f3b799900260a226db6" in message
    else:
        assert "conv1_1_" in message or "MatConvNet's imagenet-vgg-verydeep-19.mat" in message


@pytest.mark.parametrize("kind", SAVERS)
def test_another_kind_of_file_with_this_extension_is_refused(kind, tmp_path):
    path, array = tmp_path / f"a.{kind}", io.BytesIO()
    np.save(array, np.ones(3))
    page = b"<!DOCTYPE html>\n<html>\n<body>Sign in to download</body></html>\n" * 20
    for content in (b"\0" * 4096, b"weights\n" * 999, os.urandom(4096), array.getvalue(), page):
        path.write_bytes(content)
        message = weights_error(read_weights, path, "vgg19")
        assert "expected" in message
        assert ("it is a web page" in message) == (content == page)


def layer(kernel=(3, 3, 3, 4), bias=(4,)):
    return np.ones(kernel, np.float32), np.ones(bias, np.float32)


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({}, "it has no conv1_1_b of shape (4,); found: none of its layers"),
        (
            {"conv1_1": layer(), "conv2_1": layer((3, 3, 4, 8), (8,))},
            "it has no conv1_2_b of shape (4,); found: conv1_1, conv2_1",
        ),
        ({"conv1_1": layer((5, 5, 3, 4))}, "W has shape (5, 5, 3, 4); expected (3, 3, 3, 4)"),
        ({"conv1_1": layer((3, 3, 3, 2))}, "W has shape (3, 3, 3, 2); expected (3, 3, 3, 4)"),
        ({"conv1_1": layer(bias=(3,))}, "conv1_1_b has shape (3,); expected (4,)"),
    ],
)
def test_a_layer_that_is_missing_or_of_a_wrong_shape_is_named(kind, layers, message, tmp_path):
    wrong = Weights("vgg19", "", layers, MEAN_PIXEL)
    path = SAVERS[kind](tmp_path / f"a.{kind}", wrong)
    assert message in weights_error(read_weights, path, "vgg19")


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused_naming_their_place(kind, value, tmp_path):
    for number in (0, 1):
        arrays = layer()
        arrays[number][..., 3] = value
        wrong = Weights("vgg19", "", {"conv1_1": arrays}, MEAN_PIXEL)
        message = weights_error(read_weights, SAVERS[kind](tmp_path / f"a.{kind}", wrong), "vgg19")
        assert re.search(r"its conv1_1_[Wb] of shape \(.*\) holds NaN or infinity", message)
    if kind == "mat":
        given = fabricated.weights()
        wrong = Weights("vgg19", "", given.kernels, np.full(3, value, np.float32))
        path = fabricated.save_mat(tmp_path / "b.mat", wrong)
        assert "mean of shape (3,) holds NaN" in weights_error(read_weights, path, "vgg19")


def test_an_unknown_extension_is_refused(tmp_path):
    path = tmp_path / "vgg.pth"
    path.write_bytes(b"1")
    assert weights_error(read_weights, path, "vgg19").endswith(
        "vgg.pth: it is no .h5, .mat or .npz"
    )


def test_matlabs_format_7_3_is_refused_with_the_way_to_the_one_before(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["layers"] = np.ones(3)
    with path.open("r+b") as stream:  # MATLAB's own header, before the HDF5.
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    message = weights_error(read_weights, path, "vgg16")
    assert "format 7.3" in message and "'-v7'" in message
