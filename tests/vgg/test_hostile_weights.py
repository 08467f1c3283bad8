"""Weights files that are made to do harm: refused in one line, and nothing else is read."""

import os

import h5py
import numpy as np
import pytest
from support import fabricated
from support.failures import weights_error
from support.fuzzing import CASES, generators, mutated

from painterly.errors import WeightsError
from painterly.vgg.sources import file_identity, read_weights

SHAPE = (3, 3, 3, 64)
LAYER = "block1_conv1/block1_conv1"


def external_data(file, folder):
    """The kernel has the values of a local file."""
    (folder / "secret").write_bytes(bytes(4 * 1728))
    group = file.create_group(LAYER)
    group.create_dataset(
        "kernel", SHAPE, np.float32, external=[(str(folder / "secret"), 0, 4 * 1728)]
    )


def virtual_data(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["kernel"] = np.ones(SHAPE, np.float32)
    layout = h5py.VirtualLayout(SHAPE, np.float32)
    layout[...] = h5py.VirtualSource(folder / "other.h5", "kernel", SHAPE)
    file.create_group(LAYER).create_virtual_dataset("kernel", layout)


def external_link(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other[f"{LAYER}/kernel"] = np.ones(SHAPE, np.float32)
    file["block1_conv1"] = h5py.ExternalLink(str(folder / "other.h5"), "block1_conv1")


def variables_elsewhere(file, folder):
    """A layer of Keras 3 whose name is behind a pipe that no program writes into."""
    os.mkfifo(folder / "pipe.h5")
    file.create_group("layers/conv2d")["vars"] = h5py.ExternalLink(str(folder / "pipe.h5"), "vars")


def link_to_a_link(file, folder):
    external_link(file, folder)
    file["elsewhere"] = file.get("block1_conv1", getlink=True)
    del file["block1_conv1"]
    file["block1_conv1"] = h5py.SoftLink("/elsewhere/conv")


def endless_data(file, folder):
    """A terabyte of zeros in a file of 2 kB."""
    file.create_group(LAYER).create_dataset("kernel", (3, 3, 1 << 20, 1 << 16), np.float32)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (external_data, "has /block1_conv1 in another file"),
        (virtual_data, "has /block1_conv1 in another file"),
        (external_link, "its block1_conv1 links to another place or file"),
        (variables_elsewhere, "its vars links to another place or file"),
        (link_to_a_link, "its block1_conv1 links to another place or file"),
        (endless_data, "far larger than a layer of VGG"),
    ],
)
def test_what_is_in_other_files_or_has_no_end_is_not_read(make, message, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        make(file, tmp_path)
    assert message in weights_error(read_weights, tmp_path / "a.h5", "vgg19")


def test_a_path_that_is_no_file_of_a_sane_size_is_refused(tmp_path):
    (tmp_path / "endless.h5").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.npz")
    with (tmp_path / "sparse.npz").open("wb") as stream:
        stream.truncate(1 << 40)
    for name, wrong in (
        ("none.h5", "does not exist; pass --weights FILE|random|builtin"),
        ("x" * 300 + ".h5", "cannot be read"),
        *((name, "is no file of at most") for name in ("", "endless.h5", "pipe.npz", "sparse.npz")),
    ):
        assert wrong in weights_error(file_identity, tmp_path / name)
    unreadable = tmp_path / "a.h5"
    if os.geteuid() == 0:  # Root may read any file, except address 0 of a process.
        unreadable.symlink_to("/proc/self/mem")
    else:
        unreadable.write_bytes(b"1")
        unreadable.chmod(0)
    assert "cannot be read" in weights_error(read_weights, unreadable, "vgg19")


def test_an_array_far_larger_than_vggs_is_refused_from_the_archives_table(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", conv1_1_W=np.zeros(40 << 20, np.uint8))
    assert "far larger than a layer of VGG" in weights_error(
        read_weights, tmp_path / "a.npz", "vgg19"
    )


# --- damage at random -------------------------------------------------------------------------


def damaged_files(kind, folder):
    """Paths of damaged files, one at a time."""
    whole = folder / f"whole.{kind}"
    if kind == "npz":
        np.savez(whole, **fabricated.trained_arrays((2, 2, 2, 2, 2)))
    else:
        fabricated.save_h5(whole, fabricated.weights(layers=["conv1_1"]))
    data = whole.read_bytes()
    for number, rng in enumerate(generators(seed=3)):
        path = folder / f"{number % 2}.{kind}"
        path.write_bytes(mutated(data, rng))
        yield path


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["h5", "npz"])
def test_a_damaged_file_is_read_or_refused_in_one_line(kind, tmp_path):
    refused = 0
    for path in damaged_files(kind, tmp_path):
        try:
            found = read_weights(path, "vgg19")
        except WeightsError as error:
            refused += 1
            assert str(error).isprintable()
        else:
            assert all(np.isfinite(kernel).all() for kernel, _ in found.kernels.values())
    assert refused > CASES / 3
