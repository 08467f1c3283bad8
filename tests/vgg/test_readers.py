"""Weights files: every form reads right, and whatever is damaged or wrong is named."""

import hashlib
import io
import os

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from support import fabricated
from support.failures import weights_error

from styletransfer.vgg import readers, registry
from styletransfer.vgg.foreign_formats import read_foreign
from styletransfer.vgg.readers import read_weights
from styletransfer.vgg.registry import MEAN_PIXEL, Weights, layer_shapes

SAVERS = {
    "h5": fabricated.save_h5,
    "mat": fabricated.save_mat,
    "npz": fabricated.save_npz,
}
OTHER = {"vgg16": "vgg19", "vgg19": "vgg16"}


@pytest.fixture(autouse=True, scope="module")
def quick():
    """Files with a sixteenth of VGG's channels, read without a process for each.

    test_network.py reads them in full size, and test_hostile_weights.py in a process.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "WIDTHS", (4, 8, 16, 32, 32))
        patch.setattr(readers, "read_in_process", read_foreign)
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Whole fabricated files: (model, kind) → path."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for model in OTHER:
        given = fabricated.weights(model)
        for kind, save in SAVERS.items():
            made[model, kind] = save(folder / f"{model}.{kind}", given)
    return made


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("model", OTHER)
def test_every_form_reads_back_what_was_saved(model, kind, files):
    given, found = fabricated.weights(model), read_weights(files[model, kind], model)
    assert list(found.kernels) == list(layer_shapes(model))
    for layer, arrays in found.kernels.items():
        for array, wanted in zip(arrays, given.kernels[layer], strict=True):
            assert array.dtype == np.float32
            assert np.array_equal(array, wanted)
    np.testing.assert_allclose(found.mean, [123.68, 116.779, 103.939], rtol=1e-6)
    assert found.identity == "md5:" + hashlib.md5(files[model, kind].read_bytes()).hexdigest()
    assert found.model == model


def test_the_classifier_on_top_is_ignored(tmp_path):
    given = fabricated.weights("vgg16")
    path = fabricated.save_h5(tmp_path / "top.h5", given)
    with h5py.File(path, "a") as file:
        file["fc1/fc1_W_1:0"], file["fc1/fc1_b_1:0"] = np.ones((16, 8)), np.ones(8)
    found = read_weights(path, "vgg16")
    assert np.array_equal(found.kernels["conv1_1"][0], given.kernels["conv1_1"][0])


def test_keras_3s_layers_are_identified_by_their_names(tmp_path):
    given, path = fabricated.weights("vgg16"), tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        for number, (layer, (kernel, bias)) in enumerate(given.kernels.items()):
            group = file.create_group(f"layers/conv2d{f'_{number}' if number else ''}/vars")
            group["0"], group["1"] = kernel[:, :, ::-1] if number == 0 else kernel, bias
            group.attrs["name"] = f"block{layer[4]}_conv{layer[6]}"
        file.create_group("layers/dense/vars")["0"] = np.ones((3, 3))
    found = read_weights(path, "vgg16")
    assert all(
        np.array_equal(found.kernels[each][0], given.kernels[each][0]) for each in given.kernels
    )
    assert "conv3_4" in weights_error(read_weights, path, "vgg19")


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


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("model", OTHER)
def test_the_other_networks_file_is_refused_naming_layer_and_shape(model, kind, files):
    message = weights_error(read_weights, files[OTHER[model], kind], model)
    assert model in message
    assert "conv3_4" in message
    if model == "vgg19":
        assert "expected a kernel of shape (3, 3, 16, 16)" in message
    else:
        assert "expected to end with conv3_3 of shape (3, 3, 16, 16)" in message


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.9])
def test_a_truncated_file_is_refused_naming_what_was_expected(kind, share, files, tmp_path):
    whole = files["vgg19", kind]
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
        assert "conv1_1" in message
        assert "of shape (3, 3, 3, 4)" in message


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


@pytest.mark.parametrize("kind", SAVERS)
def test_a_missing_layer_is_named_with_its_shape(kind, tmp_path):
    some = fabricated.weights(layers=["conv1_1", "conv2_1"])
    message = weights_error(read_weights, SAVERS[kind](tmp_path / f"a.{kind}", some), "vgg19")
    assert "no layer conv1_2 of vgg19, expected a kernel of shape (3, 3, 4, 4)" in message
    assert "found: conv1_1, conv2_1" in message
    none = Weights("vgg19", "", {}, MEAN_PIXEL)
    message = weights_error(read_weights, SAVERS[kind](tmp_path / f"b.{kind}", none), "vgg19")
    assert "no layer conv1_1 of vgg19, expected a kernel of shape (3, 3, 3, 4)" in message


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize(
    ("kernel", "bias"), [((5, 5, 3, 4), 4), ((3, 3, 3, 2), 2), ((3, 3, 3, 4), 3)]
)
def test_a_wrong_shape_is_named_with_the_right_one(kind, kernel, bias, tmp_path):
    arrays = {"conv1_1": (np.ones(kernel, np.float32), np.ones(bias, np.float32))}
    wrong = Weights("vgg19", "", arrays, MEAN_PIXEL)
    message = weights_error(read_weights, SAVERS[kind](tmp_path / f"a.{kind}", wrong), "vgg19")
    assert f"layer conv1_1 has a kernel of shape {kernel} and a bias of shape ({bias},)" in message
    assert "expected a kernel of shape (3, 3, 3, 4) and a bias of shape (4,)" in message


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("array", [0, 1])
def test_nan_and_infinity_are_refused_naming_the_layer(kind, value, array, tmp_path):
    some = fabricated.weights(layers=["conv1_1"])
    some.kernels["conv1_1"][array][..., 3] = value
    message = weights_error(read_weights, SAVERS[kind](tmp_path / f"a.{kind}", some), "vgg19")
    assert "layer conv1_1 holds NaN or infinity; expected a kernel of shape (3, 3, 3, 4)" in message


def test_a_mean_pixel_of_nan_is_refused(tmp_path):
    some = fabricated.weights(layers=["conv1_1"])
    bad = Weights("vgg19", "", some.kernels, np.full(3, np.nan, np.float32))
    message = weights_error(read_weights, fabricated.save_mat(tmp_path / "a.mat", bad), "vgg19")
    assert "averageImage" in message


def test_a_mat_file_of_format_7_3_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["layers"] = np.ones(3)
    with path.open("r+b") as stream:  # MATLAB's own header, before the HDF5.
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    message = weights_error(read_weights, path, "vgg19")
    assert "7.3" in message
    assert "'-v7'" in message


def test_a_mat_file_without_a_network_is_refused(tmp_path):
    savemat(tmp_path / "a.mat", {"x": np.ones(3)})
    assert "no layer conv1_1" in weights_error(read_weights, tmp_path / "a.mat", "vgg19")


def test_an_unknown_extension_is_refused(tmp_path):
    path = tmp_path / "vgg.pth"
    path.write_bytes(b"1")
    assert weights_error(read_weights, path, "vgg19").endswith("vgg.pth is no .h5, .mat or .npz")
