"""The bot's resources: the bucket with its pictures and documents, the token, and AWS Batch."""

import contextlib
import functools
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from contract import STATE, STYLES

from painterly.errors import ConfigError
from painterly.forks import cached_property
from painterly.orders.buckets import PaintingsView
from painterly.settings import ready_styles
from painterly.storage import document, open_bucket
from painterly.storage.address import Account
from painterly.storage.base import Bucket
from painterly.storage.document import BusyError, Document

LINK_S = 3600  # seconds until a link to a file expires
DAY_S = 86400
INVOCATION_S = 120.0  # the longest invocation, as in template.yaml
# Documents that a rule of the bucket deletes after a day.
PASSING = f"{STATE}/passing"


@dataclass(frozen=True)
class Resources:
    """The bot's resources and settings.

    A document is a JSON object in the bucket. Invocations run at the same time.
    """

    bucket_name: str
    bucket: Bucket
    token: str
    owner: int  # the id of the owner's Telegram user
    keep_days: int  # how long pictures are kept
    size: int  # the longer side, in px, of results for users who have not chosen a size
    photos_per_day: int  # the photos that each user may send, unless the owner has changed that
    ready: tuple[str, ...]

    def load(self, key: str) -> Document | None:
        """Return a document, or None if there is none."""
        return document.load(self.bucket, key)[0]

    def change(
        self, key: str, decide: Callable[[Document], Document | None], *, likely_new: bool = False
    ) -> Document | None:
        """Change a document, or make one, as `document.change` does."""
        return document.change(self.bucket, key, decide, likely_new=likely_new)

    def once(self, key: str, what: str) -> bool:
        """Return whether this is the first time that something is noted in a document."""

        def note(known: Document) -> Document | None:
            return None if what in known else {**known, what: True}

        return self.change(key, note, likely_new=True) is not None

    @contextlib.contextmanager
    def claimed(self, key: str) -> Iterator[Document]:
        """Reserve work for this invocation, and yield the work's document.

        The document is stored as the caller leaves it, or empty after an exception: the work may
        come again. If the invocation dies, the claim ends with its time. Raises BusyError if
        another invocation, which may yet fail, has reserved the work.
        """

        def reserve(work: Document) -> Document:
            if work.get("busy_until", 0) > time.time():
                raise BusyError(f"{key} is reserved by another invocation")
            return {**work, "busy_until": time.time() + INVOCATION_S}

        work, after = self.change(key, reserve, likely_new=True) or {}, {}
        del work["busy_until"]
        try:
            yield work
            after = work
        finally:
            self.bucket.write(key, json.dumps(after).encode())

    def terminate(self, job: str) -> None:
        """End a job in any state, even one that has ended."""
        self._batch.terminate_job(jobId=job, reason="cancelled by the user")

    def link(self, key: str) -> str:
        """Return a URL to download an object without credentials, for an hour."""
        target = {"Bucket": self.bucket_name, "Key": key}
        url: str = self._s3.generate_presigned_url("get_object", Params=target, ExpiresIn=LINK_S)
        return url

    def pseudonym(self, user: int) -> str:
        """Return a pseudonym for a user whose id must not be stored.

        It cannot be reversed without the token.
        """
        return hmac.new(self.token.encode(), str(user).encode(), "sha256").hexdigest()[:32]

    @cached_property
    def paintings(self) -> PaintingsView:
        """The bucket, with the paintings of the ready styles among the shared ones."""
        return PaintingsView(self.bucket, f"{STYLES}/")

    @cached_property
    def _batch(self) -> Any:
        return boto3.client("batch")

    @cached_property
    def _s3(self) -> Any:
        # By default, boto3 signs links by version 2, or for S3's global address, which some regions
        # and encrypted objects refuse.
        signed = Config(
            signature_version="s3v4",
            s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        )
        return boto3.client("s3", config=signed)


def album_key(chat: int, album: str) -> str:
    """Return the key of the document of an album (its media_group_id)."""
    return f"{PASSING}/albums/{chat}/{album}.json"


@functools.cache
def resources() -> Resources:
    """Return the resources that the environment names.

    Raises ConfigError for a missing variable, and boto3's error if the token cannot be read.
    """
    name, parameter = _variable("BUCKET"), _variable("TOKEN_PARAMETER")
    stored = boto3.client("ssm").get_parameter(Name=parameter, WithDecryption=True)
    return Resources(
        bucket_name=name,
        bucket=open_bucket(name, Account()),
        token=stored["Parameter"]["Value"].strip(),
        owner=int(_variable("OWNER")),
        keep_days=int(_variable("KEEP_DAYS")),
        size=int(_variable("STYLE_SIZE")),
        ready=ready_styles.named(_variable("STYLES")),
        photos_per_day=int(_variable("PHOTOS_PER_DAY")),
    )


def _variable(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ConfigError(f"{variable} is not set; aws/template.yaml sets it")
    return value
