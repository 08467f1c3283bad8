"""Colour transfer against NumPy's statistics, and what masks leave untouched."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.linalg import inv, sqrtm

from styletransfer.images.colour import Palette, masked, match, preserve
from styletransfer.images.oklab import srgb_to_oklab

SAMPLES = Path(__file__).parents[2] / "samples"
METHODS = ("moments", "histogram")


def sample(name, width, height):
    with Image.open(SAMPLES / name) as image:
        return np.asarray(image.resize((width, height)), np.float32) / 255


@pytest.fixture(scope="module")
def photo():
    return sample("photos/still-life.jpg", 120, 90)


@pytest.fixture(scope="module")
def painting():
    return sample("paintings/mosaic.jpg", 100, 110)


@pytest.fixture(scope="module")
def other_painting():
    return sample("paintings/woodcut-and-brush/brush.jpg", 70, 50)


def noise(height, width, low=0.0, high=1.0):
    drawn = np.random.default_rng(8).random((height, width, 3))
    return (low + (high - low) * drawn).astype(np.float32)


def plain(colour, height=20, width=30):
    return np.full((height, width, 3), colour, np.float32)


def half(height, width):
    """0 in the left third, 1 in the right, 0…1 between."""
    return np.tile(np.clip(np.linspace(-1, 2, width), 0, 1), (height, 1)).astype(np.float32)


def covariance(picture):
    return np.cov(picture.reshape(-1, 3).T.astype(np.float64), bias=True)


def assert_same_hues(found, wanted):
    """Of Oklab pictures: nothing of a and b across the wanted direction, or against it."""
    across = found[..., 1] * wanted[..., 2] - found[..., 2] * wanted[..., 1]
    along = found[..., 1] * wanted[..., 1] + found[..., 2] * wanted[..., 2]
    np.testing.assert_allclose(across, 0, atol=3e-4)
    assert along.min() > -1e-4


def mean(picture):
    return picture.reshape(-1, 3).mean(axis=0, dtype=np.float64)


# --- preserve -------------------------------------------------------------------------------


def test_preserve_takes_lightness_from_the_painted_and_hue_from_the_photo(photo):
    painted = noise(*photo.shape[:2])
    result, wanted = srgb_to_oklab(preserve(painted, photo)), srgb_to_oklab(photo)
    np.testing.assert_allclose(result[..., 0], srgb_to_oklab(painted)[..., 0], atol=5e-4)
    assert_same_hues(result, wanted)


def test_preserve_gives_all_of_the_photos_chroma_if_srgb_holds_it(photo):
    lighter = np.clip(photo * 0.9 + 0.05, 0, 1)
    result, wanted = srgb_to_oklab(preserve(lighter, photo)), srgb_to_oklab(photo)
    chroma = np.hypot(result[..., 1], result[..., 2])
    expected = np.hypot(wanted[..., 1], wanted[..., 2])
    assert np.all(chroma < expected + 1e-4)
    assert np.mean(np.abs(chroma - expected) < 1e-4) > 0.9


def test_preserve_moves_colours_outside_srgb_to_the_gamuts_surface():
    result = preserve(plain(0.95), plain((0, 0, 1)))
    assert result.max() > 1 - 2e-4
    assert result[0, 0, 2] > result[0, 0, 0] + 0.02
    for grey in (0, 1):
        np.testing.assert_allclose(preserve(plain(grey), plain((0, 0, 1))), grey, atol=1e-3)


def test_preserve_keeps_the_painted_bit_for_bit_where_the_mask_is_0(photo):
    painted, mask = noise(*photo.shape[:2]), half(*photo.shape[:2])
    result, everywhere = preserve(painted, photo, mask), preserve(painted, photo)
    np.testing.assert_array_equal(result[mask == 0], painted[mask == 0])
    np.testing.assert_array_equal(result[mask == 1], everywhere[mask == 1])
    between = (mask > 0.4) & (mask < 0.6)
    low, high = np.minimum(painted, everywhere), np.maximum(painted, everywhere)
    assert np.all((result >= low - 1e-6)[between] & (result <= high + 1e-6)[between])
    assert not np.array_equal(result[between], painted[between])


# --- match ----------------------------------------------------------------------------------


def test_moments_gives_the_paintings_mean_and_covariance():
    photo = noise(60, 80, 0.3, 0.6) @ np.array([[1, 0.5, 0], [0, 0.6, 0.3], [0, 0, 0.9]], "f4")
    painting = noise(50, 40, 0.35, 0.65)
    result = match(photo, Palette([painting]))
    assert result.min() > 0 and result.max() < 1
    np.testing.assert_allclose(mean(result), mean(painting), atol=1e-5)
    np.testing.assert_allclose(covariance(result), covariance(painting), atol=1e-6)


def test_moments_outside_srgb_lose_chroma_and_no_hue():
    photo, painting = noise(60, 80, 0.25, 0.75), np.round(noise(40, 50))
    root = sqrtm(covariance(photo))
    linear = inv(root) @ sqrtm(root @ covariance(painting) @ root) @ inv(root)
    unbounded = srgb_to_oklab(((photo - mean(photo)) @ linear + mean(painting)).astype("f4"))
    result = match(photo, Palette([painting]))
    assert result.min() >= 0 and result.max() <= 1
    found = srgb_to_oklab(result)
    lightness = np.clip(unbounded[..., 0], 0, 1)
    seen = lightness > 0.05  # Below, Oklab's cube root magnifies what is black to any eye.
    np.testing.assert_allclose(found[seen, 0], lightness[seen], atol=1e-3)
    assert_same_hues(found[seen], unbounded[seen])


@pytest.mark.parametrize("method", METHODS)
def test_a_photo_matched_to_itself_stays(method, photo):
    np.testing.assert_allclose(match(photo, Palette([photo]), method=method), photo, atol=2e-3)


def test_histogram_gives_the_quantiles_of_lightness_and_colour(photo, painting):
    result = srgb_to_oklab(match(photo, Palette([painting]), method="histogram"))
    wanted = srgb_to_oklab(painting)
    ranks = np.linspace(0.02, 0.98, 49)
    np.testing.assert_allclose(
        np.quantile(result[..., 0], ranks), np.quantile(wanted[..., 0], ranks), atol=0.006
    )
    # Colours that do not exist at their lightness have less chroma, so only the middle agrees.
    for channel in (1, 2):
        np.testing.assert_allclose(
            np.quantile(result[..., channel], ranks[12:37]),
            np.quantile(wanted[..., channel], ranks[12:37]),
            atol=0.02,
        )


def test_histogram_takes_colours_far_outside_srgb(photo, painting):
    """As far as the engine takes them for overshoot; a few leave the rest as it was."""
    beyond = photo.copy()
    beyond[:1] = np.array([-0.5, 1.5])[np.indices((2, 2, 2)).reshape(3, 8).T].repeat(15, 0)
    for inputs in ((beyond, painting), (photo, beyond)):
        found, usual = (
            match(one, Palette([other]), "histogram")
            for one, other in (inputs, [photo if each is beyond else each for each in inputs])
        )
        assert found.min() >= 0 and found.max() <= 1
        assert np.abs(found - usual)[1:].mean() < 0.02


def test_histogram_makes_no_bands_of_a_smooth_sky():
    sky = np.tile(np.linspace(0.2, 0.8, 4000, dtype=np.float32)[:, None, None], (1, 1, 3))
    eight_bits = np.rint(noise(60, 80, 0.3, 0.7) * 255) / 255
    greys = np.tile(eight_bits[..., :1], (1, 1, 3)).astype(np.float32)
    steps = np.diff(match(sky, Palette([greys]), method="histogram")[:, 0, 1])
    assert steps.min() >= -1e-6 and steps.max() < 0.25 / 255


@pytest.mark.parametrize("method", METHODS)
def test_blended_paintings_count_by_their_shares_and_not_their_size(
    method, photo, painting, other_painting
):
    part = painting[:50, :70]
    larger = other_painting.repeat(2, axis=0).repeat(2, axis=1)
    one_picture = np.concatenate([part, part, part, other_painting])
    np.testing.assert_allclose(
        match(photo, Palette([part, larger], [3, 1]), method),
        match(photo, Palette([one_picture]), method=method),
        atol=1e-4,
    )


@pytest.mark.parametrize("method", METHODS)
def test_plain_and_grey_pictures_can_be_matched_and_matched_to(method, photo, painting):
    grey = painting.mean(axis=2, keepdims=True).repeat(3, axis=2)
    np.testing.assert_allclose(
        match(photo, Palette([plain((0.2, 0.5, 0.7))]), method=method),
        np.broadcast_to(np.float32([0.2, 0.5, 0.7]), photo.shape),
        atol=0.015,
    )
    assert np.ptp(match(photo, Palette([grey]), method=method), axis=2).max() < 0.012
    flat = match(plain(0.4), Palette([painting]), method=method)
    assert np.isfinite(flat).all() and np.ptp(flat.reshape(-1, 3), axis=0).max() < 1e-3
    from_grey = match(grey, Palette([photo]), method=method)
    assert np.isfinite(from_grey).all() and from_grey.std() > 0.05


def test_a_grey_photo_is_toned_as_the_painting_is_from_dark_to_light():
    ramp = np.linspace(0.2, 0.8, 50, dtype=np.float32)[:, None, None]
    grey = np.tile(ramp, (1, 10, 3))
    painting = np.concatenate([0.9 * grey[..., :1], grey[..., :1], 1 - grey[..., :1]], axis=2)
    result = match(grey, Palette([painting]))
    np.testing.assert_allclose(covariance(result), covariance(painting), atol=0.01)
    assert result[-1, 0, 0] > result[-1, 0, 2] and result[0, 0, 0] < result[0, 0, 2]


@pytest.mark.parametrize("method", METHODS)
def test_a_mask_limits_what_is_counted_and_changed(method, photo, painting):
    left = np.zeros(photo.shape[:2], np.float32)
    left[:, :60] = 1
    result = match(photo, Palette([painting]), method=method, mask=left)
    np.testing.assert_array_equal(result[:, 60:], photo[:, 60:])
    np.testing.assert_array_equal(
        result[:, :60], match(photo[:, :60], Palette([painting]), method=method)
    )

    top = np.zeros(painting.shape[:2], np.float32)
    top[:40] = 0.5
    np.testing.assert_allclose(
        match(photo, Palette([painting], masks=[top]), method=method),
        match(photo, Palette([painting[:40]]), method=method),
        atol=1e-5,
    )


def test_an_all_black_mask_changes_nothing(photo, painting):
    black = np.zeros(photo.shape[:2], np.float32)
    np.testing.assert_array_equal(match(photo, Palette([painting]), mask=black), photo)


# --- finished results -----------------------------------------------------------------------


def test_masked_is_the_photo_at_0_the_painted_at_1_and_a_blend_between(photo):
    painted, mask = noise(*photo.shape[:2]), half(*photo.shape[:2])
    result = masked(photo, painted, mask)
    np.testing.assert_array_equal(result[mask == 0], photo[mask == 0])
    np.testing.assert_array_equal(result[mask == 1], painted[mask == 1])
    mix = photo.astype(np.float64) + mask[..., None] * (painted.astype(np.float64) - photo)
    np.testing.assert_allclose(result, mix, atol=1e-6)


# --- Oklab ----------------------------------------------------------------------------------

# Oklab of sRGB colours as CSS Color 4's implementations give them.
PUBLISHED = {
    (1.0, 1.0, 1.0): (1.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0): (0.627955, 0.224863, 0.125846),
    (0.0, 1.0, 0.0): (0.866440, -0.233888, 0.179498),
    (0.0, 0.0, 1.0): (0.452014, -0.032457, -0.311528),
}


def test_oklab_has_its_published_values():
    found = srgb_to_oklab(np.array(list(PUBLISHED), np.float32))
    np.testing.assert_allclose(found, list(PUBLISHED.values()), atol=2e-6)
