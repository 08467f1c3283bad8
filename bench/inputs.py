"""The inputs of all measurements: a photo, a painting and random weights, in a folder.

    python bench/inputs.py FOLDER TORCH_PYTHON

writes photo.npy, painting.npy and vgg.npz, and fails unless PyTorch computes the same features with
them.
"""

import sys
from pathlib import Path

import numpy as np
from compare_recipe import check_network
from repository import SAMPLES

from styletransfer.devices import tensorflow
from styletransfer.images import decode
from styletransfer.vgg.network import VGG
from styletransfer.vgg.random_weights import random_weights


def main() -> None:
    """Writes the files and compares the networks."""
    folder, torch_python = Path(sys.argv[1]), sys.argv[2]
    tensorflow.choose_devices("cpu")
    weights = random_weights("vgg19", seed=0)
    kernels = {f"{layer}_W": kernel for layer, (kernel, _) in weights.kernels.items()}
    biases = {f"{layer}_b": bias for layer, (_, bias) in weights.kernels.items()}
    np.savez(folder / "vgg.npz", mean=weights.mean, **kernels, **biases)
    for name, file in SAMPLES.items():
        np.save(folder / f"{name}.npy", decode.decode(file.read_bytes(), file.name).pixels)
    check_network(VGG(weights), torch_python, folder)


if __name__ == "__main__":
    main()
