"""Pictures on paper: they show the part of the photo that fills the sheet, in every recipe."""

import numpy as np
import pytest
from support import tiny

from painterly import Settings, stylize
from painterly.settings.paper import part_shown

PHOTO, PAINTING = tiny.picture(60, 120, 1), tiny.picture(50, 50, 2)
RIGHT = np.tile(np.repeat([0.0, 1.0], 60), (60, 1)).astype(np.float32)
PAPER = {"paper": "5x7.5cm", "dpi": 40, "bleed": 1}  # 82 × 121 px
EXACT = {"iterations": 2, "deterministic": True, "precision": "float32"}
SHOWN = part_shown((60, 120), (82, 121)).slices(60, 120)


def paint(settings, photo=PHOTO, **others):
    vgg = tiny.network() if settings.traits.optimises else None
    paintings = others.pop("paintings", [PAINTING])
    return tiny.last(stylize(photo, paintings, settings, vgg, **others)).image


@pytest.mark.parametrize(
    "recipe",
    [
        "instant",
        *(pytest.param(each, marks=pytest.mark.thorough) for each in ("default", "inetwork")),
    ],
)
def test_a_picture_on_paper_is_that_of_the_cropped_photo(recipe):
    settings = Settings(recipe=recipe, **EXACT, **PAPER)
    picture = paint(settings)
    assert picture.shape == (82, 121, 3)
    assert np.array_equal(picture, paint(settings, PHOTO[SHOWN]))


@pytest.mark.thorough
def test_a_picture_on_paper_resumes_to_the_same_bytes():
    given = PHOTO, [PAINTING], Settings(**EXACT, **PAPER), tiny.network()
    mask = {"content_mask": RIGHT}
    for step in stylize(*given, **mask):
        if step.iteration == 1:
            snapshot = {name: np.array(each) for name, each in step.snapshot().items()}
    resumed = tiny.last(stylize(*given, **mask, resume=snapshot))
    assert np.array_equal(resumed.image, step.image)


@pytest.mark.parametrize("recipe", [pytest.param("default", marks=pytest.mark.thorough), "instant"])
def test_masks_regions_and_the_picture_to_start_from_are_cropped_as_the_photo_is(recipe):
    settings = Settings(recipe=recipe, preserve_color=True, **EXACT, **PAPER)
    start = tiny.picture(60, 120, 3)
    large = RIGHT.repeat(2, 0).repeat(2, 1)
    given = {"content_mask": large, "color_mask": RIGHT[:, ::-1], "init": start, "regions": [RIGHT]}
    rows, columns = SHOWN
    cropped = {
        "content_mask": large[:, 2 * columns.start : 2 * columns.stop],
        "color_mask": given["color_mask"][rows, columns],
        "init": start[rows, columns],
        "regions": [RIGHT[rows, columns]],
    }
    picture = paint(settings, **given)
    assert picture.shape == (82, 121, 3)
    assert np.array_equal(picture, paint(settings, PHOTO[SHOWN], **cropped))
    assert not np.array_equal(picture, paint(settings, **given | {"color_mask": RIGHT}))


def test_a_photo_smaller_than_the_paper_is_enlarged_and_a_lying_one_stays_lying():
    settings = Settings(preset="instant", paper="5x7.5cm", dpi=50)
    assert paint(settings, tiny.picture(20, 16, 1)).shape == (148, 98, 3)
    assert paint(settings, tiny.picture(16, 90, 1)).shape == (98, 148, 3)


def test_a_mask_of_another_shape_is_refused_as_without_paper():
    for name in ("content_mask", "color_mask"):
        with pytest.raises(ValueError, match=f"{name} has the shape"):
            paint(Settings(preset="instant", **PAPER), **{name: np.ones(9, np.float32)})
