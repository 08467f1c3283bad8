"""Faces held to the photo."""

import tracemalloc
from functools import cache

import numpy as np
import pytest
from PIL import Image
from support.faces import close, portrait
from support.painted import as_before
from support.tiny import network

from painterly import Settings, stylize
from painterly.devices.budget import MemoryBudget
from painterly.engine import looked_at, transfer
from painterly.engine.abstraction.filters import blurred
from painterly.engine.faces import care, strokes
from painterly.engine.faces.finding import Found
from painterly.engine.faces.strokes import Brush
from painterly.engine.looked_at import LookedAt
from painterly.engine.paintings import Paintings
from painterly.engine.stylize import prepared
from painterly.engine.transfer import PhotoCache, TransferInputs
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab
from painterly.settings import ready_styles

pytestmark = [pytest.mark.slow, pytest.mark.thorough]  # Faces are found and painted.

SIDE = 192
FEW = {"iterations": 4}  # steps of the recipes that have any


@cache  # What is measured of them serves all tests.
def paintings(name):
    image = Image.open(ready_styles.path(name)).convert("RGB")
    image.thumbnail((256, 256))
    return Paintings([np.asarray(image)])


def painted(photo, style="munch", vgg=None, resume=None, content_mask=None, **settings):
    changed = Settings(size=SIDE, **({} if vgg else {"preset": "instant"}) | settings)
    given = {"resume": resume, "content_mask": content_mask}
    return stylize(photo, paintings(style), changed, vgg, **given)


def result(*args, **settings):
    *_, last = painted(*args, **settings)
    return last.image


def cares_in(photo, longer=None):
    size = photo.shape[:2]
    return care.cares_of(LookedAt.of(photo).faces, size, longer or max(size))


def likeness(image, photo):
    """The correlation of a picture's tones with its photo's in the face's features."""
    [one] = cares_in(photo)
    weight = one.features / one.features.sum()
    tones = (blurred(srgb_to_oklab(each)[..., 0], 1.5)[one.part] for each in (image, photo / 255))
    one, other = (each - (weight * each).sum() for each in map(np.float32, tones))
    return (weight * one * other).sum() / np.sqrt(
        (weight * one**2).sum() * (weight * other**2).sum()
    )


@pytest.mark.parametrize("style", ["munch", "hokusai", "mosaic"])
def test_a_painted_face_has_the_features_of_the_photos(style):
    photo = close(SIDE)
    pictures = [result(photo, style, faces=faces) for faces in (0, 0.5, 1)]
    as_before(f"face_{style}", *pictures[1:])
    freely, half, kept = (likeness(each, photo) for each in pictures)
    assert kept > 0.9
    assert freely < half + 0.01 and half < kept + 0.01
    assert kept > freely + 0.02


@pytest.mark.parametrize(("style", "coloured"), [("hokusai", True), ("wadsworth", False)])
def test_skin_has_more_of_the_photos_colour_unless_the_painting_has_none(style, coloured):
    photo = close(SIDE)
    images = photo / np.float32(255), *(result(photo, style, faces=faces) for faces in (0, 1))
    [one] = cares_in(photo)
    shown, freely, kept = (
        srgb_to_oklab(each[one.part])[one.oval > 0.9, 1:].mean(0) for each in images
    )
    apart = [np.hypot(*(each - shown)) for each in (freely, kept)]
    assert apart[1] < 0.7 * apart[0] if coloured else np.hypot(*kept) < 0.01


@pytest.mark.parametrize("vgg", [None, network], ids=["instant", "default"])
def test_a_photo_without_a_face_is_painted_bit_for_bit_as_if_there_were_no_setting(vgg):
    photo = np.asarray(Image.open("samples/photos/still-life.jpg").resize((SIDE, 144)))
    few = FEW if vgg else {}
    kept, freely = (result(photo, vgg=vgg and vgg(), faces=faces, **few) for faces in (1, 0))
    np.testing.assert_array_equal(kept, freely)


def test_with_faces_0_and_in_other_recipes_no_face_is_looked_for(monkeypatch):
    def refuse(*_):
        raise AssertionError("a network of faces is run")

    monkeypatch.setattr(looked_at, "found", refuse)
    result(close(SIDE), faces=0)
    result(close(SIDE), vgg=network(), recipe="moments", **FEW)
    with pytest.raises(AssertionError, match="is run"):
        result(close(SIDE))


def test_faces_are_looked_for_once_for_all_styles_of_a_photo(monkeypatch):
    photo, cache, calls = close(SIDE), PhotoCache(), []
    found = looked_at.found
    monkeypatch.setattr(looked_at, "found", lambda *args: calls.append(1) or found(*args))
    for style in ("munch", "hokusai"):
        settings = Settings(preset="instant", size=SIDE)
        inputs = TransferInputs(photo, paintings(style), settings, cache=cache.entries(photo))
        [*prepared(inputs, None, MemoryBudget(0, 10**12)).steps()]
    assert len(calls) == 1


def test_a_style_of_a_recipe_without_faces_leaves_the_next_style_its_own():
    photo, cache = close(SIDE), PhotoCache()

    def shown(vgg=None, **settings):
        settings = Settings(size=SIDE, **settings)
        inputs = TransferInputs(photo, paintings("munch"), settings, cache=cache.entries(photo))
        *_, last = prepared(inputs, vgg, MemoryBudget(0, 10**12)).steps()
        return last.image

    shown(network(), recipe="moments", **FEW)
    assert np.array_equal(shown(preset="instant"), result(photo))


def test_strokes_are_measured_once_and_only_for_a_photo_with_faces():
    new, settings = paintings.__wrapped__("munch"), Settings(preset="instant", size=SIDE)

    def drawn():
        kept = (each.result() for each in new.prepared.values())
        return [each for each in kept if isinstance(each, Brush)]

    [*stylize(np.full((SIDE, SIDE, 3), 128, np.uint8), new, settings)]
    assert not drawn()
    [*stylize(close(SIDE), new, settings)]
    [first] = drawn()
    [*stylize(close(SIDE)[:, ::-1], new, settings)]
    assert drawn() == [first]


@pytest.mark.parametrize("vgg", [None, network], ids=["instant", "default"])
def test_a_face_gets_strokes_as_far_as_its_strength_permits(monkeypatch, vgg):
    monkeypatch.setattr(strokes, "IN_PX", (SIDE / 8, SIDE / 4))
    photo, given = close(SIDE), {"vgg": vgg and vgg(), **(FEW if vgg else {})}
    few, all_ = (result(photo, strength=strength, **given) for strength in (0.05, 0.5))
    monkeypatch.setattr(transfer, "add_strokes", lambda *_: None)
    faint = np.abs(few - result(photo, strength=0.05, **given)).mean(-1)
    bold = np.abs(all_ - result(photo, **given)).mean(-1)
    assert 0.002 < bold.mean() < 0.1
    assert not bold[:2].any()
    assert faint.mean() < 0.5 * bold.mean()


def test_the_face_of_a_masked_part_keeps_the_photos_pixels():
    photo, mask = close(SIDE), np.array([[1.0, 0.0]], np.float32).repeat(4, 1)
    image = result(photo, content_mask=mask)
    rest = np.s_[:, SIDE * 3 // 4 :]
    np.testing.assert_array_equal(image[rest], (photo / np.float32(255))[rest])
    assert np.abs(image - photo / 255)[:, : SIDE // 4].mean() > 0.02


def test_a_resumed_run_ends_in_the_same_face():
    steps = painted(close(SIDE), vgg=network(), **FEW)
    snapshot = {name: array.copy() for name, array in next(steps).snapshot().items()}
    *_, last = steps
    *_, resumed = painted(close(SIDE), vgg=network(), resume=snapshot, **FEW)
    np.testing.assert_array_equal(resumed.image, last.image)


def test_small_faces_are_held_more_firmly_than_the_skin_of_large_ones():
    photo = close(SIDE)
    [small], [large] = (cares_in(photo, longer) for longer in (SIDE / 2, 3 * SIDE))
    cheek = (small.oval > 0.99) & (small.features < 0.01)
    eyes = small.features > 0.99
    for one, firmness in ((small, care.SMALL), (large, care.LARGE)):
        assert one.held[cheek].mean() == pytest.approx(firmness.skin, abs=0.01)
        assert one.held[eyes].mean() == pytest.approx(firmness.features, abs=0.01)
    assert large.held[cheek].mean() < large.held[eyes].mean() <= small.held[eyes].mean()


def test_a_face_moves_with_the_frame_of_a_clip():
    """The landmarks move by as many px as the photo does, to a fraction of one."""
    whole = np.asarray(portrait())
    middles = []
    for offset in range(8):
        frame = whole[:320, 2 * offset : 480 + 2 * offset]
        frame = np.clip(frame + np.random.default_rng(offset).normal(0, 3, frame.shape), 0, 255)
        [face] = LookedAt.of(frame.astype(np.uint8)).faces
        assert face.certainty == 1
        middles.append(np.add((face.landmarks * (480, 320)).mean(0), (2 * offset, 0)))
    assert np.std(middles, 0).max() < 0.6


def faces_at(*places):
    """Faces with the portrait's landmarks, with a factor of their size, at places x, y."""
    [face] = LookedAt.of(close()).faces
    return [Found((face.landmarks - 0.5) * part + (x, y), face.certainty) for x, y, part in places]


def coloured(colour, lightness=0.6):
    return oklab_to_srgb(np.array([lightness, *colour], np.float32))


CHEEK = 0.04, 0.05


def test_skin_is_faces_and_what_has_their_colour_beside_them():
    faces = faces_at((0.3, 0.4, 0.25))
    photo = np.empty((128, 128, 3), np.float32)
    photo[:] = coloured((-0.05, 0.05))
    photo[30:90, 20:60] = coloured(CHEEK)  # face and neck
    photo[:, 110:] = coloured(CHEEK)  # a wall of the same colour, far away
    bodies, skin = care.people_of(faces, photo)
    as_before("people", np.stack([bodies, skin], -1))
    assert skin[51, 38] > 0.95
    assert skin[80, 38] > 0.4, "the neck"
    assert skin[51, 90] < 0.1
    assert bodies[36:110, 38].min() > 0.6, "from the hair down"
    assert bodies[:, 100:].max() < 0.05, "the wall, too"


def test_a_dark_suit_below_a_tiny_face_is_no_skin():
    photo = np.full((128, 128, 3), coloured((0, 0), 0.1), np.float32)
    photo[60:68, 60:68] = coloured(CHEEK)
    skin = care.people_of(faces_at((0.5, 0.5, 0.02)), photo).skin
    assert skin[64, 64] > 0.9 and skin[70:].max() < 0.1


def test_what_is_around_a_face_throws_no_halo_into_it():
    """The background is dark in the photo, and light in the picture."""
    photo = close(SIDE) / np.float32(255)
    [one] = cares_in(close(SIDE))
    face = np.zeros((SIDE, SIDE, 1), np.float32)
    face[one.part] = (one.oval > 0.5)[..., None]
    picture = face * photo + (1 - face)
    dark = face * photo
    before = picture.copy()
    care.follow_tones(picture, dark, [one])
    edge = (one.oval > 0.9) & (blurred((one.oval > 0.5).astype(np.float32), 6) < 0.95)
    change = (srgb_to_oklab(picture) - srgb_to_oklab(before))[one.part][edge, 0]
    assert np.abs(change).mean() < 0.02


def test_a_face_that_fills_a_large_photo_takes_little_memory():
    photo = close(2400)
    small = photo[::8, ::8] / np.float32(255)
    cares = cares_in(small)
    assert len(cares) == 1
    tracemalloc.start()
    care.follow_tones(small, photo, cares)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < photo.nbytes


def test_a_dark_face_is_lit_before_it_is_drawn():
    photo = (close(SIDE) / np.float32(255)) ** 2.5
    [one] = cares_in((255 * photo).astype(np.uint8))
    skin = (one.oval > 0.9) & (one.features < 0.1)
    dark, lit = (
        srgb_to_oklab(each)[one.part][skin, 0].mean() for each in (photo, care.lit(photo, [one]))
    )
    assert dark < 0.6 and lit > 0.68
    np.testing.assert_array_equal(care.lit(photo, [one])[:8], photo[:8])
