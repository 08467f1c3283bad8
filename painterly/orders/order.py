"""An order: one photo to be painted in one style. A planned order also has the place of its result
in a bucket, and the order of a single picture that of its checkpoint.

The key of a result, `<style>/<photo>.<extension>`, lacks the photo's own extension. If two photos
would share a key (`a.png` and `a.webp`, both as png), both retain theirs: `a.png.png`,
`a.webp.png`. A key is written if it is free or if the order's record names it. The record is
written before the result, so that the result of a killed run is known as well.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from logging import WARNING
from pathlib import PurePath, PurePosixPath
from typing import Any, Self

from painterly import ENGINE_VERSION
from painterly.errors import PictureError
from painterly.forks import cached_property
from painterly.images.output import OutputFormat
from painterly.log import event
from painterly.orders.record import (
    PaintingRef,
    PictureRef,
    Record,
    etag_of,
    is_content,
    is_intact,
    read_record,
    write_record,
)
from painterly.orders.styles import Style
from painterly.settings import bucket_layout
from painterly.settings.settings import FIELDS, Settings
from painterly.storage.base import BadKeyError, Bucket, Entry, ObjectError
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
        color_mask: The mask of the part that gets the photo's colours.
        start: The picture to start from, instead of `init_image`.
        place: Its place among several orders, for the log, such as `3/20 `.
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
        return f"{self.place}{self}"

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
        inputs: dict[str, Any] = {
            "photo": [etag_of(self.photo), etag_of(self.mask)],
            "output": [*vars(self.output).values()],
            "engine": ENGINE_VERSION,
        }
        if self.color_mask or self.start:  # Records are of pictures without them.
            inputs["further pictures"] = [etag_of(self.color_mask), etag_of(self.start)]
        texts = {name: json.dumps(value) for name, value in inputs.items()}
        if parts := [_object(each.deciding) for each in self.style.parts]:
            texts["styles"] = f"[{', '.join(parts)}]"
        return hashlib.sha256(_object({**texts, **self.style.deciding}).encode()).hexdigest()

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

    own_checkpoint_key: str = ""

    def __str__(self) -> str:
        return printable(PurePath(self.photo.key).name)

    @property
    def checkpoint_key(self) -> str:
        return self.own_checkpoint_key


def _object(texts: Mapping[str, str]) -> str:
    """Return a JSON object of values that are JSON already: most decide thousands of results."""
    return f"{{{', '.join(f'{json.dumps(name)}: {texts[name]}' for name in sorted(texts))}}}"


def _ref(entry: Entry | None) -> PictureRef | None:
    return None if entry is None else PictureRef(entry.key, entry.etag)


def result_name(photo: str, output: OutputFormat, *, whole: bool = False) -> str:
    """Return the name of a photo's result, which follows the style in its key. It has the photo's
    own extension as well if `whole`."""
    return f"{photo if whole else _stem(photo)}.{output.extension(photo)}"


def result_names(photos: Iterable[str], output: OutputFormat) -> dict[str, str]:
    """Return the names of the results of all photos, by the photos' keys. No two are the same."""
    keys, whole = [*photos], set[str]()
    while True:
        names = {photo: result_name(photo, output, whole=photo in whole) for photo in keys}
        counts = Counter(names.values())
        meeting = {photo for photo, name in names.items() if counts[name] > 1} - whole
        if not meeting:
            return names
        whole |= meeting


def timelapse_name(result: str, *, whole: bool = False) -> str:
    """Return the name or key of a result's time-lapse. It has the result's extension if `whole`."""
    return f"{result if whole else _stem(result)}{bucket_layout.TIMELAPSE}"


def timelapse_names(results: Mapping[str, str]) -> dict[str, str]:
    """Return the names of all time-lapses from those of the results, by the photos' keys. Results
    that differ in their extension alone have different ones."""
    stems = Counter(map(_stem, results.values()))
    return {
        photo: timelapse_name(name, whole=stems[_stem(name)] > 1) for photo, name in results.items()
    }


def could_be_result(key: str, order: PlannedOrder) -> bool:
    """Return whether an order's result may have had a key, in any format."""
    if key == order.result:
        return True
    pair = f"{order.style.name}/{order.photo.key}"
    return _stem(key) in (_stem(pair), _plain(pair))


def own_record(record: Record | None, photo: str, style: str, result: str) -> Record | None:
    """Return the record of a photo (its key) in a style (its name), or None if it is another
    photo's: some disks take two names for one.

    Args:
        record: The content of the object under its key; None if that is damaged. Then the key of
            the result is `result`, and nothing else is known.
        photo, style, result: The photo, the style, and the key that the result would get.
    """
    if record is None:
        return Record(photo=photo, style=style, result=result)
    if (record.photo, record.style) == (photo, style):
        return record
    is_own = record.photo in (None, photo) and record.style in (None, style)
    return replace(record, photo=photo, style=style) if is_own else None


def latest_record(bucket: Bucket, order: PlannedOrder) -> Record | None:
    """Return the stored record as `own_record` does, or else the plan's, or else one that names no
    result. Raises UnavailableError."""
    photo, style = order.photo.key, order.style.name
    try:
        return own_record(read_record(bucket, order.record_key), photo, style, order.result)
    except ObjectError:  # There is none, or it may not be read.
        return order.previous or Record(photo=photo, style=style)


def intact_record(bucket: Bucket, order: PlannedOrder) -> Record | None:
    """Return the order's record if its result is stored as it says, or else None. Another run may
    have stored it since the plan was made. Raises UnavailableError."""
    try:
        record = latest_record(bucket, order)
        if record is None or record.result is None or not could_be_result(record.result, order):
            return None
        result = bucket.find(record.result)
        return record if result is not None and is_intact(record, result) else None
    except ObjectError:
        return None


def claim(bucket: Bucket, order: PlannedOrder, record: Record) -> tuple[Record, Record]:
    """Write the record of a result before the result.

    From then on the keys of the result and its time-lapse are known as the order's. The record
    loses a time-lapse that cannot be stored, which is logged.

    Returns:
        The record as it is written, and the one that it replaces.

    Raises:
        PictureError: The key of the result, or that of its record, is not the order's.
        StorageError: The bucket fails.
    """
    # In this order: an object that another run has stored since was recorded before.
    is_free = bucket.find(order.result) is None
    before = latest_record(bucket, order)
    if before is None or not (is_free or before.result == order.result):
        raise taken(order, bucket)
    if record.timelapse and not _has_room_for_timelapse(bucket, order, before):
        record = replace(record, timelapse=None)
    write_record(bucket, order.record_key, record)
    return record, before


def taken(order: PlannedOrder, bucket: Bucket) -> PictureError:
    """Return the error of an order whose result has the key of another object in a bucket."""
    return PictureError(
        f"{printable(order.result)} in {bucket.name} is not the result in this photo's record; "
        "move it away, or rename the photo"
    )


def outdated_timelapse(bucket: Bucket, before: Record, record: Record) -> str | None:
    """Return the key of the time-lapse of an order's record before, if the new record does not name
    it: it shows another picture."""
    old, new = before.timelapse, record.timelapse
    if old is None or not old.key.endswith(bucket_layout.TIMELAPSE) or (new and new.key == old.key):
        return None
    entry = bucket.find(old.key)
    return old.key if entry is not None and is_content(entry, old.etag) else None


def _has_room_for_timelapse(bucket: Bucket, order: PlannedOrder, before: Record) -> bool:
    try:
        bucket.check_key(order.timelapse)
    except BadKeyError as error:
        order.log(f"{order}: no time-lapse: {error}", level=WARNING)
        return False
    is_own = before.timelapse is not None and before.timelapse.key == order.timelapse
    if is_own or bucket.find(order.timelapse) is None:
        return True
    order.log(
        f"{order}: no time-lapse: {printable(order.timelapse)} in {bucket.name} is not the one in "
        "this photo's record; move it away",
        level=WARNING,
    )
    return False


def _plain(key: str) -> str:
    """Return a key without empty parts and `.` parts, as file systems read it."""
    usual = "//" not in key and "./" not in key and not key.startswith("/")
    return key if usual else PurePosixPath(key).as_posix()


def _stem(key: str) -> str:
    plain = _plain(key)
    folder, slash, name = plain.rpartition("/")
    stem, _, extension = name.rpartition(".")
    return f"{folder}{slash}{stem}" if stem and extension else plain
