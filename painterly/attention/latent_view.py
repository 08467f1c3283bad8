"""Previews of a latent, and the steering of its distance from the photo, in recipe `attention`.

A preview needs no network: colours are nearly a linear function of a latent.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from painterly.attention.memory import PLACE
from painterly.engine.optimisation.optimizers import MIN_STRENGTH, log_target_error
from painterly.images.arrays import resample
from painterly.settings.settings import Settings

# The distance from the photo per strength, measured as recipe default does. Six pictures that the
# authors published, by the weight USUAL or nearly so, are at 0.56 to 1.27, 0.81 on average.
DISTANCE, USUAL = 1.6, 0.25
WEIGHTS = 0.05, 100.0  # the range of steered weights of the photo
# A measurement multiplies the weight by this power of error / target. It overshoots only if errors
# fall with more than the second power of the weight.
GAIN = 0.5


def colours_of(latents: Sequence[np.ndarray], pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return the linear map [5, 3] from the numbers of a place, and 1, to its mean colour, fitted
    by least squares.

    Args:
        latents: The latents [1, h, w, 4].
        pictures: Their pictures [1, 8 · h, 8 · w, 3].
    """
    places = np.concatenate([_places(each) for each in latents])
    colours = [pooled(each[0], PLACE).reshape(-1, 3) for each in pictures]
    fitted: np.ndarray = np.linalg.lstsq(places, np.concatenate(colours), rcond=1e-3)[0]
    return fitted


class Previews:
    """The pictures of latents, by a linear map, with the detail of the latest one that was decoded.

    Args:
        colours: The map, as `colours_of` returns it.
    """

    def __init__(self, colours: np.ndarray) -> None:
        self._colours, self._detail = colours, np.float32(0)

    def of(self, latent: np.ndarray) -> np.ndarray:
        """Return the picture [1, 8 · h, 8 · w, 3] of a latent [1, h, w, 4]."""
        picture: np.ndarray = np.clip(self._coarse(latent) + self._detail, 0, 1)
        return picture

    def decoded(self, latent: np.ndarray, picture: np.ndarray) -> None:
        """Take the detail of a latent that was decoded to a picture."""
        self._detail = picture - self._coarse(latent)

    def _coarse(self, latent: np.ndarray) -> np.ndarray:
        _, height, width, _ = latent.shape
        small = (_places(latent) @ self._colours).reshape(height, width, 3)
        large = resample(small, height * PLACE, width * PLACE, Image.Resampling.BICUBIC)
        return large[None]


class Shown:
    """A picture [1, H, W, 3] that is computed when it is read.

    Args:
        picture: Returns the picture of a latent.
        latent: The latent.
    """

    def __init__(self, picture: Callable[[Any], Any], latent: Any) -> None:
        self._picture, self._latent = picture, latent

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Compute the picture."""
        return np.asarray(self._picture(self._latent), dtype)


def first_weight(settings: Settings) -> float:
    """Return the weight of the photo's queries at the first step."""
    if settings.content_weight != "auto":
        return float(settings.content_weight)
    return float(np.clip(USUAL * 0.5 / max(settings.strength, MIN_STRENGTH), *WEIGHTS))


def steered(weight: float, error: float, strength: float) -> float:
    """Return the weight after a measurement, nearer to one that keeps the error at what the
    strength asks for."""
    deviation = np.clip(np.log(error + 1e-12) - log_target_error(DISTANCE * strength), -1, 1)
    return float(np.clip(weight * np.exp(GAIN * deviation), *WEIGHTS))


def pooled(mask: np.ndarray, side: int) -> np.ndarray:
    """Return the means over squares of a mask [H, W] or a picture [H, W, C]."""
    height, width = (length // side for length in mask.shape[:2])
    squares = mask.reshape(height, side, width, side, *mask.shape[2:])
    means: np.ndarray = squares.mean((1, 3), dtype=np.float32)
    return means


def _places(latent: np.ndarray) -> np.ndarray:
    """Return the numbers of each place of a latent [1, h, w, 4], and 1: [N, 5]."""
    return np.pad(np.asarray(latent).reshape(-1, 4), ((0, 0), (0, 1)), constant_values=1)
