"""The boto3 client of an account. boto3 is imported when the first S3 bucket is opened."""

import contextlib
import functools
import io
import os
import re
import ssl
import threading
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from logging import WARNING
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from painterly.errors import ConfigError, NoAccountError
from painterly.forks import per_process
from painterly.log import event
from painterly.storage.address import Account, parse_encryption
from painterly.storage.files import md5
from painterly.words.wording import one_line, printable

CONNECT_S, READ_S, TRIES = 5, 60, 6
HURRIED_READ_S, HURRIED_TRIES = 10, 2
DAMAGED = ("BadDigest", "XAmzContentSHA256Mismatch")  # answers about a body
TRIES_IF_DAMAGED = 3
CREDENTIALS_HINT = (
    "set CELLAR_ADDON_HOST, CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET for Cellar, or AWS's "
    "own for Amazon S3 (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role)"
)
# Files of certificates that botocore trusts instead of the usual ones.
AUTHORITIES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
# The requests that take the encryption of what they store.
ENCRYPTED = ("PutObject", "CreateMultipartUpload")
_HAS_MORE = re.compile(rb"(<IsTruncated>)\s*(?:true|1)\s*(</IsTruncated>)", re.IGNORECASE)
_opening = per_process(threading.Lock)  # boto3 clients are thread-safe, its sessions are not.


class NotEncryptedError(Exception):
    """A service has stored an object without the encryption that it was asked for."""


def patience(account: Account) -> tuple[float, int]:
    """Return the seconds that a request of an account waits for its answer, and how often it is
    made."""
    return (HURRIED_READ_S, HURRIED_TRIES) if account.hurried else (READ_S, TRIES)


def client_of(account: Account) -> Any:
    """Return the account's boto3 client, the same one for all threads of a process.

    Raises ConfigError if boto3 finds no credentials, or if the endpoint or AWS's configuration is
    wrong.
    """
    with _opening():
        return opened(account, os.getpid())  # A fork cannot share its parent's connections.


@functools.cache
def opened(account: Account, process: int) -> Any:
    """Return the client of an account in a process; `client_of` is for this one."""
    from botocore.config import Config as BotoConfig
    from botocore.exceptions import BotoCoreError, ClientError

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
    _check_authorities()
    try:
        session = _session(account)
        has_credentials = account.key_id or session.get_credentials()
        if has_credentials and not account.key_id:
            with contextlib.suppress(BotoCoreError, ClientError):  # The first request has it again.
                session.get_credentials().get_frozen_credentials()
        client = session.client(
            "s3",
            endpoint_url=account.url,
            region_name=account.region if account.endpoint else None,
            aws_access_key_id=account.key_id,
            aws_secret_access_key=account.secret,
            config=config,
        )
    except (BotoCoreError, OSError, ValueError) as error:
        if account.endpoint:
            raise ConfigError(
                f"{account.endpoint!r} is not the address of an S3 service"
            ) from error
        raise ConfigError(
            f"AWS's configuration is wrong: {printable(one_line(error))} (in ~/.aws/config, or an "
            "AWS_* variable)"
        ) from error
    events = client.meta.events
    events.register("needs-retry.s3", functools.partial(_tell_of_silence, account))
    events.register("needs-retry.s3", functools.partial(_repeat, events))
    events.register("before-parse.s3", _read_listing)
    # Always: buckets with object lock refuse uploads without a checksum, and the question whether a
    # bucket has one needs another right. For a photo of 4 MB, an MD5 takes 5 ms, and saves 2 ms
    # with TLS, since botocore then signs no SHA-256.
    for upload in ("PutObject", "UploadPart"):
        events.register(f"before-call.s3.{upload}", _add_md5)
    for write in ENCRYPTED if account.encryption else ():
        encrypt = functools.partial(_encrypt, account.encryption)
        events.register(f"before-parameter-build.s3.{write}", encrypt)
        events.register(f"after-call.s3.{write}", _check_encrypted)
    if not has_credentials:
        raise NoAccountError(f"no credentials for buckets; {CREDENTIALS_HINT}")
    return client


def _session(account: Account) -> Any:
    """Return a session of boto3. For a service other than Amazon's, it reads nothing of AWS's
    configuration: the profiles, endpoints and retries there are for other buckets."""
    import boto3
    import botocore.session

    if not account.endpoint:
        return boto3.session.Session(botocore_session=_tolerant(botocore.session.Session()))
    known = botocore.session.Session.SESSION_VARIABLES
    alone: dict[str, tuple[Any, Any, Any, Any]] = {
        name: (None, None, default, kind) for name, (*_, default, kind) in known.items()
    }
    for file in ("config_file", "credentials_file"):
        alone[file] = (None, None, os.devnull, None)
    alone["ca_bundle"] = (None, AUTHORITIES[0], None, None)
    core = botocore.session.Session(session_vars=alone)
    return boto3.session.Session(botocore_session=_tolerant(core))


def _tolerant(session: Any) -> Any:
    """Let a session of botocore pass over times that cannot be read: ETag and size decide without
    them."""
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
    return session


def _time(value: str) -> datetime | None:
    """Return the time in an answer; some services send an empty one, or two."""
    from botocore.parsers import DEFAULT_TIMESTAMP_PARSER

    with contextlib.suppress(ValueError):  # Most are as this reads them, in a thousandth.
        return datetime.fromisoformat(value)
    with contextlib.suppress(ValueError, OverflowError, RuntimeError):
        parsed: datetime = DEFAULT_TIMESTAMP_PARSER(value)
        return parsed
    return None


def _check_authorities() -> None:
    """Raise ConfigError if a variable names a file without certificates: each request would fail
    without naming it."""
    for name in AUTHORITIES:
        value = os.environ.get(name)
        if not value or Path(value).is_dir():
            continue
        try:
            ssl.create_default_context(cafile=value)
        except OSError as error:  # ssl.SSLError as well
            reason = printable(error.strerror or str(error))
            raise ConfigError(
                f"{name} is {value!r}, which cannot be used ({reason}); expected a file of "
                "certificates in PEM"
            ) from None


def _read_listing(
    operation_model: Any,
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_: object,
) -> None:
    """Let a listing say that there is more in other spellings of `true`, such as Python's: botocore
    takes them for the end. And read its objects, which takes botocore ten times as long."""
    body = response_dict["body"]
    if not operation_model.name.startswith("List") or not isinstance(body, bytes):
        return
    response_dict["body"] = body = _HAS_MORE.sub(rb"\1true\2", body)
    if operation_model.name != "ListObjectsV2" or response_dict["status_code"] != HTTPStatus.OK:
        return
    # botocore says what is wrong with others.
    with contextlib.suppress(SyntaxError, LookupError, ValueError, RecursionError):
        page = ElementTree.fromstring(body)
        space = page.tag.removesuffix("ListBucketResult")
        objects: list[dict[str, Any]] = [
            {field.tag.removeprefix(space): field.text or "" for field in listed}
            for listed in page.findall(f"{space}Contents")
        ]
        for each in objects:
            each |= {"Size": int(each["Size"]), "LastModified": _time(each["LastModified"])}
        if objects:
            page[:] = [each for each in page if each.tag != f"{space}Contents"]
            response_dict["body"] = ElementTree.tostring(page)
            customized_response_dict["Contents"] = objects


def _encrypt(encryption: str, params: dict[str, Any], **_: object) -> None:
    algorithm, key = parse_encryption(encryption)
    params["ServerSideEncryption"] = algorithm
    if key:
        params["SSEKMSKeyId"] = key


def _check_encrypted(http_response: Any, parsed: Mapping[str, Any], **_: object) -> None:
    """Raise NotEncryptedError if an object is not encrypted: some versions of Ceph ignore the
    request for AES256."""
    if http_response.status_code < 300 and not parsed.get("ServerSideEncryption"):
        raise NotEncryptedError


def _add_md5(params: dict[str, Any], **_: object) -> None:
    body = params["body"]
    file = io.BytesIO(body) if isinstance(body, bytes) else body
    params["headers"]["Content-MD5"] = b64encode(bytes.fromhex(md5(file))).decode()
    file.seek(0)


def _repeat(
    events: Any,
    attempts: int,
    request_dict: Mapping[str, Any],
    response: tuple[Any, Mapping[str, Any]] | None = None,
    **_: object,
) -> int | None:
    """Return 0, to repeat a request at once, or None.

    It is repeated if its body arrived damaged, and if a proxy refuses to confirm it before the
    body is sent, as botocore asks. No further request asks then.
    """
    if response is None:
        return None
    http, answer = response
    if http.status_code == HTTPStatus.EXPECTATION_FAILED:
        events.register_last(
            "before-call.s3", _expect_nothing, unique_id=HTTPStatus.EXPECTATION_FAILED
        )
        return 0 if request_dict["headers"].pop("Expect", None) else None
    code = answer.get("Error", {}).get("Code")
    return 0 if code in DAMAGED and attempts < TRIES_IF_DAMAGED else None


def _expect_nothing(params: Mapping[str, Any], **_: object) -> None:
    params["headers"].pop("Expect", None)


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
