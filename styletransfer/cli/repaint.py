"""Paints the picture that a record describes a second time: on the same machine, the same bytes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from styletransfer import config
from styletransfer.batch.reading import read_photo, read_style
from styletransfer.batch.styles import Painting, Style
from styletransfer.cli.picture_files import check_target, chosen_device, read_file, result_files
from styletransfer.errors import ConfigError, PictureError, WeightsError
from styletransfer.images.output import OutputFormat
from styletransfer.log import printable
from styletransfer.progress import follow
from styletransfer.record import PictureRef, Record
from styletransfer.settings import Settings
from styletransfer.storage import open_bucket
from styletransfer.storage.address import parse_account
from styletransfer.storage.base import Bucket, Entry
from styletransfer.storage.folder import FolderBucket

_Value = TypeVar("_Value")


def repaint_record(
    file: str, prefix: str, weights: str | None, device: str, memory_limit: int | None = None
) -> Path:
    """Paint what a record describes, from the buckets that it names.

    Args:
        file: The path of the record.
        prefix: The path of the result, with or without its extension.
        weights: A file or name, if the record's weights are not available here.
        device: One of DEVICE's values.
        memory_limit: The memory to use in bytes, as in `stylize`.

    Returns:
        The path written.

    Raises:
        ConfigError: The file is not the record of a result.
        PictureError: A picture is missing or has changed.
    """

    def known(value: _Value | None, name: str) -> _Value:
        if value is None:
            raise ConfigError(
                f"--from-record {file!r} is not the record of a result: it has no {name}"
            )
        return value

    used: list[Path] = []

    def entry(bucket: Bucket, key: str, etag: str) -> Entry:
        if isinstance(bucket, FolderBucket):
            used.append(bucket.folder / key)
        return _unchanged(bucket, key, etag)

    def mask(bucket: Bucket, ref: PictureRef | None) -> Entry | None:
        return None if ref is None else entry(bucket, ref.key, ref.etag)

    record = _read(file)
    account = parse_account(config.environment())
    source = open_bucket(known(record.source, "source"), account)
    style_bucket = open_bucket(known(record.style, "style"), account)
    paintings = tuple(
        Painting(
            entry(style_bucket, ref.key, known(ref.etag, "etag of a painting")),
            known(ref.share, "share of a painting"),
            mask(style_bucket, ref.mask),
            mask(style_bucket, ref.region),
        )
        for ref in known(record.paintings, "paintings")
    )
    recorded = _without_old_defaults(known(record.settings, "settings"))
    settings = Settings().replaced(recorded, "the record's ")
    style = Style(known(record.style_name, "look"), paintings, settings)
    output = OutputFormat(*known(record.output, "output"))
    identity = known(record.weights, "weights")
    photo_key, etag = known(record.photo, "photo"), known(record.photo_etag, "photo_etag")
    photo = read_photo(entry(source, photo_key, etag), mask(source, record.photo_mask), source.read)

    mode = config.progress_mode(config.environment())
    output = replace(output, format=output.extension(photo.picture.format))
    results = result_files(prefix, photo.picture, output)
    check_target(results.path(), prefix, used)

    computer = chosen_device(device)
    from styletransfer.batch.network_pool import load_network
    from styletransfer.engine.paintings import Paintings
    from styletransfer.engine.stylize import StyleTransfer

    with computer.scope():
        vgg = load_network(weights or record.vgg_weights, identity, settings, style_bucket)
        if vgg.identity != identity:
            raise WeightsError(
                f"{file} was painted with the weights {identity}, but these are {vgg.identity}; "
                "name the right ones with --weights"
            )
        targets = Paintings(*read_style(style, style_bucket.read))
        transfer = StyleTransfer(
            photo.picture.pixels_int,
            targets,
            settings,
            vgg,
            content_mask=photo.content_mask(settings, photo_key),
            memory_limit=memory_limit,
        )
        image = follow(transfer.steps(), printable(photo_key), mode=mode).image
    return results.write(image)


def _without_old_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return recorded settings without those that earlier versions had, if they had no effect."""
    kept = dict(settings)
    if kept.get("color_match") == "none":
        del kept["color_match"]
    if not kept.get("rescale_image"):
        kept.pop("rescale_method", None)
    return kept


def _read(file: str) -> Record:
    record = Record.from_bytes(read_file(file, "--from-record"))
    if record is None:
        raise ConfigError(f"--from-record {file!r} is not a record of a result")
    return record


def _unchanged(bucket: Bucket, key: str, etag: str) -> Entry:
    entry = bucket.find(key)
    if entry is None:
        raise PictureError(f"{printable(key)} is no longer in {bucket.name}")
    if entry.etag != etag:
        raise PictureError(f"{printable(key)} in {bucket.name} has changed since it was painted")
    return entry
