"""Training the decoder of recipe instant, on a tiny scale, and what the engine reads of it."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", "2.9", reason="needs pip install -r lab/requirements.txt")

import tensorflow as tf
import torch

from lab.training import decoder, places, train_decoder
from lab.training.crops import batch, plain_crop, read_folders
from lab.training.network import tensors
from lab.training.train_decoder import PICTURE_SIZES, DecoderTraining, Recipe, main
from painterly.engine.features import neighbours
from painterly.engine.instant import networks as instant_networks
from painterly.engine.places import MATCHED_LAYERS
from painterly.vgg.network import NetworkOptions, load_vgg

torch.set_num_threads(1)  # Two test workers share the processor.
CPU = torch.device("cpu")
CHANNELS = [32, 64, 128, 128, 256]


@pytest.fixture(autouse=True)
def few_crops(monkeypatch):
    """As many and as large ones as so short a training needs."""
    monkeypatch.setattr("lab.training.crops.SIDE", 64)
    monkeypatch.setattr(train_decoder, "STANDARD_CROPS", 4)
    monkeypatch.setattr(train_decoder, "MEASURED_CROPS", 8)


@pytest.fixture(scope="module")
def pictures(folders):
    return read_folders(folders, PICTURE_SIZES)


@pytest.fixture
def images(pictures):
    return torch.from_numpy(batch((5, 0), pictures, 2, plain_crop)) / 255


@pytest.fixture(scope="module")
def vgg():
    return load_vgg()


@pytest.fixture(scope="module")
def kernels():
    found = train_decoder.read_weights(train_decoder.BUILTIN, "vgg16").kernels
    return tensors(found, list(found)[-1], CPU)


@pytest.fixture
def engine_reads(monkeypatch):
    """Let the engine decode by a file."""

    def read(path):
        monkeypatch.setattr(instant_networks, "DECODER", path)
        instant_networks._decoder.cache_clear()

    yield read
    monkeypatch.undo()
    instant_networks._decoder.cache_clear()


def last_axis(found):
    """[N, C, h, w] as the engine has it."""
    return found.permute(0, 2, 3, 1).numpy()


def test_places_are_the_engines(vgg, kernels, images):
    with torch.no_grad():
        found = places.joined(places.places(kernels, images[:1]))
    options = NetworkOptions(padding="replicate")
    features = vgg.forward(last_axis(images[:1]), MATCHED_LAYERS, options)
    theirs = [neighbours.places(layer, features[layer]) for layer in MATCHED_LAYERS]
    expected = tf.concat(theirs, -1).numpy()
    assert np.abs(last_axis(found)[0] - expected).mean() < 1e-3 * np.abs(expected).mean()


def test_the_file_decodes_in_the_engine_as_in_training(kernels, images, engine_reads, tmp_path):
    torch.manual_seed(0)
    trained = decoder.Decoder(sum(CHANNELS))
    with torch.no_grad():
        features = places.joined(places.places(kernels, images))
        trained.standardise(features)
        trained.matrices["full3"] *= 100  # It begins with next to nothing.
        for matrix in trained.matrices.values():  # Rounding to int8 is not compared.
            scale = matrix.abs().amax(1, keepdim=True) / 127
            matrix.copy_((matrix / scale).round() * scale)
        pixels = places.pixels(images)
        expected = last_axis(trained(features, pixels))
    trained.write(tmp_path / "decoder.npz", {"seed": 1})
    engine_reads(tmp_path / "decoder.npz")
    found = []
    for image, of_image in zip(last_axis(images), last_axis(features), strict=True):
        pixels = instant_networks.pixels_of(image)
        found.append(instant_networks.decoded(instant_networks.joined(of_image, pixels), pixels))
    assert np.abs(expected - last_axis(images)).mean() > 0.02
    assert np.abs(found - expected).max() < 1e-3


def test_training_brings_places_nearer_to_the_paintings_and_keeps_photos(pictures, monkeypatch):
    monkeypatch.setattr("lab.training.loop.WARM_UP", 2)
    training = DecoderTraining(Recipe(steps=16, crops=2, averaging=0.5), pictures, CPU)
    before = training.evaluate()
    for number in range(16):
        training.advance(torch.from_numpy(batch((0, number), pictures, 2, plain_crop)))
    after = training.evaluate()
    assert after["distance"] < before["distance"] - 0.02
    assert after["psnr"] > 26


def test_the_command_trains_resumes_and_writes_a_file(tmp_path, caplog, monkeypatch, engine_reads):
    with monkeypatch.context() as patch:  # A folder that is not there is one line, exit code 2.
        patch.setattr(train_decoder, "SAMPLES", [tmp_path])
        assert main([str(tmp_path / "none"), "--folder", str(tmp_path)]) == 2
    assert "there is no picture" in caplog.text
    output = tmp_path / "decoder.npz"
    command = [
        *("--crops", "2", "--workers", "0", "--folder", str(tmp_path / "run")),
        *("--output", str(output), "--device", "cpu"),
    ]
    assert main([*command, "--steps", "1"]) == 0
    assert main([*command, "--steps", "2"]) == 0
    with np.load(output) as stored:
        recipe = json.loads(str(stored["recipe"]))
    assert recipe["steps"] == 2 and recipe["pictures"] > 0
    engine_reads(output)
    blank = np.zeros((4, 4, 48), np.float32)
    first = instant_networks.joined(np.zeros((4, 4, sum(CHANNELS)), np.float32), blank)
    assert np.isfinite(instant_networks.decoded(first, blank)).all()
