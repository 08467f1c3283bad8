"""The paintings that looks are made from: those of the style bucket, and uploads."""

import contextlib
from collections.abc import Sequence

from styletransfer.bucket_layout import WEB
from styletransfer.storage.base import BadKeyError, Bucket, Entry, ObjectError, View

UPLOADED = f"{WEB}/"  # before the names of uploads; no look of the style bucket may be called so
UPLOADS = f"{WEB}/paintings"  # prefix of uploads in the result bucket


class StyleBucket(View):
    """The style bucket, read only, with the uploads of the web service under `_web/`.

    Uploads never become looks of a batch, so they are not listed, and they can be deleted without
    touching other paintings.
    """

    def __init__(self, style: Bucket, uploads: Bucket) -> None:
        super().__init__(style)
        self._uploads = uploads

    def uploads(self) -> Sequence[Entry]:
        """Return the uploads, each under the key that it has here."""
        found = []
        for each in self._uploads.list():
            with contextlib.suppress(ObjectError):  # In a folder: a file that was deleted since.
                found.append(Entry(UPLOADED + each.key, each.size, each.etag))
        return found

    def _at(self, key: str, *, write: bool = False) -> tuple[Bucket, str]:
        if key.startswith(UPLOADED):
            return self._uploads, key.removeprefix(UPLOADED)
        if write:
            raise BadKeyError(f"{self.name} is only read here")
        return self._bucket, key
