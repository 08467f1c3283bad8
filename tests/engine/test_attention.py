"""Recipe attention: sizes, masks, strength, stopping and resuming, with small random networks."""

import numpy as np
import pytest
import tensorflow as tf
from support.diffusion import small_weights
from support.tiny import last, picture

from painterly import Settings, stylize
from painterly.engine.attention_memory import canvas_of
from painterly.errors import MemoryShortError, PictureError

pytestmark = pytest.mark.group("engine: terms")
PAINTING = picture(64, 64, 1)
WEIGHTS = small_weights()


@pytest.fixture(autouse=True)
def untraced():
    """A trace takes longer than all steps here. tests/batch/test_attention.py paints by traces."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def settings(**others) -> Settings:
    return Settings(
        **{"recipe": "attention", "size": 64, "iterations": 3, "precision": "float32", **others}
    )


def test_a_picture_has_the_photos_proportions_at_any_shape():
    steps = list(stylize(picture(40, 60), [PAINTING], settings(iterations=1), diffusion=WEIGHTS))
    assert steps[-1].image.shape == (43, 64, 3)
    assert canvas_of((43, 64)).size == (64, 64)


def test_a_resumed_picture_is_byte_for_byte_the_same():
    given = picture(64, 64), [PAINTING], settings(iterations=5)
    snapshots = []
    for step in stylize(*given, diffusion=WEIGHTS):
        if step.iteration in (1, 4):  # within a batch of looked-at times, and at its end
            snapshots.append(step.snapshot())
    for snapshot in snapshots:
        resumed = last(stylize(*given, diffusion=WEIGHTS, resume=snapshot))
        np.testing.assert_array_equal(resumed.image, step.image)


def test_a_higher_strength_leads_further_from_the_photo():
    photo = picture(64, 64)
    moved = {}
    for strength in (0.1, 0.9):
        steps = stylize(photo, [PAINTING], settings(strength=strength), diffusion=WEIGHTS)
        *_, step = steps
        weights = step.content_weight
        moved[strength] = step.losses["content"] / weights
    assert moved[0.9] > moved[0.1]


def test_the_photo_shows_where_nothing_is_painted():
    photo = picture(64, 64)
    mask = np.zeros((64, 64), np.float32)
    mask[:, :32] = 1
    step = last(stylize(photo, [PAINTING], settings(), diffusion=WEIGHTS, content_mask=mask))
    np.testing.assert_allclose(step.image[:, 32:], photo[:, 32:], atol=1e-6)
    assert np.abs(step.image[:, :32] - photo[:, :32]).mean() > 0.01


def test_two_paintings_with_regions_and_masks_paint_each_its_part():
    left = np.zeros((64, 64), np.float32)
    left[:, :32] = 1
    other = picture(64, 96, 5)
    steps = stylize(
        picture(64, 64),
        [PAINTING, other],
        settings(iterations=2),
        style_masks=[None, left],
        regions=[left, 1 - left],
        diffusion=WEIGHTS,
    )
    *_, step = steps
    assert np.isfinite(step.image).all() and step.losses["style"] > 0


def test_a_picture_that_does_not_fit_is_refused():
    with pytest.raises(MemoryShortError, match=r"recipe attention needs .* of memory"):
        stylize(picture(64, 64), [PAINTING], settings(), diffusion=WEIGHTS, memory_limit=1)
    with pytest.raises(PictureError, match="the largest size that fits is 768"):
        stylize(picture(64, 64), [PAINTING], settings(size=1024), diffusion=WEIGHTS)
