"""The portrait of the documentation, which shows one face."""

from pathlib import Path

import numpy as np
from PIL import Image

PHOTO = Path(__file__).parents[2] / "docs/images/portrait-photo.jpg"


def portrait(side: int = 512) -> Image.Image:
    """Return the photo with a longer side of `side` px."""
    image = Image.open(PHOTO).convert("RGB")
    return image.resize((side, round(image.height * side / image.width)), Image.Resampling.LANCZOS)


def close(side: int = 192) -> np.ndarray:
    """Return a square of the photo that the face nearly fills, uint8 [side, side, 3]."""
    head = portrait().crop((126, 14, 326, 214))
    return np.asarray(head.resize((side, side), Image.Resampling.LANCZOS))
