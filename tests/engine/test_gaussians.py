"""The distance between Gaussians and its gradient, by eigenvectors and by products, against the
formula in NumPy and float64, without floors."""

import numpy as np
import pytest
import tensorflow as tf

from painterly.engine.features.gaussians import (
    by_eigenvectors,
    by_products,
    gaussian,
    moments_errors,
)
from painterly.engine.features.sums import Statistics, moment_sums, statistics

WAYS = pytest.mark.parametrize("way", [by_eigenvectors, by_products])
RNG = np.random.default_rng(7)


def covariance(kind, size):
    if kind == "condition 1e6":
        axes = np.linalg.qr(RNG.standard_normal((size, size)))[0]
        return (axes * np.geomspace(1e-6, 1, size)) @ axes.T
    if kind == "strongly correlated":
        return 0.95 + 0.05 * np.eye(size)
    features = RNG.standard_normal((size // 4, size))
    return features.T @ features / len(features)


def moved(matrix, by):
    """A covariance near another, as after features moved linearly."""
    size = len(matrix)
    noise = RNG.standard_normal((size, size)) * by / size**0.5
    move = np.eye(size) + (noise + noise.T) / 2
    return move @ matrix @ move


def moments(mean, matrix):
    return Statistics(*(tf.constant(x, tf.float32) for x in (mean, matrix + np.outer(mean, mean))))


def found_errors(found, target, way):
    """The error times its norm, and its gradient by the second moment."""
    matched = gaussian(moments(*target))
    own = moments(*found)
    with tf.GradientTape() as tape:
        tape.watch(own.second)
        (error,) = moments_errors([own], [matched], way)
    norm = float(matched.norm)
    return float(error) * norm, tape.gradient(error, own.second).numpy() * norm


def exact(found, target):
    """The squared distance of two covariances; its gradient by the first, times that one's root,
    which weighs each direction by how far features spread in it; and that root."""
    root, own = (
        (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        for values, vectors in map(np.linalg.eigh, (target, found))
    )
    values, vectors = np.linalg.eigh(root @ found @ root)
    inside = values > 1e-12 * values.max()  # In the others neither of the two varies.
    deviations, half = np.sqrt(values[inside]), root @ vectors[:, inside]
    gradient = np.eye(len(found)) - (half / deviations) @ half.T
    return np.trace(found + target) - 2 * deviations.sum(), gradient @ own, own


@WAYS
@pytest.mark.parametrize("kind", ["condition 1e6", "strongly correlated", "short rank"])
@pytest.mark.parametrize("by", [0.3, 0.03])
def test_near_the_painting_the_distance_is_exact_to_a_percent(kind, by, way):
    """Of 128 channels; at 0.03 it is a two-thousandth of the variance."""
    target = covariance(kind, 128)
    found, mean = moved(target, by), np.zeros(128)
    distance, gradient = found_errors((mean, found), (mean, target), way)
    wanted, towards, root = exact(found, target)
    assert distance == pytest.approx(wanted, rel=0.01)
    assert np.linalg.norm(gradient @ root - towards) < 0.04 * np.linalg.norm(towards)


@WAYS
def test_at_the_painting_itself_nothing_pulls_and_rounding_does_no_harm(way):
    mean, target = np.ones(64), covariance("condition 1e6", 64)
    distance, gradient = found_errors((mean, target), (mean, target), way)
    assert abs(distance) < 1e-6
    assert np.abs(gradient).max() < 2e-3
    if way is by_products:  # A picture of one colour may have negative variances.
        rounded = -5e-6 * np.outer(mean, mean)
        for other in (np.zeros((64, 64)), covariance("short rank", 64)):
            distance, gradient = found_errors((mean, rounded), (mean, other), way)
            assert np.isfinite(distance) and np.isfinite(gradient).all()


@WAYS
@pytest.mark.parametrize("found, target", [(1e3, 1e-6), (1e-6, 1e3), (0, 1), (1, 0), (0, 0)])
def test_far_apart_and_without_variance_everything_stays_finite(found, target, way):
    """A white photo for a black painting, the other way round, and pictures of one colour."""
    noise = covariance("short rank", 64)
    both = [(np.full(64, x**0.5), x * noise) for x in (found, target)]
    distance, gradient = found_errors(*both, way)
    assert np.isfinite(gradient).all()
    means = 64 * (found**0.5 - target**0.5) ** 2
    spread = np.trace(noise) * (found**0.5 - target**0.5) ** 2
    # So far away the floor is more of it.
    assert distance == pytest.approx(means + spread, rel=0.1, abs=1e-4 * (found + target) + 1e-9)


def test_of_many_channels_the_least_directions_are_compared_by_their_variance():
    """As many channels as conv5_1 has, the distance still is between that of all directions and
    that of the compared ones."""
    falling = 0.98 ** np.arange(512)
    features = [(RNG.random((1, 24, 32, 512)) * falling).astype(np.float32) for _ in range(2)]
    features[0][..., :300] *= 1.5
    found, target = (statistics(moment_sums(tf.constant(each))) for each in features)
    (error,) = moments_errors([found], [gaussian(target)], by_eigenvectors)
    (mean, own), (mean_, wanted) = (
        (each.mean, each.second - np.outer(each.mean, each.mean))
        for each in (Statistics(*map(np.float64, both)) for both in (found, target))
    )
    distance = ((mean - mean_) ** 2).sum() + exact(own, wanted)[0]
    distance /= (mean_**2).sum() + np.trace(wanted)
    assert 0.9 * distance < float(error) < 1.01 * distance
