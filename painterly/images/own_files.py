"""A person's own picture files, which need no process with limits."""

from collections.abc import Iterator
from contextlib import contextmanager

from painterly.images.contained.decoding import OpenedPicture
from painterly.images.header import kind_of
from painterly.images.picture_file import opening_here

_MOST_HERE = 400_000_000  # bytes that a person's own file takes to be decoded in this process
# Each scan of a JPEG takes as long as the whole picture. Encoders write up to 12.
_SCAN, _MOST_SCANS = b"\xff\xda", 20


@contextmanager
def own_files() -> Iterator[None]:
    """Let this process decode small JPEGs of few scans, PNGs and BMPs itself, which take no more
    memory and time than their header says: a person's own, who waits for one picture."""
    with opening_here(_small):
        yield


def _small(data: bytes) -> OpenedPicture | None:
    """Open a small JPEG, PNG or BMP; return None for all other files."""
    if kind_of(data) not in ("JPEG", "PNG") and not data.startswith(b"BM"):
        return None
    if data.count(_SCAN) > _MOST_SCANS and kind_of(data) == "JPEG":
        return None
    picture = OpenedPicture(data)
    return picture if picture.header.bytes_to_decode <= _MOST_HERE else None
