"""`python aws/entrypoint.py BUCKET KEY`: the batch runner on one photo of the bot's bucket.

AWS Batch starts it for every photo. The key and the wish in the photo's request give the prefixes,
the style and the size. The runner's variables set everything else.
"""

import dataclasses
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import contract

from painterly.cli import batch
from painterly.cli.app import fail, leave, run_program, run_service
from painterly.configuration import config
from painterly.errors import ConfigError, NoPhotoError, PictureError
from painterly.images.picture_file import PictureFile
from painterly.log import event
from painterly.settings import ready_styles
from painterly.storage import open_bucket
from painterly.storage.address import parse_account
from painterly.storage.base import Bucket

NAME = "aws/entrypoint.py"


def main(arguments: list[str] | None = None) -> int:
    """Paint the photo that the arguments name, and return the runner's exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 2:
        said = f"expected BUCKET and KEY, a photo in the bot's bucket; got {' '.join(words)}"
        return fail(NAME, said, ConfigError.exit_code)
    bucket, key = words

    def paint(environment: Mapping[str, str]) -> int:
        return paint_photo(bucket, key, environment)

    return run_program(NAME, lambda: run_service(paint))


def paint_photo(name: str, key: str, environment: Mapping[str, str]) -> int:
    """Paint a photo of a bucket, and return the exit code.

    The exit code is 0 if the photo or its request is gone: its sender has cancelled it.

    Args:
        environment: The runner's variables.

    Raises:
        ConfigError: The key is not a photo's, or the wish cannot be fulfilled.
        PainterlyError: As `batch.paint_batch`.
    """
    photo = contract.Photo.of_key(key)
    if photo is None:
        raise ConfigError(f"KEY is {key!r}; expected telegram/<chat>/<message>-<file>.<extension>")
    bucket = open_bucket(name, parse_account(environment))
    wish = contract.wish_of(photo, bucket)
    if wish is None or bucket.find(key) is None:
        return _gone(key)
    if not wish.style:
        raise ConfigError("the request names no style")
    wish = wish.limited(_longer_side(bucket, key) if wish.size == "full" else None)
    contract.adopt_first_style(bucket)
    shared = wish.prefix == contract.STYLES  # Among these are the ready ones.
    requested = config.load(
        {
            **environment,
            "STYLES": environment.get("STYLES") or ready_styles.ALL if shared else "",
            "BUCKET_SOURCE": f"{name}/{contract.photo_prefix(photo.chat)}",
            "BUCKET_STYLE": f"{name}/{wish.prefix}",
            "BUCKET_RESULT": f"{name}/{contract.result_prefix(photo.chat)}",
            "PHOTO": photo.name,
            "STYLE": wish.style,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        complete = dataclasses.replace(
            requested,
            vgg_weights=requested.vgg_weights or _weights(bucket, Path(folder)),
            overrides=wish.asked,
            gallery=False,  # The bot sends results.
        )
        try:
            return batch.paint_batch(complete)
        except NoPhotoError:
            return _gone(key)


def _gone(key: str) -> int:
    event(f"{key} or its request is gone: there is nothing to paint")
    return 0


def _longer_side(bucket: Bucket, key: str) -> int | None:
    """Return a photo's longer side in px, or None if it cannot be read, which painting reports."""
    data = bucket.read(key)
    try:
        return max(PictureFile(data, key).header.size)
    except PictureError:
        return None


def _weights(bucket: Bucket, folder: Path) -> str | None:
    for name in contract.WEIGHT_FILES:
        if bucket.find(name) is not None:
            event(f"downloading {name} from {bucket.name}")
            bucket.download(name, folder / name)
            return str(folder / name)
    return None


if __name__ == "__main__":
    leave(main())
