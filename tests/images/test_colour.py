"""The photo's colours and pixels in its painting, and what masks leave untouched."""

import numpy as np
from support.pictures import sample

from painterly.images.colours.colour import is_grey, masked, preserve, srgb_to_oklab

PHOTO = sample("photos/still-life.jpg", 120)


def noise(height, width, low=0.0, high=1.0):
    drawn = np.random.default_rng(8).random((height, width, 3))
    return (low + (high - low) * drawn).astype(np.float32)


def plain(colour, height=20, width=30):
    return np.full((height, width, 3), colour, np.float32)


def half(height, width):
    """0 in the left third, 1 in the right, 0…1 between."""
    return np.tile(np.clip(np.linspace(-1, 2, width), 0, 1), (height, 1)).astype(np.float32)


def assert_same_hues(found, wanted):
    """Of Oklab pictures: nothing of a and b across the wanted direction, or against it."""
    across = found[..., 1] * wanted[..., 2] - found[..., 2] * wanted[..., 1]
    along = found[..., 1] * wanted[..., 1] + found[..., 2] * wanted[..., 2]
    np.testing.assert_allclose(across, 0, atol=3e-4)
    assert along.min() > -1e-4


# --- preserve -------------------------------------------------------------------------------


def test_preserve_takes_lightness_from_the_painted_and_hue_from_the_photo():
    painted = noise(*PHOTO.shape[:2])
    result, wanted = srgb_to_oklab(preserve(painted, PHOTO)), srgb_to_oklab(PHOTO)
    np.testing.assert_allclose(result[..., 0], srgb_to_oklab(painted)[..., 0], atol=5e-4)
    assert_same_hues(result, wanted)


def test_preserve_gives_all_of_the_photos_chroma_if_srgb_holds_it():
    lighter = np.clip(PHOTO * 0.9 + 0.05, 0, 1)
    result, wanted = srgb_to_oklab(preserve(lighter, PHOTO)), srgb_to_oklab(PHOTO)
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


def test_preserve_counts_the_photos_colours_by_their_share():
    painted = np.clip(PHOTO[::-1] * 0.9 + 0.05, 0, 1)
    pictures = painted, preserve(painted, PHOTO, share=0.3), preserve(painted, PHOTO)
    none, third, whole = map(srgb_to_oklab, pictures)
    np.testing.assert_allclose(third[..., 0], none[..., 0], atol=5e-4)
    exists = np.abs(whole - srgb_to_oklab(PHOTO))[..., 1:].max(-1) < 1e-4
    expected = 0.7 * none[..., 1:] + 0.3 * whole[..., 1:]
    np.testing.assert_allclose(third[..., 1:][exists], expected[exists], atol=2e-3)
    assert exists.mean() > 0.8


# --- masked -----------------------------------------------------------------------------------


def test_masked_is_the_photo_at_0_the_painted_at_1_and_a_blend_between():
    painted, mask = noise(*PHOTO.shape[:2]), half(*PHOTO.shape[:2])
    result = masked(PHOTO, painted, mask)
    np.testing.assert_array_equal(result[mask == 0], PHOTO[mask == 0])
    np.testing.assert_array_equal(result[mask == 1], painted[mask == 1])
    mix = PHOTO.astype(np.float64) + mask[..., None] * (painted.astype(np.float64) - PHOTO)
    np.testing.assert_allclose(result, mix, atol=1e-6)


# --- grey ---------------------------------------------------------------------------------------


def test_a_little_colour_anywhere_in_a_large_picture_is_seen_and_what_jpeg_adds_is_not():
    pixels = np.full((800, 800, 3), 128, np.uint8)
    pixels[400, 500] += np.array([0, 1, 2], np.uint8)
    assert is_grey(pixels)
    for row in (0, 799):
        coloured = pixels.copy()
        coloured[row, 0, 2] += 4
        assert not is_grey(coloured)


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
