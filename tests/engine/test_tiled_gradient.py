"""The tiled gradient equals the whole picture's, and small tiles take less memory."""

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf
from support.fabricated import SOME_LAYERS, trained_arrays
from support.painted import as_before
from support.tiny import each_read, picture

from painterly import Settings, load_vgg, stylize
from painterly.engine import memory_model, schedule
from painterly.engine.extractor import Extractor, footprint_of
from painterly.engine.groups import groups_of
from painterly.engine.memory_model import PaintingInputs
from painterly.engine.optimisation import scale_optimizer
from painterly.engine.optimisation.objective import Objective
from painterly.engine.optimisation.scale_optimizer import Program
from painterly.engine.paintings import Paintings
from painterly.engine.recipes.default import Moments, RelativeLosses
from painterly.engine.recipes.inetwork import INetwork, OriginalLosses
from painterly.errors import MemoryShortError
from painterly.vgg import network
from painterly.vgg.network import NetworkOptions

WEIGHTS = (0.1, 1.0, 0.5, 2.0)
# Some of VGG's layers, in all of its blocks.
DEEP_LAYERS = (*SOME_LAYERS, "conv5_1")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["gram", pytest.param("inetwork", marks=pytest.mark.thorough)])
def test_the_tiled_gradient_is_that_of_the_whole_picture(tiny, recipe, tmp_path, monkeypatch):
    """In float64, nothing but the order of sums differs. The default recipe: test_neighbours.py."""
    masks, size, dtype, tolerance = {}, (49, 67), tf.float64, 1e-9
    if recipe == "gram":
        losses, options = RelativeLosses("conv4_2", "gram"), NetworkOptions("ave", dtype, "zero")
        objective = Objective(Extractor(tiny, Moments(), losses, options, True), structure=True)
    else:  # By a network that lacks layers, with features as large as its teacher's.
        # Kernels as large as VGG's do not become constants.
        monkeypatch.setattr(network, "MAX_CONSTANT_BYTES", 0)
        arrays = trained_arrays((12, 12, 12, 16, 12), layers=DEEP_LAYERS)
        np.savez(tmp_path / "own.npz", **arrays)
        vgg, dtype, tolerance = load_vgg("vgg16", tmp_path / "own.npz"), tf.float32, 1e-5
        losses = OriginalLosses(DEEP_LAYERS, "conv5_1", 0)
        extractor = Extractor(vgg.as_large_as_teacher, INetwork(), losses, NetworkOptions("max"))
        objective = Objective(extractor)
        mask = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size)
        masks = {"regions": [mask, 1 - mask]}
    paintings = Paintings([picture(60, 70, 3), picture(50, 50, 4)], [0.3, 0.7], **masks)
    inside = mask[::-1] if masks else None
    # Targets are computed in float32.
    options = dataclasses.replace(objective.extractor.options, dtype=tf.float32)
    extractor = dataclasses.replace(objective.extractor, options=options)
    single = dataclasses.replace(objective, extractor=extractor)
    photo = tf.constant(picture(*size, 2)[None])
    problem = single.problem(photo, groups_of(paintings, extractor, size, inside), inside)
    problem = tf.nest.map_structure(lambda each: tf.cast(each, dtype), problem)
    image, weights = (tf.constant(x, dtype) for x in (picture(*size, 1)[None], WEIGHTS))
    terms, gradient = objective.gradient(image, problem, weights)
    for side in (16, 32, 1024):  # Many tiles, some shorter ones, and one for all.
        found_terms, found = objective.gradient(image, problem, weights, side)
        np.testing.assert_allclose(found_terms, terms, rtol=tolerance)
        assert np.linalg.norm(found - gradient) < tolerance * np.linalg.norm(gradient), side


@pytest.mark.thorough
def test_when_memory_runs_out_the_picture_is_finished_in_tiles_and_is_the_same(
    tiny, monkeypatch, caplog
):
    monkeypatch.setattr(schedule, "FIRST_SCALE", 256)
    monkeypatch.setattr(memory_model, "SIDES", (None, 256, 64, 32))
    settings = Settings(recipe="moments", size=256, iterations=2)
    args = picture(192, 256), [picture(80, 80, 2)], settings, tiny
    expected = [step.image.copy() for step in stylize(*args)]
    real, calls = scale_optimizer.program, []

    def program(objective, problem, side, compiled=False):
        found = real(objective, problem, side)

        def step(*arguments):
            calls.append(side)
            if len(calls) in (2, 3):
                raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
            return found.step(*arguments)

        return found._replace(step=step)

    monkeypatch.setattr(scale_optimizer, "program", program)
    with caplog.at_level(logging.WARNING):
        steps = each_read(stylize(*args))
    assert calls == [None, None, 256, 64, 64, 64]
    assert sum("memory ran out" in record.message for record in caplog.records) == 2
    for step, image in zip(steps, expected, strict=True):
        assert np.abs(step.image - image).mean() < 1e-4


# --- memory ---------------------------------------------------------------------------------------


def test_when_memory_runs_out_in_the_smallest_tiles_the_photo_fails(tiny, monkeypatch):
    def program(objective, problem, side, compiled=False):
        def step(*arguments):
            raise MemoryError

        return Program(step, step)

    monkeypatch.setattr(scale_optimizer, "program", program)
    settings = Settings(size=96, iterations=1)
    with pytest.raises(MemoryShortError, match="smaller size"):
        list(stylize(picture(72, 96), [picture(32, 32)], settings, tiny))


def test_the_content_error_in_tiles_is_that_of_the_whole_picture(tiny, monkeypatch):
    monkeypatch.setattr("painterly.vgg.tiles.SMALL_FORWARD_SIDE", 32)
    objective, size = Objective.of(Settings(), tiny), (72, 100)
    canvas, left = objective.extractor.canvas(size), np.zeros(size, np.float32)
    left[:, :40] = 1
    groups = groups_of(Paintings([picture(60, 70, 3)]), objective.extractor, size)
    problem = objective.problem(tf.constant(picture(*size, 2)[None]), groups, left)
    image = tf.constant(canvas.padded(picture(*size, 1))[None])
    whole, tiled = (
        objective.planned(False, saves_memory).content_error(image, problem.targets, canvas)
        for saves_memory in (False, True)
    )
    assert tiled == pytest.approx(whole, rel=1e-5)
    as_before("content_error", whole)


def test_masks_count_in_the_estimate_and_smaller_tiles_take_less(random_vgg):
    settings, size = Settings(), (2000, 3000)
    extractor = Extractor.of(settings, random_vgg)
    footprint = footprint_of(extractor, settings)
    plain = {side: footprint.bytes_needed(size, side) for side in memory_model.SIDES}
    assert sorted(plain.values(), reverse=True) == list(plain.values())
    assert plain[None] > 2 * plain[memory_model.SIDES[1]]
    others = (
        footprint_of(extractor, Settings(optimizer="lbfgs")),
        footprint_of(extractor, settings, PaintingInputs(size, regions=2)),
        footprint_of(extractor, settings, outside=10**8),
    )
    sizes = [(each, side) for each in ((90, 4000), (1024, 768)) for side in memory_model.SIDES]
    as_before("memory", [each.bytes_needed(*one) for each in others for one in sizes])
    for more in others:
        for side in (memory_model.SIDES[0], memory_model.SIDES[-1]):
            needed = more.bytes_needed(size, side)
            assert needed > plain[side] + 5 * 6e6
    half = footprint_of(Extractor.of(Settings(precision="bfloat16"), random_vgg), settings)
    sixty_four_megapixels = 6532, 9798
    assert half.bytes_needed(sixty_four_megapixels, memory_model.SIDES[-1]) < 18e9
