"""The pictures that networks are trained on."""

from dataclasses import fields

import numpy as np
import pytest

pytest.importorskip("torch", "2.9", reason="needs pip install -r training/requirements.txt")

from training.metrics import sliced_wasserstein
from training.scenes import CELL, FAMILY_NAMES, SHAPES, SIDE, Scenes, batches
from training.scenes_fields import equalised, gabor_noise, power_noise
from training.scenes_marks import MARKS
from training.scenes_stamps import SHAPES as STAMPS
from training.scenes_stamps import stamped
from training.scenes_textures import DAMAGES, FAMILIES, damaged, texture


def drawn(seed: int, numbers: range = range(1), count: int = 6) -> Scenes:
    return list(batches(seed, numbers, count, pool_size=24))[-1]


def same(one: Scenes, other: Scenes) -> bool:
    return all(
        np.array_equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)
    )


def test_a_seed_draws_the_same_scenes_every_time_and_another_seed_others():
    assert same(drawn(5), drawn(5))
    assert not same(drawn(5), drawn(6))


def test_a_batch_does_not_depend_on_those_drawn_before_it():
    assert same(drawn(5, range(0, 18)), drawn(5, range(17, 18)))


def test_batches_do_not_repeat():
    one, other = list(batches(5, range(2), 6, pool_size=24))
    assert not np.array_equal(one.image, other.image)


def test_labels_are_in_range_and_fit_the_picture():
    scenes, cells = drawn(3, count=20), SIDE // CELL
    assert scenes.image.shape == (20, SIDE, SIDE, 3)
    assert scenes.image.dtype == scenes.outline.dtype == np.uint8
    assert scenes.outline.shape == (20, SIDE, SIDE)
    for name, limit in (
        ("family", len(FAMILY_NAMES)),
        ("damage", len(DAMAGES)),
        ("shape", SHAPES),
        ("contour", 2),
    ):
        label = getattr(scenes, name)
        assert label.shape == (20, cells, cells), name
        assert label.min() >= 0, name
        assert label.max() < limit, name
    assert 0.05 < scenes.contour.mean() < 0.5


def test_the_outline_has_the_shapes_and_not_the_textures():
    scenes = drawn(3, count=20)
    steps = np.abs(np.diff(scenes.outline.astype(float), axis=2))[:, CELL::CELL, CELL - 1 :: CELL]
    near = scenes.contour[:, 1:, :-1] | scenes.contour[:, 1:, 1:]
    assert (
        steps[:, :, : near.shape[2]][near].mean() > 5 * steps[:, :, : near.shape[2]][~near].mean()
    )
    picture = np.abs(np.diff(scenes.image.astype(float).mean(-1), axis=2)).mean()
    assert picture > 3 * np.abs(np.diff(scenes.outline.astype(float), axis=2)).mean()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_draws_textures_that_differ_and_are_not_flat(family):
    one, other = (texture(np.random.default_rng(seed), family, 96) for seed in (1, 2))
    assert one.shape == (96, 96, 3)
    assert one.dtype == np.uint8
    assert not np.array_equal(one, other)
    assert max(one.std(), other.std()) > 2


@pytest.mark.parametrize("damage", DAMAGES[1:])
def test_a_spoilt_texture_is_near_the_sound_one_and_not_the_same(damage):
    rng = np.random.default_rng(4)
    sound, other = (texture(rng, family, 96) for family in ("mosaic", "bristles"))
    spoilt = damaged(rng, sound, damage)
    assert np.abs(spoilt.astype(float) - sound).mean() > 3
    near, far = (
        sliced_wasserstein(each.astype(np.float32) / 255, sound.astype(np.float32) / 255)
        for each in (spoilt, other)
    )
    assert near < far


@pytest.mark.parametrize("mark", set(MARKS), ids=lambda mark: mark.__name__)
def test_a_mark_covers_a_part_of_the_scene(mark):
    covered = [mark(np.random.default_rng(seed), SIDE).alpha.mean() for seed in range(8)]
    assert 0.001 < np.mean(covered) < 0.6


@pytest.mark.parametrize("shape", STAMPS)
def test_of_stamps_on_one_place_the_last_is_on_top(shape):
    centres = np.tile(np.array([[32, 32]], np.float32), (5, 1))
    number, depth, across = stamped(np.random.default_rng(0), 64, centres, 12, 1, 0.3, shape)
    assert number.max() == 4
    assert depth[number >= 0].min() >= 0
    assert np.abs(across).max() <= 1.7
    assert (number[:8] == -1).all()


def test_noise_has_the_frequency_and_the_spectrum_asked_for():
    rng = np.random.default_rng(1)
    spectrum = np.abs(np.fft.fft2(gabor_noise(rng, 128, 0.2, 0.2, angle=0.0, spread=0.15)))
    row, column = np.unravel_index(spectrum[:64, :64].argmax(), (64, 64))
    assert abs(column / 128 - 0.2) < 0.05
    assert row / 128 < 0.06
    rough, smooth = (power_noise(rng, 128, exponent) for exponent in (0.5, 2.0))
    assert np.abs(np.diff(rough)).mean() > 3 * np.abs(np.diff(smooth)).mean()


def test_an_equalised_field_has_a_uniform_histogram():
    counts, _ = np.histogram(equalised(power_noise(np.random.default_rng(2), 64, 1.5)), 8, (0, 1))
    assert counts.min() == pytest.approx(counts.max(), abs=2)
