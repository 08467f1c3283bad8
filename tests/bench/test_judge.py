"""The judge's figures, against what is known of them."""

import importlib

import numpy as np
import pytest


@pytest.fixture
def judge():
    return importlib.import_module("judge")


@pytest.fixture
def features():
    return np.random.default_rng(0).standard_normal((400, 6)) @ np.diag([1, 2, 3, 1, 0.5, 0])


def test_the_distance_of_shifted_and_scaled_gaussians_is_that_of_the_closed_form(judge, features):
    """For Gaussians on the same axes: the distances of the means and of the deviations add up."""
    assert judge.wasserstein(features, features[::-1]) == pytest.approx(0, abs=1e-9)
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
