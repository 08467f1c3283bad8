"""A finished painting, its files and its record."""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from painterly import ENGINE_VERSION
from painterly.bench.timelapse import Timelapse
from painterly.configuration.config import Config
from painterly.errors import MemoryShortError
from painterly.images import encode
from painterly.images.picture import Picture
from painterly.orders.order import Order, PlannedOrder
from painterly.orders.record import Record
from painterly.orders.stored_records import now
from painterly.settings.settings import Settings
from painterly.storage.files import new_md5

if TYPE_CHECKING:
    from painterly.engine.transfer import Step


@dataclass(frozen=True)
class Finished:
    """A finished painting.

    Attributes:
        photo: The photo.
        paintings: The paintings of the style, in its order.
        settings: The settings that it was painted with: a default size may have been halved.
        image: float32 [H, W, 3], sRGB 0…1; uint8 for a clip, which has a file.
        weights: The identity of the network's weights.
        device: The device in half a line.
        losses: The losses of the last step.
        content_weight: The photo's weight at the end.
        seconds: The time that painting took.
        timelapse: The frames of its time-lapse, if it gets one.
        file: The file of the result, if it is not made of the image.
    """

    photo: Picture
    paintings: list[np.ndarray]
    settings: Settings
    image: np.ndarray
    weights: str
    device: str
    losses: Mapping[str, float]
    content_weight: float
    seconds: float
    timelapse: Timelapse | None = None
    file: bytes = b""

    @classmethod
    def after(
        cls,
        last: "Step | PartStep",
        order: Order,
        photo: Picture,
        paintings: list[np.ndarray],
        device: str,
        seconds: float,
    ) -> Self:
        """Return the painting after its last step, by its order as it was painted. The other
        arguments are attributes."""
        return cls(
            photo=photo,
            paintings=paintings,
            settings=order.style.settings,
            image=last.image,
            weights=order.weights.identity,
            device=device,
            losses=last.losses,
            content_weight=last.content_weight,
            seconds=seconds,
        )


class PartStep(NamedTuple):
    """The progress of a clip or a poster after each of its parts, as `Step` has it.

    Attributes:
        iteration: The number of finished parts.
        total: The number of all.
        picture: Returns the latest one, [H, W, 3], or at the end the whole.
        content_weight: As in `Step`.
    """

    iteration: int
    total: int
    picture: Callable[[], np.ndarray]
    content_weight: float = 0.0

    @property
    def fraction(self) -> float:
        return self.iteration / self.total

    @property
    def losses(self) -> dict[str, float]:
        return {}  # Each part has its own.

    @property
    def image(self) -> np.ndarray:
        return self.picture()

    @property
    def preview(self) -> np.ndarray:
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


def record_of(order: PlannedOrder, finished: Finished, config: Config, data: bytes) -> Record:
    """Return the record of a finished painting, with all that is needed to paint it a second time.

    Args:
        order: Its order.
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
        losses=finished.losses,
        content_weight=float(f"{finished.content_weight:.4g}"),
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
