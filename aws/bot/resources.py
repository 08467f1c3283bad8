"""The bot's resources: bucket, table, token, AWS Batch. Created once per cold start."""

import functools
import hmac
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from bot.table import Table
from styletransfer.errors import ConfigError
from styletransfer.storage import open_bucket
from styletransfer.storage.address import Account
from styletransfer.storage.base import Bucket

TELEGRAM = "https://api.telegram.org"
LINK_S = 3600  # seconds until a link to a file expires


@dataclass(frozen=True)
class Resources:
    """The bot's resources and settings.

    Attributes:
        owner: The id of the owner's Telegram user.
        keep_days: How long pictures are kept.
        size: The longer side, in px, of results for users who have not chosen a size.
        photos_per_day: The photos that each user may send, unless the owner has changed that.
        api: Telegram's URL.
    """

    bucket_name: str
    bucket: Bucket
    table: Table
    token: str
    owner: int
    keep_days: int
    size: int
    photos_per_day: int
    api: str

    def terminate(self, job: str, reason: str) -> None:
        """End a job in any state, even one that has ended."""
        self._batch.terminate_job(jobId=job, reason=reason)

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


@functools.cache
def resources() -> Resources:
    """Return the resources that the environment names.

    Raises ConfigError for a missing variable, and boto3's error if the token cannot be read.
    """
    name, keep_days = _variable("BUCKET"), int(_variable("KEEP_DAYS"))
    parameter = boto3.client("ssm").get_parameter(
        Name=_variable("TOKEN_PARAMETER"), WithDecryption=True
    )
    return Resources(
        bucket_name=name,
        bucket=open_bucket(name, Account()),
        table=Table(_variable("TABLE"), keep_days),
        token=parameter["Parameter"]["Value"].strip(),
        owner=int(_variable("OWNER")),
        keep_days=keep_days,
        size=int(_variable("STYLE_SIZE")),
        photos_per_day=int(_variable("PHOTOS_PER_DAY")),
        api=os.environ.get("TELEGRAM_API") or TELEGRAM,
    )


def _variable(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ConfigError(f"{variable} is not set; aws/template.yaml sets it")
    return value
