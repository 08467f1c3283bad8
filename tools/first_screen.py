"""Makes the pictures of the web page's first screen: a portrait in each ready style.

    .venv/bin/python -m tools.first_screen

Writes painterly/web/static/samples/: portrait.webp, stage.webp (the portrait in the first style
that the page shows), and wall.webp, a tile for each ready style in rows of five: one request. They
are painted by preset instant, as each installation paints, in half a minute on two processor cores.
"""

import numpy as np
from PIL import Image

from painterly import Settings
from painterly.engine.paintings import Paintings
from painterly.engine.stylize import stylize
from painterly.images.arrays import resize, to_integers
from painterly.images.picture_file import UNLIMITED, PictureFile
from painterly.orders.buckets import PaintingsView
from painterly.orders.styles import Style, all_styles
from painterly.painters.reading import decode_style, read_paintings
from painterly.settings import ready_styles
from painterly.settings.installation import PROGRAM
from painterly.web.pages import SAMPLE_COLUMNS, SAMPLE_STYLE

PORTRAIT = PROGRAM / "docs/images/portrait-photo.jpg"  # NOTICE has its origin.
FOLDER = PROGRAM / "painterly/web/static/samples"
STAGE_SIZE, STAGE_BYTES, PORTRAIT_BYTES = (800, 1200), 88_000, 40_000  # height and width in px
TILE, SMALL_TILE, WALL_BYTES = (480, 384), (300, 240), 150_000  # painted, and stored
FACE = 0.44  # the middle of the face, as a share of the portrait's width
QUALITIES = range(88, 20, -2)


def main() -> None:
    """Paint and write all pictures."""
    whole = PictureFile(PORTRAIT.read_bytes(), PORTRAIT.name).decode(UNLIMITED).pixels_int
    portrait, tile = resize(whole, *STAGE_SIZE), resize(face(whole), *TILE)
    FOLDER.mkdir(exist_ok=True)
    write("portrait", portrait, PORTRAIT_BYTES)
    bucket, tiles = PaintingsView(None), list[np.ndarray]()
    settings = Settings(preset="instant")
    for style in all_styles(bucket, [], "each", ready_styles.tables(), settings):
        if style.name == SAMPLE_STYLE:
            write("stage", painted(portrait, style, bucket), STAGE_BYTES)
        tiles.append(resize(painted(tile, style, bucket), *SMALL_TILE))
    write("wall", wall(tiles), WALL_BYTES)


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


def wall(tiles: list[np.ndarray]) -> np.ndarray:
    """Return tiles [h, w, 3] in rows."""
    empty = [np.zeros_like(tiles[0])] * (-len(tiles) % SAMPLE_COLUMNS)
    every = [*tiles, *empty]
    rows = range(0, len(every), SAMPLE_COLUMNS)
    return np.vstack([np.hstack(every[at : at + SAMPLE_COLUMNS]) for at in rows])


def write(name: str, pixels: np.ndarray, most: int) -> None:
    """Write a file of pixels [H, W, 3] in the best quality that takes at most some bytes."""
    picture, path = Image.fromarray(to_integers(pixels, 8)), FOLDER / f"{name}.webp"
    for quality in QUALITIES:
        picture.save(path, quality=quality, method=6)
        if path.stat().st_size <= most:
            break
    print(f"{path.name}: {path.stat().st_size / 1000:.1f} kB, quality {quality}")


if __name__ == "__main__":
    main()
