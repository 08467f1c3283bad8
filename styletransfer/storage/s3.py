"""Where pictures lie: buckets on Cellar (Ceph) or Amazon S3, or folders with the same contract.

`open_bucket` opens either. This is the only module that knows boto3, which is imported when the
first S3 bucket is opened.
"""

import contextlib
import functools
import io
import mimetypes
import os
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from styletransfer.errors import ConfigError, StorageError
from styletransfer.log import printable
from styletransfer.storage.address import Account
from styletransfer.storage.base import (
    BadKeyError,
    Bucket,
    Entry,
    NoBucketError,
    ObjectError,
    Progress,
    UnavailableError,
)
from styletransfer.storage.files import MIB, md5, new_md5, replacing, storage_errors

# Photos and results stay single objects up to here, and so keep an ETag that is their MD5.
MULTIPART_FROM = 64 * MIB
PART = 8 * MIB
CONNECT_S, READ_S, TRIES = 5, 60, 6
CREDENTIALS = (
    "set CELLAR_ADDON_HOST, CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET for Cellar, or AWS's "
    "own for Amazon S3 (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role)"
)
# HEAD has no body to tell a code in: there, botocore makes one of the status.
_NO_KEY = ("NoSuchKey", "NotFound", "404")
_REFUSED = (
    *("AccessDenied", "403", "401", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    *("ExpiredToken", "InvalidToken", "AccountProblem", "UserSuspended"),
)
_NO_NAME = ("KeyTooLongError", "InvalidObjectName", "InvalidURI")
_BUSY = ("SlowDown", "ServiceUnavailable", "InternalError", "500", "502", "503", "504")
_CLIENTS = threading.Lock()  # boto3's sessions are not made for threads, its clients are.


class S3Bucket(Bucket):
    """A bucket, or what lies under a prefix of one, on Cellar or another S3."""

    def __init__(self, bucket: str, prefix: str, account: Account) -> None:
        from boto3.s3.transfer import TransferConfig

        self.bucket, self._base = bucket, f"{prefix}/" if prefix else ""
        self.name = f"{bucket}/{prefix}" if prefix else bucket
        self._account, self._host = account, urlsplit(account.url or "//Amazon S3").netloc
        with _CLIENTS:
            self._client = _client(account)
        self.transfer = TransferConfig(
            multipart_threshold=MULTIPART_FROM, multipart_chunksize=PART, max_concurrency=4
        )
        self._whole = TransferConfig(multipart_threshold=MULTIPART_FROM, use_threads=False)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return (entry for entry in self._entries(prefix) if not entry.key.endswith("/"))

    def everything(self) -> Iterator[Entry]:
        return self._entries("")

    def _entries(self, prefix: str) -> Iterator[Entry]:
        pages = self._client.get_paginator("list_objects_v2")
        with self._told():
            for page in pages.paginate(Bucket=self.bucket, Prefix=self._base + prefix):
                # A page without its bucket's name is no listing, nor may it pass for an empty one.
                for each in page.get("Contents", ()) if page["Name"] else ():
                    if key := each["Key"][len(self._base) :]:
                        yield Entry(key, each["Size"], each["ETag"].strip('"'))

    def find(self, key: str) -> Entry | None:
        from botocore.exceptions import ClientError

        with self._told(key):
            try:
                head = self._client.head_object(**self._at(key))
            except ClientError as error:
                if _code(error) in _NO_KEY:
                    return None
                raise
            return Entry(key, head["ContentLength"], head["ETag"].strip('"'))

    def read(self, key: str) -> bytes:
        body = io.BytesIO()
        self._fetch(key, body, None)
        return body.getvalue()

    def write(self, key: str, data: bytes, content_type: str | None = None) -> None:
        with self._told(key):
            self._client.put_object(
                **self._at(key),
                Body=data,
                ContentMD5=b64encode(new_md5(data).digest()).decode(),
                ContentType=content_type or _content_type(key),
            )

    def delete(self, key: str) -> None:
        with self._told(key):
            self._client.delete_object(**self._at(key))

    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        with storage_errors(printable(str(path))), replacing(path) as body:
            self._fetch(key, body, progress)

    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        extra = {"ContentType": _content_type(key)}
        with storage_errors(printable(str(path))), path.open("rb") as body, self._told(key):
            config = self._config(os.fstat(body.fileno()).st_size)
            self._client.upload_fileobj(
                body, *self._at(key).values(), extra, Callback=progress, Config=config
            )

    def exists(self) -> bool:
        try:
            return bool(self._look())
        except NoBucketError:
            return False

    def create(self) -> bool:
        # Asked beforehand, as Ceph answers a second CreateBucket of one's own as the first one.
        if self.exists():
            return False
        client, home = self._client, "us-east-1"  # The one region that need not be named.
        if self._account.endpoint:
            with _CLIENTS:
                client = _client(replace(self._account, region=home))
        region = client.meta.region_name
        there = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with self._told():
            client.create_bucket(Bucket=self.bucket, **({} if region == home else there))
        return True

    def clock_ahead(self) -> float:
        date = self._look()["ResponseMetadata"]["HTTPHeaders"].get("date")
        return time.time() - parsedate_to_datetime(date).timestamp() if date else 0.0

    def abort_uploads(self) -> int:
        count, pages = 0, self._client.get_paginator("list_multipart_uploads")
        with self._told():
            for page in pages.paginate(Bucket=self.bucket, Prefix=self._base):
                for each in page.get("Uploads", ()):
                    self._client.abort_multipart_upload(
                        Bucket=self.bucket, Key=each["Key"], UploadId=each["UploadId"]
                    )
                    count += 1
        return count

    def _look(self) -> Any:
        """The cheapest answer that tells whether the bucket is there and may be listed."""
        with self._told():
            return self._client.list_objects_v2(Bucket=self.bucket, MaxKeys=1)

    def _fetch(self, key: str, body: BinaryIO, progress: Progress | None) -> None:
        """An object into an empty file, checked; tried twice where the check fails.

        By the transfer manager, which goes on where a body is cut short: what `get_object`
        returns does not, and neither notices a flipped byte.
        """
        for _ in range(2):
            body.seek(0)
            body.truncate()
            with self._told(key):
                head = self._client.head_object(**self._at(key))
                # Asked for here: the transfer manager waits forever where there is no length.
                etag, config = head["ETag"].strip('"'), self._config(head["ContentLength"])
                self._client.download_fileobj(
                    *self._at(key).values(), body, Callback=progress, Config=config
                )
            # Under a key of its user's or of KMS, Amazon's ETag looks like an MD5 and is none.
            plain = head.get("ServerSideEncryption", "AES256") == "AES256"
            if "-" in etag or not plain or "SSECustomerAlgorithm" in head or etag == md5(body):
                return
            if progress:
                progress(-body.seek(0, os.SEEK_END))
        raise ObjectError(f"{self._where(key)} arrived damaged twice (its MD5 differs); try again")

    def _config(self, size: int) -> Any:
        # Starting the manager's threads takes longer than a photo; callers have their own.
        return self.transfer if size >= self.transfer.multipart_threshold else self._whole

    def _at(self, key: str) -> dict[str, str]:
        if not key:
            raise BadKeyError(f"an empty key names nothing in {self.name}")
        return {"Bucket": self.bucket, "Key": self._base + key}

    def _where(self, key: str) -> str:
        return printable(f"{self.name}/{key}") if key else self.name

    @contextlib.contextmanager
    def _told(self, key: str = "") -> Iterator[None]:
        """Turns what botocore raises into a StorageError of one line, without URL or secret."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError
        from s3transfer.exceptions import RetriesExceededError, S3DownloadFailedError

        try:
            yield
        except ClientError as error:
            raise self._refusal(_code(error), key) from error
        except (RetriesExceededError, BotoCoreError) as error:
            raise self._failure(getattr(error, "last_exception", error), key) from error
        except (ResponseParserError, KeyError) as error:
            told = "does not answer as an S3 service does; check CELLAR_ADDON_HOST"
            raise UnavailableError(f"{self._host} {told}") from error
        except S3DownloadFailedError as error:
            raise ObjectError(f"{self._where(key)} changed while it was read; try again") from error
        except UnicodeEncodeError as error:
            raise BadKeyError(f"{self._where(key)} is not UTF-8; rename the file") from error

    def _refusal(self, code: str, key: str) -> StorageError:
        where, host = self._where(key), self._host
        one = ObjectError if key else StorageError
        if code in (*_NO_KEY, "403"):
            code = self._cause(code)
        if code in _NO_KEY and key:
            return ObjectError(f"{where} does not exist")
        if code in (*_NO_KEY, "NoSuchBucket"):
            return NoBucketError(
                f"bucket {self.bucket} does not exist on {host}; create it "
                f"(./bucket_management.py create {self.bucket}), or correct its name"
            )
        if code in ("BucketAlreadyExists", "InvalidBucketName"):
            why = (
                "is somebody else's" if code == "BucketAlreadyExists" else "is not a name it takes"
            )
            return StorageError(f"{host}: {self.bucket} {why} ({code}); choose another name")
        if code == "RequestTimeTooSkewed":
            return UnavailableError(
                f"{host} refused {where} ({code}): this machine's clock is wrong; set it"
            )
        if code in _REFUSED:
            kind = one if code in ("403", "AccessDenied") else UnavailableError
            check = "CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET"
            if not self._account.endpoint:
                check = "AWS's credentials and the bucket's policy"
            return kind(f"{host} refused {where} ({code}); check {check}")
        if code in ("PermanentRedirect", "301", "AuthorizationHeaderMalformed"):
            return UnavailableError(f"{host} says that {where} is in another region ({code})")
        if code in _NO_NAME:
            return BadKeyError(f"{host} takes no such key: {where} ({code}); 1,024 bytes at most")
        if code in _BUSY:
            return UnavailableError(f"{host} answered {code} for {where}; try again later")
        return one(f"{host} answered {code} for {where}")

    def _failure(self, error: Exception, key: str) -> StorageError:
        from botocore import exceptions as boto

        where, host = self._where(key), self._host
        if isinstance(error, boto.ParamValidationError):
            kind = BadKeyError if key else StorageError
            return kind(f"{where} is no bucket and key that S3 takes; correct the name")
        if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
            return UnavailableError(f"no credentials for {where}; {CREDENTIALS}")
        if isinstance(error, boto.SSLError):
            told = "TLS failed; if its certificate is signed by your own authority, "
            return UnavailableError(f"{host}: {told}AWS_CA_BUNDLE must name that one's file")
        if isinstance(error, boto.ConnectTimeoutError | boto.EndpointConnectionError):
            check = "CELLAR_ADDON_HOST and the network" if self._account.endpoint else "the network"
            return UnavailableError(f"cannot connect to {host} for {where}; check {check}")
        if isinstance(error, boto.ReadTimeoutError):
            return UnavailableError(f"{host} did not answer for {where} within {READ_S} s")
        return UnavailableError(
            f"the connection to {host} broke for {where} ({type(error).__name__}); try again"
        )

    def _cause(self, code: str) -> str:
        """Why a HEAD was refused, which itself tells a mere status: what a listing answers."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        except ClientError as error:
            code = code if _code(error) == "AccessDenied" else _code(error)
        except BotoCoreError:
            return code
        return code


def _code(error: Any) -> str:
    # Ceph's answers have a code and no message.
    return error.response.get("Error", {}).get("Code") or "an error without a code"


def _content_type(key: str) -> str:
    return mimetypes.guess_type(key, strict=False)[0] or "application/octet-stream"


@functools.cache
def _client(account: Account) -> Any:
    """The one client of an account. Raises ConfigError where boto3 finds no credentials."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if account.endpoint else "auto"},
        # Cellar refuses the trailers that boto3 sends by default: 411 MissingContentLength.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": TRIES},
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=64,
        tcp_keepalive=True,
    )
    try:
        session = boto3.session.Session()
        known = account.key_id or session.get_credentials()
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
        raise ConfigError(f"{account.endpoint!r} is no address of an S3 service") from error
    if not known:
        raise ConfigError(f"no credentials for buckets; {CREDENTIALS}")
    return client
