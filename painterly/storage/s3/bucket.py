"""Buckets on Cellar (Ceph), Amazon S3, and services that speak as these do."""

import contextlib
import io
import math
import mimetypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from painterly.errors import StorageError
from painterly.storage.address import ANY_REGION, Account
from painterly.storage.base import (
    BadKeyError,
    BucketRefusedError,
    Entry,
    NoBucketError,
    NoObjectError,
    ObjectError,
    Progress,
    Store,
    UnfinishedUpload,
    Version,
    changed_while_read,
)
from painterly.storage.files import MIB, has_etag, md5, md5_of_bytes, replacing, storage_errors
from painterly.storage.s3.client import client_of
from painterly.storage.s3.errors import (
    CONFLICTS,
    NOT_FOUND,
    NOT_OFFERED,
    ErrorTranslator,
    NotS3Error,
    given,
    is_access_denied,
)
from painterly.storage.s3.listing import OBJECTS, UPLOADS, VERSIONS, Listing, all_items
from painterly.words.wording import printable

# Smaller photos and results are uploaded whole, so their ETag is their MD5.
MULTIPART_FROM = 64 * MIB
PART = 8 * MIB
_Value = TypeVar("_Value")


class S3Bucket(Store):
    """A bucket, or the objects under a prefix, on Cellar or another S3 service."""

    def __init__(self, bucket: str, prefix: str, account: Account) -> None:
        from boto3.s3.transfer import TransferConfig

        self.bucket, self._base = bucket, f"{prefix}/" if prefix else ""
        self.name = f"{bucket}/{prefix}" if prefix else bucket
        self._account, self.client = account, client_of(account)
        # The cheapest request that shows whether the bucket exists and may be listed.
        self._probe = partial(self.client.list_objects_v2, Bucket=bucket, MaxKeys=1)
        self._errors = ErrorTranslator(bucket, self.name, account, self._probe)
        self.transfer = TransferConfig(
            multipart_threshold=MULTIPART_FROM, multipart_chunksize=PART, max_concurrency=4
        )
        self._whole = TransferConfig(multipart_threshold=MULTIPART_FROM, use_threads=False)

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        entries = self._entries(prefix, after)
        return (each for each in entries if each.key > after and not each.key.endswith("/"))

    def list_with_folder_markers(self) -> Iterator[Entry]:
        return (each for each in self._entries("", "") if each.key)

    def _entries(self, prefix: str, after: str) -> Iterator[Entry]:
        def read(_: str, listed: Mapping[str, Any]) -> Entry:
            return _entry(listed["Key"][len(self._base) :], given(listed, "Size"), listed)

        with self._errors.translated():
            entries = self._all(OBJECTS, prefix, read, after and self._base + after)
        yield from sorted(entries, key=lambda entry: entry.key)  # Not every service does.

    def _all(
        self,
        listing: Listing,
        prefix: str,
        read: Callable[[str, Mapping[str, Any]], _Value],
        after: str = "",
    ) -> "Sequence[_Value]":
        return all_items(self.client, listing, self.bucket, self._base + prefix, read, after)

    def find(self, key: str) -> Entry | None:
        with self._errors.translated(key, ignored=NOT_FOUND):
            return _answered(key, self.client.head_object(**self._at(key)))
        return None

    def read_with_entry(self, key: str) -> tuple[bytes, Entry]:
        with self._errors.translated(key):
            answer = self.client.get_object(**self._at(key))
            entry = _answered(key, answer)
        before = ""
        # A body that was cut short or damaged is fetched again, in a way that can resume.
        with contextlib.suppress(StorageError), self._errors.translated(key):
            data = bytes(answer["Body"].read())
            if not _has_md5(answer) or has_etag(io.BytesIO(data), entry.etag):
                return data, entry
            before = md5_of_bytes(data)
        body = io.BytesIO()
        entry = self._fetch(key, body, None, before)
        return body.getvalue(), entry

    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        wanted = f"bytes={start}-{start + count - 1}"
        with self._errors.translated(key, ignored=("InvalidRange",)):
            got = self.client.get_object(**self._at(key), Range=wanted)
            begins, _, whole = got.get("ContentRange", "").partition("/")
            size = int(whole) if whole.isdecimal() else given(got, "ContentLength")
            if of is not None and not of.is_still(_entry(key, size, got)):
                raise changed_while_read(self._errors.where(key))
            if start and not begins.startswith(f"bytes {start}-"):
                got["Body"].close()  # The service ignored the range, and sends all.
                return self.read(key)[start : start + count]
            return bytes(got["Body"].read(count))
        return b""  # It ends before.

    def write(self, key: str, data: bytes, content_type: str | None = None) -> str:
        with self._errors.translated(key):
            answer = self._put(key, data, ContentType=content_type or _content_type(key))
        etag = _etag(answer)
        if etag and (not _has_md5(answer) or has_etag(io.BytesIO(data), etag)):
            return etag
        # There is none, or it is no MD5: is it the one that the service keeps?
        stored = self._stored(key)
        if stored.etag == etag:
            return etag
        return stored.dated if etag else stored.etag

    def write_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        # Without quotes, which Ceph takes for a part of the ETag.
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with self._errors.translated(key, ignored=CONFLICTS):
            if written := _etag(self._put(key, data, ContentType=_content_type(key), **condition)):
                return written
        # boto3 repeats a request whose answer was lost, and is then refused because of itself.
        try:
            stored, entry = self.read_with_entry(key)
        except NoObjectError:
            return None
        return entry.etag if stored == data and entry.etag != entry.dated else None

    def _put(self, key: str, data: bytes, **options: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self.client.put_object(**self._at(key), Body=data, **options)
        return answer

    def delete(self, key: str) -> None:
        with self._errors.translated(key):
            self.client.delete_object(**self._at(key))

    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        with storage_errors(printable(str(path))), replacing(path) as body:
            self._fetch(key, body, progress)

    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        extra = {"ContentType": _content_type(key)}
        local = storage_errors(printable(str(path)))
        with local, FileToSend(path) as body, self._errors.translated(key):
            config = self._config(body.size)
            self.client.upload_fileobj(
                body, *self._at(key).values(), extra, Callback=progress, Config=config
            )
            if config is self.transfer:  # An upload in parts fails after the answer has begun.
                self._stored(key, body.size)

    def _stored(self, key: str, size: int | None = None) -> Entry:
        """Return the entry of an object that was stored. Raises ObjectError if it is not there, or
        has another size, whatever the service or a proxy answered."""
        stored = self.find(key)
        if stored is None or size not in (None, stored.size):
            raise ObjectError(
                f"{self._errors.where(key)} is not there as it was sent; send it again"
            )
        return stored

    def exists(self) -> bool:
        try:
            with self._errors.translated():
                self._probe()
        except NoBucketError:
            return False
        return True

    def create(self) -> bool:
        # Ceph answers a second CreateBucket by the owner like the first.
        refused = False
        try:
            if self.exists():
                return False
        except BucketRefusedError:  # It may be another customer's, as CreateBucket's answer says.
            refused = True
        client, home = self.client, "us-east-1"  # the only region that CreateBucket must not name
        if self._account.endpoint and self._account.region == ANY_REGION:
            client = client_of(replace(self._account, region=home))
        region = client.meta.region_name
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with self._errors.translated(ignored=("BucketAlreadyOwnedByYou",)):
            client.create_bucket(Bucket=self.bucket, **({} if region == home else where))
            return not refused
        return False

    def unfinished_uploads(self, prefix: str = "") -> Sequence[UnfinishedUpload]:
        def read(_: str, listed: Mapping[str, Any]) -> UnfinishedUpload:
            key, begun = listed["Key"][len(self._base) :], listed.get("Initiated")
            at = begun.timestamp() if begun else math.inf  # No one may take it for an old one.
            return UnfinishedUpload(key, listed["UploadId"], at)

        with self._errors.translated(ignored=NOT_OFFERED):
            return [upload for upload in self._all(UPLOADS, prefix, read) if upload.key]
        return ()

    def abort_upload(self, upload: UnfinishedUpload) -> None:
        with self._errors.translated(upload.key, ignored=("NoSuchUpload",)):
            self.client.abort_multipart_upload(**self._at(upload.key), UploadId=upload.number)

    def versions(self, prefix: str = "") -> Sequence[Version] | None:
        status = ""
        with self._errors.translated(ignored=NOT_OFFERED):
            status = self.client.get_bucket_versioning(Bucket=self.bucket).get("Status", "")
        if not status:
            return None

        def read(field: str, listed: Mapping[str, Any]) -> Version:
            is_marker, size = field == "DeleteMarkers", listed.get("Size", 0)
            is_current = bool(listed.get("IsLatest")) and not is_marker
            key, number = listed["Key"][len(self._base) :], listed["VersionId"]
            return Version(key, number, size, is_current, is_marker)

        with self._errors.translated():
            return [version for version in self._all(VERSIONS, prefix, read) if version.key]
        return None

    def delete_version(self, version: Version) -> None:
        from botocore.exceptions import ClientError

        where = {**self._at(version.key), "VersionId": version.number}
        with self._errors.translated(version.key):
            try:
                self.client.delete_object(**where)
            except ClientError as error:
                if is_access_denied(error) and (lock := self._lock(where)):
                    raise ObjectError(
                        f"{self._errors.where(version.key)} is locked {lock}; its version "
                        f"{version.number} stays, stored and billed"
                    ) from error
                raise

    def _lock(self, where: dict[str, str]) -> str:
        from botocore.exceptions import ClientError

        with contextlib.suppress(ClientError):
            retention = self.client.get_object_retention(**where).get("Retention", {})
            if "RetainUntilDate" in retention:
                return f"until {retention['RetainUntilDate']:%Y-%m-%d} ({retention['Mode']})"
        with contextlib.suppress(ClientError):
            hold = self.client.get_object_legal_hold(**where).get("LegalHold", {})
            return "by a legal hold" if hold.get("Status") == "ON" else ""
        return ""

    def check_key(self, key: str) -> None:
        super().check_key(self._base + key)

    def _fetch(
        self, key: str, body: BinaryIO, progress: Progress | None, before: str = ""
    ) -> Entry:
        """Download an object into a file and check its ETag; download it again if that fails.
        Return its entry. `before` is the MD5 of what has arrived before, if it is not what the ETag
        says.

        On some services an ETag is no MD5, so what arrives twice alike is not damaged. The transfer
        manager resumes a body that was cut short, which `get_object` does not. Neither notices a
        flipped byte.
        """
        for _ in range(3):
            body.seek(0)
            body.truncate()
            with self._errors.translated(key):
                head = self.client.head_object(**self._at(key))
                # Checked here, since the transfer manager waits forever if there is no length.
                entry = _answered(key, head)
                self.client.download_fileobj(
                    *self._at(key).values(),
                    body,
                    Callback=progress,
                    Config=self._config(entry.size),
                )
            if not _has_md5(head) or has_etag(body, entry.etag):
                return entry
            now = md5(body)
            if now == before:
                return entry
            before = now
            if progress:
                progress(-body.seek(0, os.SEEK_END))
        where = self._errors.where(key)
        raise ObjectError(f"{where} arrived damaged each time (wrong MD5); try again")

    def _config(self, size: int) -> Any:
        # For a photo, starting the manager's threads takes longer than the transfer.
        return self.transfer if size >= self.transfer.multipart_threshold else self._whole

    def _at(self, key: str) -> dict[str, str]:
        if not key:
            raise BadKeyError(f"an empty key does not name an object in {self.name}")
        return {"Bucket": self.bucket, "Key": self._base + key}


class FileToSend(io.BufferedReader):
    """A file with a fixed size.

    Reading raises OSError if the file has become shorter: the service would wait a minute for the
    rest, again and again.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data and size and self.tell() < self.size:
            raise OSError("the file has become shorter")
        return data


def _entry(key: str, size: int, about: Mapping[str, Any]) -> Entry:
    etag = _etag(about)
    modified: datetime | None = about.get("LastModified")
    at = modified.replace(microsecond=0).timestamp() if modified else None
    entry = Entry(key, size, etag, at)
    return entry if etag else replace(entry, etag=entry.dated)


def _answered(key: str, about: Mapping[str, Any]) -> Entry:
    """Return the entry of an object from an answer about it. Raises NotS3Error for a page that has
    nothing of S3's, as that of a hotel's network, which would be taken for a result."""
    is_page = about.get("ContentType", "").startswith("text/html") and not key.endswith(".html")
    if is_page and not _etag(about) and "LastModified" not in about:
        raise NotS3Error
    return _entry(key, given(about, "ContentLength"), about)


def _has_md5(about: Mapping[str, Any]) -> bool:
    """Return whether the ETag of an answer is an MD5, or is made of those of parts. With a key of
    AWS KMS or a customer's, it is not."""
    plain = about.get("ServerSideEncryption", "AES256") == "AES256"
    return bool(_etag(about)) and plain and "SSECustomerAlgorithm" not in about


def _etag(about: Mapping[str, Any]) -> str:
    """Return an ETag without quotes and the mark of a weak one; empty if there is none."""
    return str(about.get("ETag") or "").removeprefix("W/").strip('"')


def _content_type(key: str) -> str:
    return mimetypes.guess_type(key, strict=False)[0] or "application/octet-stream"
