"""Makes the pictures of README.md and docs/ from the samples.

    .venv/bin/python docs/images/paint.py [NAME …]

before_after: README's first picture, a photo and its painting. line: README's moving picture: a
line turns a photo into one painting after the other. styles: a portrait by eight masters, and a
landscape by four. These three are by preset instant, as each installation paints. sizes: one style
at three sizes. pairs: every sample photo in four styles; these two as drafts. variants: a still
life with one setting changed at a time; docs/recipe.md explains it. presets: both photos by preset
instant, draft and fine. gatys: a photo by the default recipe and by recipe gatys. choices: a
portrait at three strengths, and in strokes of three sizes, as drafts. drawings: two photos, the
drawings that are made of them for a woodcut, and their paintings. coherence: a portrait,
and its painting without and with coherent colours.
Without a name, all of them, with the built-in network: some twenty minutes on two processor cores.
"""

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from painterly import Settings, load_vgg, stylize
from painterly.devices.memory import device_budget
from painterly.engine.abstraction.ink import drawn, ink_of
from painterly.engine.faces.care import cares_of, features_of, lit
from painterly.engine.instant.instant import InstantTransfer
from painterly.engine.looked_at import LookedAt
from painterly.engine.paintings import Paintings
from painterly.engine.picture import picture_size
from painterly.engine.transfer import TransferInputs
from painterly.images.arrays import resize, to_float, to_integers
from painterly.settings import ready_styles
from painterly.vgg.network import VGG

FOLDER = Path(__file__).parent
SAMPLES = FOLDER.parent.parent / "samples"
PHOTOS = {name: SAMPLES / f"photos/{name}.jpg" for name in ("landscape", "still-life")}
PAINTINGS = {name: ready_styles.path(name) for name in ready_styles.tables()}
PAIRED = ("ink", "mosaic", "hokusai", "van-gogh-wheat-field")
# A photo by NASA, in the public domain: Eileen Collins, from the package scikit-image.
PORTRAIT = "portrait-photo.jpg"
MASTERS = {
    "portrait": (
        *("hokusai", "van-gogh-starry-night", "mucha", "klimt"),
        *("boccioni", "signac", "kandinsky", "renoir"),
    ),
    "landscape": ("van-gogh-wheat-field", "hokusai", "seurat", "munch"),
}
VARIANTS: tuple[dict[str, Any], ...] = (
    {"stroke_size": 0.5},
    {},
    {"stroke_size": 2.0},
    {"learning_rate": 0.05},
    {"total_variation_weight": 4.0},
    {"strength": 0.8},
    {"recipe": "moments"},
    {"structure_weight": 0.0},
    {"content_layer": "conv4_1"},
)
STRENGTHS, STROKES = (0.2, 0.5, 0.9), (0.5, 1.0, 2.0)
COLUMNS = 3  # pictures in a row of a sheet
CELL = (512, 341)  # width, height of each picture of a sheet in px
SMALL_CELL, MASTERS_COLUMNS = (384, 256), 4  # the same where masters are shown
INSET = 144  # width of the photo shown on its first result in px
GAP = 6  # px
HALF = (768, 512)  # width, height of the photo and of its painting, side by side
FRAME = (480, 320)  # width, height of the moving picture
WIPED_BY = ("boccioni", "hokusai", "kandinsky", "klimt")  # one after the other
VARIED = "van-gogh-starry-night"  # in other strengths and strokes
WIPE_FRAMES, WIPE_MS, HOLD_MS = 12, 50, 1600  # for each painting
LINE = (190, 52, 40)  # colour of the line
QUALITY = 90  # JPEG quality
MONTAGE_QUALITY = 82  # JPEG quality of the largest pictures


def main(names: list[str]) -> None:
    """Make the pictures of these names, or all."""
    makers = {
        each.__name__: each
        for each in (
            *(before_after, line, styles, sizes, pairs, variants, presets, gatys, choices),
            *(drawings, coherence),
        )
    }
    for name in names or makers:
        makers[name]()


def before_after() -> None:
    """Draw a portrait, and its painting."""
    cells = [
        Image.fromarray(photo("portrait")),
        Image.fromarray(mastered("portrait", WIPED_BY[0], HALF[0])),
    ]
    save_sheet(
        [each.resize(HALF, Image.Resampling.LANCZOS) for each in cells], "before-after", columns=2
    )


def line() -> None:
    """Draw a portrait that a line turns into one painting after the other, and back."""
    cells = [photo("portrait"), *(mastered("portrait", each, HALF[0]) for each in WIPED_BY)]
    pictures = [Image.fromarray(each).resize(FRAME, Image.Resampling.LANCZOS) for each in cells]
    frames, durations = [], []
    for before, after in zip(pictures, [*pictures[1:], pictures[0]], strict=True):
        frames.append(before)
        durations.append(HOLD_MS)
        for step in range(1, WIPE_FRAMES):
            share = (1 - np.cos(np.pi * step / WIPE_FRAMES)) / 2  # It starts and stops gently.
            x = round(share * FRAME[0])
            frame = before.copy()
            frame.paste(after.crop((0, 0, x, FRAME[1])))
            frame.paste(LINE, (x - 1, 0, x + 1, FRAME[1]))
            frames.append(frame)
            durations.append(WIPE_MS)
    options = {"duration": durations, "loop": 0, "quality": 60, "method": 6}
    frames[0].save(FOLDER / "line.webp", save_all=True, append_images=frames[1:], **options)


def styles() -> None:
    """Draw a portrait by eight masters and the landscape by four, with the photos in a corner."""
    cells = []
    for name, masters in MASTERS.items():
        first = len(cells)
        for master in masters:
            picture = Image.fromarray(mastered(name, master))
            cells.append(picture.resize(SMALL_CELL, Image.Resampling.LANCZOS))
        inset = ImageOps.contain(Image.fromarray(photo(name)), (INSET, INSET))
        inset = ImageOps.expand(inset, 2, "white")
        cells[first].paste(inset, (GAP, SMALL_CELL[1] - GAP - inset.height))
    save_sheet(cells, "styles", columns=MASTERS_COLUMNS)


def sizes() -> None:
    """Draw the landscape in brush strokes at three sizes, each scaled to one width."""
    cells = []
    for size in (512, 1024, 2048):
        settings = Settings(preset="draft", size=size)
        picture = Image.fromarray(painted("landscape", ["van-gogh-wheat-field"], settings))
        cells.append(picture.resize(CELL, Image.Resampling.LANCZOS))
    save_sheet(cells, "sizes")


def pairs() -> None:
    """Draw the photo, the painting and the result of each pair, in one column for each photo."""
    columns, settings = [], Settings(preset="draft", size=320)
    for name in PHOTOS:
        rows = []
        for painting in PAIRED:
            result = painted(name, [painting], settings)
            height, width = result.shape[:2]
            small = Image.fromarray(photo(name)).resize((width, height))
            style = Image.fromarray(pixels(PAINTINGS[painting])).resize((height, height))
            rows.append(np.concatenate([np.asarray(small), np.asarray(style), result], axis=1))
        columns.append(np.concatenate(rows))
    tallest = max(len(column) for column in columns)
    padded = [
        np.pad(column, ((0, tallest - len(column)), (0, 0), (0, 0)), constant_values=255)
        for column in columns
    ]
    save(np.concatenate(padded, axis=1), "pairs", MONTAGE_QUALITY)


def variants() -> None:
    """Draw the still life in brush strokes, with the defaults and with one setting changed at a
    time."""
    cells = []
    for changed in VARIANTS:
        settings = Settings(size=384).replaced(changed)
        cells.append(Image.fromarray(painted("still-life", ["van-gogh-wheat-field"], settings)))
    save_sheet(cells, "variants")


def presets() -> None:
    """Draw two photos in a style each, by three presets."""
    cells = []
    for name, painting in (("landscape", "mosaic"), ("still-life", "van-gogh-wheat-field")):
        for preset in ("instant", "draft", "fine"):
            picture = painted(name, [painting], Settings(preset=preset))
            cells.append(Image.fromarray(picture).resize(CELL, Image.Resampling.LANCZOS))
    save_sheet(cells, "presets")


def gatys() -> None:
    """Draw the landscape, and the landscape in mosaic by the default recipe and by gatys."""
    cells = [Image.fromarray(photo("landscape")).resize(CELL, Image.Resampling.LANCZOS)]
    for recipe in ("default", "gatys"):
        picture = painted("landscape", ["mosaic"], Settings(recipe=recipe))
        cells.append(Image.fromarray(picture).resize(CELL, Image.Resampling.LANCZOS))
    save_sheet(cells, "gatys", MONTAGE_QUALITY)


def drawings() -> None:
    """Draw two photos, the drawings made of them for a woodcut, and their paintings."""
    woodcut, settings, cells = "wadsworth", Settings(size=768), []
    look = ink_of(Paintings([pixels(PAINTINGS[woodcut])]))
    assert look is not None, "the woodcut counts as a drawing in ink"
    for name in ("portrait", "still-life"):
        shown = photo(name)
        scale = settings.size / max(shown.shape)
        seen = resize(to_float(shown), *(round(scale * side) for side in shown.shape[:2]))
        size = picture_size(seen)
        cares = cares_of(LookedAt.of(shown).faces, size, settings.size)
        features = features_of(cares, size) if cares else None
        drawing = to_integers(drawn(lit(seen, cares), look, settings, features)(1), 8)
        for each in (shown, drawing, painted(name, [woodcut], settings)):
            cells.append(Image.fromarray(each).resize(CELL, Image.Resampling.LANCZOS))
    save_sheet(cells, "drawings", MONTAGE_QUALITY)


def coherence() -> None:
    """Draw a portrait, and its painting without and with coherent colours."""
    content, painting = photo("portrait"), pixels(PAINTINGS["renoir"])
    cells = [Image.fromarray(content)]
    for has_coherence in (False, True):
        settings = Settings(preset="instant", size=HALF[0])
        inputs = TransferInputs(content, Paintings([painting]), settings)
        transfer = InstantTransfer(inputs, device_budget())
        transfer.has_coherence = has_coherence
        *_, last = transfer.steps()
        cells.append(Image.fromarray(to_integers(last.image, 8)))
    save_sheet([each.resize(CELL, Image.Resampling.LANCZOS) for each in cells], "coherence")


@cache
def mastered(name: str, master: str, size: int = 1024) -> np.ndarray:
    """Return a result by preset instant, uint8 [H, W, 3], of the photo of this name in a ready
    style."""
    settings = Settings(preset="instant", size=size).replaced(ready_styles.own_settings(master))
    return painted(name, [master], settings)


def choices() -> None:
    """Draw a portrait at three strengths, and in strokes of three sizes."""
    rows = ({"strength": each} for each in STRENGTHS), ({"stroke_size": each} for each in STROKES)
    cells = []
    for changed in (each for row in rows for each in row):
        settings = Settings(preset="draft", size=512).replaced(changed)
        picture = Image.fromarray(painted("portrait", [VARIED], settings))
        cells.append(picture.resize(CELL, Image.Resampling.LANCZOS))
    save_sheet(cells, "choices")


def painted(name: str, paintings: Sequence[str], settings: Settings) -> np.ndarray:
    """Return a result, uint8 [H, W, 3], of the photo of this name."""
    content, styles = photo(name), [pixels(PAINTINGS[painting]) for painting in paintings]
    network = vgg() if settings.traits.optimises else None
    for step in stylize(content, styles, settings, network):  # noqa: B007
        pass
    print(f"{name} in {' and '.join(paintings)}, {settings.size} px", flush=True)
    result: np.ndarray = np.rint(step.image * 255).astype(np.uint8)
    return result


@cache
def vgg() -> VGG:
    """Return the built-in network."""
    return load_vgg()


@cache
def photo(name: str) -> np.ndarray:
    """Return the photo of this name, uint8 [H, W, 3]."""
    return pixels(FOLDER / PORTRAIT) if name == "portrait" else pixels(PHOTOS[name])


def pixels(path: Path) -> np.ndarray:
    """Return a picture, uint8 [H, W, 3]."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def save_sheet(
    cells: Sequence[Image.Image], name: str, quality: int = QUALITY, columns: int = COLUMNS
) -> None:
    """Write pictures of one size, in rows, as one picture."""
    width, height = cells[0].size
    rows = -(-len(cells) // columns)
    size = (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP)
    sheet = Image.new("RGB", size, "white")
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        sheet.paste(cell, (column * (width + GAP), row * (height + GAP)))
    save(np.asarray(sheet), name, quality)


def save(pixels: np.ndarray, name: str, quality: int = QUALITY) -> None:
    """Write a picture into this folder."""
    Image.fromarray(pixels).save(FOLDER / f"{name}.jpg", quality=quality, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
