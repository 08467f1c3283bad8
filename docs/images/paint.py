"""Makes the pictures of README.md and docs/ anew from the samples.

    .venv/bin/python docs/images/paint.py [examples] [sizes] [networks]

examples: README's photos, paintings and results. sizes: one look at three sizes. networks: every
sample pair with random features and with the built-in network; these two as drafts. Without a name,
all of them, which takes ten minutes on two processor cores.
"""

import sys
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from styletransfer import Settings, load_vgg, stylize
from styletransfer.vgg.network import VGG

FOLDER = Path(__file__).parent
SAMPLES = FOLDER.parent.parent / "samples"
PHOTOS = {"landscape": "photos/landscape.jpg", "still-life": "photos/still-life.jpg"}
PAINTINGS = {
    "mosaic": "paintings/mosaic.jpg",
    "brush": "paintings/woodcut-and-brush/brush.jpg",
    "woodcut": "paintings/woodcut-and-brush/woodcut.jpg",
}
EXAMPLES = (("landscape", "brush"), ("still-life", "mosaic"), ("still-life", "woodcut"))
QUALITY = 90  # of JPEG files


def main(names: list[str]) -> None:
    """Makes the pictures of these names, or all."""
    makers = {"examples": examples, "sizes": sizes, "networks": networks}
    for name in names or makers:
        makers[name]()


def examples() -> None:
    """Photos and paintings, scaled down, and results at 512 px."""
    for names, files in ((PHOTOS, PHOTOS), (PAINTINGS, PAINTINGS)):
        for name in names:
            small = Image.fromarray(sample(files[name]))
            small.thumbnail((512, 512), Image.Resampling.LANCZOS)
            save(np.asarray(small), name)
    for photo, painting in EXAMPLES:
        save(painted(photo, painting, "builtin", Settings(size=512)), f"{photo}-{painting}")


def sizes() -> None:
    """The landscape in brush strokes at three sizes, each scaled to one width."""
    for size in (512, 1024, 2048):
        settings = Settings(quality="draft", size=size)
        picture = Image.fromarray(painted("landscape", "brush", "builtin", settings))
        picture.thumbnail((512, 512), Image.Resampling.LANCZOS)
        save(np.asarray(picture), f"landscape-{size}")


def networks() -> None:
    """A row for each pair: the photo, with random features, with the built-in network."""
    rows, settings = [], Settings(quality="draft", size=320)
    for photo, painting in product(PHOTOS, PAINTINGS):
        pictures = [painted(photo, painting, name, settings) for name in ("random", "builtin")]
        height, width = pictures[0].shape[:2]
        small = Image.fromarray(sample(PHOTOS[photo])).resize((width, height))
        style = Image.fromarray(sample(PAINTINGS[painting])).resize((height, height))
        rows.append(np.concatenate([np.asarray(small), np.asarray(style), *pictures], axis=1))
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0)), constant_values=255)
        for row in rows
    ]
    save(np.concatenate(padded), "networks")


def painted(photo: str, painting: str, network: str, settings: Settings) -> np.ndarray:
    """A result, uint8 [H, W, 3]."""
    content, style = sample(PHOTOS[photo]), sample(PAINTINGS[painting])
    for step in stylize(content, [style], settings, vgg(network)):  # noqa: B007
        pass
    print(f"{photo} in {painting}, {network}, {settings.size} px", flush=True)
    pixels: np.ndarray = np.rint(step.image * 255).astype(np.uint8)
    return pixels


@cache
def vgg(network: str) -> VGG:
    """The network of this name."""
    return load_vgg("vgg19", network)


def sample(name: str) -> np.ndarray:
    """A sample picture, uint8 [H, W, 3]."""
    with Image.open(SAMPLES / name) as picture:
        return np.asarray(picture.convert("RGB"))


def save(pixels: np.ndarray, name: str) -> None:
    """Writes a picture into this folder."""
    Image.fromarray(pixels).save(FOLDER / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
