"""The photo that the mean features of networks are measured on."""

from pathlib import Path

import numpy as np
import tensorflow as tf

# `sums` [160, 240, 3], uint16: those of 4 × 4 pixels of the sample photo landscape.jpg.
CALIBRATION_FILE = Path(__file__).with_name("calibration.npz")
PIXELS_PER_SUM = 16


def calibration_photo() -> tf.Tensor:
    """Return the photo [1, h, w, 3], float32, 0…255."""
    with np.load(CALIBRATION_FILE, allow_pickle=False) as arrays:
        return tf.constant(arrays["sums"][None] / np.float32(PIXELS_PER_SUM))
