"""Recipe instant, with the built-in network: what the decoder makes of places."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from support.pictures import psnr, sample
from support.tiny import each_read
from support.tiny import last as last_of

from styletransfer import Settings, load_vgg, objective, stylize
from styletransfer.engine.constants import DECODER
from styletransfer.engine.paintings import Paintings
from styletransfer.engine.recipes import instant
from styletransfer.engine.stylize import StyleTransfer
from styletransfer.engine.view import View

USUAL = Settings(preset="instant", size=192, precision="float32")
PHOTO = sample("photos/landscape.jpg")
MOSAIC, INK = (sample(f"paintings/{name}.jpg") for name in ("mosaic", "ink"))
LEFT = np.zeros(PHOTO.shape[:2], np.float32)
LEFT[:, : LEFT.shape[1] // 2] = 1


@pytest.fixture(scope="module")
def style():
    return Paintings([MOSAIC])


@pytest.fixture(scope="module")
def in_mosaic(builtin, style):
    return last(PHOTO, style, USUAL, builtin)


def last(photo, paintings, settings, vgg):
    return last_of(stylize(photo, paintings, settings, vgg)).image


def scaled(picture, like):
    height, width = like.shape[:2]
    found = tf.image.resize(picture, (height, width), "lanczos3", antialias=True)
    return np.clip(found, 0, 1)


def colourfulness(picture):
    return (picture.max(-1) - picture.min(-1)).mean()


def test_the_more_strength_the_further_from_the_photo_and_at_0_it_stays_itself(
    builtin, style, in_mosaic
):
    painted = {
        strength: last(PHOTO, style, dataclasses.replace(USUAL, strength=strength), builtin)
        for strength in (0.0, 0.1, 0.3, 1.0)
    }
    painted[USUAL.strength] = in_mosaic
    likeness = [psnr(image, scaled(PHOTO, image)) for _, image in sorted(painted.items())]
    assert likeness == sorted(likeness, reverse=True) and len(set(likeness)) == 5
    assert likeness[0] > 26
    other = sample("photos/still-life.jpg")
    painted = last(other, style, dataclasses.replace(USUAL, strength=0.0), builtin)
    assert psnr(painted, scaled(other, painted)) > 26


def test_colours_come_from_the_painting(builtin, in_mosaic):
    in_ink = last(PHOTO, [INK], USUAL, builtin)
    assert colourfulness(in_mosaic) > 2 * colourfulness(in_ink)
    kept = last(PHOTO, [INK], dataclasses.replace(USUAL, preserve_color=True), builtin)
    assert abs(colourfulness(kept) - colourfulness(PHOTO)) < 0.05


def test_a_blend_is_between_its_paintings_as_its_shares_are(builtin):
    style = Paintings([MOSAIC, INK])
    found = [
        colourfulness(last(PHOTO, style.with_shares(shares), USUAL, builtin))
        for shares in ((0.9, 0.1), (0.5, 0.5), (0.1, 0.9))
    ]
    assert found == sorted(found, reverse=True)
    anew = last(PHOTO, Paintings([MOSAIC, INK], [0.1, 0.9]), USUAL, builtin)
    again = last(PHOTO, style.with_shares([0.1, 0.9]), USUAL, builtin)
    assert np.abs(anew - again).max() < 1e-5


def test_outside_of_a_mask_the_photo_is_decoded(builtin):
    """So the seam has no trace of the painting."""
    compared = View.of(USUAL, builtin)
    size = PHOTO.shape[0] // 16 * 16, 192
    on_canvas = compared.canvas(size).padded(scaled(PHOTO, np.zeros((*size, 3)))[None])
    groups = Paintings([MOSAIC]).groups(compared, size, LEFT)
    found = instant.painted(compared, groups, on_canvas, on_canvas, 0.5)
    half = found.shape[2] // 2
    right = slice(half + 24, None)
    assert psnr(found[:, :, right].numpy(), on_canvas[:, :, right].numpy()) > 26
    assert psnr(found[:, :, : half - 24].numpy(), on_canvas[:, :, : half - 24].numpy()) < 18


def test_regions_are_painted_after_their_paintings(builtin):
    def sides(paintings, regions, shares=None):
        *_, step = stylize(PHOTO, paintings, USUAL, builtin, shares, regions=regions)
        half = step.image.shape[1] // 2
        return [colourfulness(each) for each in np.split(step.image, [half - 8, half + 8], 1)[::2]]

    one, other = sides([MOSAIC, INK], [LEFT, 1 - LEFT])
    assert one > 2 * other
    both, alone = sides([MOSAIC, INK], [LEFT, None])  # The ink is everywhere.
    assert one > both > 1.5 * alone and abs(alone - other) < 0.05
    everywhere = np.ones_like(LEFT)
    most, least = (
        sides([MOSAIC, INK], [everywhere, everywhere], shares)[0]
        for shares in ((0.9, 0.1), (0.1, 0.9))
    )
    assert most > 1.5 * least


@pytest.mark.parametrize("shape", [(256, 170), (31, 200), (40, 40)])
def test_pictures_of_any_shape_are_painted(builtin, shape):
    photo = np.random.default_rng(0).random((*shape, 3), np.float32)
    painted = last(photo, [MOSAIC], dataclasses.replace(USUAL, size="full"), builtin)
    assert painted.shape == photo.shape and np.isfinite(painted).all()


def test_float16_and_a_style_that_was_used_before_give_the_same(
    builtin, style, in_mosaic, monkeypatch
):
    half = dataclasses.replace(USUAL, precision="float16")
    assert np.array_equal(last(PHOTO, [MOSAIC], half, builtin), in_mosaic)
    fine = dataclasses.replace(USUAL, preset="fine", recipe="default", iterations=1)
    previewed = last(PHOTO, style, fine, builtin)
    np.testing.assert_allclose(previewed, last(PHOTO, [MOSAIC], fine, builtin), atol=1e-5)
    module = "styletransfer.engine.paintings.painting_targets"
    monkeypatch.setattr(module, lambda *_: pytest.fail("computed again"))
    assert np.array_equal(last(PHOTO, style, USUAL, builtin), in_mosaic)


def test_the_memory_of_kept_paintings_is_bounded(builtin, monkeypatch):
    monkeypatch.setattr(instant, "MAX_KEPT", 2)
    style = Paintings([MOSAIC])
    for size in (64, 80, 96, 112):
        last(PHOTO[:64, :96], style, dataclasses.replace(USUAL, size=size), builtin)
    assert len(style._kept) == 2


def test_a_picture_in_parts_is_the_same(builtin, monkeypatch):
    settings = dataclasses.replace(USUAL, strength=0.4)  # The photo's places have a part in it.
    whole = last(PHOTO, [MOSAIC], settings, builtin)
    monkeypatch.setattr(instant, "PART_SIDE", 48)
    assert np.abs(last(PHOTO, [MOSAIC], settings, builtin) - whole).max() < 1e-4


def test_a_blank_photo_is_painted_without_a_mesh(builtin):
    image = last(np.ones((128, 192, 3), np.float32), [MOSAIC], USUAL, builtin)
    # As far from each other as a few places.
    one, other = image[24:104, 24:136], image[24:104, 40:152]
    assert np.corrcoef((one - one.mean()).ravel(), (other - other.mean()).ravel())[0, 1] < 0.5


def test_it_takes_a_step_at_each_scale_and_begins_from_a_given_picture(builtin, style, in_mosaic):
    steps = each_read(stylize(PHOTO, style, dataclasses.replace(USUAL, size=256), builtin))
    assert [step.scale for step in steps] == [128, 256]
    assert [step.iteration for step in steps] == [1, 2] and steps[-1].fraction == 1
    assert steps[-1].losses == {}
    *_, other = stylize(PHOTO, style, USUAL, builtin, init=PHOTO[::-1])
    assert np.abs(other.image - in_mosaic).mean() > 0.01
    # It starts again instead of resuming.
    assert StyleTransfer(PHOTO, style, USUAL, builtin).snapshot_shapes(1) == {}


def test_it_has_no_loss_and_needs_the_network_that_its_decoder_was_trained_for(builtin):
    with pytest.raises(ValueError, match="no loss"):
        objective(PHOTO, PHOTO, [MOSAIC], USUAL, builtin)
    with pytest.raises(ValueError, match="built-in network"):
        stylize(PHOTO, [MOSAIC], USUAL, load_vgg("vgg19", "random"))
    with np.load(DECODER) as stored:
        assert json.loads(str(stored["recipe"]))["network"] == builtin.identity
