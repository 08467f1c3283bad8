"""Oklab against its published values."""

import numpy as np

from styletransfer.images.oklab import oklab_to_srgb, srgb_to_oklab

# Oklab of sRGB colours as CSS Color 4's implementations give them.
PUBLISHED = {
    (1.0, 1.0, 1.0): (1.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0): (0.627955, 0.224863, 0.125846),
    (0.0, 1.0, 0.0): (0.866440, -0.233888, 0.179498),
    (0.0, 0.0, 1.0): (0.452014, -0.032457, -0.311528),
}


def test_oklab_has_its_published_values():
    found = srgb_to_oklab(np.array(list(PUBLISHED), np.float32))
    np.testing.assert_allclose(found, list(PUBLISHED.values()), atol=2e-6)


def test_oklab_and_back_gives_the_same_colours():
    grid = np.linspace(0, 1, 18, dtype=np.float32)
    every = np.stack(np.meshgrid(grid, grid, grid), -1).reshape(-1, 1, 3)
    np.testing.assert_allclose(oklab_to_srgb(srgb_to_oklab(every)), every, atol=1e-4)
