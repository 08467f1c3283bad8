"""Makes the pictures of the web page's first screen: a portrait in each ready style.

    .venv/bin/python -m tools.first_screen

Writes painterly/web/static/samples/: portrait.jpg, stage.jpg (the portrait in the first style that
the page shows), and a tile for each ready style. Takes half a minute on two processor cores.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from painterly import Settings
from painterly.bench.reading import decode_style, read_paintings
from painterly.engine.paintings import Paintings
from painterly.engine.stylize import stylize
from painterly.images.arrays import resize, to_integers
from painterly.images.picture_file import UNLIMITED, PictureFile
from painterly.orders.paintings_view import PaintingsView, all_styles
from painterly.orders.styles import Style
from painterly.settings import ready_styles
from painterly.settings.installation import PROGRAM

PORTRAIT = PROGRAM / "docs/images/portrait-photo.jpg"  # NOTICE has its origin.
FOLDER = PROGRAM / "painterly/web/static/samples"
STAGE, STAGE_BYTES = "hokusai", 80_000
PORTRAIT_SIZE, PORTRAIT_BYTES = (640, 960), 48_000  # height and width in px
TILE, SMALL_TILE, TILE_BYTES = (320, 256), (280, 224), 10_000  # painted, and stored
FACE = 0.44  # the middle of the face, as a share of the portrait's width
QUALITIES = range(88, 30, -3)


def main() -> None:
    """Paint and write all pictures."""
    whole = PictureFile(PORTRAIT.read_bytes(), PORTRAIT.name).decode(UNLIMITED).pixels_int
    portrait, tile = resize(whole, *PORTRAIT_SIZE), resize(face(whole), *TILE)
    FOLDER.mkdir(exist_ok=True)
    write(FOLDER / "portrait.jpg", portrait, PORTRAIT_BYTES)
    settings = Settings(preset="instant")
    bucket = PaintingsView(None)
    for style in all_styles(bucket, [], "each", ready_styles.tables(), settings):
        if style.name == STAGE:
            write(FOLDER / "stage.jpg", painted(portrait, style, bucket), STAGE_BYTES)
        small = resize(painted(tile, style, bucket), *SMALL_TILE)
        write(FOLDER / f"{style.name}.jpg", small, TILE_BYTES)


def face(portrait: np.ndarray) -> np.ndarray:
    """Return the part of the portrait [H, W, 3] that a tile shows."""
    height, width = portrait.shape[:2]
    shown = round(height * TILE[1] / TILE[0])
    left = round(FACE * width - shown / 2)
    return portrait[:, left : left + shown]


def painted(photo: np.ndarray, style: Style, bucket: PaintingsView) -> np.ndarray:
    """Return a photo [H, W, 3] in a style, at its own size."""
    settings = style.settings.replaced({"size": max(photo.shape)})
    paintings = decode_style(read_paintings(style, bucket.read), settings, UNLIMITED)
    *_, last = stylize(photo, Paintings(*paintings), settings)
    return last.image


def write(path: Path, pixels: np.ndarray, most: int) -> None:
    """Write a JPEG of pixels [H, W, 3] in the best quality that takes at most some bytes."""
    picture = Image.fromarray(to_integers(pixels, 8))
    for quality in QUALITIES:
        picture.save(path, quality=quality, optimize=True, progressive=True)
        if path.stat().st_size <= most:
            break
    print(f"{path.name}: {path.stat().st_size / 1000:.1f} kB, quality {quality}")


if __name__ == "__main__":
    main()
