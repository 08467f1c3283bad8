"""An order: one photo to be painted in one style, with the name that its result gets."""

from dataclasses import dataclass
from typing import Any

from painterly import bucket_layout
from painterly.batch.styles import Style
from painterly.images.output import OutputFormat
from painterly.log import event
from painterly.record import Record
from painterly.storage.base import Entry
from painterly.vgg import sources
from painterly.vgg.sources import WeightsSource
from painterly.wording import printable


@dataclass(frozen=True)
class Order:
    """One photo to be painted in one style, where its mask is white.

    Attributes:
        weights: The weights of the network that paints it.
        output: The format that the user asked for. The extension of `result` has the one that this
            means for the photo.
        result: The key of the result.
        timelapse: The key of its time-lapse, or empty if it gets none.
        fingerprint: See `records.fingerprint`; empty until it is known.
        previous: The record of an earlier result or failure.
        may_resume: Whether another process may have left a checkpoint of it.
        place: Its place among the orders of a run, for the log, such as ` (3 of 20)`.
    """

    photo: Entry
    mask: Entry | None
    style: Style
    weights: WeightsSource
    output: OutputFormat
    result: str
    timelapse: str = ""
    fingerprint: str = ""
    previous: Record | None = None
    may_resume: bool = False
    place: str = ""

    def __str__(self) -> str:
        return f"{printable(self.photo.key)} in {printable(self.style.name)}"

    @property
    def label(self) -> str:
        """The order's name in the log while it is painted and stored."""
        return f"{self}{self.place}"

    @property
    def record_key(self) -> str:
        """The key of its record."""
        return bucket_layout.record_key(self.style.name, self.photo.key)

    @property
    def checkpoint_key(self) -> str:
        """The key of its checkpoint."""
        return bucket_layout.checkpoint_key(self.style.name, self.photo.key)

    @property
    def network(self) -> str:
        """The network that paints it, in half a line."""
        return sources.described(self.weights.identity, self.weights.given)

    def log(self, message: str, **fields: Any) -> None:
        """Log a line about the order, as `event`, with its photo and style."""
        event(message, photo=self.photo.key, style=self.style.name, **fields)

    def is_described_by(self, record: Record) -> bool:
        """Return whether a record describes the picture that would be painted now."""
        return record.fingerprint == self.fingerprint and self.accepts_weights(record)

    def accepts_weights(self, record: Record) -> bool:
        """Return whether a result with the weights that a record names is up to date, if nothing
        else has changed.

        Names decide where identities are of different kinds: random weights have a seed, and
        objects that were uploaded in parts have no MD5.
        """
        recorded, current = record.weights or "", self.weights.identity
        if recorded == current:
            return True
        are_md5 = all(name.startswith("md5:") and "-" not in name for name in (recorded, current))
        return not are_md5 and record.network == self.network
