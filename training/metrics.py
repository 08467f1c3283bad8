"""How much a picture is like a painting, and how much of a photo is left in it, measured without
any network. Pictures are float32 [H, W, 3], sRGB 0…1. No number is safe alone: look as well."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

Array = np.ndarray
PATCH = 9  # pixels per side
OCTAVES = 3  # each half as large as the one before
SAMPLES = 6000  # patches of the painting at each octave
QUERIES = 1500  # patches of the picture, each looked up in the painting
PROJECTIONS = 128
COMPONENTS = 24  # principal components of patches that the look-up is done in
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def halved(picture: Array) -> Array:
    """Means of 2 × 2 pixels; an odd last row or column is left out."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    cropped = picture[:height, :width]
    return cropped.reshape(height // 2, 2, width // 2, 2, -1).mean((1, 3))


def _octaves(picture: Array) -> list[Array]:
    found = [picture]
    while len(found) < OCTAVES and min(found[-1].shape[:2]) >= 4 * PATCH:
        found.append(halved(found[-1]))
    return found


def _patches(rng: np.random.Generator, picture: Array, count: int) -> tuple[Array, Array]:
    """`count` random patches [count, 243] and the corners [count, 2] they were cut at."""
    height, width = (size - PATCH + 1 for size in picture.shape[:2])
    corners = np.stack([rng.integers(0, height, count), rng.integers(0, width, count)], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (PATCH, PATCH), (0, 1))
    return windows[corners[:, 0], corners[:, 1]].reshape(count, -1), corners


def patch_coherence(picture: Array, painting: Array) -> float:
    """Mean distance of a patch of the picture to the nearest patch of the painting, relative to
    that of the painting's own patches to their nearest elsewhere in it. Lower is better; 1 is as
    coherent as the painting itself, far below 1 is too smooth."""
    rng, ratios = np.random.default_rng(0), []
    for found, wanted in zip(_octaves(picture), _octaves(painting), strict=False):
        known, corners = _patches(rng, wanted, SAMPLES)
        middle = known.mean(0)
        _, _, basis = np.linalg.svd(known[::4] - middle, full_matrices=False)
        basis = basis[:COMPONENTS].T
        tree = cKDTree((known - middle) @ basis)
        own, own_corners = known[: QUERIES // 2], corners[: QUERIES // 2]
        far, which = tree.query((own - middle) @ basis, k=16)
        apart = np.abs(corners[which] - own_corners[:, None]).max(-1) >= PATCH
        # Where all 16 overlap the patch, the furthest of them stands in for the first beyond.
        apart[:, -1] = True
        own_distance = np.take_along_axis(far, apart.argmax(1)[:, None], 1).mean()
        queries, _ = _patches(rng, found, QUERIES)
        outside = (queries - middle) - (queries - middle) @ basis @ basis.T
        distance, _ = tree.query((queries - middle) @ basis)
        residual = (own - middle) - (own - middle) @ basis @ basis.T
        distance = np.sqrt(distance**2 + (outside**2).sum(1)).mean()
        own_distance = np.sqrt(own_distance**2 + (residual**2).sum(1).mean())
        ratios.append(distance / (own_distance + 1e-6))
    return float(np.mean(ratios))


def sliced_wasserstein(picture: Array, painting: Array) -> float:
    """Sliced Wasserstein-2 distance of patches (Heitz et al. 2021), mean of all octaves. Half of
    the directions are Gabor filters, whose responses are heavy-tailed in strokes and stones and
    normal in noise; each counts relative to the painting's spread in it. Lower is better."""
    rng, distances = np.random.default_rng(0), []
    for found, wanted in zip(_octaves(picture), _octaves(painting), strict=False):
        one, _ = _patches(rng, found, SAMPLES)
        other, _ = _patches(rng, wanted, SAMPLES)
        directions = _directions(rng)
        a, b = np.sort(one @ directions, axis=0), np.sort(other @ directions, axis=0)
        distances.append((np.sqrt(((a - b) ** 2).mean(0)) / (b.std(0) + 2e-3)).mean())
    return float(np.mean(distances))


def _directions(rng: np.random.Generator) -> Array:
    """Unit vectors [243, PROJECTIONS] in the space of patches: random ones, then Gabor filters."""
    half = PROJECTIONS // 2
    y, x = np.mgrid[:PATCH, :PATCH] - (PATCH - 1) / 2
    angle, frequency, phase = rng.uniform(size=(3, half, 1, 1)) * [
        [[[np.pi]]],
        [[[0.3]]],
        [[[2 * np.pi]]],
    ]
    wave = np.cos(2 * np.pi * (frequency + 0.08) * (np.cos(angle) * x + np.sin(angle) * y) + phase)
    window = np.exp(-(x**2 + y**2) / (2 * (PATCH / 4) ** 2))
    filters = (wave - (wave * window).sum((1, 2), keepdims=True) / window.sum()) * window
    colour = LUMINANCE + 0.3 * rng.standard_normal((half, 3))
    # In a flat patch, colour is the slowest axis.
    gabor = colour[:, :, None, None] * filters[:, None]
    white = rng.standard_normal((half, 3 * PATCH**2))
    found = np.concatenate([white, gabor.reshape(half, -1)])
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).T.astype(np.float32)


def structure_kept(picture: Array, photo: Array) -> float:
    """How much of the photo's contours is in the picture, −1…1: correlation of the gradients of
    luminance, each divided by the local contrast so that a faint contour counts like a strong one;
    mean of two scales. Higher is better."""
    height, width = (min(a, b) for a, b in zip(picture.shape[:2], photo.shape[:2], strict=True))
    found = []
    for sigma in (1.5, 3.0):
        one, other = (
            _relative_gradients(each[:height, :width] @ LUMINANCE, sigma)
            for each in (picture, photo)
        )
        found.append((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum() + 1e-12))
    return float(np.mean(found))


def _relative_gradients(luminance: Array, sigma: float) -> Array:
    smooth = ndimage.gaussian_filter(luminance, sigma)
    gradients = np.stack(np.gradient(smooth))
    contrast = ndimage.gaussian_filter((gradients**2).sum(0), 4 * sigma)
    return gradients / np.sqrt(contrast + 1e-5)
