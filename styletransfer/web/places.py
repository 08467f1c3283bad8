"""The buckets of the web service. Its own objects are in the result bucket, under `_web/`."""

from dataclasses import dataclass

from styletransfer.config import Config
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket, Store
from styletransfer.web.job_store import PHOTOS, UNFINISHED
from styletransfer.web.style_bucket import UPLOADS, StyleBucket


@dataclass(frozen=True)
class WebBuckets:
    """photos: of the jobs, as `<id>/<name>`. style: the paintings. result: results, records, the
    gallery and the jobs. unfinished: checkpoints; a batch deletes those that it finds in its own
    place and has no use for."""

    photos: Bucket
    style: StyleBucket
    result: Store
    unfinished: Store


def open_buckets(config: Config) -> WebBuckets:
    """Open the buckets of a configuration. Raises ConfigError."""
    uploads = open_bucket(inside(config, UPLOADS), config.account, new=True)
    return WebBuckets(
        photos=open_bucket(inside(config, PHOTOS), config.account, new=True),
        style=StyleBucket(open_bucket(config.style, config.account), uploads),
        result=open_bucket(config.result, config.account, new=True),
        unfinished=open_bucket(inside(config, UNFINISHED), config.account, new=True),
    )


def inside(config: Config, prefix: str) -> str:
    """Return the address of a part of the result bucket, for `open_bucket`."""
    return f"{config.result.strip().rstrip('/')}/{prefix}"
