"""Rebuilding pictures from patches of paintings."""

import numpy as np
import pytest
from support.painted import as_before
from support.pictures import sample
from support.tiny import last, network, picture

from painterly import Settings, stylize
from painterly.engine import patches
from painterly.engine.paintings import Paintings


def patches_of(paintings, masks=None):
    style = Paintings(paintings, masks=masks)
    members = range(len(paintings))
    return patches.Patches.of(style, members, [each.shape[:2] for each in paintings], 4000)


def rebuilt(image, paintings, masks=None, check_stop=lambda: None):
    """A picture [h, w, 3], rebuilt from patches of paintings."""
    everywhere = np.ones((*image.shape[:2], 1), np.float32)
    return patches.rebuilt(image, [(patches_of(paintings, masks), everywhere)], check_stop)


def rms(error):
    return float(np.sqrt(np.square(np.float64(error)).mean()))


@pytest.fixture(scope="module")
def patched():
    """A mosaic as a picture."""
    return sample("styles/mosaic.jpg", 160)


def test_a_part_of_a_painting_turned_by_a_right_angle_stays_as_it_is(patched):
    part = np.ascontiguousarray(np.rot90(patched[20:84, 30:110]))
    assert rms(rebuilt(part, [patched]) - part) < 0.45 * part.std()


def test_mesh_grain_and_fringes_that_no_painting_has_are_gone(patched):
    part = patched[20:84, 30:110]
    rows, columns = np.indices(part.shape[:2])
    mesh = 0.1 * ((rows + columns) % 2 - 0.5)[..., None] * np.array([1, -1, 1])
    grain = 0.05 * np.random.default_rng(0).standard_normal(part.shape)
    for flaw in (mesh, grain):
        flawed = np.float32(np.clip(part + flaw, 0, 1))
        # Patches have a cost for a picture without flaws, too.
        cost, mended = rms(rebuilt(part, [patched]) - part), rebuilt(flawed, [patched])
        assert rms(mended - part) < cost + 0.3 * rms(flawed - part)
    as_before("patches", mended, *map(patches.patch_count, ((100, 100), (700, 1000))))


def test_a_flat_part_in_a_grainy_painting_gets_no_mesh():
    grain = 0.05 * np.random.default_rng(0).standard_normal((96, 96, 1))
    painting = np.float32(0.5 + grain).repeat(3, 2)
    image = rebuilt(np.full((64, 64, 3), 0.5, np.float32), [painting])
    signs = (-1.0) ** np.arange(64)[:, None, None]
    for alternating in (signs, signs.transpose(1, 0, 2)):
        assert abs(np.mean(alternating * image)) < 0.02 * 0.05


def test_only_what_masks_show_of_a_painting_is_used():
    painting = np.zeros((64, 64, 3), np.float32)
    painting[:, :32, 0] = painting[:, 32:, 2] = 1
    left = np.repeat(np.arange(64)[None] < 24, 64, axis=0).astype(np.float32)
    image = rebuilt(picture(40, 40), [painting], masks=[left])
    assert image[..., 0].min() > 0.99 and image[..., 2].max() < 0.01


def test_a_narrow_picture_and_a_tiny_painting_of_one_colour_are_possible():
    colour = np.full((3, 2, 3), 0.25, np.float32)
    for size in ((1, 40), (40, 1), (33, 34)):
        image = rebuilt(picture(64, 64)[: size[0], : size[1]], [colour])
        assert image.shape == (*size, 3)
        np.testing.assert_allclose(image, 0.25, atol=1e-3)


@pytest.mark.thorough
def test_each_region_is_rebuilt_from_its_own_painting():
    red, blue = (np.zeros((48, 48, 3), np.float32) for _ in range(2))
    red[..., 0] = blue[..., 2] = 1
    left = np.repeat(np.arange(96)[None] < 48, 72, axis=0).astype(np.float32)
    grey = np.full((72, 96, 3), 0.5, np.float32)
    settings = Settings(size=96, iterations=1, content_weight=0.0)
    regions = [left, 1 - left]
    image = last(stylize(grey, [red, blue], settings, network(), regions=regions)).image
    redness = image[..., 0] - image[..., 2]
    assert redness[:, :44].min() > 0.95 and redness[:, 52:].max() < -0.95


def test_several_paintings_give_no_more_patches_and_detail_than_one(patched):
    one, both = patches_of([patched]), patches_of([patched, patched])
    assert len(both.votes) == len(one.votes)
    np.testing.assert_allclose(both.deviations, one.deviations, rtol=1e-5)


def test_a_stop_is_obeyed_while_a_large_picture_is_rebuilt(patched):
    class StoppedHereError(Exception):
        pass

    def check_stop():
        raise StoppedHereError

    with pytest.raises(StoppedHereError):
        rebuilt(picture(64, 64), [patched], check_stop=check_stop)


def test_a_painting_in_a_region_of_its_own_is_seen_as_if_it_were_alone(patched):
    both = Paintings([patched, picture(90, 70)], [0.25, 0.75])
    found = patches.Patches.of(both, [0], [each.shape[:2] for each in both.paintings], 4000)
    for one, other in zip(found, patches_of([patched]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_large_picture_is_compared_with_more_patches_up_to_a_bound():
    small, medium, large = map(patches.patch_count, ((100, 100), (700, 1000), (4000, 6000)))
    assert small < medium < large
    assert patches.patch_count((4000, 6000), medium) == medium


def test_a_border_between_two_paintings_colours_stays_sharp():
    """Patches across it are in neither painting, so they have little weight."""
    red, blue = (np.zeros((32, 32, 3), np.float32) for _ in range(2))
    red[..., 0] = blue[..., 2] = 1
    image = rebuilt(np.concatenate([red, blue], 1), [red, blue])
    assert image[:, :30, 2].max() < 0.02 and image[:, 34:, 0].max() < 0.02


def test_a_picture_with_more_detail_than_its_painting_keeps_it():
    """The painting is flat except for a small part, which is the picture."""
    stripes = np.float32(0.35 + 0.3 * (np.arange(64) // 3 % 2))[None, :, None]
    stripes = stripes.repeat(64, 0).repeat(3, 2)
    painting = np.concatenate([np.full((64, 320, 3), 0.5, np.float32), stripes], 1)
    assert rebuilt(stripes, [painting]).std() > 0.8 * stripes.std()
