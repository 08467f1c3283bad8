"""The sizes that a picture is painted at, and the steps there."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
from support.painted import as_before

from painterly import Settings
from painterly.engine import schedule as schedule_module
from painterly.engine.schedule import Schedule, StepEta, painting_size, scale_sizes, work_of_steps
from painterly.errors import PictureError


@pytest.mark.parametrize("longer", [132, 200, 256, 500, 512, 720, 1600, 4096])
def test_scales_grow_by_one_factor_of_about_2_at_most_from_128_px_whatever_the_size(longer):
    sizes = scale_sizes(600, 800, longer)
    assert sizes[0] == (96, 128) and sizes[-1] == (longer * 3 / 4, longer)
    factors = [max(after) / max(before) for before, after in pairwise(sizes)]
    assert max(factors) < 1.02 * min(factors) < 2.15


@pytest.mark.parametrize("height, width", [(2000, 100), (100, 2000), (17, 17), (64, 64)])
def test_panoramas_and_small_photos_have_scales_that_statistics_can_be_taken_of(height, width):
    sizes = scale_sizes(height, width, max(height, width))
    assert sizes[-1] == (height, width)
    assert all(min(size) >= 32 for size in sizes[:-1])


@pytest.mark.parametrize("size", [(16, 20_000), (20_000, 16)])
def test_a_photo_that_would_shrink_to_nothing_is_refused_with_the_size_that_would_do(size):
    with pytest.raises(PictureError, match=r"too narrow for a size of 512 px; .* 1250 px"):
        Schedule.of(*size, Settings(size=512))
    assert min(Schedule.of(*size, Settings(size=1250)).sizes[-1]) == 1


def test_a_strip_of_nearly_its_first_size_is_painted_once_at_each_size():
    assert scale_sizes(319, 5000, 502) == [(32, 502)]


def test_a_painting_is_as_large_as_the_picture_or_half_way_to_it_in_octaves():
    assert painting_size(600, 800, 512, 1) == (384, 512)
    assert painting_size(600, 800, 800, 1) == (600, 800)
    assert painting_size(600, 800, 3200, 1) == (1200, 1600)
    assert painting_size(12, 32, 128, 1) == (24, 64)
    # Larger strokes take a larger painting.
    assert painting_size(600, 800, 512, 1.5) == (576, 768)
    assert painting_size(600, 800, 512, 3) == (1152, 1536)
    assert painting_size(600, 800, 3200, 2) == (2400, 3200)
    assert painting_size(600, 800, 512, 0.5) == (192, 256)
    assert painting_size(600, 800, 128, 0.25) == (48, 64)
    assert painting_size(12, 18, 128, 0.25) == (32, 48)


def test_steps_fall_from_scale_to_scale_and_the_original_recipe_has_one():
    for size, steps in (
        (128, [60]),
        (512, [60, 40, 30]),
        (2048, [60, 40, 30, 30, 15]),
    ):
        assert Schedule.of(600, 800, Settings(size=size)).counts == steps
    assert Schedule.of(600, 800, Settings(size=512, iterations=1)).counts == [1, 1, 1]
    unrebuilt = Schedule.of(600, 800, Settings(recipe="moments", size=1024))
    assert unrebuilt.counts == [120, 80, 60, 60]
    original = Schedule.of(600, 800, Settings(recipe="inetwork", size=512))
    assert (original.sizes, original.counts, original.total) == ([(384, 512)], [10], 10)


def test_a_picture_that_is_rebuilt_takes_one_more_step_which_its_progress_knows():
    for recipe, steps in (("default", 61), ("moments", 120), ("gatys", 15), ("instant", 2)):
        settings = Settings(recipe=recipe, size=128)
        schedule = Schedule.of(600, 800, settings)
        work = work_of_steps(schedule, settings)
        assert len(work) == schedule.total == steps and min(work) > 0
        usual = Schedule.of(600, 800, Settings(recipe=recipe))
        as_before(f"work_{recipe}", work_of_steps(usual, settings))
    before_the_rebuild = StepEta(work)
    found = before_the_rebuild.tick()
    assert found.eta_s > 0 and found.fraction < 1 == before_the_rebuild.tick().fraction


def test_the_time_left_follows_the_work_left_and_forgets_what_a_scale_sets_up(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(schedule_module, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    # A step of the second scale takes as much as three of the first.
    work = [30_000] * 3 + [90_000] * 2
    found = StepEta(work)

    def after(seconds, skipped=0):
        clock[0] += seconds
        return pytest.approx(found.tick(skipped).eta_s)

    assert after(50) == 50 * (2 + 6)  # With the set-up, until there is another step.
    assert after(1) == 1 + 6
    assert after(2) == 1.1 * 6  # A tenth of the way from 1 s a step to 2 s.
    assert after(70) == 1.1 * 3  # The first of its scale.
    assert after(3.3) == 0
    resumed = StepEta(work, done=2)
    clock[0] += 1
    assert resumed.tick() == (3, 5, pytest.approx(3 / 9), pytest.approx(6))
    set_up = StepEta(work, done=1)
    clock[0] += 50
    assert set_up.tick().eta_s == pytest.approx(50 * (1 + 6))  # Until there is another step.
    clock[0] += 1
    assert set_up.tick().eta_s == pytest.approx(6)
    skipping = StepEta(work)
    clock[0] += 1
    assert skipping.tick(skipped=2) == (3, 5, pytest.approx(3 / 9), pytest.approx(6))
    assert [skipping.tick().fraction for _ in range(2)] == [pytest.approx(6 / 9), 1]
