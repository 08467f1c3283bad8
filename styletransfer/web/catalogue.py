"""The looks and paintings that may be chosen, with short-lived caches."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from styletransfer.batch.looks import find_pictures
from styletransfer.config import Config
from styletransfer.errors import PictureError
from styletransfer.images.decode import reduced_jpeg
from styletransfer.images.header import read_header
from styletransfer.storage.base import Entry, ObjectError
from styletransfer.web.looks import all_looks, as_blended, own_settings
from styletransfer.web.schemas import ApiError, LookOut, PaintingOut, Quality, not_found
from styletransfer.web.style_bucket import UPLOADED, StyleBucket
from styletransfer.web.ttl_cache import TTLCache

START_BYTES = 65_536  # read of a painting to find its size
_READERS = 8
THUMBNAIL_SIDE = 320  # px
MOST_THUMBNAILS = 500  # kept in memory, of some 12 kB each
_MOST_UPLOADS = 200


class Catalogue:
    """Looks and paintings of the style bucket, and uploads. Methods raise StorageError, and
    ConfigError for wrong looks. Thread-safe."""

    def __init__(self, style: StyleBucket, config: Config) -> None:
        self._style, self._config = style, config
        self._own, self._uploads = TTLCache(self._find_own), TTLCache(self._find_uploads)
        self._looks = TTLCache(self._find_looks)
        self._sizes: dict[tuple[str, str], tuple[int, int] | None] = {}
        self._thumbnails: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._drawing = threading.Lock()  # One at a time: decoding may take much memory.

    def looks(self) -> list[LookOut]:
        """The looks of the style bucket."""
        return self._looks.get()

    def paintings(self) -> list[PaintingOut]:
        """All paintings, uploads last."""
        self._uploads.invalidate()  # Another instance may have taken or deleted one just now.
        entries = {**self._own.get(), **self._uploads.get()}
        with ThreadPoolExecutor(_READERS) as pool:
            sizes = [*pool.map(self._size, entries.values())]
        return [painting_view(name, size) for name, size in zip(entries, sizes, strict=True)]

    def find(self, name: str) -> Entry | None:
        """Find the painting of a name; None if there is none."""
        if not name.startswith(UPLOADED):
            return self._own.get().get(name)
        if name not in self._uploads.get():
            self._uploads.invalidate()  # Another instance may have taken it just now.
        return self._uploads.get().get(name)

    def check_room(self) -> None:
        """Raise ApiError if there are too many uploads."""
        if len(self._uploads.get()) >= _MOST_UPLOADS:
            raise ApiError(429, f"there are {_MOST_UPLOADS} uploaded paintings; delete some", 60)

    def add(self, name: str, data: bytes) -> None:
        """Stores an upload; one of the same name has the same content."""
        self._style.write(name, data)
        self._uploads.invalidate()

    def delete(self, name: str) -> None:
        """Deletes an upload. Raises ApiError for what is none."""
        if self.find(name) is None:
            raise not_found("painting")
        if not name.startswith(UPLOADED):
            raise ApiError(403, "this painting was not uploaded here, and is left as it is")
        self._style.delete(name)
        self._uploads.invalidate()

    def thumbnail(self, name: str) -> bytes:
        """A small JPEG of a painting. Raises ApiError if there is none."""
        entry = self.find(name)
        if entry is None:
            raise not_found("painting")
        with self._drawing:
            try:
                which = name, entry.etag
                if which not in self._thumbnails:
                    data = reduced_jpeg(self._style.read(name), name, THUMBNAIL_SIDE)
                    self._thumbnails[which] = data
            except (PictureError, ObjectError) as error:
                raise ApiError(404, str(error)) from None
            self._thumbnails.move_to_end(which)
            while len(self._thumbnails) > MOST_THUMBNAILS:
                self._thumbnails.popitem(last=False)
            return self._thumbnails[which]

    def _find_looks(self) -> list[LookOut]:
        usual = self._config.settings.replaced({"quality": Quality.FINE.value})
        return [
            LookOut(
                name=look.name,
                paintings=as_blended(look),
                thumbnail=thumbnail_url(look.paintings[0].entry.key),
                settings=own_settings(look, usual),
            )
            for look in all_looks(self._style, self._config, Quality.FINE)
        ]

    def _find_own(self) -> Mapping[str, Entry]:
        return {each.key: each for each in find_pictures([*self._style.list()])}

    def _find_uploads(self) -> Mapping[str, Entry]:
        return {each.key: each for each in find_pictures(self._style.uploads())}

    def _size(self, entry: Entry) -> tuple[int, int] | None:
        try:
            which = entry.key, entry.etag
        except ObjectError:  # In a folder: a file that was deleted since.
            return None
        if which not in self._sizes:
            try:
                start = self._style.read_start(entry.key, START_BYTES)
                header = read_header(start, entry.key, entry.size)
            except (PictureError, ObjectError):
                header = None
            self._sizes[which] = header.size if header else None
        return self._sizes[which]


def painting_view(name: str, size: tuple[int, int] | None) -> PaintingOut:
    """A painting as the API shows it. size: height and width in px."""
    height, width = size or (None, None)
    uploaded = name.startswith(UPLOADED)
    return PaintingOut(
        name=name, thumbnail=thumbnail_url(name), width=width, height=height, uploaded=uploaded
    )


def thumbnail_url(name: str) -> str:
    """Return the address of a painting's thumbnail."""
    return f"/api/paintings/{quote(name, safe='')}/thumbnail"
