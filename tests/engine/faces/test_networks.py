"""The networks of faces, compared with what TensorFlow Lite computes by MediaPipe's own files:
numbers that lab/faces/convert.py has stored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.faces import PHOTO

from painterly.engine.faces import networks
from painterly.engine.faces.finding import by_place


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
