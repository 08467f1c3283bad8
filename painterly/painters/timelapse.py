"""The time-lapse of a painting: small pictures of it as it grows, as an animated WebP.

The time-lapse of a painting that was resumed begins where its last process began.
"""

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from painterly.images.arrays import fit_size, resize, to_integers
from painterly.images.colours import icc
from painterly.images.small import jpeg_of

if TYPE_CHECKING:
    from painterly.engine.transfer import Step

FRAMES = 48  # at most, with the result
LONGER_SIDE = 512  # px
MOST_BYTES = 3_000_000
QUALITIES = (80, 65, 50, 35, 20, 0)  # tried in turn, until the file is small enough
JPEG_QUALITY = 85  # uncompressed, all frames would take 28 MB
PLAY_MS, LAST_MS = 5000, 2500  # how long all frames are shown, and the result
LONGEST_MS = 700  # the most for a frame, if there are few


class Timelapse:
    """The frames of one painting, which are pictures after evenly spaced steps."""

    def __init__(self) -> None:
        self._frames: dict[int, bytes] = {}  # JPEGs by number, from 1

    def add(self, step: "Step") -> None:
        """Add the picture after a step if it is a frame. Call it with every step but the last."""
        number = -(-(FRAMES - 1) * step.iteration // step.total)
        if number not in self._frames:
            self._frames[number] = jpeg_of(step.image, LONGER_SIDE, JPEG_QUALITY)

    def encoded(self, result: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
        """Return the animated WebP, which ends with the result, and repeats.

        Args:
            result: The result, float32 [H, W, 3], sRGB 0…1.
            alpha: The photo's alpha, float [h, w], 0…1. Frames are shown over white.
        """
        height, width = result.shape[:2]
        if max(height, width) > LONGER_SIDE:
            height, width = fit_size(height, width, LONGER_SIDE)
        over_white = None if alpha is None else resize(alpha, height, width)

        def shown(pixels: np.ndarray) -> Image.Image:
            return Image.fromarray(to_integers(resize(pixels, height, width), 8, over_white))

        opened = (Image.open(io.BytesIO(jpeg), formats=["JPEG"]) for jpeg in self._frames.values())
        frames = [*(shown(np.asarray(each.convert("RGB"))) for each in opened), shown(result)]
        frame_ms = min(LONGEST_MS, PLAY_MS // len(frames))
        for quality in QUALITIES:
            out = io.BytesIO()
            frames[0].save(
                out,
                "WEBP",
                save_all=True,
                append_images=frames[1:],
                duration=[frame_ms] * (len(frames) - 1) + [LAST_MS],
                loop=0,
                quality=quality,
                icc_profile=icc.SRGB,
            )
            if out.tell() <= MOST_BYTES:
                break
        return out.getvalue()
