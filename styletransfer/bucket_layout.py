"""The keys in the three buckets, and what their names say about the objects."""

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
UNPUBLISHED = f"{GALLERY}/unpublished"  # there while the gallery lacks results
PAGE = "index.html"


def record_key(look: str, photo: str) -> str:
    """The key of the record of a photo (its key) in a look (its name)."""
    return f"{RECORDS}/{look}/{photo}.json"


def checkpoint_key(look: str, photo: str) -> str:
    """The key of the checkpoint of a photo (its key) in a look (its name)."""
    return f"{CHECKPOINTS}/{look}/{photo}.npz"


def for_source(key: str) -> bool:
    """Whether a key belongs in the bucket of photos: a picture, which may be a mask."""
    return PurePosixPath(key).suffix.lower() in PICTURES


def for_style(key: str) -> bool:
    """Whether a key belongs in the bucket of paintings: a picture, `looks.toml`, or weights."""
    return for_source(key) or key == LOOKS or PurePosixPath(key).suffix.lower() in WEIGHTS


def for_laptop(key: str) -> bool:
    """Whether a key of the result bucket is of use on a laptop: any but a checkpoint."""
    return not key.startswith(f"{CHECKPOINTS}/")


def results_tree(here: set[str], there: set[str]) -> Callable[[str], bool]:
    """Which keys in a folder of results were downloaded from the result bucket.

    here: the folder's keys; there: the bucket's.
    These are the keys under the top-level folders that the bucket has now, and under looks whose
    records the folder has. All other files are the user's own.
    """
    tops = {key.partition("/")[0] for key in there if "/" in key}
    looks = {key.split("/")[1] for key in here if key.startswith(f"{RECORDS}/")}
    ours = {*tops, *looks, RECORDS, GALLERY}
    return lambda key: key == PAGE or ("/" in key and key.partition("/")[0] in ours)
