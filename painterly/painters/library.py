"""One picture for a program that imports this package: `painterly.paint`."""

import io
import math
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import Any

from PIL import Image

from painterly.configuration import config
from painterly.errors import ConfigError
from painterly.images import encode
from painterly.images.output import OutputFormat
from painterly.orders.buckets import Buckets
from painterly.orders.network_pool import NetworkPool
from painterly.orders.order import SingleOrder
from painterly.orders.styles import Painting, Style
from painterly.painters.loading import load_devices
from painterly.painters.painter import DeviceSlot, Painter
from painterly.settings import ready_styles
from painterly.settings.installation import install_command
from painterly.settings.settings import Settings
from painterly.signals import Stop
from painterly.storage.base import Entry
from painterly.storage.files_bucket import FilesBucket
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import source_for
from painterly.words.wording import plural

Picture = str | PathLike[str] | Image.Image
KEPT = ("icc_profile", "dpi")
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def paint(
    photo: Picture,
    style: Picture | Sequence[Picture],
    *,
    shares: Sequence[float] | None = None,
    memory_limit: int | None = None,
    **settings: Any,
) -> Image.Image:
    """Paint a photo in a style, as `painterly PHOTO STYLE RESULT` does, and return the picture.

    Args:
        photo: A file, or a picture of Pillow.
        style: The file or picture of a painting, or the name, artist or title of a ready style,
            such as `hokusai`; or several of these, which are blended. A file of such a name wins.
        shares: The share of each in a blend; by default, all have the same.
        memory_limit: The bytes that the process may use in all; by default, all that is free.
        **settings: Settings by name, such as `preset="instant"`, `size=2048` or `strength=0.7`
            (docs/settings.md). A ready style's own are the defaults.

    Returns:
        The picture, upright, with the photo's colour profile, resolution and transparency, and
        without its other metadata, such as the location.

    Raises:
        PainterlyError: In one line, the photo, style or setting that cannot be used, or what is
            not installed.
    """
    given = [style] if isinstance(style, str | PathLike | Image.Image) else [*style]
    parts = [1.0] * len(given) if shares is None else shares
    if not given or len(parts) != len(given):
        got = f"{plural(len(given), 'style')} and {plural(len(parts), 'share')}"
        raise ConfigError(f"expected a style, or several with a share each; got {got}")
    paintings, own = zip(*map(_painting_of, given), strict=True)
    common = dict(set.intersection(*({*each.items()} for each in own)))
    chosen = Settings().replaced(common).replaced(settings)
    if chosen.traits.optimises and not find_spec("tensorflow"):
        raise ConfigError(
            f'preset {chosen.preset} needs TensorFlow, which is not installed; preset="instant" '
            f"paints without it, and this installs it: {install_command('cpu')}"
        )
    files = FilesBucket()
    added = (_added(files, each, "painting") for each in paintings)
    order = SingleOrder(
        photo=_added(files, photo, "photo"),
        mask=None,
        style=Style("a style", tuple(map(Painting, added, parts)), chosen),
        weights=source_for(chosen, None),
        output=OutputFormat("tiff"),  # written and read in milliseconds
        own_checkpoint_key="none.npz",
    )
    return _painted(order, files, memory_limit)


def _painted(order: SingleOrder, files: FilesBucket, memory_limit: int | None) -> Image.Image:
    loaded = config.load({"PROGRESS": "none"})  # A program's own output is its own.
    loaded = replace(loaded, memory_limit=memory_limit, checkpoint_every=math.inf)
    buckets = Buckets(files, files, FolderBucket(Path("no checkpoints")))  # There are none.
    with closing(Painter(loaded, buckets, NetworkPool(None, files), Stop())) as painter:
        loading = load_devices("auto", order.style.settings.traits.optimises)
        inputs = painter.read(order)
        finished = painter.paint(order, inputs, DeviceSlot(loading.result().first))
    data = encode.encode(finished.image, order.output, finished.photo)
    written = Image.open(io.BytesIO(data))
    picture = written.copy()
    picture.info = {name: written.info[name] for name in KEPT if name in written.info}
    return picture


def _painting_of(style: Picture) -> tuple[Picture, dict[str, Any]]:
    """Return the painting of a style, and the settings that the style has. Raises ConfigError."""
    if not isinstance(style, str) or PurePath(style).name != style or os.path.lexists(style):
        return style, {}
    if PurePath(style).suffix and not ready_styles.search(style):
        return style, {}  # A file that is missing.
    name = ready_styles.one(style)
    return ready_styles.path(name), ready_styles.own_settings(name)


def _added(files: FilesBucket, picture: Picture, what: str) -> Entry:
    if isinstance(picture, Image.Image):
        plain = picture if picture.mode in PNG_MODES else picture.convert("RGB")
        data = io.BytesIO()
        plain.save(data, "PNG", exif=picture.getexif(), compress_level=1)
        return files.add(f"the {what}", data.getvalue())
    path = fspath(picture)
    try:
        return files.add(path, Path(path).read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{what} {path!r} cannot be read: {reason}") from None
