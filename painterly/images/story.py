"""A story: upright frames for phones, in which a line turns a photo into one painting after the
other, and back, in eight seconds."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from painterly.images.colours import icc
from painterly.signals import CheckStop

WIDTH, HEIGHT = 1080, 1920  # px
SECONDS, RATE = 8, 25  # frames a second
MOST_PAINTINGS = 6
WIPE = 12  # frames in which the line crosses
LINE, LINE_WIDTH = (190, 52, 40), 6  # colour, px
# Around a picture of another shape is the picture itself, dark and blurred: px of its blur, in a
# copy this many times smaller.
BLUR, SMALLER, DARK = 5, 8, 0.55
QUALITY = 70


def lengths(count: int) -> list[int]:
    """Return how many frames each image of a story with `count` pictures lasts, at RATE."""
    starts = np.linspace(0, SECONDS * RATE, count + 1).round().astype(int)
    wipe = [1] * (WIPE - 1)
    return [each for hold in np.diff(starts) for each in (int(hold) - len(wipe), *wipe)]


def images(pictures: Sequence[np.ndarray]) -> Iterator[Image.Image]:
    """Yield the images of a story, of WIDTH × HEIGHT px.

    Args:
        pictures: The photo and its paintings, uint8 [h, w, 3].
    """
    shown = [_upright(each) for each in pictures]
    for before, after in zip(shown, [*shown[1:], shown[0]], strict=True):
        yield before
        for step in range(1, WIPE):
            x = round((1 - np.cos(np.pi * step / WIPE)) / 2 * WIDTH)  # It starts and stops gently.
            image = before.copy()
            image.paste(after.crop((0, 0, x, HEIGHT)))
            image.paste(LINE, (x - LINE_WIDTH // 2, 0, x + LINE_WIDTH // 2, HEIGHT))
            yield image


def webp_of(pictures: Sequence[np.ndarray], check_stop: CheckStop) -> bytes:
    """Return a story as an animated WebP, which repeats. `check_stop` is called for each image, and
    may raise an exception. Pictures are as in `images`."""
    each_image, out = images(pictures), io.BytesIO()
    next(each_image).save(
        out,
        "WEBP",
        save_all=True,
        append_images=[_Rest(each_image, WIPE * len(pictures) - 1, check_stop)],
        duration=[1000 // RATE * length for length in lengths(len(pictures))],
        loop=0,
        quality=QUALITY,
        icc_profile=icc.SRGB,
    )
    return out.getvalue()


class _Rest:
    """Images for Pillow, one in memory at a time."""

    mode = "RGB"

    def __init__(
        self, each_image: Iterator[Image.Image], count: int, check_stop: CheckStop
    ) -> None:
        self._each_image, self.n_frames, self._check_stop = each_image, count, check_stop

    def seek(self, _: int) -> None:
        self._check_stop()
        self._image = next(self._each_image)

    def getim(self) -> object:
        return self._image.getim()


def _upright(pixels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(pixels)
    around = ImageOps.fit(picture, (WIDTH // SMALLER, HEIGHT // SMALLER))
    around = around.filter(ImageFilter.GaussianBlur(BLUR)).resize((WIDTH, HEIGHT))
    around = ImageEnhance.Brightness(around).enhance(DARK)
    whole = ImageOps.contain(picture, (WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    around.paste(whole, ((WIDTH - whole.width) // 2, (HEIGHT - whole.height) // 2))
    return around
