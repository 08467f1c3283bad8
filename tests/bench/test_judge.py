"""The judge's figures, against what is known of them."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support import tiny


@pytest.fixture
def judge():
    return importlib.import_module("judge")


@pytest.fixture
def features():
    return np.random.default_rng(0).standard_normal((400, 6)) @ np.diag([1, 2, 3, 1, 0.5, 0])


def test_the_distance_of_equal_gaussians_is_0(judge, features):
    assert judge.wasserstein(features, features[::-1]) == pytest.approx(0, abs=1e-9)


def test_the_distance_of_shifted_and_scaled_gaussians_is_that_of_the_closed_form(judge, features):
    """For Gaussians on the same axes: the distances of the means and of the deviations add up."""
    mean, deviation = features.mean(0), features.std(0)
    moved = mean + 2 + 3 * (features - mean)
    wanted = (np.square(2 * np.ones(6)).sum() + np.square(2 * deviation).sum()) / (
        np.square(mean).sum() + np.square(deviation).sum()
    )
    assert judge.wasserstein(moved, features) == pytest.approx(wanted, rel=1e-6)


def test_places_that_the_painting_has_are_near_wherever_they_are(judge, features):
    other = np.random.default_rng(1).standard_normal((400, 6))
    assert judge.nearness(features[::-1], features) == pytest.approx(0, abs=1e-6)
    assert judge.nearness(features, other) > 0.02


def test_pairs_are_different_and_use_all_photos_and_paintings(judge):
    photos, paintings = [[Path(f"{n}.jpg") for n in names] for names in ("abcdefgh", "vwxyz")]
    pairs = judge.spread(photos, paintings, 16)
    assert len({pair.name for pair in pairs}) == 16
    assert {pair.photo for pair in pairs} == set(photos)
    assert {pair.painting for pair in pairs} == set(paintings)
    assert len(judge.spread(photos[:1], paintings[:2], 16)) == 2


@pytest.mark.slow
def test_the_photo_itself_is_judged_nearer_to_the_photo_than_a_painted_one(
    judge, tmp_path, monkeypatch, capsys
):
    (tmp_path / "teacher.npz").write_bytes(tiny.trained_file())
    for name, seed in (("photos", 1), ("paintings", 2)):
        (tmp_path / name).mkdir()
        pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((64, 48)).save(tmp_path / name / f"{name[:-1]}.png")
    given = ["--teacher", "teacher.npz", "--photos", "photos", "--paintings", "paintings"]
    given += ["--out", "out", "--size", "64", "--preset", "draft"]

    def run_here(command, **_):  # Another process would load TensorFlow again.
        monkeypatch.setattr(sys, "argv", ["-c", *map(str, command[3:])])
        exec(command[2], {})

    monkeypatch.setattr(judge, "subprocess", SimpleNamespace(run=run_here))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["judge.py", *given, "--contestants", "photo", "vgg16"])
    judge.main()
    printed = capsys.readouterr().out
    # After a warning that this network cannot reach the strength.
    assert printed.strip().endswith((tmp_path / "out" / "judge.md").read_text().strip())
    (row,) = (line for line in printed.splitlines() if line.startswith("| photo x painting"))
    _, photo, painted = row.strip("| ").split(" | ")
    style, content, _near = map(float, photo.split(" · "))
    painted_style, painted_content, _near = map(float, painted.split(" · "))
    assert content == pytest.approx(0, abs=1e-3)
    assert painted_content > 0.05
    assert painted_style < style
