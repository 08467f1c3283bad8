"""A VGG with random weights: orthogonal kernels, calibrated on a photo."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from painterly.vgg.architectures import ARCHITECTURES, MEAN_PIXEL, Weights, random_identity

# `sums` [160, 240, 3], uint16: the sums of 4 × 4 pixels of the sample photo landscape.jpg.
CALIBRATION_FILE = Path(__file__).with_name("calibration.npz")
PIXELS_PER_SUM = 16


def random_weights(model: str, seed: int) -> Weights:
    """Return random orthogonal kernels, the same for the same seed.

    Each channel is centred and scaled to mean activation 1 on a photo, after He, Wang &
    Hopcroft 2016, "A Powerful Generative Model Using Random Weights for the Deep Image
    Representation". Raises ValueError for an unknown model.
    """
    with tf.device("CPU"):  # A GPU would give other values, and use TF32.
        kernels = _calibrated(model, np.random.default_rng(seed))
    return Weights(model, random_identity(seed), kernels, MEAN_PIXEL)


def calibration_photo() -> tf.Tensor:
    """Return the photo that the mean features of networks are measured on: [1, h, w, 3], float32,
    0…255."""
    with np.load(CALIBRATION_FILE, allow_pickle=False) as arrays:
        return tf.constant(arrays["sums"][None] / np.float32(PIXELS_PER_SUM))


def _calibrated(model: str, rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return layer → (kernel, bias), each calibrated on the output of the layers before it."""
    x = calibration_photo() - MEAN_PIXEL
    kernels = {}
    for layer, shape in ARCHITECTURES[model].shapes.items():
        if layer.endswith("_1") and layer != "conv1_1":
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        kernel = _orthogonal(rng, shape)
        centred = tf.nn.conv2d(x, kernel, 1, "SAME").numpy()
        mean = centred.mean((0, 1, 2))
        scale = 1.0 / np.maximum(centred - mean, 0).mean((0, 1, 2))
        kernels[layer] = kernel * scale, -mean * scale
        x = tf.nn.relu((centred - mean) * scale)
    return kernels


def _orthogonal(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return a kernel [3, 3, in, out] that is orthonormal as a matrix [3 · 3 · in, out]: its
    columns, or its rows if there are fewer."""
    rows, columns = shape[0] * shape[1] * shape[2], shape[3]
    gaussian = rng.standard_normal((max(rows, columns), min(rows, columns)), np.float32)
    # Cholesky QR: mostly two matrix products, several times faster than Householder's QR and as
    # accurate, since tall Gaussian matrices are well conditioned. In TensorFlow, because NumPy's
    # threads compete with TensorFlow's for the cores.
    gram = tf.cast(tf.matmul(gaussian, gaussian, transpose_a=True), tf.float64)
    identity = tf.eye(gaussian.shape[1], dtype=tf.float64)
    inverse = tf.linalg.triangular_solve(tf.linalg.cholesky(gram), identity)
    q = tf.matmul(gaussian, tf.cast(inverse, tf.float32), transpose_b=True).numpy()
    return np.ascontiguousarray((q if rows >= columns else q.T).reshape(shape))
