"""A poster: one photo in all styles on a sheet, by preset instant, as `--sheet` draws it."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from logging import WARNING
from typing import Any, NamedTuple

import numpy as np

from painterly.bench.failures import raise_if_fatal, reason_of
from painterly.bench.finished import Finished
from painterly.bench.reading import PhotoInput
from painterly.devices.device import HOST
from painterly.errors import PictureError
from painterly.images.arrays import fit_size, resize, to_float
from painterly.images.lettering import label
from painterly.images.sheet import cell_side, fitted, sheet_of
from painterly.jobs.catalogue import INSTANT
from painterly.orders.order import PlannedOrder
from painterly.orders.record import Record
from painterly.orders.styles import Style
from painterly.settings.settings import Settings
from painterly.words.style_title import StyleTitle
from painterly.words.texts import table
from painterly.words.wording import printable

STYLE = "poster"  # the first part of a poster's key, and its style in lists
# Called with a photo [H, W, 3], a style, and the photo's mask, if it has one.
Paint = Callable[[np.ndarray, Style, np.ndarray | None], np.ndarray]


class PosterStep(NamedTuple):
    """The progress of a poster after each picture, as `Step` has it."""

    iteration: int
    total: int
    fraction: float
    eta_s: float
    preview: np.ndarray


@dataclass(frozen=True, kw_only=True)
class PosterOrder(PlannedOrder):
    """The order of a poster. Its own style has only a name and the settings that all share.

    Attributes:
        styles: The styles that are painted.
    """

    styles: tuple[Style, ...]

    @cached_property
    def fingerprint(self) -> str:
        shared = {each.name: getattr(self, each.name) for each in fields(PlannedOrder)}
        orders = (PlannedOrder(**shared | {"style": style}) for style in self.styles)
        every = " ".join(order.fingerprint for order in orders)
        return hashlib.sha256(every.encode()).hexdigest()

    def record_of_inputs(self) -> Record:
        names = tuple(style.name for style in self.styles)
        return replace(super().record_of_inputs(), styles=names, paintings=None)


def poster_style(settings: Mapping[str, Any], styles: int) -> Style:
    """Return what stands for the style of a poster of some styles, with the settings that all of
    its pictures share, and with those in the request for it."""
    shared = {**settings, **INSTANT, "size": poster_side(styles), "timelapse": False}
    return Style(STYLE, (), Settings().replaced(shared), title=StyleTitle(table()["title.poster"]))


def poster_side(styles: int) -> int:
    """Return the longer side in px of each picture on a poster of some styles."""
    return cell_side(styles + 1)


def paint_poster(
    order: PosterOrder,
    photo: PhotoInput,
    shown: str,
    paint: Paint,
    on_step: Callable[[PosterStep], None],
) -> tuple[PosterOrder, Finished]:
    """Paint a poster. A style that cannot be painted is left out, which is logged.

    Args:
        order: The order.
        photo: The photo and its mask.
        shown: The photo's name for people.
        paint: Paints one picture.
        on_step: Is called after each picture. Its errors end the painting.

    Returns:
        The order with the styles that were painted, and the poster.

    Raises:
        PictureError: No style can be painted.
    """
    started, picture = time.perf_counter(), photo.picture
    side = poster_side(len(order.styles))
    small = resize(picture.pixels_int, *fit_size(*picture.size, side))
    settings = order.style.settings
    mask, alpha = photo.content_mask(settings, order.photo.key), picture.alpha
    cells, painted = [(fitted(picture.pixels_int, side, alpha), label(shown, 1))], list[Style]()
    total = len(order.styles)
    for number, style in enumerate(order.styles, start=1):
        try:
            cell = fitted(paint(small, style, mask), side, alpha)
        except Exception as error:
            raise_if_fatal(error)
            reason = reason_of(error)
            order.log(f"{order}: left out {printable(style.name)}: {reason}", level=WARNING)
        else:
            cells.append((cell, label(style.label(between="\n"), len(cells) + 1)))
            painted.append(style)
        if number == total and not painted:
            raise PictureError("no style could be painted; the log has the reasons")
        sheet = to_float(sheet_of(cells, side))
        left_s = (time.perf_counter() - started) / number * (total - number)
        on_step(PosterStep(number, total, number / total, left_s, sheet))
    finished = Finished(
        photo=replace(picture, alpha_int=None, profile=None),
        paintings=[],
        settings=settings,
        image=sheet,
        weights=order.weights.identity,
        device=str(HOST),
        losses={},
        content_weight=0.0,
        seconds=time.perf_counter() - started,
    )
    return replace(order, styles=tuple(painted)), finished
