"""Paints the picture that a record describes a second time: on the same machine, the same bytes."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from painterly.cli.app import run_painter
from painterly.cli.options import STANDARD, PictureArgs
from painterly.cli.picture import paint_wish
from painterly.cli.picture_files import files_in, read_file
from painterly.cli.picture_order import Wish, config_of, unfinished_for
from painterly.errors import ConfigError, PictureError
from painterly.images.output import OutputFormat, file_format
from painterly.orders.buckets import Buckets, open_paintings
from painterly.orders.order import SingleOrder
from painterly.orders.record import PictureRef, Record
from painterly.orders.styles import Painting, Style
from painterly.settings.settings import Settings
from painterly.signals import Stop
from painterly.storage import open_bucket
from painterly.storage.address import parse_account
from painterly.storage.base import Bucket
from painterly.storage.files import has_etag
from painterly.vgg.sources import WeightsSource, source_of
from painterly.words.wording import printable

_NEEDED = (
    *("photo_bucket", "photo", "photo_etag", "style", "paintings", "settings", "weights"),
    *("result", "output"),
)


def run(args: PictureArgs, name: str) -> int:
    """Repaint what arguments ask for, and return the exit code; as `picture.run`."""

    def paint_it(environment: Mapping[str, str], stop: Stop) -> Iterator[Path]:
        yield paint_wish(wish_of_record(args, environment), stop)

    return run_painter(name, paint_it, args.places == [STANDARD], args.progress)


def wish_of_record(args: PictureArgs, environment: Mapping[str, str]) -> Wish:
    """Return what paints a record's picture from the buckets that it names. Raises ConfigError if
    the file is not the record of a result, PictureError if a picture is missing or has changed."""
    (result,), account = args.places, parse_account(environment)
    record: Any = Record.from_bytes(read_file(args.from_record or "", "--from-record"))
    if lacking := [name for name in _NEEDED if getattr(record, name, None) is None]:
        raise ConfigError(
            f"--from-record {args.from_record!r} is not a record of a result that can be painted "
            f"again: it has no {lacking[0]}"
        )
    photos = open_bucket(record.photo_bucket, account)
    style = open_paintings(record.style_bucket, account)
    settings = Settings().replaced(record.settings, "the record's ")
    paintings = tuple(
        Painting(_same(style, each), each.share, _same(style, each.mask), _same(style, each.region))
        for each in record.paintings
    )
    weights, label = args.weights or record.vgg_weights, f"{record.result!r} in {args.from_record}"
    form = file_format(PurePosixPath(record.result).suffix, f"the extension of {label}")
    unfinished, key = unfinished_for(result)
    order = SingleOrder(
        photo=_same(photos, PictureRef(record.photo, record.photo_etag)),
        mask=_same(photos, record.photo_mask),
        style=Style(record.style, paintings, settings),
        weights=WeightsSource(weights, record.weights)
        if weights and settings.traits.network != "builtin"
        else source_of(record.weights, settings.model),
        output=replace(OutputFormat(*record.output), format=form.extension),
        own_checkpoint_key=key,
    )
    inputs = [*files_in(photos, (order.photo, order.mask)), *files_in(style, order.style.files)]
    config, buckets = config_of(args, environment), Buckets(photos, style, unfinished)
    return Wish(order, config, buckets, inputs, result, 0, args.overwrite, args.fresh)


def _same(bucket: Bucket, ref: Any) -> Any:
    """Return the object of a reference, if there is one. Raises PictureError if it has changed."""
    if ref is None:
        return None
    entry = bucket.find(ref.key)
    if entry is None:
        raise PictureError(f"{printable(ref.key)} is no longer in {bucket.name}")
    is_same = entry.has(ref.etag)
    if not is_same and entry.etag == entry.dated:  # The service gave an ETag then, but not now.
        is_same = bool(has_etag(io.BytesIO(bucket.read(ref.key)), ref.etag))
    if not is_same:
        raise PictureError(
            f"{printable(ref.key)} in {bucket.name} has changed since it was painted"
        )
    return entry
