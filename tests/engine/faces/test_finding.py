"""The search for faces in photos; and its networks, compared with what TensorFlow Lite computes by
MediaPipe's own files: numbers that lab/faces/convert.py has stored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.faces import PHOTO, portrait
from support.painted import as_before

from painterly.engine.faces import networks
from painterly.engine.faces.finding import by_place
from painterly.engine.looked_at import LookedAt

ROOT = Path(__file__).parents[3]
LEFT_EYE, RIGHT_EYE, MOUTH = [33, 133], [362, 263], [13, 14]
# In px of the portrait, measured by hand.
PLACES = {"left": (202, 101), "right": (248, 103), "mouth": (223, 143)}


def faces_in(image):
    return LookedAt.of(np.asarray(image)).faces


def places(face, image):
    parts = zip(PLACES, (LEFT_EYE, RIGHT_EYE, MOUTH), strict=True)
    return {name: face.landmarks[numbers].mean(0) * image.size for name, numbers in parts}


@pytest.mark.parametrize("side", [300, 512, 2400])
def test_a_face_is_found_with_its_eyes_and_mouth(side):
    image = portrait(side)
    [face] = faces_in(image)
    assert face.certainty == 1
    for name, place in places(face, image).items():
        assert np.hypot(*(place * 512 / side - PLACES[name])) < 5, name


@pytest.mark.parametrize("angle", [-35, 25])
def test_a_tilted_face_is_found(angle):
    image = portrait()
    middle = 226.0, 122.0
    turned = image.rotate(angle, Image.Resampling.BICUBIC, center=middle)
    [face] = faces_in(turned)
    radians = np.radians(angle)
    turn = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    for name, place in places(face, turned).items():
        wanted = turn @ (np.array(PLACES[name]) - middle) + middle
        assert np.hypot(*(place - wanted)) < 6, name


def test_small_faces_in_a_wide_photo_are_found():
    wide = Image.new("RGB", (2000, 700), (150, 160, 150))
    for column in range(4):
        wide.paste(portrait(480).crop((60, 0, 400, 320)), (500 * column + 40, 300))
    faces = sorted(faces_in(wide), key=lambda each: each.landmarks[1, 0])
    as_before("faces", *(part for each in faces for part in each), rounding=0.01)
    found = [each.landmarks[1, 0] * 2000 for each in faces]
    assert len(found) == 4
    np.testing.assert_allclose(np.diff(found), 500, atol=10)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_photos_of_all_depths_show_the_same(dtype):
    pixels = np.asarray(portrait())
    other = pixels / np.float32(255) if dtype == np.float32 else pixels.astype(np.uint16) * 257
    [one], [another] = (LookedAt.of(each).faces for each in (pixels, other))
    np.testing.assert_allclose(one.landmarks, another.landmarks, atol=1e-3)


def test_a_grey_and_a_dark_portrait_have_a_face():
    assert len(faces_in(portrait().convert("L").convert("RGB"))) == 1
    assert len(faces_in(portrait().point(lambda level: level // 4))) == 1


@pytest.mark.parametrize("name", ["landscape", "still-life"])
def test_other_photos_have_no_face(name):
    assert faces_in(Image.open(ROOT / f"samples/photos/{name}.jpg").convert("RGB")) == []


@pytest.mark.parametrize("size", [(32, 32), (300, 7), (640, 480)])
def test_noise_has_no_face(size):
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    assert faces_in(noise) == []


def test_a_face_that_the_photo_cuts_off_is_found():
    for cut in ((205, 40, 512, 341), (0, 40, 245, 341)):  # On its left and right.
        [face] = faces_in(portrait().crop(cut))
        assert face.certainty > 0
        assert np.abs(face.landmarks[:, 0] - 0.5).max() > 0.5


@pytest.fixture(scope="module")
def runtime():
    """What the runtime of the networks' authors finds."""
    with np.load(Path(__file__).with_name("runtime.npz")) as file:
        return dict(file)


@pytest.fixture(scope="module")
def odd_face():
    """A photo with a face, of odd sides."""
    return np.asarray(Image.open(PHOTO).convert("RGB").crop((130, 20, 322, 212)), np.float32)


def test_the_detector_finds_what_its_own_runtime_does(runtime, odd_face):
    boxes, scores = map(by_place, networks.outputs("detector", odd_face / 127.5 - 1))
    places = runtime["places"]
    assert runtime["scores"].max() > 1, "a face"
    # Decoders of JPEG differ by a level or two.
    np.testing.assert_allclose(boxes[places], runtime["boxes"], atol=0.2)
    np.testing.assert_allclose(scores[places], runtime["scores"], atol=0.05)
    assert set(np.argsort(-scores[:, 0])[:5]) <= set(places)


def test_the_mesh_finds_what_its_own_runtime_does(runtime, odd_face):
    landmarks, trust = (each.ravel() for each in networks.outputs("mesh", odd_face / 255))
    assert trust > 1, "a face"
    np.testing.assert_allclose(landmarks, runtime["landmarks"], atol=0.2)
    np.testing.assert_allclose(trust, runtime["trust"], atol=0.1)
