"""Painting lists of photos, and counting the painted faces that are the photo's people."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FACES = Path(__file__).parents[2] / "faces"


@pytest.fixture
def identity(monkeypatch):
    monkeypatch.syspath_prepend(FACES)  # As the program runs.
    return importlib.import_module("identity")


def face(left: float, person: int, *, width: float = 0.2, score: float = 0.9, change: float = 0):
    """Return a face as it is found, whose descriptor is that of a person and a distance of it."""
    descriptor = np.eye(8)[person] + change * np.eye(8)[7]
    return {"score": score, "box": [left, 0.1, left + width, 0.3], "descriptor": [*descriptor]}


def test_a_face_is_the_same_person_where_it_was_and_as_it_was(identity):
    photos = {
        "us_two": [face(0, 0), face(0.3, 1), face(0.6, 2), face(0.8, 3, score=0.5)],
        "crowd": [face(0, 4), face(0.3, 5, width=0.04)],
    }
    painted = [face(0.01, 0, change=0.5), face(0.3, 4, change=0.7), face(0.3, 2)]
    seen = identity.seen_of("us_two_munch", photos, painted)
    assert [each.style for each in seen] == ["munch"] * 3
    assert seen[0].distance == pytest.approx(0.5) and seen[0].nearest
    assert seen[1].distance > identity.SAME_PERSON and not seen[1].nearest
    assert seen[2] == ("munch", None, False)  # Nobody is at that place.
    assert [each.distance for each in identity.seen_of("crowd_munch", photos, [])] == [None]
    row = identity.line("folder", "munch", seen)
    assert row.split() == ["folder", "munch", "3", "67%", "33%", "33%", "0.957"]


def test_overlap_is_the_shared_part_of_two_boxes(identity):
    assert identity.overlap([0, 0, 2, 1], [1, 0, 3, 1]) == pytest.approx(1 / 3)
    assert identity.overlap([0, 0, 1, 1], [2, 2, 3, 3]) == 0


def test_pairs_are_painted_once(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(FACES)
    paint = importlib.import_module("paint")
    photos, results, pairs = tmp_path / "photos", tmp_path / "results", tmp_path / "pairs.txt"
    photos.mkdir()
    Image.effect_noise((48, 32), 60).save(photos / "our garden.JPG", "JPEG")
    pairs.write_text("our garden hokusai\n")
    for _ in range(2):
        arguments = [photos, results, "--pairs", pairs, "--size", "64"]
        monkeypatch.setattr("sys.argv", ["paint.py", *map(str, arguments)])
        paint.main()
    with Image.open(results / "our garden_hokusai.png") as picture:
        assert max(picture.size) == 64
    assert capsys.readouterr().out.count("our garden_hokusai:") == 1
