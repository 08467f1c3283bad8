"""A sheet to choose from: one photo in all styles, or all photos in one style, by preset instant.

It reads the buckets of photos and paintings, and stores no results.
"""

from contextlib import closing
from dataclasses import dataclass, replace
from logging import ERROR
from pathlib import PurePosixPath

import numpy as np

from painterly.bench.bench import Bench
from painterly.bench.failures import raise_if_fatal, reason_of
from painterly.bench.loading import load_devices
from painterly.bench.reading import PhotoFiles, PhotoInput
from painterly.configuration.config import Config
from painterly.errors import ConfigError
from painterly.images.lettering import label
from painterly.images.sheet import cell_side, fitted, sheet_of
from painterly.orders.buckets import Buckets
from painterly.orders.listing import list_buckets
from painterly.orders.network_pool import NetworkPool
from painterly.orders.order import Order
from painterly.orders.selection import Selection, select
from painterly.orders.styles import Style
from painterly.signals import Stop
from painterly.storage.base import Entry

INSTANT: dict[str, int | float | str] = {
    "preset": "instant",
    "recipe": "instant",
    "timelapse": False,
}


@dataclass(frozen=True)
class Sheet:
    """A sheet.

    Attributes:
        pixels: uint8 [H, W, 3], sRGB, or None if no picture could be painted.
        painted: The number of paintings on it.
        failed: The number of those that could not be painted.
    """

    pixels: np.ndarray | None
    painted: int
    failed: int


def select_for_sheet(config: Config, buckets: Buckets) -> Selection:
    """Return the photos and styles of a sheet.

    Raises ConfigError if there are none, or several photos and several styles; StorageError.
    """
    config = replace(config, overrides=INSTANT)
    selection = select(list_buckets(buckets, config), buckets, config)
    photos, styles = len(selection.photos), len(selection.styles)
    if not photos or not styles:
        raise ConfigError("there is nothing for a sheet: no photos, or no paintings")
    if photos > 1 and styles > 1:
        raise ConfigError(
            f"there are {photos} photos and {styles} styles, and a sheet has one photo in all "
            "styles, or all photos in one; name a single picture as PHOTOS or PAINTINGS, or set "
            "PHOTO or STYLE"
        )
    return selection


def paint_sheet(config: Config, buckets: Buckets, selection: Selection, stop: Stop) -> Sheet:
    """Paint a sheet. It begins with the photo, or with the style's first painting.

    Args:
        config: The configuration.
        buckets: The buckets. Nothing is stored in them.
        selection: As from `select_for_sheet`.
        stop: The signals of the process.

    Raises:
        PainterlyError: Nothing can be painted.
        Stopped: SIGTERM or SIGINT has arrived.
    """
    pairs = [*selection.pairs()]
    side, size = cell_side(len(pairs) + 1), config.settings.size
    if size != "full":
        side = min(side, int(size))
    networks = NetworkPool(None, buckets.style)
    device = load_devices(config.device, optimises=False).result().first
    from painterly.bench.easel import Easel

    cells: list[tuple[np.ndarray, str]] = []
    by_style, failed, easel = len(selection.styles) > 1, 0, Easel(device)
    shown: Entry | None = None
    files: PhotoFiles | PhotoInput
    with closing(Bench(config, buckets, networks, stop)) as bench:
        bench.leave()  # An outage ends it at once: there is little to lose.
        for number, (photo, style) in enumerate(pairs, 1):
            stop.obey()
            order = Order(
                photo=photo,
                mask=selection.masks.get(photo.key),
                style=_at_size(style, side),
                weights=networks.source(style.settings),
                output=config.output,
                place=f" ({number} of {len(pairs)})",
            )
            try:
                if photo is not shown:
                    files = bench.reader.fetch(order)
                inputs = bench.reader.decode(order, files)
                shown, files = photo, inputs.photo  # Decoded once for all styles.
                finished = bench.paint(order, inputs, easel)
            except Exception as error:
                raise_if_fatal(error)
                order.log(f"{order.label}: FAILED: {reason_of(error)}", level=ERROR)
                failed += 1
                continue
            alpha, name = finished.photo.alpha, _name(photo.key)
            styled = style.label(between="\n")
            if not cells and by_style:
                cells.append((fitted(finished.photo.pixels_int, side, alpha), label(name, 1)))
            elif not cells:
                cells.append((fitted(finished.paintings[0], side), label(styled, 1)))
            below = label(styled if by_style else name, len(cells) + 1)
            cells.append((fitted(finished.image, side, alpha), below))
    return Sheet(sheet_of(cells, side) if cells else None, max(0, len(cells) - 1), failed)


def _at_size(style: Style, side: int) -> Style:
    settings = style.settings.replaced({"size": side, "rescale_image": False})
    return replace(style, settings=settings)


def _name(key: str) -> str:
    return str(PurePosixPath(key).with_suffix(""))
