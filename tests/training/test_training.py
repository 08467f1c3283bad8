"""From nothing to a file of weights, on a tiny scale."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", "2.9", reason="needs pip install -r training/requirements.txt")

import torch

from training import __main__ as command_line
from training import export
from training.fold import colour_layers, features, normalised, random_layers, side_by_side
from training.losses import Labels, recoloured
from training.network import LAYERS, Network
from training.scenes import batches
from training.synthesis import painted
from training.train import CHECKPOINT, Recipe, Trainer, train

CPU = torch.device("cpu")
WIDTHS = (4, 8, 12, 16, 16)
TINY = Recipe(seed=1, widths=WIDTHS, steps=4, scenes=2, pool=24)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return next(batches(9, range(1), 4, pool_size=24)).image


def test_training_raises_the_score_on_scenes_it_has_not_seen(tmp_path):
    recipe = Recipe(seed=1, widths=(8, 16, 24, 32, 32), steps=60, scenes=4, pool=24, rate=1e-2)
    untrained = Trainer(recipe, CPU).evaluate(count=2)
    trained = train(recipe, tmp_path, CPU, workers=0).evaluate(count=2)
    assert trained["score"] > untrained["score"] + 0.1
    assert trained["colour conv4_1"] > untrained["colour conv4_1"] + 0.02  # of the variance


def test_a_resumed_training_ends_where_one_at_a_stretch_does(tmp_path):
    whole = train(TINY, tmp_path / "whole", CPU, workers=0)
    half = Trainer(TINY, CPU)
    for scenes in batches(TINY.seed, range(2), TINY.scenes, TINY.pool):
        half.advance(scenes)
    (tmp_path / "parts").mkdir()
    half.save(tmp_path / "parts" / CHECKPOINT)
    resumed = train(TINY, tmp_path / "parts", CPU, workers=0)
    pairs = zip(whole.averaged.parameters(), resumed.averaged.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in pairs)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    Trainer(TINY, CPU).save(tmp_path / CHECKPOINT)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of the recipe"):
        Trainer(Recipe(seed=2, widths=WIDTHS), CPU).restore(tmp_path / CHECKPOINT)


def test_a_checkpoint_may_be_trained_for_more_steps(tmp_path):
    Trainer(TINY, CPU).save(tmp_path / CHECKPOINT)
    longer = Trainer(Recipe(seed=1, widths=WIDTHS, steps=8, scenes=2, pool=24), CPU)
    longer.restore(tmp_path / CHECKPOINT)
    assert longer.step == 0


def test_worker_processes_draw_the_scenes_that_this_one_would(tmp_path):
    alone = train(TINY, tmp_path / "alone", CPU, workers=0)
    helped = train(TINY, tmp_path / "helped", CPU, workers=2)
    pairs = zip(alone.network.parameters(), helped.network.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in pairs)


def test_folded_convolutions_compute_what_the_network_does(images):
    network = Network(WIDTHS, seed=3)
    with torch.no_grad():
        wanted = network(torch.from_numpy(images).permute(0, 3, 1, 2).float())
    found = features(network.folded(), images)
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], wanted[layer], atol=1e-3, rtol=1e-3)


def test_normalised_layers_have_mean_activation_1_and_channels_of_the_same_power(images):
    plain = random_layers(WIDTHS, 0)
    before, after = features(plain, images), features(normalised(plain, images), images)
    for layer in LAYERS:
        power = after[layer].square().mean((0, 2, 3)).sqrt()
        assert after[layer][:, power > 0].mean() == pytest.approx(1, abs=0.01)
        assert (power > 0.999 * power.max()).float().mean() > 0.8
        one, other = (each[:, power > 0.1].flatten(2) for each in (before[layer], after[layer]))
        scale = (one * other).sum((0, 2)) / one.square().sum((0, 2))
        torch.testing.assert_close(one * scale[:, None], other, atol=1e-2, rtol=1e-2)


def test_a_channel_that_is_never_active_stays_silent_and_finite(images):
    layers = random_layers(WIDTHS, 0)
    layers["conv2_1"].bias[3] = -1e6
    found = features(normalised(layers, images), images)
    assert found["conv2_1"][:, 3].max() == 0
    assert all(torch.isfinite(each).all() for each in found.values())


def test_colour_channels_see_colour_and_hardly_texture(images):
    flat = np.broadcast_to(images.mean((1, 2), keepdims=True), images.shape).astype(np.uint8)
    noise = np.random.default_rng(0).integers(-12, 13, images.shape)
    noisy = np.clip(flat + noise, 0, 255).astype(np.uint8)
    plain, spoilt, other = (
        features(colour_layers(16), each)["conv3_1"] for each in (flat, noisy, flat[::-1].copy())
    )
    assert (spoilt - plain).abs().mean() < 0.3 * (other - plain).abs().mean()


def test_networks_side_by_side_do_not_disturb_each_other(images):
    one, other = random_layers(WIDTHS, 0), colour_layers(6)
    joined = features(side_by_side(other, one), images)["conv4_2"]
    torch.testing.assert_close(joined[:, 6:], features(one, images)["conv4_2"])
    torch.testing.assert_close(joined[:, :6], features(other, images)["conv4_2"])


@pytest.mark.parametrize(("dtype", "error"), [("int8", 0.15), ("float16", 0.01), ("float32", 0)])
def test_a_file_holds_the_network_and_its_recipe(dtype, error, images, tmp_path):
    layers = export.finished(Network(WIDTHS, 2).folded(), 4, images)
    export.write(tmp_path / "net.npz", layers, {"seed": 2}, dtype)
    stored, recipe = export.read(tmp_path / "net.npz")
    assert recipe == {"seed": 2}
    wanted, found = (features(each, images)["conv4_2"] for each in (layers, stored))
    assert (found - wanted).square().mean().sqrt() <= error * wanted.square().mean().sqrt()
    arrays = np.load(tmp_path / "net.npz")
    assert arrays["conv1_2_W"].shape == (3, 3, 8, 8)
    assert arrays["conv1_2_W"].dtype == dtype
    assert arrays["mean"].tolist() == pytest.approx([123.68, 116.779, 103.939])


def test_a_file_of_an_unknown_type_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected one of int8"):
        export.write(tmp_path / "net.npz", {}, {}, "int3")


def test_two_views_differ_in_colour_and_not_in_shape(images):
    labels = Labels.of(next(batches(9, range(1), 4, pool_size=24)), CPU)
    generator = torch.Generator().manual_seed(0)
    one, other = (recoloured(labels.images, generator, hue=0.2) for _ in range(2))
    assert (one - other).abs().mean() > 5
    flat = [each.mean(1).flatten(1) for each in (one, other)]
    correlation = torch.corrcoef(torch.cat([flat[0][:1], flat[1][:1]]))[0, 1]
    assert correlation > 0.8


def test_a_synthesised_texture_comes_nearer_to_its_model(images):
    from training.metrics import sliced_wasserstein

    layers = export.finished(random_layers((8, 8, 16, 16, 16), 0), 8, images)
    model = images[0].astype(np.float32) / 255
    noise = np.random.default_rng(0).uniform(size=model.shape).astype(np.float32)
    made = painted(layers, model, None, steps=30)
    assert sliced_wasserstein(made, model) < 0.8 * sliced_wasserstein(noise, model)


def test_one_command_writes_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(
        export, "calibration_images", lambda: next(batches(9, range(1), 4, 24)).image
    )
    output = tmp_path / "sketch.npz"
    command = [
        *("all", "--steps", "2", "--scenes", "2", "--pool", "24", "--workers", "0"),
        *("--widths", "4", "8", "12", "16", "16", "--score-steps", "0", "--device", "cpu"),
        *("--folder", str(tmp_path / "run"), "--output", str(output)),
    ]
    assert command_line.main(command) == 0
    recipe = json.loads(str(np.load(output)["recipe"]))
    assert recipe["steps"] == 2
    assert recipe["views"] == 8
    assert recipe["widths"] == list(WIDTHS)
    assert "commit" in recipe
    assert (tmp_path / "run" / CHECKPOINT).exists()


def test_a_missing_checkpoint_is_one_line(tmp_path, caplog):
    assert command_line.main(["export", "--folder", str(tmp_path)]) == 2
    assert str(Path(tmp_path) / CHECKPOINT) in caplog.text
