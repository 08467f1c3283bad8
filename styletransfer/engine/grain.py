"""The noise that recipe instant starts with; without TensorFlow.

All places of a white background, or of a clear sky at one height, look the same, so all would be
matched to one place of the painting, and its pixels would repeat like a mesh. With a little noise
in the first picture, they are matched to different places, which the next scales join into forms.
"""

import numpy as np

from styletransfer.engine.constants import PLACE

DEVIATION = 0.02  # in sRGB 0…1; strength 0.5 halves it


def grained(picture: np.ndarray) -> np.ndarray:
    """Returns a picture [h, w, 3], sRGB 0…1, with the same noise in all pixels of a place."""
    height, width, channels = picture.shape
    shape = -(-height // PLACE), -(-width // PLACE), channels
    noise = np.random.default_rng(0).normal(scale=DEVIATION, size=shape).astype(np.float32)
    repeated = noise.repeat(PLACE, axis=0).repeat(PLACE, axis=1)
    return np.clip(picture + repeated[:height, :width], 0, 1)
