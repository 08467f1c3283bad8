"""Sheets to choose from: one photo in all styles, or all photos in one style, painted at once.

A run paints one with `--sheet`, which reads the buckets of photos and paintings and stores nothing.
The web service stores one as the result of a job: one photo in all styles.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from logging import ERROR
from pathlib import PurePosixPath
from time import perf_counter
from typing import NamedTuple, Self

import numpy as np

from painterly.configuration.config import Config
from painterly.devices.device import HOST
from painterly.engine.transfer import End, Step
from painterly.errors import ConfigError, PictureError
from painterly.forks import cached_property
from painterly.images.arrays import to_float
from painterly.images.picture import Picture
from painterly.images.sheet import fitted, label, sheet_of, side_for
from painterly.log import event
from painterly.orders.buckets import Buckets, list_buckets
from painterly.orders.order import PlannedOrder
from painterly.orders.selection import Selection, select
from painterly.orders.styles import Style
from painterly.painters.failures import raise_if_fatal, reason_of
from painterly.painters.finished import Finished, PartStep
from painterly.painters.instant_painter import NOW, InstantPainter
from painterly.painters.loading import load_devices
from painterly.painters.reading import PhotoInput
from painterly.progress import follow
from painterly.signals import Stop
from painterly.words.wording import printable

Cell = tuple[np.ndarray, np.ndarray | None, str]  # pixels, alpha and label


class Wanted(NamedTuple):
    """A picture that is wanted on a sheet: its photo's key, its style, and its place for the log,
    such as `3/20 `."""

    photo: str
    style: Style
    place: str = ""

    def __str__(self) -> str:
        return f"{self.place}{printable(self.photo)} in {printable(self.style.name)}"


@dataclass(frozen=True)
class Sheet:
    """A sheet, which begins with the photo, or with the style's painting."""

    side: int  # the longer side in px of each picture
    # The pictures so far, uint8 [h, w, 3], with their labels.
    cells: tuple[tuple[np.ndarray, str], ...] = ()
    painted: tuple[Style, ...] = ()  # the styles of those that were painted, in their order
    failed: int = 0  # the number of those that could not be painted

    def with_cell(self, pixels: np.ndarray, alpha: np.ndarray | None, text: str) -> Self:
        """Return the sheet with one more picture."""
        cell = fitted(pixels, self.side, alpha), label(text, len(self.cells) + 1)
        return replace(self, cells=(*self.cells, cell))

    @cached_property
    def pixels(self) -> np.ndarray:
        """uint8 [H, W, 3], sRGB. There is at least one picture."""
        return sheet_of(self.cells, self.side)


def painted_all(
    wanted: Sequence[Wanted],
    side: int,
    first: Callable[[Wanted], Cell],
    paint: Callable[[Wanted], Cell],
    on_picture: Callable[[PartStep], object] = lambda _: None,
) -> Sheet:
    """Paint the pictures of a sheet. One that cannot be painted is left out, which is logged.

    Args:
        wanted: The pictures.
        side: As in `Sheet`.
        first: Returns what the sheet begins with, from the first picture that was painted.
        paint: Paints a picture.
        on_picture: Is called after each picture, once there is one. Its errors end the painting.
    """
    sheet = Sheet(side)
    for number, each in enumerate(wanted, start=1):
        try:
            cell = paint(each)
        except Exception as error:
            raise_if_fatal(error)
            why = f"{each}: FAILED: {reason_of(error)}"
            event(why, level=ERROR, photo=each.photo, style=each.style.name)
            sheet = replace(sheet, failed=sheet.failed + 1)
        else:
            if not sheet.cells:
                sheet = sheet.with_cell(*first(each))
            sheet = replace(sheet.with_cell(*cell), painted=(*sheet.painted, each.style))
        if sheet.painted:
            on_picture(PartStep(number, len(wanted), partial(getattr, sheet, "pixels")))
    return sheet


def select_for_sheet(config: Config, buckets: Buckets) -> Selection:
    """Return the photos and styles of a sheet.

    Raises ConfigError if there are none, or several photos and several styles; StorageError.
    """
    config = replace(config, overrides=NOW)
    selection = select(list_buckets(buckets, config), buckets, config)
    photos, styles = len(selection.photos), len(selection.styles)
    if not photos or not styles:
        raise ConfigError("there is nothing for a sheet: no photos, or no paintings")
    if photos > 1 and styles > 1:
        raise ConfigError(
            f"there are {photos} photos and {styles} styles, and a sheet has one photo in all "
            "styles, or all photos in one; name one photo or one style, or set PHOTO or STYLE"
        )
    return selection


def paint_sheet(
    config: Config, buckets: Buckets, selection: Selection, stop: Stop, longest: int | None = None
) -> Sheet:
    """Paint a sheet of buckets' photos and styles, and store nothing in them.

    Args:
        config: The configuration.
        selection: As from `select_for_sheet`.
        stop: The signals of the process.
        longest: The longer side in px of each picture of one photo, unless `size` is less; None for
            what suits a sheet.

    Raises:
        PainterlyError: Nothing can be painted.
        Stopped: A signal has arrived.
    """
    pairs = [*selection.pairs()]
    side = side_for(len(pairs), config.settings.size, longest)
    sized, wanted = {"size": side, "rescale_image": False}, list[Wanted]()
    for number, (photo, style) in enumerate(pairs, start=1):
        smaller = replace(style, settings=style.settings.replaced(sized))
        wanted.append(Wanted(photo.key, smaller, f"{number}/{len(pairs)} "))
    load_devices(config.device, optimises=False).result()
    instant_painter = InstantPainter(buckets.style.read, config.memory_limit)
    by_style = len(selection.styles) > 1 or longest is not None

    @lru_cache(1)  # Read and decoded once for all styles.
    def photo_of(key: str) -> PhotoInput:
        read, mask = buckets.source.read, selection.masks.get(key)
        of_mask = (read(mask.key), f"mask {mask.key}") if mask else (b"", "")
        return instant_painter.photo(read(key), of_mask[0], key, of_mask[1])

    def first(each: Wanted) -> Cell:
        if by_style:
            picture = photo_of(each.photo).picture
            return picture.pixels_int, picture.alpha, _name(each.photo)
        painting = instant_painter.paintings(each.style).paintings[0]
        return painting, None, each.style.label(between="\n")

    def paint(each: Wanted) -> Cell:
        photo, style = photo_of(each.photo), each.style

        def followed(steps: Iterator[Step]) -> Step:
            about = {"photo": each.photo, "style": style.name, "on": HOST.name}
            return follow(steps, str(each), None, config.progress, **about)

        image = instant_painter.paint(
            photo.picture.pixels_int, style, photo.mask, stop.obey, followed
        )
        below = style.label(between="\n") if by_style else _name(each.photo)
        return image, photo.picture.alpha, below

    return painted_all(wanted, side, first, paint)


def drawn(sheet: Sheet) -> tuple[np.ndarray, bytes]:
    """Return the picture of a sheet, uint8 [H, W, 3], and its file, which is empty: the picture is
    encoded as others are."""
    return sheet.pixels, b""


def paint_ordered(
    order: PlannedOrder,
    photo: Picture,
    title: str,
    language: str,
    paint: Callable[[Style], np.ndarray],
    on_picture: Callable[[PartStep], object],
    draw: Callable[[Sheet], tuple[np.ndarray, bytes]] = drawn,
) -> tuple[PlannedOrder, Finished]:
    """Paint a sheet of a photo in several styles.

    Args:
        order: Its order. The parts of its style are the styles.
        title: The label of the photo.
        language: The language of the other labels.
        paint: Paints the photo in a style, [h, w, 3].
        on_picture: As in `painted_all`.
        draw: Returns what `drawn` does.

    Returns:
        The order with the styles that were painted, and the sheet.

    Raises:
        PictureError: No style can be painted.
    """
    started, parts = perf_counter(), order.style.parts
    side = int(parts[0].settings.size)

    def cell(each: Wanted) -> Cell:
        return paint(each.style), photo.alpha, each.style.label(language, between="\n")

    def first(each: Wanted) -> Cell:
        return photo.pixels_int, photo.alpha, title

    wanted = [Wanted(order.photo.key, style) for style in parts]
    sheet = painted_all(wanted, side, first, cell, on_picture)
    if not sheet.painted:
        raise PictureError("no style could be painted; the log has the reasons")
    pixels, file = draw(sheet)
    opaque, end = replace(photo, alpha_int=None, profile=None), End(to_float(pixels), {}, 0)
    seconds, weights = perf_counter() - started, order.weights.identity
    finished = Finished(order, opaque, [], end, weights, str(HOST), seconds, file=file)
    return replace(order, style=replace(order.style, parts=sheet.painted)), finished


def _name(key: str) -> str:
    return str(PurePosixPath(key).with_suffix(""))
