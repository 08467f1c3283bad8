"""inetwork.py: the settings that its flags make, and the pictures and masks that it paints with."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.inetwork_runs import ONE, QUICK, TWO, order, painted
from support.pictures import decode

from painterly.cli.command import inetwork
from painterly.images import arrays
from painterly.settings.settings import FIELDS, Settings
from painterly.settings.values import kind

pytestmark = pytest.mark.usefixtures("inetwork_files")
paints = pytest.mark.slow


def settings(*flags):
    return order(*ONE, *flags).style.settings


def another_value(field):
    """Return a value of a setting that is not its default."""
    if kind(field) is bool:
        return not field.default
    if field.name == "paper":
        return "30x40cm"
    low = field.metadata["low"]
    values = field.metadata["choices"] or (low, low + 1)
    return next(value for value in values if value != field.default)


def test_every_setting_has_its_flag():
    for name, field in FIELDS.items():
        value = another_value(field)
        changed = settings(f"--{name}", str(value))
        assert changed == Settings(**{name: value})
        assert getattr(changed, name) == value, name  # Also of settings that are not compared.


def test_a_flag_sets_its_setting():
    for name, word, value in (
        ("size", "64", 64),
        ("strength", "0", 0.0),
        ("maintain_aspect_ratio", "False", False),
        ("optimizer", "lbfgs", "lbfgs"),
        ("rescale_method", "cubic", "bicubic"),
        ("content_loss_type", "2", 2),
    ):
        assert value != getattr(Settings(), name)
        assert settings(f"--{name}", word) == Settings(**{name: value})
        assert settings(f"--{name.replace('_', '-')}={word}") == Settings(**{name: value})
    assert settings("--num_iter", "5") == Settings(iterations=5)  # the original's name


def test_switches_take_the_original_s_words_and_stand_alone():
    for words in (["TRUE"], ["yes"], ["t"], ["1"], []):
        assert settings("--preserve_color", *words).preserve_color
    assert not settings("--preserve_color", "False").preserve_color
    made = order("--preserve_color", *ONE, "--rescale-image", "no")
    paths = [made.photo.key, *made.style.keys]
    assert paths == ONE[:2], "a switch before the pictures swallows none"
    assert made.style.settings.preserve_color and not made.style.settings.rescale_image


@paints
@pytest.mark.thorough
def test_outside_the_content_mask_the_photo_is_kept():
    result = painted("--content_mask", "left.png", "--size", "80")
    photo = np.asarray(Image.open("beach.jpg"))
    assert np.array_equal(result[:, 44:], photo[:, 44:])
    assert (result[:, :36] != photo[:, :36]).mean() > 0.9


@paints
@pytest.mark.thorough
def test_preserve_color_acts_inside_the_color_mask_only():
    everywhere, half = (
        painted("--preserve_color"),
        painted("--preserve_color", "--color_mask", "left.png"),
    )
    assert np.array_equal(half[:, :28], everywhere[:, :28])
    assert np.array_equal(half[:, 36:], painted()[:, 36:])
    assert np.abs(np.float32(half) - painted())[:, :28].mean() > 5


@paints
def test_a_picture_to_start_from_is_where_it_starts():
    result = painted("--init_image", "klimt.png", "--num_iter", "1", "--learning_rate", "1e-5")
    start = arrays.resize(decode(Path("klimt.png").read_bytes()).pixels, 48, 64)
    assert np.abs(result / 255 - start).mean() < 0.02


@pytest.mark.parametrize(
    ("flags", "regions", "shares"),
    [
        (["--style_weight", "3", "1"], ["left.png", None], [3, 1]),
        (["--style_weight", "3", "--content_mask", "left.png"], [None, None], [1.5, 1.5]),
        (["--regions", "-", "right.png"], [None, "right.png"], [0.5, 0.5]),
    ],
    ids=["as the masks", "whole photo", "named"],
)
def test_paintings_have_their_weights_masks_and_regions(flags, regions, shares):
    paintings = order(*TWO, "--style_masks", "left.png", "-", *flags).style.paintings
    assert [each.entry.key for each in paintings] == TWO[1:3]
    assert [each.share for each in paintings] == shares
    assert [each.mask and each.mask.key for each in paintings] == ["left.png", None]
    assert [each.region and each.region.key for each in paintings] == regions


def test_image_size_is_the_number_of_rows_and_400_with_recipe_inetwork_unless_a_size_is_given():
    def size(*flags):
        return settings(*flags).size

    assert size("--image_size", "66") == 88
    assert size("--recipe", "inetwork") == 533
    assert size("--image_size", "66", "--maintain_aspect_ratio", "False") == 66
    assert size("--recipe", "inetwork", "--maintain_aspect_ratio", "False") == 400
    assert size("--recipe", "inetwork", "--size", "400") == 400
    assert size() == 1024
    assert size("--recipe", "gatys") == 512, "It has one scale, and was published with this size."
    assert size("--preset", "print") == 2400
    assert size("--recipe", "inetwork", "--preset", "print") == 533
    assert size("--recipe", "inetwork", "--paper", "A5") == size("--paper", "A5") == 2480


@paints
def test_a_picture_on_paper_is_cropped_to_it_and_printed_at_its_dpi():
    Path("upright.jpg").write_bytes(tiny.file(80, 60, 1, dpi=(72, 72)))
    paper = ["--paper", "8x10in", "--dpi", "8"]
    assert inetwork(["upright.jpg", "monet.jpg", "x.jpg", *QUICK, *paper]) == 0
    result = Image.open("x.jpg")
    assert (result.height, result.width) == (80, 64) and result.info["dpi"] == (8, 8)


@paints
def test_a_picture_keeps_the_dpi_of_its_photo_unless_others_are_given():
    Path("scan.png").write_bytes(tiny.file(60, 80, 1, "PNG", dpi=(600, 600)))
    for flags, dpi in ([], 600), (["--dpi", "150"], 150):
        assert inetwork(["scan.png", "monet.jpg", "x.jpg", *QUICK, "--size", "64", *flags]) == 0
        assert Image.open("x.jpg").info["dpi"] == (dpi, dpi)
