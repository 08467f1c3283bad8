"""An order: one photo to be painted in one style. A planned order also has the place of its result
in a bucket, and the order of a single picture that of its checkpoint."""

import hashlib
import json
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import Any, Self

from painterly import ENGINE_VERSION
from painterly.images.output import OutputFormat
from painterly.log import event
from painterly.orders.record import PaintingRef, PictureRef, Record
from painterly.orders.styles import Style
from painterly.settings import bucket_layout
from painterly.settings.settings import FIELDS, OF_PAPER, Settings
from painterly.storage.base import Entry
from painterly.vgg import sources
from painterly.vgg.sources import WeightsSource
from painterly.words.style_title import NO_TITLE
from painterly.words.wording import printable


@dataclass(frozen=True)
class Order:
    """One photo to be painted in one style, where its mask is white: all that decides a result.

    Attributes:
        weights: The weights of the network that paints it.
        output: The format that the user asked for; it may be the photo's own.
        color_mask: The mask of the part in which `preserve_color` acts.
        start: The picture to start from, instead of `init_image`.
        place: Its place among several orders, for the log, such as ` (3 of 20)`.
    """

    photo: Entry
    mask: Entry | None
    style: Style
    weights: WeightsSource
    output: OutputFormat
    color_mask: Entry | None = None
    start: Entry | None = None
    place: str = ""
    quiet = False  # Whether its steps are not shown.

    def __str__(self) -> str:
        return f"{printable(self.photo.key)} in {printable(self.style.name)}"

    @property
    def label(self) -> str:
        """The order's name in the log while it is painted and stored."""
        return f"{self}{self.place}"

    @property
    def checkpoint_key(self) -> str:
        """The key of its checkpoint."""
        return bucket_layout.checkpoint_key(self.style.name, self.photo.key)

    @property
    def network(self) -> str:
        """The network that paints it, in half a line."""
        return sources.described(self.weights.identity, self.weights.given)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that decides a result, except the weights, which a record names
        separately.

        It covers photo, paintings, masks and regions by content, shares, settings, output format,
        and the version of the engine. The first use raises ObjectError if a file in a folder is
        gone.
        """
        inputs = {
            "photo": [etag_of(self.photo), etag_of(self.mask)],
            **_deciding(self.style),
            # Without a depth of 8, as in checkpoints and records of version 15.
            "output": astuple(self.output)[: 3 if self.output.depth == 8 else 4],
            "engine": ENGINE_VERSION,
        }
        if self.style.parts:
            inputs["styles"] = [_deciding(each) for each in self.style.parts]
        if self.color_mask or self.start:  # Records are of pictures without them.
            inputs["further pictures"] = [etag_of(self.color_mask), etag_of(self.start)]
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()

    @property
    def checkpoint_mark(self) -> str:
        """A text that a checkpoint and its order share: the fingerprint and the weights."""
        return f"{self.fingerprint} {self.weights.identity}"

    def halved(self) -> Self | None:
        """Return the order with half of its default size, for too little memory, or None; see
        Settings.halved."""
        settings = self.style.settings.halved()
        return None if settings is None else self.with_settings(settings)

    def bytes_beside(self, height: int, width: int) -> int:
        """Return the memory that others take while it is painted, by the photo's size in px."""
        return 0

    def with_settings(self, settings: Settings) -> Self:
        """Return the order with other settings."""
        return replace(self, style=replace(self.style, settings=settings))

    def record_of_inputs(self) -> Record:
        """Return the part of its record that names its inputs: photo, mask, paintings and settings,
        each file by its key and its content's ETag. A sheet's names styles, not paintings."""
        parts = tuple(part.name for part in self.style.parts)
        return Record(
            photo=self.photo.key,
            photo_etag=self.photo.etag,
            photo_mask=_ref(self.mask),
            style=self.style.name,
            style_title=self.style.title if self.style.title != NO_TITLE else None,
            styles=parts or None,
            paintings=None
            if parts
            else tuple(
                PaintingRef(
                    each.entry.key, each.share, each.entry.etag, _ref(each.mask), _ref(each.region)
                )
                for each in self.style.paintings
            ),
            settings=self.style.settings.deciding(),
            given={
                name: value
                for name, value in self.style.settings.given.items()
                if FIELDS[name].compare or name == "preset"
            },
        )

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


@dataclass(frozen=True, kw_only=True)
class PlannedOrder(Order):
    """An order of a run, with the place of its result in the bucket of results.

    Attributes:
        result: The key of the result, with the extension that `output` means for the photo.
        timelapse: The key of its time-lapse, or empty if it gets none.
        previous: The record of an earlier result or failure.
        may_resume: Whether another process may have left a checkpoint of it.
    """

    result: str
    timelapse: str = ""
    previous: Record | None = None
    may_resume: bool = False

    @property
    def record_key(self) -> str:
        """The key of its record."""
        return bucket_layout.record_key(self.style.name, self.photo.key)


@dataclass(frozen=True, kw_only=True)
class SingleOrder(Order):
    """The order of a single picture, with the key of its checkpoint. The log calls it by its
    photo's name."""

    own_checkpoint_key: str

    def __str__(self) -> str:
        return printable(PurePath(self.photo.key).name)

    @property
    def checkpoint_key(self) -> str:
        return self.own_checkpoint_key


def etag_of(file: Entry | PictureRef | None) -> str | None:
    """Return the ETag of a file, if there is one."""
    return None if file is None else file.etag


def _deciding(style: Style) -> dict[str, Any]:
    return {
        "paintings": [
            [etag_of(each.entry), each.share, etag_of(each.mask), etag_of(each.region)]
            for each in style.paintings
        ],
        # Without these defaults, as in checkpoints and records of version 15.
        "settings": {
            name: value
            for name, value in style.settings.deciding().items()
            if name not in OF_PAPER or value != FIELDS[name].default
        },
    }


def _ref(entry: Entry | None) -> PictureRef | None:
    return None if entry is None else PictureRef(entry.key, entry.etag)
