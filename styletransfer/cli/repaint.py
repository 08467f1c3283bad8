"""A record → the picture it tells of, made again: on the same machine, the same picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from styletransfer import config
from styletransfer.batch.inputs import read_look, read_photo
from styletransfer.batch.looks import Look, Painting
from styletransfer.cli.picture_files import write_file
from styletransfer.devices.native_stderr import hold_native_stderr
from styletransfer.errors import ConfigError, PictureError, WeightsError
from styletransfer.images import encode
from styletransfer.images.output import OutputFormat
from styletransfer.log import logger, printable
from styletransfer.progress import follow
from styletransfer.settings import Settings
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket, Entry


def repaint_record(
    file: str, prefix: str, weights: str | None, device: str, memory_limit: int | None = None
) -> Path:
    """Paints what the record in `file` tells of, from the buckets it names; the path written,
    PREFIX and the result's extension.

    weights: a file, where the record's are not to be had here. memory_limit: as `stylize` takes it.
    Raises ConfigError for a file that is no record of a result, PictureError where a picture is not
    there any more or another one, and what painting itself raises.
    """
    record = _read(file)
    account = config.account(config.environment())
    source, style = (open_bucket(record[name], account) for name in ("source", "style"))
    photo_entry = _unchanged(source, record["photo"], record["photo_etag"])
    photo_mask = _mask(source, record, "photo_mask")
    paintings = tuple(
        Painting(
            _unchanged(style, each["key"], each["etag"]),
            each["share"],
            _mask(style, each, "mask"),
            _mask(style, each, "region"),
        )
        for each in record["paintings"]
    )
    settings = Settings().replaced(record["settings"], "the record's ")
    look = Look(record["look"], paintings, settings)
    photo = read_photo(photo_entry, photo_mask, source.read)

    with hold_native_stderr():
        from styletransfer.devices.tensorflow import choose_devices

        logger.info("painting on %s", choose_devices(device))
    from styletransfer.batch.network_pool import load_given
    from styletransfer.engine.style_targets import StyleTargets
    from styletransfer.engine.stylize import stylize

    vgg = load_given(weights or record["vgg_weights"], record["weights"], settings, style)
    if vgg.identity != record["weights"]:
        raise WeightsError(
            f"{file} was painted with the weights {record['weights']}, but these are "
            f"{vgg.identity}; name the right ones with --weights"
        )
    targets = StyleTargets(*read_look(look, style.read))
    how = {"content_mask": photo.mask, "memory_limit": memory_limit}
    steps = stylize(photo.picture.pixels_int, targets, settings, vgg, **how)
    last = follow(steps, printable(record["photo"]))
    extension, data = encode.encode_result(
        OutputFormat(*record["output"]), photo.picture, last.image
    )
    return write_file(Path(f"{prefix}.{extension}"), data)


def _read(file: str) -> Mapping[str, Any]:
    try:
        record = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--from-record {file!r}: {error.strerror or error}") from None
    except ValueError:
        raise ConfigError(f"--from-record {file!r} is no JSON") from None
    needed = {"photo", "photo_etag", "paintings", "look", "settings", "weights", "output"}
    needed |= {"source", "style", "vgg_weights"}
    missing = needed - set(record) if isinstance(record, dict) else needed
    if missing:
        lacking = ", ".join(sorted(missing))
        raise ConfigError(f"--from-record {file!r} is no record of a result; it lacks {lacking}")
    return record


def _mask(bucket: Bucket, told: Mapping[str, Any], name: str) -> Entry | None:
    """The mask that a record tells of under this name; early records know of none."""
    mask = told.get(name)
    return None if mask is None else _unchanged(bucket, mask["key"], mask["etag"])


def _unchanged(bucket: Bucket, key: str, etag: str) -> Entry:
    entry = bucket.find(key)
    if entry is None:
        raise PictureError(f"{printable(key)} is not in {bucket.name} any more")
    if entry.etag != etag:
        raise PictureError(f"{printable(key)} in {bucket.name} is another picture than it was then")
    return entry
