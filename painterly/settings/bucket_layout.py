"""The keys in the three buckets, and the kinds of objects that follow from them."""

import hashlib
from pathlib import PurePosixPath
from posixpath import splitext

from painterly.settings.clips import EXTENSIONS

# Pictures that can be read, in lower case.
PICTURE_EXTENSIONS = frozenset(
    (
        *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"),
        *(".heic", ".heif", ".hif", ".avif"),
    )
)
WEIGHTS = frozenset((".h5", ".mat", ".npz", ".safetensors"))
_SOURCES, _PAINTINGS = PICTURE_EXTENSIONS | EXTENSIONS, PICTURE_EXTENSIONS | WEIGHTS
STYLES = "styles.toml"
CHECKPOINTS = "_checkpoints"
RECORDS = "_records"
GALLERY = "_gallery"
WEB = "_web"  # of the web service: uploads, jobs, their checkpoints
READY = "_ready"  # before the keys of the ready styles' paintings, which no bucket has
UNPUBLISHED = f"{GALLERY}/unpublished"  # there while the gallery lacks results
ENDED = f"{GALLERY}/ended.txt"  # describes how the last whole run ended
RECORDS_READ = f"{GALLERY}/records.gz"  # the records that a run has read, for the next one
PAGE = "index.html"
TIMELAPSE = ".timelapse.webp"  # the end of a time-lapse's key
LONGEST_NAME = 250  # bytes of a photo's name: a file's has 255, and `.json` takes five
_START = 200  # bytes at the start of a longer name, before its hash


def record_key(style: str, photo: str) -> str:
    """Return the key of the record of a photo (its key) in a style (its name)."""
    return f"{RECORDS}/{style}/{_fitting(photo)}.json"


def checkpoint_key(style: str, photo: str) -> str:
    """Return the key of the checkpoint of a photo (its key) in a style (its name)."""
    return f"{CHECKPOINTS}/{style}/{_fitting(photo)}.npz"


def _fitting(photo: str) -> str:
    """Return a photo's key, with a hash in the place of the end of a name that would leave no room
    for an extension."""
    folder, slash, name = photo.rpartition("/")
    data = name.encode(errors="surrogateescape")
    if len(data) <= LONGEST_NAME:
        return photo
    digest = hashlib.sha256(photo.encode(errors="surrogateescape")).hexdigest()[:16]
    start = data[:_START].decode(errors="ignore")
    return f"{folder}{slash}{start}~{digest}{PurePosixPath(name).suffix}"


def for_source(key: str) -> bool:
    """Return whether a key belongs in the bucket of photos: a picture, which may be a mask, or
    another source of photos."""
    return splitext(key)[1].lower() in _SOURCES


def for_style(key: str) -> bool:
    """Return whether a key belongs in the bucket of paintings: a picture, `styles.toml`, or
    weights."""
    return key == STYLES or splitext(key)[1].lower() in _PAINTINGS


def is_result(key: str) -> bool:
    """Return whether a key of the result bucket belongs to a painted picture."""
    others = (GALLERY, RECORDS, CHECKPOINTS, WEB)
    return for_source(key) and not key.startswith(tuple(f"{each}/" for each in others))


def for_laptop(key: str) -> bool:
    """Return whether a key of the result bucket is of use on a laptop: all are, except checkpoints,
    the web service's own objects, the mark of a gallery that lacks results, and records once
    more."""
    others = UNPUBLISHED, RECORDS_READ, f"{CHECKPOINTS}/", f"{WEB}/"
    return not key.startswith(others)
