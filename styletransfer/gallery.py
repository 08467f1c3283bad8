"""Records → index.html, a page that people look at, and the small pictures it shows.

One page that needs nothing else: thumbnails lie in it as data: URIs, so a link to it alone is
enough. Larger pictures lie beside it under `_gallery/`, and give way to these where they cannot
be loaded.
"""

import base64
import functools
import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, StrictUndefined, Template

from styletransfer import captions, encoding, images, names
from styletransfer.captions import Record, Rows
from styletransfer.errors import StorageError
from styletransfer.settings import fit
from styletransfer.storage import Bucket, UnavailableError, shown

logger = logging.getLogger("styletransfer")

PAGE = names.PAGE
FOLDER = names.GALLERY
PREVIEW = 1280  # longer side in px: sharp in the slider, a tenth of a large result's bytes
THUMBNAIL = 320  # longer side in px
READERS = 8  # threads that read thumbnails: each waits for the network, not for the processor

# A thousand of them in one page are some 15 MB, which a phone still opens.
_THUMBNAIL_BYTES = 12_000
# Longer side and quality, tried in turn: a smooth picture keeps its size, a rough one gives way.
_SMALLER = ((THUMBNAIL, 75), (THUMBNAIL, 60), (288, 50), (240, 45), (208, 40))
# A key may have 1,024 bytes, a file's name 255; the prefixes and `.jpg` need some of both.
_LONGEST_KEY, _LONGEST_NAME = 980, 240
_OURS = re.compile(rb"""<meta\s+name=["']generator["']\s+content=["']styletransfer["']""")


class Gallery:
    """The page of a result bucket, and what it shows of each result.

    Writes `index.html` and keys under `_gallery/`, nothing else. A picture that cannot be stored
    is told in the log and left out; UnavailableError is raised, as then all others fail too.
    """

    def __init__(self, bucket: Bucket, records: Iterable[Record]) -> None:
        """`records`: those in the bucket already, in any order."""
        self._bucket = bucket
        self._records = {_identity(each): each for each in records if isinstance(each, Mapping)}
        self._thumbs: dict[str, bytes | None] = {}  # None: there is none in the bucket.
        self._stored: set[tuple[str, str, str]] = set()
        self._is_ours: bool | None = None  # None: not looked at yet.

    def add(
        self,
        record: Record,
        photo: np.ndarray,
        result: np.ndarray,
        paintings: Mapping[str, np.ndarray],
    ) -> None:
        """Stores previews and thumbnails of a new result, its photo and its paintings (by key).

        Pictures are float32 [H, W, 3], sRGB 0…1. Photos and paintings stored before with the same
        ETag are not stored again. The record takes the place of an earlier one of the same photo
        and look.
        """
        self._records[_identity(record)] = record
        self._store("results", record.get("result"), result)
        self._store("photos", record.get("photo"), photo, record.get("photo_etag"))
        etags = {each["key"]: each.get("etag") for each in captions.paintings(record)}
        for key, pixels in paintings.items():
            self._store("paintings", key, pixels, etags.get(key))

    def fail(self, record: Record) -> None:
        """Takes the record of a photo that could not be painted, so that the page tells of it."""
        self._records[_identity(record)] = record

    def publish(self) -> None:
        """Writes index.html from all records. Thumbnails of earlier runs are read from the bucket.

        An index.html that somebody else made is left as it is, told once in the log. Raises
        StorageError.
        """
        if self._is_ours is None:
            found = self._bucket.find(PAGE)
            self._is_ours = found is None or bool(_OURS.search(self._bucket.read(PAGE)))
            if not self._is_ours:
                logger.warning(
                    "%s in %s is not the gallery's and stays as it is; move it away to get one",
                    *(PAGE, self._bucket.name),
                )
        if self._is_ours:
            records = list(self._records.values())
            self._read_thumbs(records)
            text = page(records, self._thumbs)
            self._bucket.write(PAGE, text.encode(), "text/html; charset=utf-8")

    def _store(self, kind: str, key: Any, pixels: np.ndarray, etag: Any = None) -> None:
        if not isinstance(key, str) or (etag and (kind, key, str(etag)) in self._stored):
            return
        small = thumbnail(pixels)
        self._thumbs[picture_key(f"thumbs/{kind}", key)] = small
        try:
            larger = preview(pixels, PREVIEW)
            self._bucket.write(picture_key(kind, key), larger, "image/jpeg")
            self._bucket.write(picture_key(f"thumbs/{kind}", key), small, "image/jpeg")
        except UnavailableError:
            raise
        except StorageError as error:
            logger.warning("the gallery has no preview of %s: %s", shown(key), error)
        self._stored.add((kind, key, str(etag)))

    def _read_thumbs(self, records: Iterable[Record]) -> None:
        wanted = {picture_key(f"thumbs/{kind}", key) for kind, key in _pictures(records)}
        wanted -= self._thumbs.keys()
        if wanted:
            there = {entry.key for entry in self._bucket.list(f"{FOLDER}/thumbs/")}
            keys = sorted(wanted & there)
            read = dict.fromkeys(wanted - there)
            with ThreadPoolExecutor(READERS) as pool:
                read.update(zip(keys, pool.map(self._read_thumb, keys), strict=True))
            for key, data in read.items():
                self._thumbs.setdefault(key, data)  # `add`, on another thread, may have it anew.

    def _read_thumb(self, key: str) -> bytes | None:
        try:
            data = self._bucket.read(key)
        except UnavailableError:
            raise
        except StorageError:
            return None
        # Whatever is larger is not ours, and would only make the page slow.
        return data if len(data) <= 10 * _THUMBNAIL_BYTES else None


# --- pictures -------------------------------------------------------------------------------


def picture_key(kind: str, key: str) -> str:
    """Where a picture of the gallery lies: `_gallery/<kind>/<key>.jpg`, or a hash in place of a
    key that would be too long, or that could not be a file once fetched into a folder."""
    data = key.encode("utf-8", "surrogatepass")
    plain = len(data) <= _LONGEST_KEY and not re.search(r"[\\\0\ud800-\udfff]", key)
    parts = data.split(b"/")
    plain = plain and all(part and part[:1] != b"." for part in parts)
    if not plain or max(map(len, parts)) > _LONGEST_NAME:
        key = hashlib.sha256(data).hexdigest()
    return f"{FOLDER}/{kind}/{key}.jpg"


def preview(pixels: np.ndarray, longer: int, quality: int = 82) -> bytes:
    """A JPEG of pixels [H, W, 3], sRGB in floats or integers (see images.floats), with the longer
    side at most `longer` px."""
    height, width = pixels.shape[:2]
    pixels = images.averaged(pixels, max(height, width) // (2 * longer))
    if max(height, width) > longer:
        pixels = images.resize(pixels, *fit(height, width, longer))
    return encoding.encode(pixels, "jpg", quality)


def thumbnail(pixels: np.ndarray) -> bytes:
    """A preview small enough to lie in the page: about 10 KB, also of the busiest painting."""
    for longer, quality in _SMALLER:
        data = preview(pixels, longer, quality)
        if len(data) <= _THUMBNAIL_BYTES:
            break
    return data


# --- the page -------------------------------------------------------------------------------


def page(records: Iterable[Record], thumbs: Mapping[str, bytes | None]) -> str:
    """index.html of some records. `thumbs` holds thumbnails by their `picture_key`; where one is
    missing, the page has a neutral place. What is odd in a record is left out."""

    def thumb(kind: str, key: str) -> str:
        data = thumbs.get(picture_key(f"thumbs/{kind}", key))
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data else ""

    records = [each for each in records if isinstance(each, Mapping)]
    records.sort(key=lambda each: tuple(map(captions.sortable, _identity(each))))
    painted = [each for each in records if captions.is_painted(each)]
    failed = [
        (shown(captions.photo(each)), shown(captions.look(each)), captions.reason(each))
        for each in records
        if each.get("error")
    ]
    counts = Counter(map(captions.look, painted))
    looks = {name: number for number, name in enumerate(sorted(counts, key=captions.sortable))}
    used = dict.fromkeys(each["key"] for record in painted for each in captions.paintings(record))
    paintings = {key: number for number, key in enumerate(used)}
    settings: dict[Rows, int] = {}
    photos: dict[str, dict[str, Any]] = {}
    results = []
    for record in painted:
        photo, key, look = captions.photo(record), record["result"], captions.paintings(record)
        about = {
            "photo": shown(photo),
            "look": looks[captions.look(record)],
            "anchor": quote(key, errors="replace"),
            "href": url(key),
            "file": shown(key.rpartition("/")[2]),
            "preview": url(picture_key("results", key)),
            "photo_preview": url(picture_key("photos", photo)),
            "size": captions.size(record),
            "paintings": [
                (paintings[each["key"]], share)
                for each, share in zip(look, captions.shares(record), strict=True)
            ],
            "facts": captions.facts(record),
            "losses": captions.rows(record.get("losses")),
            "settings": settings.setdefault(captions.rows(record.get("settings")), len(settings)),
            "note": captions.text(record.get("note")),
        }
        if photo not in photos:
            small = thumb("photos", photo)
            photos[photo] = {"name": shown(photo), "thumb": small, "results": []}
        card = about | {"number": len(results), "thumb": thumb("results", key)}
        photos[photo]["results"].append(card)
        results.append(about)
    template, hashes = _template()
    return template.render(
        hashes=hashes,
        photos=list(photos.values()),
        looks=[(shown(name), counts[name]) for name in looks],
        notes=sorted({each["note"] for each in results} - {""}),
        failures=failed,
        data={
            "looks": [shown(name) for name in looks],
            "paintings": [
                {
                    "name": shown(key.rpartition("/")[2]),
                    "thumb": thumb("paintings", key),
                    "preview": url(picture_key("paintings", key)),
                }
                for key in paintings
            ],
            "settings": list(settings),
            "results": results,
        },
    )


def url(key: str) -> str | None:
    """A key as an address relative to the page, each part percent-encoded; None for what no
    address can name: browsers take `..` for a way up, however it is written."""
    parts = key.split("/")
    if "." in parts or ".." in parts:
        return None
    try:
        # Names of files that are no UTF-8 come from Python as surrogates, and go back to bytes.
        return "./" + "/".join(quote(part, "", errors="surrogateescape") for part in parts)
    except UnicodeEncodeError:
        return None


@functools.cache
def _template() -> tuple[Template, dict[str, str]]:
    """The template, and what its Content-Security-Policy lets run: its own style and script."""
    source = Path(__file__).with_name("gallery.html").read_text("utf-8")
    hashes = {}
    for tag in ("style", "script"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)[1]
        digest = hashlib.sha256(content.encode()).digest()
        hashes[tag] = f"sha256-{base64.b64encode(digest).decode()}"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source), hashes


def _identity(record: Record) -> tuple[str, str]:
    return captions.photo(record), captions.look(record)


def _pictures(records: Iterable[Record]) -> Iterable[tuple[str, str]]:
    """Kind and key of every picture that the page of these records shows, some more than once."""
    for record in filter(captions.is_painted, records):
        yield "results", record["result"]
        yield "photos", captions.photo(record)
        for each in captions.paintings(record):
            yield "paintings", each["key"]
