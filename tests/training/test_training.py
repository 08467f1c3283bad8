"""From a teacher to a file of weights, on a tiny scale."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", "2.9", reason="needs pip install -r training/requirements.txt")

import torch

from styletransfer.vgg.network import NetworkOptions, load_vgg
from styletransfer.vgg.registry import MEAN_PIXEL, layer_names
from training.__main__ import SAMPLES, main
from training.export import normalised, quantised, write
from training.loop import CHECKPOINT, train
from training.losses import alignment
from training.muon import orthogonalised
from training.network import Student, features, tensors
from training.pictures import SIDE, batch, read_folders, split
from training.start import fit_to_teacher
from training.train import Recipe, Trainer

torch.set_num_threads(1)  # Two test workers share the processor.
CPU = torch.device("cpu")
TEACHER_WIDTHS = (8, 12, 16, 24)  # by block
WIDTHS = {"conv1_1": 6, "conv2_1": 8, "conv2_2": 8, "conv3_1": 12, "conv3_2": 12, "conv4_1": 16}
TINY = Recipe(seed=1, widths=WIDTHS, steps=4, crops=2)


@pytest.fixture(autouse=True)
def few_crops(monkeypatch):
    """As many as so small a student needs."""
    monkeypatch.setattr("training.train.START_CROPS", 6)
    monkeypatch.setattr("training.train.MEASURED_CROPS", 6)
    monkeypatch.setattr("training.__main__.CALIBRATION_CROPS", 6)


@pytest.fixture(scope="module")
def pictures():
    return read_folders([SAMPLES])


@pytest.fixture(scope="module")
def teacher():
    """VGG16's layers up to conv4_1, of random kernels in few channels."""
    rng, layers, inputs = np.random.default_rng(0), {}, 3
    names = layer_names("vgg16")
    for name in names[: names.index("conv4_1") + 1]:
        outputs = TEACHER_WIDTHS[int(name[4]) - 1]
        scale = (2 / (9 * inputs)) ** 0.5 / (60 if inputs == 3 else 1)
        kernel = scale * rng.standard_normal((3, 3, inputs, outputs))
        layers[name] = kernel.astype(np.float32), np.zeros(outputs, np.float32)
        inputs = outputs
    return layers


@pytest.fixture
def images(pictures):
    return torch.from_numpy(batch((5, 0), pictures, 4))


def trainer(teacher, pictures, recipe=TINY):
    return Trainer(recipe, teacher, pictures, CPU)


def test_training_raises_the_score_on_pictures_it_has_not_seen(teacher, pictures, tmp_path):
    trained = trainer(teacher, pictures, Recipe(seed=1, widths=WIDTHS, steps=80, crops=4))
    before = trained.evaluate()
    train(trained, tmp_path, workers=0)
    after = trained.evaluate()
    assert after["score"] > before["score"] + 0.01
    assert after["explained conv4_1"] > before["explained conv4_1"] + 0.02


def test_a_student_as_wide_as_its_teacher_begins_as_the_teacher(teacher, images):
    widths = {name: bias.size for name, (_, bias) in teacher.items()}
    student, original = Student(widths), tensors(teacher, "conv4_1", CPU)
    fit_to_teacher(student, original, images)
    wanted = features(original, images, ["conv4_1"])["conv4_1"]
    assert alignment(student(images)["conv4_1"], wanted) > 0.99


def test_what_a_student_starts_with_explains_more_than_chance(teacher, pictures):
    fitted = trainer(teacher, pictures)
    with torch.no_grad():
        for matrix in fitted.averaged.matrices.values():
            torch.nn.init.normal_(matrix, std=matrix.std().item())
    chance = fitted.evaluate()["score"]
    assert trainer(teacher, pictures).evaluate()["score"] > chance + 0.02


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ({"conv1_1": 4, "conv2_1": 4, "conv3_4": 4}, "no layer conv3_4"),
        ({"conv1_1": 9}, "conv1_1 is to have 9 channels, the teacher has 8"),
    ],
)
def test_a_student_that_the_teacher_cannot_teach_is_refused(teacher, images, widths, message):
    with pytest.raises(ValueError, match=message):
        fit_to_teacher(Student(widths), tensors(teacher, "conv4_1", CPU), images)


def test_a_resumed_training_ends_where_one_at_a_stretch_does(teacher, pictures, tmp_path):
    whole = trainer(teacher, pictures)
    train(whole, tmp_path / "whole", workers=0)
    half = trainer(teacher, pictures)
    for number in range(2):
        half.advance(torch.from_numpy(batch((TINY.seed, number), half.trained_on, TINY.crops)))
    (tmp_path / "parts").mkdir()
    half.save(tmp_path / "parts" / CHECKPOINT)
    resumed = trainer(teacher, pictures)
    train(resumed, tmp_path / "parts", workers=0)
    pairs = zip(whole.averaged.parameters(), resumed.averaged.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in pairs)


def test_a_checkpoint_of_another_recipe_is_refused(teacher, pictures, tmp_path):
    trainer(teacher, pictures).save(tmp_path / CHECKPOINT)
    other = trainer(teacher, pictures, Recipe(seed=2, widths=WIDTHS))
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of the recipe"):
        other.restore(tmp_path / CHECKPOINT)


def test_pictures_measured_with_are_not_trained_on(pictures):
    trained_on, measured_on = split(pictures)
    assert measured_on and trained_on
    assert not {id(each) for each in trained_on} & {id(each) for each in measured_on}


def test_crops_are_the_same_for_the_same_seed_and_within_range(pictures):
    one, same, other = (batch((seed, 7), pictures, 3) for seed in (1, 1, 2))
    assert one.shape == (3, 3, SIDE, SIDE)
    assert one.min() >= 0 and one.max() <= 255
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_alignment_is_1_for_features_turned_and_scaled_and_0_for_unrelated_ones():
    rng = np.random.default_rng(0)
    one = torch.from_numpy(rng.standard_normal((1, 8, 40, 40)).astype(np.float32))
    turn = torch.linalg.qr(torch.from_numpy(rng.standard_normal((8, 8)).astype(np.float32)))[0]
    turned = 3 * torch.einsum("nchw,cd->ndhw", one, turn) + 5
    other = torch.from_numpy(rng.standard_normal((1, 8, 40, 40)).astype(np.float32))
    assert alignment(one, turned) == pytest.approx(1, abs=1e-4)
    assert alignment(one, other) < 0.05


@pytest.mark.parametrize("shape", [(6, 20), (20, 6)])
def test_a_step_of_muon_has_nearly_equal_singular_values(shape):
    matrix = torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    values = torch.linalg.svdvals(orthogonalised(matrix))
    assert values.min() > 0.6 and values.max() < 1.3


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


def test_quantised_kernels_are_within_half_a_step_of_the_kernels():
    kernel = np.random.default_rng(0).standard_normal((3, 3, 4, 5)).astype(np.float32)
    kernel[..., 2] = 0
    values, scale = quantised(kernel)
    assert values.dtype == np.int8
    assert (np.abs(values * scale - kernel) <= scale / 2 + 1e-6).all()


def test_the_command_trains_resumes_and_writes_a_file_that_paints(teacher, tmp_path, capsys):
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


def test_a_teacher_that_is_not_there_is_one_line_and_exit_code_2(tmp_path, caplog):
    assert main(["--teacher", str(tmp_path / "none.npz"), "--folder", str(tmp_path)]) == 2
    assert "none.npz" in caplog.text and "Traceback" not in caplog.text
