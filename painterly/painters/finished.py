"""A finished painting, its files and its record."""

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from painterly import ENGINE_VERSION
from painterly.configuration.config import Config
from painterly.engine.transfer import End
from painterly.errors import MemoryShortError
from painterly.images import encode
from painterly.images.picture import Picture
from painterly.orders.frames import FrameOrder
from painterly.orders.order import Order, PlannedOrder
from painterly.orders.record import Record, now
from painterly.painters.timelapse import Timelapse
from painterly.settings.settings import Settings
from painterly.storage.files import new_md5


@dataclass(frozen=True)
class Finished:
    """A finished painting."""

    order: Order  # the order as it was painted
    photo: Picture  # the photo
    paintings: list[np.ndarray]  # the paintings of the style, in its order
    end: End  # the picture, with the losses and the weight of the last step
    weights: str  # the identity of the network's weights
    device: str  # the device in half a line
    seconds: float  # the time that painting took
    timelapse: Timelapse | None = None  # the frames of its time-lapse, if it gets one
    file: bytes = b""  # the file of the result, if it is not made of the image

    @property
    def settings(self) -> Settings:
        """The settings that it was painted with: a default size may have been halved."""
        return self.order.style.settings

    @property
    def image(self) -> np.ndarray:
        """As in `End`; uint8 for a clip, which has a file."""
        return self.end.image


class PartStep(NamedTuple):
    """The progress of a clip or a sheet after each of its parts, as `Step` has it."""

    iteration: int  # the number of finished parts
    total: int  # the number of all
    picture: Callable[[], np.ndarray]  # returns the latest one, uint8 [H, W, 3]

    @property
    def fraction(self) -> float:
        return self.iteration / self.total

    @property
    def image(self) -> np.ndarray:
        return self.picture()


def encoded(order: PlannedOrder, finished: Finished) -> tuple[bytes, bytes]:
    """Return the file of a result, and that of its time-lapse, or empty bytes if it has none.
    Raises PictureError, MemoryShortError."""
    if finished.file:
        return finished.file, b""
    output = replace(order.output, format=PurePosixPath(order.result).suffix[1:])
    try:
        data = encode.encode(finished.image, output, finished.photo)
        timelapse = finished.timelapse
        return data, timelapse.encoded(finished.image, finished.photo.alpha) if timelapse else b""
    except MemoryError:
        raise MemoryShortError(
            f"{order.photo.key}: there is too little memory to encode its result; make it smaller"
        ) from None


def record_of_frame(order: FrameOrder, finished: Finished) -> Record:
    """Return the facts about a painted frame that become part of its clip's record."""
    return Record(
        photo=order.photo.key,
        style=order.style.name,
        weights=finished.weights,
        device=finished.device,
        content_weight=finished.end.content_weight,
        seconds=finished.seconds,
    )


def record_of(order: PlannedOrder, finished: Finished, config: Config, data: bytes) -> Record:
    """Return the record of a finished painting, with all that is needed to paint it a second time.

    Args:
        finished: The painting.
        config: The configuration that it was painted with.
        data: The result's file.
    """
    height, width = finished.image.shape[:2]
    return replace(
        order.record_of_inputs(),
        width=width,
        height=height,
        network=order.network,
        weights=finished.weights,
        vgg_weights=config.vgg_weights,
        engine=ENGINE_VERSION,
        device=finished.device,
        losses=finished.end.losses,
        content_weight=float(f"{finished.end.content_weight:.4g}"),
        seconds=round(finished.seconds, 1),
        photo_bucket=config.photo_bucket,
        style_bucket=config.style_bucket,
        output=astuple(order.output),
        fingerprint=order.fingerprint,
        result=order.result,
        result_etag=str(new_md5(data).hexdigest()),
        result_size=len(data),
        finished=now(),
    )
