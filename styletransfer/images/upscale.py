"""Rescaling a painted image from the size it was painted at to the photo's own.

Images are float32 [H, W, 3], sRGB 0…1.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from styletransfer.images.arrays import bands, resample

# The guided filter's parameters, found by eye. Its windows have (2 · 2 + 1)² painted pixels: larger
# ones add the photo's edges where the painting has none. Variance of the photo below epsilon, in
# sRGB 0…1, is grain and is left out.
_RADIUS = 2
_EPSILON = 0.05**2

# Rows processed at a time: the filter takes many times an image's memory.
_BAND = 128


def rescale(image: np.ndarray, photo: np.ndarray, method: str) -> np.ndarray:
    """Return a painted image at the size of its photo.

    Args:
        image: float32 [h, w, 3], sRGB 0…1, painted from a smaller copy of the photo.
        photo: float32 [H, W, 3].
        method: The setting `rescale_method`. `lanczos`, `bicubic`, `bilinear` and `nearest` are
            Pillow's, in floats, anti-aliased when shrinking. `guided` enlarges by Lanczos and adds
            the detail that the photo loses at the painted size, as strongly and in the colours in
            which the painted image follows the photo there (see `_detail`): edges are as sharp as
            the photo's, and brush strokes, which the photo does not have, stay.

    Returns:
        float32 [H, W, 3], sRGB 0…1.
    """
    height, width = photo.shape[:2]
    if image.shape[:2] == (height, width):
        return image.copy()
    kind = "lanczos" if method == "guided" else method
    out = resample(image, height, width, Image.Resampling[kind.upper()])
    if method == "guided":
        for rows, detail in _detail(image, photo):
            out[rows] += detail
    return np.clip(out, 0, 1, out=out)


def _detail(image: np.ndarray, photo: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield bands of rows of the photo, each with the detail to add: float32 [rows, W, 3].

    The painted image is locally a linear model of the photo's three colours (He, Sun & Tang 2013,
    "Guided Image Filtering", eq. 14-15). Fitted at the painted size and enlarged (He & Sun 2015,
    "Fast Guided Filter"), the model gives an image without the brush strokes, which are its
    residual. With the residual, model(photo) + (painted − model(small photo)) is painted + linear
    part(photo − small photo), all enlarged. The model's constant part cancels out.
    """
    height, width = photo.shape[:2]
    small_height, small_width = image.shape[:2]
    small = resample(photo, small_height, small_width, Image.Resampling.LANCZOS)
    linear = _linear_model(small, image).reshape(small_height, small_width, 9)
    for rows in bands(height, _BAND):
        lost = photo[rows] - resample(small, height, width, Image.Resampling.LANCZOS, rows)
        model = resample(linear, height, width, Image.Resampling.BILINEAR, rows)
        yield rows, np.einsum("hwc,hwcd->hwd", lost, model.reshape(*lost.shape, 3))


def _linear_model(guide: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The matrices float32 [h, w, 3, 3] of the linear model of image's colours by guide's around
    each pixel: d image[d] / d guide[c] at [c, d]."""
    linear = np.empty((*image.shape, 3), np.float32)
    for rows in bands(len(image), _BAND):
        # A mean over windows of windows depends on two radii beyond the band.
        first = max(rows.start - 2 * _RADIUS, 0)
        block = slice(first, rows.stop + 2 * _RADIUS)
        inner = slice(rows.start - first, rows.stop - first)
        linear[rows] = _fitted(guide[block], image[block])[inner]
    return linear


def _fitted(guide: np.ndarray, image: np.ndarray) -> np.ndarray:
    """(Σ + ε)⁻¹ cov(guide, image) of each window, averaged over the windows around a pixel."""
    row, column, painted = guide[..., None, :], guide[..., :, None], image[..., None, :]
    mean, painted_mean = _window_means(column), _window_means(painted)
    variances = _window_means(column * row) - mean * mean.swapaxes(-1, -2)
    covariance = _window_means(column * painted) - mean * painted_mean
    return _window_means(np.linalg.solve(variances + _EPSILON * np.eye(3), covariance))


def _window_means(values: np.ndarray) -> np.ndarray:
    """The means of values [h, w, …] over the window around each pixel, in float64: variances are
    small differences of large numbers."""
    from scipy.ndimage import uniform_filter  # Most runs rescale nothing, and need no SciPy.

    size = (2 * _RADIUS + 1,) * 2 + (1,) * (values.ndim - 2)
    means: np.ndarray = uniform_filter(values.astype(np.float64), size, mode="nearest")
    return means
