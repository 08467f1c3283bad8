"""Paint photos in ready styles with the program of any checkout.

    python lab/faces/paint.py PHOTOS RESULTS --styles hokusai monet [--checkout FOLDER]
    python lab/faces/paint.py PHOTOS RESULTS --pairs FILE [--checkout FOLDER]

With --styles, each photo of the folder PHOTOS is painted in each style; each line of the file of
--pairs names a photo, without its extension, and a style. Each pair becomes
RESULTS/PHOTO_STYLE.png, unless that exists. With --checkout, another checkout's program paints,
such as another commit's worktree.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

REPOSITORY = Path(__file__).parents[2]
PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
KEPT = 8  # paintings, with the candidates for their matches


def main() -> None:
    """Paint the pairs of the command line, and print each one's seconds of processor time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("results", type=Path)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--styles", nargs="+")
    chosen.add_argument("--pairs", type=Path)
    parser.add_argument("--checkout", type=Path, default=REPOSITORY)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--preset", default="instant")
    options = parser.parse_args()
    photos = photos_of(options.photos)
    pairs = pairs_of(options.pairs) if options.pairs else [*product(photos, options.styles)]
    options.results.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(options.checkout.resolve()))
    paint = _painter(options.preset, options.size)
    for photo, style in pairs:
        result = options.results / f"{photo}_{style}.png"
        if result.exists():
            continue
        began = time.process_time()
        picture = Image.fromarray(paint(photos[photo], style))
        unfinished = result.with_suffix(".part")
        picture.save(unfinished, "PNG", compress_level=1)
        unfinished.rename(result)
        print(f"{result.stem}: {time.process_time() - began:.1f} s", flush=True)


def _painter(preset: str, size: int) -> Callable[[Path, str], np.ndarray]:
    import painterly
    from painterly.engine.paintings import Paintings
    from painterly.settings import ready_styles

    wanted = {"preset": preset, "size": size}
    default = painterly.Settings().replaced(wanted)
    vgg = painterly.load_vgg() if default.traits.optimises else None
    print(f"engine {painterly.ENGINE_VERSION}", flush=True)

    @lru_cache(KEPT)
    def paintings(style: str) -> Paintings:
        return Paintings([_pixels(ready_styles.path(style))])

    def paint(photo: Path, style: str) -> np.ndarray:
        own = ready_styles.own_settings(style)
        settings = painterly.Settings().replaced(own).replaced(wanted)
        for step in painterly.stylize(_pixels(photo), paintings(style), settings, vgg):
            last = step
        return np.round(255 * last.image.clip(0, 1)).astype(np.uint8)

    return paint


def _pixels(file: Path) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(file)).convert("RGB"))


def photos_of(folder: Path) -> dict[str, Path]:
    """Map the names of a folder's photos, without extensions, to their files."""
    return {each.stem: each for each in sorted(folder.iterdir()) if each.suffix.lower() in PICTURES}


def pairs_of(file: Path) -> list[tuple[str, str]]:
    """Read the pairs of a photo's name and a style's from a file, a pair a line."""
    lines = (line.rsplit(maxsplit=1) for line in file.read_text(encoding="utf-8").splitlines())
    return [(photo, style) for photo, style in lines]


if __name__ == "__main__":
    main()
