"""What pictures are scored by."""

import numpy as np
import pytest
from scipy import ndimage

pytest.importorskip("torch", "2.9", reason="needs pip install -r training/requirements.txt")

from training.metrics import patch_coherence, sliced_wasserstein, structure_kept
from training.scenes_textures import damaged, texture


def picture(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / 255


@pytest.fixture(scope="module")
def mosaic() -> np.ndarray:
    return texture(np.random.default_rng(3), "mosaic", 160)


@pytest.mark.parametrize("damage", ["scrambled", "grain", "blurred"])
def test_another_part_of_a_texture_is_nearer_to_it_than_a_spoilt_one(mosaic, damage):
    left, right = mosaic[:, :80], mosaic[:, 80:]
    spoilt = damaged(np.random.default_rng(1), mosaic, damage)[:, 80:]
    own = sliced_wasserstein(picture(right), picture(left))
    assert sliced_wasserstein(picture(spoilt), picture(left)) > 1.2 * own


@pytest.mark.parametrize("damage", ["scrambled", "grain"])
def test_another_part_of_a_texture_is_more_coherent_than_a_spoilt_one(mosaic, damage):
    left, right = mosaic[:, :80], mosaic[:, 80:]
    spoilt = damaged(np.random.default_rng(1), mosaic, damage)[:, 80:]
    own = patch_coherence(picture(right), picture(left))
    assert own < 1.3
    assert patch_coherence(picture(spoilt), picture(left)) > 1.05 * own


def test_another_part_of_a_texture_is_nearer_to_it_than_another_texture(mosaic):
    other = texture(np.random.default_rng(5), "bristles", 160)
    own = sliced_wasserstein(picture(mosaic[:, 80:]), picture(mosaic[:, :80]))
    assert own < 0.5 * sliced_wasserstein(picture(other[:, 80:]), picture(mosaic[:, :80]))


def test_a_picture_is_at_no_distance_from_itself(mosaic):
    assert sliced_wasserstein(picture(mosaic), picture(mosaic)) < 0.1
    assert structure_kept(picture(mosaic), picture(mosaic)) == pytest.approx(1, abs=1e-3)


def test_structure_survives_other_colours_and_fine_texture_and_not_other_shapes():
    rng = np.random.default_rng(2)
    smooth = ndimage.gaussian_filter(rng.standard_normal((128, 128)), 8)
    photo = np.repeat((smooth > 0)[..., None] * 0.6 + 0.2, 3, axis=-1).astype(np.float32)
    textured = 0.5 * photo * [1.0, 0.7, 0.4] + 0.2 + 0.1 * rng.standard_normal(photo.shape)
    assert structure_kept(textured.astype(np.float32), photo) > 0.7
    assert abs(structure_kept(photo[::-1], photo)) < 0.3


def test_a_faint_contour_counts_about_as_much_as_a_strong_one():
    rows, columns = np.mgrid[:128, :128]
    strong, faint = 0.6 * ((columns % 64) < 32), 0.06 * ((rows % 64) < 32)
    photo = np.where(rows < 64, strong, 0.3 + faint)
    without_faint = np.where(rows < 64, strong, 0.3)
    colours = [
        np.repeat(each[..., None], 3, -1).astype(np.float32) for each in (photo, without_faint)
    ]
    assert structure_kept(colours[1], colours[0]) < 0.9
