"""Pictures in the style of drawings in ink: how they approach a drawing of the photo."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.distance import content_error
from support.fuzzing import drawn
from support.ink import drawing, portrait
from support.painted import as_before
from support.tiny import last, picture

from painterly import Settings, stylize
from painterly.devices.memory import device_budget
from painterly.engine.abstraction.ink import ink_of
from painterly.engine.groups import groups_of
from painterly.engine.optimisation.objective import Objective
from painterly.engine.optimisation.scale_optimizer import program
from painterly.engine.paintings import Paintings
from painterly.engine.style_transfer import StyleTransfer
from painterly.engine.tensors import to_batch
from painterly.engine.transfer import TransferInputs
from painterly.settings.recipes import RECIPES

pytestmark = [pytest.mark.slow, pytest.mark.thorough]  # Pictures are painted.

PEN = drawing(side=128)
SHORT = Settings(size=128, iterations=6)
INSTANT = Settings(preset="instant", size=128)


def prepared(vgg, settings=SHORT, painting=PEN):
    inputs = TransferInputs(portrait(side=128), Paintings([painting]), settings)
    return StyleTransfer(inputs, vgg, device_budget())


def led(vgg):
    """An objective without matches, and a picture's problem without and with a drawing."""
    objective = Objective.of(Settings(recipe="moments", size=96), vgg).for_drawings()
    photo, sketch = (to_batch(picture(64, 96, seed)) for seed in (0, 1))
    groups = groups_of(Paintings([PEN]), objective.extractor, (64, 96))
    plain = objective.problem(photo, groups, None)
    image = objective.extractor.canvas((64, 96)).padded(picture(64, 96, 2))
    return objective, plain, objective.led_to(plain, sketch), tf.constant(image[None])


def test_the_distance_is_the_photos_and_its_gradient_leads_to_the_drawing(tiny):
    objective, plain, problem, image = led(tiny)
    weights = tf.constant([1.0, 0.0, 0.0, 0.0])
    to_sketch = plain._replace(
        targets=problem.targets._replace(content=problem.targets.drawing[0], drawing=())
    )
    results = [
        program(objective, each).gradient(image, each, weights)
        for each in (plain, problem, to_sketch)
    ]
    (photo_terms, _), (terms, gradient), (sketch_terms, wanted) = results
    assert terms[0].numpy() == pytest.approx(photo_terms[0].numpy(), rel=1e-5)
    assert abs(terms[0].numpy() / sketch_terms[0].numpy() - 1) > 0.01
    np.testing.assert_allclose(gradient, wanted, atol=1e-6 + 1e-4 * np.abs(wanted).max())


def test_the_statistics_of_drawings_count_less(tiny):
    usual = Objective.of(Settings(), tiny)
    losses = usual.for_drawings().extractor.losses
    assert losses.statistics_weight == pytest.approx(0.15)
    assert dataclasses.replace(losses, statistics_weight=1.0) == usual.extractor.losses


def test_only_two_recipes_draw_and_only_for_drawings(tiny):
    assert {name for name, traits in RECIPES.items() if traits.draws} == {"default", "instant"}
    assert prepared(tiny).ink is not None
    assert prepared(tiny, painting=picture(64, 64)).ink is None
    assert prepared(tiny, dataclasses.replace(SHORT, recipe="moments")).ink is None


def test_a_drawn_picture_resumes_as_if_it_had_not_been_stopped(tiny):
    args = portrait(side=128), Paintings([PEN]), dataclasses.replace(SHORT, size=160, iterations=4)
    transfer = StyleTransfer(TransferInputs(*args), tiny, device_budget())
    snapshots = {}
    for step in transfer.steps():
        if step.can_resume and step.iteration in (2, 6):  # at both sizes
            snapshots[step.iteration] = {k: np.array(v) for k, v in step.snapshot().items()}
    assert len(snapshots) == 2
    for snapshot in snapshots.values():
        resumed = last(stylize(*args, tiny, resume=snapshot))
        assert resumed.image.tobytes() == step.image.tobytes()


def test_a_drawn_picture_has_white_paper_and_its_colours_and_masked_parts_are_the_photos(tiny):
    photo, mask = portrait(side=128), np.zeros((128, 128), np.float32)
    mask[:, 64:] = 1
    kept = dataclasses.replace(SHORT, preserve_color=True)
    masked = last(stylize(photo, [PEN], SHORT, tiny, content_mask=mask)).image
    as_before("drawn", masked)
    np.testing.assert_allclose(masked[:, :60], photo[:, :60], atol=1e-5)
    assert np.abs(masked[:, 68:] - photo[:, 68:]).mean() > 0.05
    coloured = last(stylize(photo, [PEN], kept, tiny)).image
    assert np.ptp(coloured, -1).mean() > 0.5 * np.ptp(photo, -1).mean()
    assert last(stylize(photo, [PEN], INSTANT)).image[:20].mean() > 0.9


def test_regions_and_shares_of_drawings_are_drawn(tiny):
    photo, left = portrait(side=128), np.zeros((8, 8), np.float32)
    left[:, :4] = 1
    pair = [PEN, drawing(solid=True, side=128)]
    for others in ({"regions": [left, 1 - left]}, {"shares": [1, 3]}):
        for settings, vgg in ((dataclasses.replace(SHORT, iterations=2), tiny), (INSTANT, None)):
            image = last(stylize(photo, pair, settings, vgg, **others)).image
            assert np.isfinite(image).all() and image.std() > 0.05


def test_at_a_strength_of_0_the_photo_stays(builtin):
    settings = dataclasses.replace(INSTANT, strength=0)
    photo = portrait(side=128)
    assert np.abs(last(stylize(photo, [PEN], settings)).image - photo).mean() < 0.06


def test_in_tiles_a_picture_is_led_to_the_same_drawing(tiny):
    objective, _, problem, image = led(tiny)
    weights = tf.constant([1.0, 0.0, 0.0, 0.0])
    whole, tiled = (
        program(objective, problem, side).gradient(image, problem, weights) for side in (None, 48)
    )
    np.testing.assert_allclose(tiled[0][0], whole[0][0], rtol=1e-4)
    np.testing.assert_allclose(tiled[1], whole[1], atol=1e-4 * np.abs(whole[1]).max())


@pytest.mark.parametrize("strength", drawn([0.3, 0.5]))
def test_strength_is_the_distance_from_the_photo_itself(builtin, strength):
    photo, settings = portrait(side=128), Settings(size=128, strength=strength)
    assert ink_of(Paintings([PEN])) is not None
    image = last(stylize(photo, [PEN], settings, builtin)).image
    # With paintings of bare paper, flat parts have more weight.
    found = content_error(builtin, image, photo, PEN, flat=0.3)
    assert found == pytest.approx(strength, abs=0.08)
