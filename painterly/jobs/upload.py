"""Uploaded files, which are judged by their content, not by their name."""

import hashlib
import io
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image

from painterly.configuration.web_options import MEGA, WebOptions
from painterly.errors import MemoryShortError, PictureError
from painterly.images.arrays import resize, to_integers
from painterly.images.masks import BLACK
from painterly.images.picture_file import EXTENSIONS, PictureFile
from painterly.jobs.schemas import ApiError
from painterly.painters.reading import decoded_in_turn, read_beside
from painterly.storage.file_names import nfc, start_in_bytes
from painterly.video.sent import sent
from painterly.words.wording import printable

_LONGEST_NAME, _MOST_BYTES = 60, 180  # characters, and bytes of them: endings are added
_LONGEST_SHOWN = 100  # characters
_SMALL_MASK = 1_000_000  # bytes of a mask that is not reduced for its bytes
_UNSAFE = re.compile(r"[^\w-]+")


@dataclass(frozen=True)
class Upload:
    """An uploaded picture, or a clip.

    Attributes:
        name: The file's name in a form that can be part of a key.
        shown: The file's name for people.
        size: The height and width in px.
        length: The bytes of its files.
        data: The picture's file without the position where it was taken: of a clip, of its first
            frame.
        clip: The clip's file, if it is one.
        frames: The number of a clip's frames.
        seconds: How long a clip lasts.
        keys: The keys of the photo's and the clip's file, if they are stored already.
        mask_key: The key of its mask, if that is stored already.
    """

    name: str
    shown: str
    size: tuple[int, int]
    length: int
    data: bytes = b""
    clip: Path | None = None
    frames: int | None = None
    seconds: float | None = None
    keys: tuple[str, ...] = ()
    mask_key: str | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the content."""
        if self.clip is None:
            return hashlib.sha256(self.data).hexdigest()
        with self.clip.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def checked_upload(given_name: str, data: bytes, options: WebOptions) -> Upload:
    """Check a picture that was uploaded. Raises ApiError for a file that is not a picture, and for
    one that is too large."""
    shown = _shown(given_name)
    _check_length(len(data), shown, options)
    file = _checked(PictureFile.without_position, data, shown, options)
    name = f"{safe_stem(given_name)}.{EXTENSIONS.get(file.format, 'png')}"
    return Upload(name, shown, file.header.size, len(file.data), file.data)


def checked_clip(
    given_name: str, file: BinaryIO, folder: str, options: WebOptions, memory_limit: int | None
) -> Upload:
    """Check a clip that was uploaded, and copy it into an empty folder. Raises ApiError as
    `checked_upload`, also for a clip that cannot be read in the memory that is left."""
    shown, path = _shown(given_name), Path(folder, "clip")
    _check_length(file.seek(0, 2), shown, options)
    file.seek(0)
    with path.open("wb") as own:
        shutil.copyfileobj(file, own)
    try:
        clip = read_beside(
            lambda available: sent(path, shown, options.max_pixels, available), memory_limit
        )
    except PictureError as error:
        raise ApiError(422, str(error)) from None
    path.unlink()
    name, length = f"{safe_stem(given_name)}.jpg", len(clip.first) + clip.path.stat().st_size
    about = clip.path, clip.frames, clip.seconds
    return Upload(name, shown, clip.size, length, clip.first, *about)


def checked_mask(
    data: bytes, options: WebOptions, memory_limit: int | None, most: tuple[int, int] | None = None
) -> bytes:
    """Check a mask that was uploaded, and return it as a grey PNG, upright; empty if it is white
    all over, and so limits nothing. One larger than `most`, the height and width in px of a photo,
    is reduced to it, and one whose PNG would take twice the bytes that were sent, by halves.

    Raises ApiError as `checked_upload`, also for a mask that is black all over, and for one that
    cannot be decoded in the memory that is left.
    """
    _check_length(len(data), "the mask", options)
    file = _checked(PictureFile, data, "the mask", options)
    try:
        grey = decoded_in_turn(lambda available: _grey(file, available, most), memory_limit)
    except PictureError as error:
        raise ApiError(422, str(error)) from None
    except MemoryShortError as error:
        raise ApiError(413, str(error)) from None
    if grey is None:
        return b""
    image = Image.fromarray(grey)
    while len(png := _png(image)) > max(2 * len(data), _SMALL_MASK):
        image = image.reduce(2)
    return png


def _png(image: Image.Image) -> bytes:
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()


def _grey(file: PictureFile, available: int, most: tuple[int, int] | None) -> np.ndarray | None:
    """Return a mask as uint8 [h, w], or None if it is white all over. Only while this decodes does
    it have the mask in floats. Arguments and errors are as in `PictureFile.mask` and
    `checked_mask`."""
    mask = file.mask(available)
    if mask.min() > 1 - BLACK:
        return None
    if most and mask.size > math.prod(most):
        mask = resize(mask, *most)
    return to_integers(mask, 8)


def _check_length(length: int, shown: str, options: WebOptions) -> None:
    if length > options.max_upload:
        raise ApiError(
            413, f"{shown} is larger than {options.max_upload // MEGA} MB; make it smaller"
        )


def _checked(
    opened: Callable[[bytes, str], PictureFile], data: bytes, shown: str, options: WebOptions
) -> PictureFile:
    try:
        file = opened(data, shown)
    except PictureError as error:
        raise ApiError(422, str(error)) from None
    height, width = file.header.size
    if height * width > options.max_pixels:
        raise ApiError(
            413,
            f"{shown} is {width} × {height} pixels; the limit is "
            f"{options.max_pixels // MEGA} megapixels; make it smaller",
        )
    return file


def _own_name(file_name: str) -> str:
    """Return a path in a form as its user wrote it, with slashes. Browsers write a quotation mark
    as %22."""
    return file_name.replace("%22", '"').replace("\\", "/")


def _shown(file_name: str) -> str:
    name = printable(PurePosixPath(_own_name(file_name)).name) or "photo"
    if len(name) <= _LONGEST_SHOWN:
        return name
    ending = PurePosixPath(name).suffix[-10:]
    return f"{name[: _LONGEST_SHOWN - len(ending) - 1]}…{ending}"


def safe_stem(file_name: str) -> str:
    """Return the stem of a file's name, reduced to letters, digits, `-` and `_`."""
    name = nfc(_own_name(file_name).rpartition("/")[2])
    stem = name.rpartition(".")[0] or name
    plain = _UNSAFE.sub("-", stem.encode("utf-8", "replace").decode()).strip("-_")
    return start_in_bytes(plain[:_LONGEST_NAME], _MOST_BYTES) or "picture"
