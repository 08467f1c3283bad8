"""The boto3 client of an account. boto3 is imported when the first S3 bucket is opened."""

import functools
import threading
from collections.abc import Mapping
from logging import WARNING
from typing import Any
from urllib.parse import unquote, urlsplit

from painterly.errors import ConfigError
from painterly.log import event, printable
from painterly.storage.address import Account

CONNECT_S, READ_S, TRIES = 5, 60, 6
HURRIED_READ_S, HURRIED_TRIES = 10, 2
CREDENTIALS_HINT = (
    "set CELLAR_ADDON_HOST, CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET for Cellar, or AWS's "
    "own for Amazon S3 (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role)"
)
_OPENING = threading.Lock()  # boto3 clients are thread-safe, its sessions are not.


def patience(account: Account) -> tuple[float, int]:
    """Return the seconds that a request of an account waits for its answer, and how often it is
    made."""
    return (HURRIED_READ_S, HURRIED_TRIES) if account.hurried else (READ_S, TRIES)


def client_of(account: Account) -> Any:
    """Return the account's boto3 client, the same one for all threads.

    Raises ConfigError if boto3 finds no credentials, or if the endpoint or AWS's configuration is
    wrong.
    """
    with _OPENING:
        return _open(account)


@functools.cache
def _open(account: Account) -> Any:
    import boto3
    from botocore.config import Config as BotoConfig
    from botocore.exceptions import BotoCoreError

    read_s, tries = patience(account)
    config = BotoConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path" if account.endpoint else "auto"},
        # Cellar refuses the trailers that boto3 sends by default: 411 MissingContentLength.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": tries},
        connect_timeout=CONNECT_S,
        read_timeout=read_s,
        max_pool_connections=64,
        tcp_keepalive=True,
    )
    try:
        session = boto3.session.Session()
        has_credentials = account.key_id or session.get_credentials()
        client = session.client(
            "s3",
            endpoint_url=account.url,
            region_name=account.region if account.endpoint else None,
            aws_access_key_id=account.key_id,
            aws_secret_access_key=account.secret,
            config=config,
        )
    except BotoCoreError as error:
        raise ConfigError(f"AWS's configuration is wrong: {printable(str(error))}") from error
    except ValueError as error:
        raise ConfigError(f"{account.endpoint!r} is not the address of an S3 service") from error
    client.meta.events.register("needs-retry.s3", functools.partial(_tell_of_silence, account))
    if not has_credentials:
        raise ConfigError(f"no credentials for buckets; {CREDENTIALS_HINT}")
    return client


def _tell_of_silence(
    account: Account,
    attempts: int,
    request_dict: Mapping[str, Any],
    caught_exception: object = None,
    **_: object,
) -> None:
    """Log what is waited for where a service takes requests and answers none: boto3 would be silent
    through all tries."""
    from botocore.exceptions import ReadTimeoutError

    read_s, tries = patience(account)
    if isinstance(caught_exception, ReadTimeoutError) and attempts < tries:
        url = urlsplit(request_dict["url"])
        where = printable(unquote(url.netloc + url.path))
        event(f"{where}: no answer within {read_s} s; asking again", level=WARNING)
