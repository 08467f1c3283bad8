"""`python aws/entrypoint.py BUCKET KEY`: the batch runner on one photo of the bot's bucket.

AWS Batch starts it for every photo. Where pictures lie, the look and the size follow from the key
and from the photo's wish; all else can be told by the runner's variables.
"""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Python looks for modules beside a script only.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import layout

from styletransfer import config
from styletransfer.batch import run as batch
from styletransfer.batch.looks import find_looks
from styletransfer.cli.app import leave, run_service
from styletransfer.config import Config
from styletransfer.errors import ConfigError, NoPhotoError, WeightsError
from styletransfer.log import event
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket
from styletransfer.vgg import download


def main(arguments: list[str] | None = None) -> int:
    """Paints the photo that the arguments name; the runner's exit code."""
    parser = argparse.ArgumentParser(
        prog="aws/entrypoint.py", description="Paints one photo of the bot's bucket."
    )
    parser.add_argument("bucket", metavar="BUCKET", help="its name; a folder works too")
    parser.add_argument("key", metavar="KEY", help="telegram/<chat>/<message>-<file>.<extension>")
    told = parser.parse_args(arguments)
    return run_service(parser.prog, lambda environment: run(told.bucket, told.key, environment))


def run(name: str, key: str, environment: Mapping[str, str]) -> int:
    """Paints the photo under a key of the bucket of that name; the exit code, which is 0 too where
    photo or wish are gone, since their sender has thought better of it.

    Raises ConfigError for a key that is no photo's and for a wish that cannot be fulfilled,
    WeightsError where neither the image nor the bucket has weights, and what `batch.run` raises.
    """
    photo = layout.Photo.of_key(key)
    if photo is None:
        raise ConfigError(f"KEY is {key!r}; expected telegram/<chat>/<message>-<file>.<extension>")
    bucket = open_bucket(name, config.account(environment))
    if bucket.find(photo.wish_key) is None:
        return _gone(key)
    wish = layout.Wish.from_json(bucket.read(photo.wish_key))
    layout.adopt_first_style(bucket)
    asked = config.load(
        {
            **environment,
            "BUCKET_SOURCE": f"{name}/{layout.photo_place(photo.chat)}",
            "BUCKET_STYLE": f"{name}/{wish.style}",
            "BUCKET_RESULT": f"{name}/{layout.result_place(photo.chat)}",
            "PHOTO": photo.name,
            "LOOK": wish.look,
            **({"STYLE_SIZE": str(wish.size)} if wish.size else {}),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        told = dataclasses.replace(
            asked,
            look=asked.look or _first_look(asked),
            vgg_weights=asked.vgg_weights or _weights(asked.settings.model, bucket, Path(folder)),
        )
        try:
            return batch.run(told)
        except NoPhotoError:
            return _gone(key)


def _gone(key: str) -> int:
    event(f"{key} or its wish is gone: there is nothing to paint")
    return 0


def _first_look(asked: Config) -> str:
    """The first look by name, of a wish that names none."""
    style = open_bucket(asked.style, asked.account)
    looks = find_looks(style, list(style.list()), asked.style_mode, asked.settings)
    if not looks:
        raise ConfigError(f"there is no painting in {style.name}; put one there")
    return looks[0].name


def _weights(model: str, bucket: Bucket, folder: Path) -> str | None:
    """The path of weights at the top of the bucket, fetched into a folder; None where the image
    has published ones."""
    if download.cached(model):
        return None
    for name in layout.WEIGHTS:
        if bucket.find(name) is not None:
            event(f"fetching {name} from {bucket.name}")
            bucket.download(name, folder / name)
            return str(folder / name)
    raise WeightsError(
        f"no VGG weights; three ways to give them: put {' or '.join(layout.WEIGHTS)} at the top of "
        f"bucket {bucket.name}, build the image with --build-arg WEIGHTS={model}, or set "
        "VGG_WEIGHTS to a file in the image"
    )


if __name__ == "__main__":
    leave(main())
