"""From a teacher to a file of weights, on a tiny scale."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", "2.9", reason="needs pip install -r lab/requirements.txt")

import torch
from support import tiny

from lab.training.__main__ import main
from lab.training.crops import batch, read_folders
from lab.training.export import normalised, write
from lab.training.loop import CHECKPOINT, train
from lab.training.network import features
from lab.training.train import Recipe, Trainer
from painterly.vgg.architectures import ARCHITECTURES, MEAN_PIXEL
from painterly.vgg.network import NetworkOptions, load_vgg

torch.set_num_threads(1)  # Two test workers share the processor.
CPU = torch.device("cpu")
WIDTHS = {"conv1_1": 6, "conv2_1": 8, "conv2_2": 8, "conv3_1": 12, "conv3_2": 12, "conv4_1": 16}
TINY = Recipe(seed=1, widths=WIDTHS, steps=4, crops=2)


@pytest.fixture(autouse=True)
def few_crops(monkeypatch):
    """As many as so small a student needs."""
    monkeypatch.setattr("lab.training.train.START_CROPS", 6)
    monkeypatch.setattr("lab.training.train.MEASURED_CROPS", 6)
    monkeypatch.setattr("lab.training.train.CALIBRATION_CROPS", 6)


@pytest.fixture(scope="module")
def pictures(folders):
    return read_folders(folders)


@pytest.fixture(scope="module")
def teacher():
    """VGG16's layers up to conv4_1, of random kernels in few channels."""
    kernels = tiny.weights("vgg16").kernels
    return {name: kernels[name] for name in list(ARCHITECTURES["vgg16"].shapes)[:8]}


@pytest.fixture
def images(pictures):
    return torch.from_numpy(batch((5, 0), pictures, 4))


def trainer(teacher, pictures, recipe=TINY):
    return Trainer(recipe, teacher, pictures, CPU)


def test_training_raises_the_score_on_pictures_it_has_not_seen(teacher, pictures, tmp_path):
    trained = trainer(teacher, pictures, Recipe(seed=1, widths=WIDTHS, steps=48, crops=4))
    before = trained.evaluate()
    train(trained, tmp_path, workers=0)
    after = trained.evaluate()
    assert after["score"] > before["score"] + 0.01
    assert after["explained conv4_1"] > before["explained conv4_1"] + 0.02


def test_a_resumed_training_ends_where_one_at_a_stretch_does(teacher, pictures, tmp_path):
    whole = trainer(teacher, pictures)
    train(whole, tmp_path / "whole", workers=0)
    half = trainer(teacher, pictures)
    for number in range(2):
        half.advance(torch.from_numpy(batch((TINY.seed, number), half.trained_on, TINY.crops)))
    (tmp_path / "parts").mkdir()
    half.save(tmp_path / "parts" / CHECKPOINT)
    other = trainer(teacher, pictures, Recipe(seed=2, widths=WIDTHS))
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of the recipe"):
        other.restore(tmp_path / "parts" / CHECKPOINT)
    resumed = trainer(teacher, pictures)
    train(resumed, tmp_path / "parts", workers=0)
    pairs = zip(whole.averaged.parameters(), resumed.averaged.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in pairs)


def test_the_file_paints_with_the_features_that_were_trained(teacher, pictures, images, tmp_path):
    found = trainer(teacher, pictures)
    layers, scales = normalised(found.averaged, found.teacher, images)
    write(tmp_path / "tiny.npz", layers, scales, {"seed": 1}, "float32")
    vgg = load_vgg("vgg19", tmp_path / "tiny.npz")
    assert vgg.layers == tuple(WIDTHS)
    options = NetworkOptions(padding="replicate")
    picture = images[:1].permute(0, 2, 3, 1).numpy() / 255
    read = vgg.forward(picture, vgg.layers, options)
    with torch.no_grad():
        one, whole = found.averaged(images[:1]), found.averaged(images)
        wanted = features(found.teacher, images, WIDTHS)
    for number, name in enumerate(WIDTHS):
        mean = whole[name].mean().item()  # The file's mean activation is 1.
        expected = one[name].permute(0, 2, 3, 1).numpy() / mean
        error = np.abs(read[name].numpy() - expected).mean()
        assert error < 1e-3 * np.abs(expected).mean(), name
        sizes = (each[name].square().sum(1).mean().sqrt().item() for each in (wanted, whole))
        assert scales[number] == pytest.approx(next(sizes) / next(sizes) * mean, rel=1e-3)


def test_the_command_trains_resumes_and_writes_a_file_that_paints(teacher, tmp_path, caplog):
    # A teacher that is not there is one line and exit code 2.
    assert main(["--teacher", str(tmp_path / "none.npz"), "--folder", str(tmp_path)]) == 2
    assert "none.npz" in caplog.text and "Traceback" not in caplog.text
    weights, output = tmp_path / "teacher.npz", tmp_path / "student.npz"
    write(weights, teacher, np.ones(len(teacher), np.float32), {}, "float32")
    widths = ",".join(f"{name}={width}" for name, width in WIDTHS.items())
    command = [
        *("--teacher", str(weights), "--widths", widths, "--crops", "2", "--workers", "0"),
        *("--folder", str(tmp_path / "run"), "--output", str(output), "--device", "cpu"),
    ]
    assert main([*command, "--steps", "1"]) == 0
    assert main([*command, "--steps", "2"]) == 0
    with np.load(output) as stored:
        recipe = json.loads(str(stored["recipe"]))
        assert stored["mean"] == pytest.approx(MEAN_PIXEL)
    assert recipe["steps"] == 2 and recipe["widths"] == WIDTHS
    assert "CC BY 4.0" in recipe["licence"]
    assert load_vgg("vgg19", output).layers == tuple(WIDTHS)
