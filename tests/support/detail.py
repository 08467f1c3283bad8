"""A photo's detail in NumPy and SciPy, as painterly/engine/features/structure.py has it."""

import numpy as np


def numpy_detail(photo):
    """Return the detail of a photo [h, w, 3], [h, w], 0…1, float64."""
    from scipy.ndimage import gaussian_filter  # Slow to load, and few workers need it.

    longer = max(photo.shape[:2])

    def blurred(image, deviation):
        return gaussian_filter(image, deviation, mode="reflect", radius=int(np.ceil(3 * deviation)))

    luminance = blurred(np.float64(photo) @ (0.299, 0.587, 0.114), max(0.7, longer / 400))
    below, right = (np.diff(luminance, axis=axis) for axis in (0, 1))
    square = np.pad(below, ((0, 1), (0, 0))) ** 2 + np.pad(right, ((0, 0), (0, 1))) ** 2
    near = blurred(square, max(1.0, longer / 50)) * longer**2
    return near / (near + (0.03 * 512) ** 2)
