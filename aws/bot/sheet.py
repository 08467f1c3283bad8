"""A page of the styles as one picture: their paintings side by side, numbered as on the buttons."""

import functools
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

from bot import pictures
from bot.choices import Choice
from styletransfer.errors import StorageError
from styletransfer.storage.base import Bucket

SIDE, GAP, COLUMNS = 320, 8, 4  # px of a painting and between two; paintings in a row
LARGEST_FILE = 50_000_000  # bytes of a painting that is read for this
EMPTY = (200, 200, 200)  # colour instead of a painting that cannot be read


def draw_sheet(offered: Sequence[Choice], first: int, bucket: Bucket) -> bytes:
    """A JPEG of the looks' first paintings; `first` is the number of the first of them."""
    columns = min(COLUMNS, len(offered))
    rows = -(-len(offered) // columns)
    step = SIDE + GAP
    sheet = Image.new("RGB", (columns * step + GAP, rows * step + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(48)
    for index, choice in enumerate(offered):
        x, y = GAP + index % columns * step, GAP + index // columns * step
        entry = choice.look.paintings[0].entry
        shown = None
        if entry.size <= LARGEST_FILE:
            shown = _thumbnail(bucket, choice.painting_key, entry.etag)
        tile = Image.open(io.BytesIO(shown)) if shown else Image.new("RGB", (SIDE, SIDE), EMPTY)
        sheet.paste(tile, (x, y))
        at, text = (x + 12, y + 4), str(first + index)
        draw.text(at, text, "white", font, stroke_width=4, stroke_fill="black")
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=85)
    return out.getvalue()


@functools.lru_cache(maxsize=500)  # For as long as the function stays warm; 20 kB each.
def _thumbnail(bucket: Bucket, key: str, etag: str) -> bytes | None:
    """A square JPEG of the middle of a painting; None if it cannot be shown."""
    try:
        shown = pictures.preview(bucket.read(key), 2 * SIDE)
    except StorageError:  # It has just been deleted.
        return None
    if shown is None:
        return None
    out = io.BytesIO()
    ImageOps.fit(Image.open(io.BytesIO(shown)), (SIDE, SIDE)).save(out, "JPEG", quality=85)
    return out.getvalue()
