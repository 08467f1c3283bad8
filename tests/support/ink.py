"""Small drawings in ink, and photos for them, float32 [H, W, 3], sRGB 0…1."""

import numpy as np
from PIL import Image, ImageDraw

WHITE, CREAM, BLACK = (255, 255, 255), (236, 226, 200), (20, 18, 20)


def drawing(paper=WHITE, ink=BLACK, solid=False, side=512):
    """Return lines of a pen on paper, and with `solid` a black form as well, as in a woodcut."""
    image = Image.new("RGB", (512, 512), paper)
    draw = ImageDraw.Draw(image)
    random = np.random.default_rng(0)
    for _ in range(260):
        x, y = random.integers(0, 300, 2)
        far, down = random.integers(-70, 70, 2)
        draw.line((int(x), int(y), int(x + far), int(y + down)), ink, 4)
    if solid:
        draw.rectangle((330, 60, 500, 470), ink)
        for y in range(80, 460, 22):
            draw.line((335, y, 495, y + 8), paper, 5)
    image = image.resize((side, side), Image.Resampling.LANCZOS)
    return np.float32(image) / 255


def portrait(ground=(90, 110, 140), side=256):
    """Return a textured head with dark hair and eyes, before a plain ground."""
    image = Image.new("RGB", (256, 256), ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((66, 40, 190, 250), (40, 26, 20))
    draw.ellipse((84, 74, 172, 222), (226, 180, 150))
    for x in (108, 148):
        draw.ellipse((x - 8, 130, x + 8, 140), (30, 30, 40))
    pixels = np.float32(image.resize((side, side), Image.Resampling.LANCZOS)) / 255
    grain = np.random.default_rng(0).normal(scale=0.05, size=(side, side, 1))
    inside = (pixels != np.float32(ground) / 255).any(-1, keepdims=True)
    return np.clip(pixels + inside * grain, 0, 1).astype(np.float32)
