"""What a key's name says about what it holds. Needs nothing that a laptop would have to install."""

from collections.abc import Callable
from pathlib import PurePosixPath

PICTURES = frozenset(
    (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".hif", ".avif")
)
WEIGHTS = frozenset((".h5", ".mat", ".npz"))
LOOKS = "looks.toml"
CHECKPOINTS = "_checkpoints"
RECORDS = "_records"
GALLERY = "_gallery"
PAGE = "index.html"


def record_key(look: str, photo: str) -> str:
    """The key of the record of a photo (its key) in a look (its name)."""
    return f"{RECORDS}/{look}/{photo}.json"


def checkpoint_key(look: str, photo: str) -> str:
    """The key of the checkpoint of a photo (its key) in a look (its name)."""
    return f"{CHECKPOINTS}/{look}/{photo}.npz"


def for_source(key: str) -> bool:
    """Whether a key is for the bucket of photos: a picture, or a mask, which is one too."""
    return PurePosixPath(key).suffix.lower() in PICTURES


def for_style(key: str) -> bool:
    """Whether a key is for the bucket of paintings: a picture or mask, `looks.toml`, or weights."""
    return for_source(key) or key == LOOKS or PurePosixPath(key).suffix.lower() in WEIGHTS


def for_laptop(key: str) -> bool:
    """Whether a key of the result bucket is for people: not a photo's unfinished state."""
    return not key.startswith(f"{CHECKPOINTS}/")


def results_tree(here: set[str], there: set[str]) -> Callable[[str], bool]:
    """Whether a key in a folder of results came from the result bucket: it lies in what that has
    now, or in a look of which a record came once. Whatever else lies there is somebody's own.

    `here` are the folder's keys, `there` the bucket's."""
    tops = {key.partition("/")[0] for key in there if "/" in key}
    looks = {key.split("/")[1] for key in here if key.startswith(f"{RECORDS}/")}
    ours = {*tops, *looks, RECORDS, GALLERY}
    return lambda key: key == PAGE or ("/" in key and key.partition("/")[0] in ours)
