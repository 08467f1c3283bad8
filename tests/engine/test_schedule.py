"""The sizes that a picture is painted at, and the steps there."""

import pytest

from styletransfer import Settings
from styletransfer.engine.schedule import scale_sizes, schedule, step_pixels


def test_scales_grow_by_root_two_from_about_128_px():
    sizes = scale_sizes(600, 800, 512)
    assert [max(size) for size in sizes] == [128, 181, 256, 362, 512]
    assert sizes[-1] == (384, 512)


@pytest.mark.parametrize("height, width", [(2000, 100), (100, 2000), (17, 17), (64, 64)])
def test_panoramas_and_small_photos_have_scales_that_statistics_can_be_taken_of(height, width):
    sizes = scale_sizes(height, width, max(height, width))
    assert sizes[-1] == (height, width)
    assert all(min(size) >= 32 for size in sizes[:-1])


def test_steps_fall_from_scale_to_scale_to_a_third():
    for size, steps in (
        (128, [300]),
        (512, [300, 150, 106, 75, 53]),
        (1448, [300, 150, 106, 75, 53, 50, 50, 50]),
    ):
        assert schedule(600, 800, Settings(size=size))[1] == steps
    assert schedule(600, 800, Settings(size=512, iterations=1))[1] == [2, 1, 1, 1, 1]


def test_the_original_recipe_paints_at_one_size_only():
    settings = Settings(recipe="inetwork", size=512)
    assert schedule(600, 800, settings) == ([(384, 512)], [10])
    assert step_pixels(600, 800, settings) == 10 * 384 * 512


def test_the_pixels_of_all_steps_are_those_of_each_scale_times_its_steps():
    settings = Settings(size=181, iterations=7)
    assert step_pixels(500, 500, settings) == 14 * 128**2 + 7 * 181**2
