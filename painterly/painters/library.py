"""One picture for a program that imports this package: `painterly.paint`."""

import io
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from painterly.configuration import config
from painterly.engine.transfer import Step
from painterly.errors import ConfigError, PainterlyError, PictureError
from painterly.images import encode
from painterly.images.output import OutputFormat
from painterly.images.picture_file import errors_named
from painterly.orders.buckets import Buckets
from painterly.orders.order import SingleOrder
from painterly.orders.styles import Painting, Style
from painterly.painters.failures import reason_of
from painterly.painters.single import Hooks, paint_single
from painterly.settings import ready_styles
from painterly.settings.installation import install_command
from painterly.settings.settings import Settings
from painterly.settings.values import checked_shares
from painterly.signals import Stop
from painterly.storage.base import Entry
from painterly.storage.files_bucket import FilesBucket
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import source_for
from painterly.words.wording import plural, shortened

Picture = str | PathLike[str] | bytes | BinaryIO | np.ndarray | Image.Image
KEPT = ("icc_profile", "dpi")
_EXPECTED = (
    "expected a file, its bytes, a picture of Pillow, or an array [height, width], "
    "[height, width, 3] or [height, width, 4] of uint8, or of floats from 0 to 1"
)
# Modes that PNG has, and what the others become: the whole of CMYK and LAB is a TIFF's.
_PNG, _TIFF = ("1", "L", "LA", "P", "RGB", "RGBA"), ("CMYK", "LAB")
_CONVERTED = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}
# The values that are white in greys of Pillow with more than 8 bits, by what is stored.
_WHITES = {"I": (255, 65535), "F": (1, 255)}


def paint(
    photo: Picture,
    style: Picture | Sequence[Picture],
    *,
    shares: Sequence[float] | None = None,
    memory_limit: int | None = None,
    on_step: Callable[[Step], object] | None = None,
    **settings: Any,
) -> Image.Image:
    """Paint a photo in a style, as `painterly PHOTO STYLE` does, and return the picture.

    Args:
        photo: A path, an open file or its bytes; a picture of Pillow, in any mode; or an array
            [height, width], [height, width, 3] or, with alpha, [height, width, 4], uint8, or floats
            from 0 to 1, sRGB.
        style: The painting, as `photo`, or the name, artist or title of a ready style, such as
            `hokusai`; or a list of these, which are blended. A file of such a name wins.
        shares: The share of each in a blend; by default, all have the same.
        memory_limit: The bytes that the process may use in all; by default, all that is free.
        on_step: Is called after each step, as `stylize` yields it: `step.fraction` of the work is
            done, and `step.image` is the picture so far. An error ends the painting, and is raised.
        **settings: Settings by name, such as `preset="instant"`, `size=2048` or `strength=0.7`
            (docs/settings.md). A ready style's own are the defaults.

    Returns:
        The picture, upright, with the photo's colour profile, resolution and transparency, and
        without its other metadata, such as the location.

    Raises:
        PainterlyError: In one line, the photo, style or setting that cannot be used, or what is
            not installed.
    """
    styles: Sequence[Any] = style if isinstance(style, list | tuple) else [style]
    parts = [1.0] * len(styles) if shares is None else checked_shares(shares, "shares are")
    if not styles or len(parts) != len(styles):
        got = f"{plural(len(styles), 'style')} and {plural(len(parts), 'share')}"
        raise ConfigError(f"expected a style, or several with a share each; got {got}")
    limit = _plain(memory_limit)
    if limit is not None and not (isinstance(limit, int) and limit > 0):
        raise ConfigError(f"memory_limit is {shortened(limit)}; expected bytes, or None")
    values = {name: _plain(each) for name, each in settings.items()}
    paintings, own = zip(*map(_painting_of, styles), strict=True)
    common = dict(set.intersection(*({*each.items()} for each in own)))
    chosen = Settings().replaced(common).replaced(values)
    if chosen.traits.optimises and not find_spec("tensorflow"):
        raise ConfigError(
            f'preset {chosen.preset} needs TensorFlow, which is not installed; preset="instant" '
            f"paints without it, and this installs it: {install_command('cpu')}"
        )
    files = FilesBucket()
    added = [_added(files, each, "painting") for each in paintings]
    order = SingleOrder(
        photo=_added(files, photo, "photo"),
        mask=None,
        style=Style("a style", tuple(map(Painting, added, parts)), chosen),
        weights=source_for(chosen, None),
        output=OutputFormat("tiff"),  # written and read in milliseconds
    )
    return _painted(order, files, limit, on_step)


class _Caller(Hooks):
    """The program that waits, and whether it has raised an error."""

    def __init__(self, on_step: Callable[[Step], object] | None) -> None:
        self._on_step, self.has_failed = on_step, False

    def on_step(self, step: Step) -> None:
        self.has_failed = True
        if self._on_step:
            self._on_step(step)
        self.has_failed = False


def _painted(
    order: SingleOrder,
    files: FilesBucket,
    memory_limit: int | None,
    on_step: Callable[[Step], object] | None,
) -> Image.Image:
    loaded = config.load({"PROGRESS": "none"})  # A program's own output is its own.
    loaded = replace(loaded, memory_limit=memory_limit, checkpoint_every=math.inf)
    buckets = Buckets(files, files, FolderBucket(Path("no checkpoints")))  # There are none.
    caller = _Caller(on_step)
    try:
        finished = paint_single(order, buckets, loaded, Stop(), caller)
        data = encode.encode(finished.image, order.output, finished.photo)
    except Exception as error:
        if caller.has_failed or isinstance(error, PainterlyError):
            raise
        raise PictureError(reason_of(error)) from error
    written = Image.open(io.BytesIO(data))
    picture = written.copy()
    picture.info = {name: written.info[name] for name in KEPT if name in written.info}
    return picture


def _plain(value: Any) -> Any:
    """Return a number of NumPy, such as the size of an array, as a number of Python."""
    return value.item() if isinstance(value, np.generic) else value


def _painting_of(style: Picture) -> tuple[Picture, dict[str, Any]]:
    if not isinstance(style, str) or PurePath(style).name != style or _is_file(style):
        return style, {}
    if PurePath(style).suffix and not ready_styles.search(style):
        return style, {}  # A file that is missing.
    name = ready_styles.one(style)
    return ready_styles.path(name), ready_styles.own_settings(name)


def _is_file(name: str) -> bool:
    return os.path.lexists(name) and not Path(name).is_dir()


def _added(files: FilesBucket, picture: Any, what: str) -> Entry:
    name = f"the {what}"
    if isinstance(picture, bytes | bytearray | memoryview):
        return files.add(name, bytes(picture))
    if not isinstance(picture, str | PathLike) and not hasattr(picture, "read"):
        return files.add(name, file_of(picture, name))
    path = fspath(picture) if isinstance(picture, str | PathLike) else name
    try:
        data = Path(path).read_bytes() if path is not name else picture.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{what} {path!r} cannot be read: {reason}") from None
    if not isinstance(data, bytes):
        raise ConfigError(f"{name} is a file of text; open it with 'rb'")
    return files.add(path, data)


def file_of(picture: object, name: str) -> bytes:
    """Return a picture as the file of one, with its profile, resolution, EXIF and transparency.

    Args:
        picture: A picture of Pillow, or what NumPy makes an array of.
        name: Its name, with which errors begin.

    Raises:
        PictureError: It is neither, or cannot be read.
    """
    with errors_named(name):
        image = picture if isinstance(picture, Image.Image) else _of_array(picture)
        image.load()
        exif, dpi = image.getexif(), image.info.get("dpi")
        if image.mode.startswith(("I", "F")):
            image = _grey(image)
        elif image.mode not in (*_PNG, *_TIFF):
            image = image.convert(_CONVERTED.get(image.mode, "RGB"))
        out = io.BytesIO()
        form = "TIFF" if image.mode in _TIFF else "PNG"
        image.save(out, form, exif=exif, dpi=dpi, compress_level=1)
        return out.getvalue()


def _of_array(picture: Any) -> Image.Image:
    try:
        values = np.asarray(picture)
    except (TypeError, ValueError, RuntimeError):
        values = np.empty(0, object)
    is_picture = values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))
    if not is_picture or not (values.dtype == np.uint8 or values.dtype.kind == "f"):
        kind = f"an array {[*values.shape]} of {values.dtype}"
        raise PictureError(f"is {kind if values.ndim > 1 else type(picture)}; {_EXPECTED}")
    return Image.fromarray(values if values.dtype == np.uint8 else _integers(values, 1))


def _grey(image: Image.Image) -> Image.Image:
    """Return greys of more than 8 bits in 8. Pillow names no white for them: it is the smallest of
    the usual ones that no value exceeds."""
    values, whites = np.asarray(image), _WHITES.get(image.mode, (65535,))
    white = next((each for each in whites if values.max(initial=0) <= each), whites[-1])
    return Image.fromarray(_integers(values, white))


def _integers(values: np.ndarray, white: int) -> np.ndarray:
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if not (low >= 0 and high <= white):  # Nor are they numbers.
        raise PictureError(f"has values from {low:g} to {high:g}; expected 0 to {white}")
    return np.rint(values * (255 / white)).astype(np.uint8)
