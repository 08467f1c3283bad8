"""Recipe attention: sizes, masks, strength, stopping and resuming, with small random networks."""

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from attention.small_networks import small_weights
from support.tiny import last, network, picture

import painterly
from painterly import Settings
from painterly.attention import latent_view, memory, transfer
from painterly.attention.memory import canvas_of
from painterly.devices.budget import MemoryBudget
from painterly.engine import groups, schedule
from painterly.engine.paintings import Paintings
from painterly.engine.stylize import prepared
from painterly.engine.transfer import TransferInputs
from painterly.errors import MemoryShortError
from painterly.images.arrays import resize
from painterly.settings.recipes import RECIPES
from painterly.settings.traits import NativeSteps

pytestmark = pytest.mark.group("engine: terms")
PAINTING = picture(64, 64, 1)
WEIGHTS = small_weights()
stylize = partial(painterly.stylize, plugin_weights=WEIGHTS)


@pytest.fixture(autouse=True)
def untraced():
    """A trace takes longer than all steps here. test_programs.py paints by traces."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def settings(**others) -> Settings:
    return Settings(
        **{"recipe": "attention", "size": 64, "iterations": 3, "precision": "float32", **others}
    )


@pytest.mark.thorough
def test_a_picture_has_the_photos_proportions_at_any_shape():
    steps = list(stylize(picture(40, 60), [PAINTING], settings(iterations=1), network()))
    assert steps[-1].image.shape == (43, 64, 3)
    assert canvas_of((43, 64)).size == (64, 64)


@pytest.fixture
def measured_often(monkeypatch):
    """The distance is measured after each second step from the first on."""
    monkeypatch.setattr(transfer, "DECODED_EVERY", 2)
    monkeypatch.setattr(transfer, "UNSTEERED", 0)


@pytest.mark.thorough
@pytest.mark.usefixtures("measured_often")
def test_a_resumed_picture_is_byte_for_byte_the_same():
    given = picture(64, 64), [PAINTING], settings(iterations=5), network()
    snapshots = []
    for step in stylize(*given):
        if step.iteration in (1, 4):  # within a batch of looked-at times, and at its end
            snapshots.append(step.snapshot())
            seen = step.preview, step.image
    np.testing.assert_allclose(*seen, atol=1e-5)  # It has just been decoded.
    for snapshot in snapshots:
        resumed = last(stylize(*given, resume=snapshot))
        np.testing.assert_array_equal(resumed.image, step.image)


def test_too_far_from_the_photo_its_weight_grows_and_too_near_it_falls():
    wanted = latent_view.DISTANCE * 0.5
    weights = [latent_view.steered(1.0, error * wanted, 0.5) for error in (0.0, 0.5, 1, 2, 1e9)]
    assert weights == sorted(weights) and weights[2] == pytest.approx(1)
    assert len(set(weights)) == 5
    low, high = latent_view.WEIGHTS
    assert latent_view.steered(low, 0.0, 0.5) == low and latent_view.steered(high, 9, 0.5) == high


@pytest.mark.thorough
@pytest.mark.usefixtures("measured_often")
def test_a_picture_is_steered_by_its_measured_distance(monkeypatch):
    steered, errors = transfer.steered, []

    def noted(weight, error, wanted):
        errors.append(error)
        return steered(weight, error, wanted)

    monkeypatch.setattr(transfer, "steered", noted)
    given = picture(64, 64), [PAINTING], settings(strength=0.5, iterations=4), network()
    weights = [step.content_weight for step in stylize(*given)]
    assert errors[0] > 0
    assert weights[1] == pytest.approx(steered(weights[0], errors[0], 0.5), rel=1e-6)


@pytest.mark.thorough
def test_the_photo_shows_where_nothing_is_painted():
    photo = picture(64, 64)
    mask = np.zeros((64, 64), np.float32)
    mask[:, :32] = 1
    painted = stylize(photo, [PAINTING], settings(iterations=1), network(), content_mask=mask)
    step = last(painted)
    np.testing.assert_allclose(step.image[:, 32:], photo[:, 32:], atol=1e-6)
    assert np.abs(step.image[:, :32] - photo[:, :32]).mean() > 0.01


@pytest.mark.thorough
def test_two_paintings_with_regions_and_masks_paint_each_its_part():
    left = np.zeros((64, 64), np.float32)
    left[:, :32] = 1
    other = picture(64, 96, 5)
    steps = stylize(
        picture(64, 64),
        [PAINTING, other],
        settings(iterations=2),
        network(),
        style_masks=[None, left],
        regions=[left, 1 - left],
    )
    *_, step = steps
    assert np.isfinite(step.image).all() and step.losses["style"] > 0


def test_a_picture_that_does_not_fit_is_refused():
    with pytest.raises(MemoryShortError, match=r"recipe attention needs .* of memory"):
        stylize(
            picture(64, 64),
            [PAINTING],
            settings(),
            network(),
            memory_limit=1,
        )


@pytest.fixture
def large(monkeypatch):
    """The settings of a picture that is painted at 64 px and finished at two larger sizes, as those
    above 768 px are."""
    native = NativeSteps(largest=96, side=64, work=6, period=2)
    monkeypatch.setitem(RECIPES, "attention", replace(RECIPES["attention"], native=native))
    monkeypatch.setattr(memory, "NATIVE", native)
    monkeypatch.setattr(schedule, "FIRST_SCALE", 64)
    monkeypatch.setattr(memory, "TRACED", 0)
    return settings(size=200, iterations=6)


@pytest.mark.thorough
def test_a_large_picture_is_finished_at_its_size_and_resumes_byte_for_byte(large):
    photo, mask = picture(40, 60), np.ones((40, 60), np.float32)
    mask[:, 30:] = 0

    def painted(resume=None):
        return stylize(
            *(photo, [PAINTING], large, network()),
            resume=resume,
            content_mask=mask,
        )

    whole, snapshots = [], {}
    for step in painted():
        if step.iteration in (5, 6, 8):  # in each phase, and between them
            assert step.can_resume
            snapshots[step.iteration] = copy.deepcopy(step.snapshot())
        whole.append((step.scale, step.total, step.fraction, step.image))
    assert [scale for scale, *_ in whole] == [64] * 6 + [114] + [200] * 2
    assert {total for _, total, *_ in whole} == {9}
    fractions = [fraction for _, _, fraction, _ in whole]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    native, result = whole[5][-1], whole[-1][-1]
    near, far = (np.abs(resize(each, 133, 200) - result).mean() for each in (native, photo))
    assert result.shape == (133, 200, 3) and near < far
    painted_part = slice(0, 80)  # The mask is soft after it.
    colours = (resize(each, 133, 200)[:, painted_part].mean((0, 1)) for each in (native, result))
    np.testing.assert_allclose(*colours, atol=0.01)
    np.testing.assert_allclose(result[:, 110:], resize(photo, 133, 200)[:, 110:], atol=1e-5)
    for snapshot in snapshots.values():
        np.testing.assert_array_equal(last(painted(snapshot)).image, result)


@pytest.mark.thorough
@pytest.mark.usefixtures("measured_often")
def test_paintings_are_measured_once_for_a_batch_of_large_pictures(large, monkeypatch):
    measure, measured = groups.painting_targets, []

    def noted(view, painting, mask):
        measured.append(painting.shape[1:3])
        return measure(view, painting, mask)

    monkeypatch.setattr(groups, "painting_targets", noted)
    paintings = Paintings([PAINTING])
    for _ in range(2):
        steps = stylize(picture(40, 60), paintings, large, network())
        assert last(steps).iteration == 9
    assert len(measured) == 3  # at the native size, and at both larger ones


def test_memory_for_the_native_size_alone_does_not_paint_a_large_picture(large):
    def plan(settings, limit):
        budget = MemoryBudget(0, limit)
        budget.bytes = limit
        inputs = TransferInputs(picture(40, 60), Paintings([PAINTING]), settings)
        return prepared(inputs, network(), budget, WEIGHTS).memory_plan

    native = plan(settings(size=64), 10**10).bytes_needed
    assert plan(settings(size=64), native).bytes_needed == native
    assert plan(large, 10**10).bytes_needed > native
    with pytest.raises(MemoryShortError, match=r"painting 200 × 133 px needs .* of memory"):
        plan(large, native)
