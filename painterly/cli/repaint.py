"""Paints the picture that a record describes a second time: on the same machine, the same bytes."""

import io
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from painterly.cli.app import run_painter
from painterly.cli.options import STANDARD, PictureArgs
from painterly.cli.picture_files import read_file, result_files
from painterly.configuration import config
from painterly.configuration.config import Config
from painterly.errors import ConfigError, PictureError, WeightsError
from painterly.images.output import OutputFormat, file_format
from painterly.orders.buckets import Buckets, open_paintings
from painterly.orders.network_pool import NetworkPool, OtherWeightsError
from painterly.orders.order import Order
from painterly.orders.record import PictureRef, Record
from painterly.orders.styles import Painting, Style, is_ready
from painterly.painters.loading import chosen_device, load_devices
from painterly.painters.painter import DeviceSlot, Painter
from painterly.settings.settings import Settings
from painterly.signals import Stop
from painterly.storage import open_bucket
from painterly.storage.address import parse_account
from painterly.storage.base import Bucket, Entry
from painterly.storage.files import has_etag
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import IN_BUCKET, WeightsSource, named_source, source_of
from painterly.words.wording import printable

_Value = TypeVar("_Value")


def run(args: PictureArgs, name: str) -> int:
    """Repaint what arguments ask for, and return the exit code; as `picture.run`."""

    def paint_it(environment: Mapping[str, str], stop: Stop) -> Iterator[Path]:
        yield repaint(args, environment, stop)

    return run_painter(name, paint_it, to_stdout=args.places[-1:] == [STANDARD])


def repaint(args: PictureArgs, environment: Mapping[str, str], stop: Stop) -> Path:
    """Paint what a record describes, from the buckets that it names, and return the path written.
    Raises ConfigError if the file is not the record of a result, PictureError if a picture is
    missing or has changed, WeightsError if the weights are not those of the record."""
    if len(args.places) != 1:
        got = " ".join(args.places) or "nothing"
        raise ConfigError(
            "--from-record needs the record and the result's name, as in --from-record FILE "
            f"repainted.jpg; got {got} as the name"
        )
    if args.fresh:
        raise ConfigError(
            "--from_record keeps no checkpoint and paints from the start; leave --fresh out"
        )
    (prefix,) = args.places
    record = Record.from_bytes(read_file(args.from_record or "", "--from-record"))
    if record is None:
        raise ConfigError(f"--from-record {args.from_record!r} is not a record of a result")
    if record.styles is not None:
        raise ConfigError(
            f"--from-record {args.from_record!r} describes a sheet of {len(record.styles)} styles, "
            "which no record paints again; paint a new one with --sheet"
        )
    run = _config(record, args, environment)
    buckets = Buckets(
        open_bucket(run.photo_bucket, run.account),
        open_paintings(run.style_bucket, run.account),
        FolderBucket(Path(prefix).parent),  # Nothing is stored in it.
    )
    order = _order(record, args, environment, buckets)
    networks = NetworkPool(None, buckets.style)  # The order has its weights.
    with closing(Painter(run, buckets, networks, stop)) as painter:
        painter.leave()  # An outage ends it at once: there is nothing to lose.
        loading = load_devices(args.device, order.style.settings.traits.optimises)
        inputs = painter.read(order)
        paths = _paths(order, buckets)
        results = result_files(
            prefix,
            inputs.photo.picture.printed(order.style.settings),
            order.output,
            paths,
            overwrite=args.overwrite,
        )
        device = chosen_device(loading)
        try:
            finished = painter.paint(order, inputs, DeviceSlot(device))
        except OtherWeightsError as error:  # An object's identity is known once it is read.
            raise _other_weights(args, order.weights.identity, error.identity) from None
        return results.write(finished.image)


def _config(record: Record, args: PictureArgs, environment: Mapping[str, str]) -> Config:
    photo_bucket, style_bucket = record.photo_bucket, record.style_bucket
    if photo_bucket is None:
        raise _no_result(args, "photo_bucket")
    if style_bucket is None and not all(is_ready(each.key) for each in record.paintings or ()):
        raise _no_result(args, "style_bucket")
    return replace(
        config.load({}),
        photo_bucket=photo_bucket,
        style_bucket=style_bucket,
        account=parse_account(environment),
        progress=config.progress_mode(environment),
        memory_limit=args.memory_limit,
        checkpoint_every=math.inf,
    )


def _order(
    record: Record, args: PictureArgs, environment: Mapping[str, str], buckets: Buckets
) -> Order:
    def known(value: _Value | None, name: str) -> _Value:
        if value is None:
            raise _no_result(args, name)
        return value

    def reference(bucket: Bucket, ref: PictureRef | None) -> Entry | None:
        return None if ref is None else _unchanged(bucket, ref.key, ref.etag)

    style = buckets.style
    paintings = tuple(
        Painting(
            _unchanged(style, ref.key, known(ref.etag, "etag of a painting")),
            known(ref.share, "share of a painting"),
            reference(style, ref.mask),
            reference(style, ref.region),
        )
        for ref in known(record.paintings, "paintings")
    )
    settings = Settings().replaced(known(record.settings, "settings"), "the record's ")
    identity = known(record.weights, "weights")
    usual = record.vgg_weights
    weights = recorded_weights(args.weights or usual, identity, settings)
    if weights.identity != identity:
        raise _other_weights(args, identity, weights.identity)
    result = known(record.result, "result")
    label = f"the extension of {result!r} in {args.from_record}"
    extension = file_format(PurePosixPath(result).suffix, label).extension
    photo_key, photo_etag = known(record.photo, "photo"), known(record.photo_etag, "photo_etag")
    return Order(
        photo=_unchanged(buckets.source, photo_key, photo_etag),
        mask=reference(buckets.source, record.photo_mask),
        style=Style(known(record.style, "style"), paintings, settings),
        weights=weights,
        output=replace(OutputFormat(*known(record.output, "output")), format=extension),
    )


def recorded_weights(name: str | None, identity: str, settings: Settings) -> WeightsSource:
    """Return the weights with which the result of a record is painted again: those of a value of
    VGG_WEIGHTS, or those with the identity in the record. An object in the style bucket must have
    it. Raises WeightsError if there are no such weights."""
    if name is None or settings.traits.network == "builtin":
        return source_of(identity, settings.model)
    if name.startswith(IN_BUCKET):
        return WeightsSource(name, identity)
    return named_source(name, settings.model, settings.seed)


def _other_weights(args: PictureArgs, recorded: str, current: str) -> WeightsError:
    return WeightsError(
        f"{args.from_record} was painted with the weights {recorded}, but these are {current}; "
        "name the right ones with --weights"
    )


def _no_result(args: PictureArgs, name: str) -> ConfigError:
    return ConfigError(
        f"--from-record {args.from_record!r} is not the record of a result: it has no {name}"
    )


def _paths(order: Order, buckets: Buckets) -> Iterator[Path]:
    photo = [entry.key for entry in (order.photo, order.mask) if entry is not None]
    places: Iterable[tuple[Bucket, list[str]]] = (
        (buckets.source, photo),
        (buckets.style, order.style.keys),
    )
    for bucket, keys in places:
        yield from (path for key in keys if (path := bucket.path(key)))


def _unchanged(bucket: Bucket, key: str, etag: str) -> Entry:
    entry = bucket.find(key)
    if entry is None:
        raise PictureError(f"{printable(key)} is no longer in {bucket.name}")
    is_same = entry.has(etag)
    if not is_same and entry.etag == entry.dated:  # The service gave an ETag then, but not now.
        is_same = bool(has_etag(io.BytesIO(bucket.read(key)), etag))
    if not is_same:
        raise PictureError(f"{printable(key)} in {bucket.name} has changed since it was painted")
    return entry
