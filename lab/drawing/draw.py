"""Draw the ready styles that are not by painters: python lab/drawing/draw.py [FOLDER].

The modules next to this one draw each picture from scratch, from fixed seeds. The programs of the
photos are only in Git's history: samples/landscape.py in commit 1f87fbe; samples/still_life.py, a
ray marcher, and objects.py in commit 2f58890.

Without a folder, the pictures are written to their places in the package. Another version of
NumPy or another processor may round differently, so the files can differ from the committed ones
in a few pixels.
"""

import argparse
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import ink
import mosaic
import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Path of each picture in the folder → function that draws it at a scale: bytes (height, width, 3).
SAMPLES: dict[str, Callable[[float], NDArray[np.uint8]]] = {
    "ink.jpg": ink.draw,
    "mosaic.jpg": mosaic.draw,
}
STYLES = Path(__file__).parents[2] / "painterly/styles"
QUALITY = 83
MAX_BYTES = 250_000  # size limit: every clone downloads all versions of every picture


def encode(picture: NDArray[np.uint8]) -> bytes:
    """JPEG file of a picture (height, width, 3), at the best quality that fits MAX_BYTES."""
    for quality in range(QUALITY, 60, -1):
        file = BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= MAX_BYTES:
            break
    return file.getvalue()


def main() -> None:
    """Draw all pictures into the folder of the command line."""
    parser = argparse.ArgumentParser(description="Draw the ready styles ink and mosaic.")
    parser.add_argument("folder", nargs="?", type=Path, default=STYLES)
    folder = parser.parse_args().folder
    for name, draw in SAMPLES.items():
        began = time.perf_counter()
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = path.write_bytes(encode(draw(1.0)))
        print(f"{path}: {size / 1000:.0f} kB, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
