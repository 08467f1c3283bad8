"""The paintings that looks are made from: those of the style bucket, and uploads."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from styletransfer.bucket_layout import WEB
from styletransfer.storage.base import (
    BadKeyError,
    Bucket,
    Entry,
    ObjectError,
    Progress,
    UnfinishedUpload,
)

UPLOADED = f"{WEB}/"  # before the names of uploads; no look of the style bucket may be called so
UPLOADS = f"{WEB}/paintings"  # where they are in the result bucket


class StyleBucket(Bucket):
    """The style bucket, read only, with the uploads of the web service under `_web/`: these never
    become looks of a batch, and can be deleted without touching what others brought."""

    def __init__(self, style: Bucket, uploads: Bucket) -> None:
        self.name, self._style, self._uploads = style.name, style, uploads

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """The style bucket's own objects: uploads make no looks."""
        return self._style.list(prefix)

    def uploads(self) -> Sequence[Entry]:
        """The uploads, each under the key that it has here."""
        found = []
        for each in self._uploads.list():
            with contextlib.suppress(ObjectError):  # In a folder: a file that is gone by now.
                found.append(Entry(UPLOADED + each.key, each.size, each.etag))
        return found

    def find(self, key: str) -> Entry | None:
        bucket, inner = self._place(key)
        found = bucket.find(inner)
        return found and Entry(key, found.size, found.etag)

    def read(self, key: str) -> bytes:
        bucket, inner = self._place(key)
        return bucket.read(inner)

    def read_start(self, key: str, count: int) -> bytes:
        bucket, inner = self._place(key)
        return bucket.read_start(inner, count)

    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        bucket, inner = self._place(key)
        bucket.download(inner, path, progress)

    def exists(self) -> bool:
        return self._style.exists()

    def write(self, key: str, data: bytes, content_type: str | None = None) -> str:
        return self._own(key).write(key.removeprefix(UPLOADED), data, content_type)

    def write_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        return self._own(key).write_if(key.removeprefix(UPLOADED), data, etag)

    def delete(self, key: str) -> None:
        self._own(key).delete(key.removeprefix(UPLOADED))

    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        self._own(key).upload(path, key.removeprefix(UPLOADED), progress)

    def create(self) -> bool:
        return self._style.create()

    def unfinished_uploads(self, prefix: str = "") -> Sequence[UnfinishedUpload]:
        return ()

    def abort_upload(self, upload: UnfinishedUpload) -> None:
        raise BadKeyError(f"{self.name} is only read here")

    def _place(self, key: str) -> tuple[Bucket, str]:
        if key.startswith(UPLOADED):
            return self._uploads, key.removeprefix(UPLOADED)
        return self._style, key

    def _own(self, key: str) -> Bucket:
        if not key.startswith(UPLOADED):
            raise BadKeyError(f"{self.name} is only read here")
        return self._uploads
