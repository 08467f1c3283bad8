"""The styles that a command line names by files of paintings, as a bucket."""

import json
from collections.abc import Mapping, Sequence
from glob import escape
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from painterly.cli.places import here, names_picture
from painterly.cli.words import Words, style_name
from painterly.errors import ConfigError
from painterly.settings import ready_styles
from painterly.settings.bucket_layout import STYLES
from painterly.storage.files import storage_errors
from painterly.words.wording import printable

if TYPE_CHECKING:
    from painterly.storage.files_bucket import FilesBucket


def named_paintings(
    words: Words | None,
    shares: Sequence[float] | None,
    given: Mapping[str, Any],
) -> "FilesBucket | None":
    """Return a bucket with the paintings of styles that are files or blends, with their masks, and
    a `styles.toml`; None if there are none.

    Args:
        words: The words of a command line.
        shares: The share of each painting in a blend; None for equal ones.
        given: The settings that override those of ready styles.

    Raises:
        ConfigError: There is another number of shares.
        StorageError: A painting cannot be read.
    """
    from painterly.storage.files_bucket import FilesBucket

    blends = words.files if words else []
    if shares is not None and all(len(style) == 1 for style in blends):
        raise ConfigError("--shares are those of a blend, as in monet.jpg+hokusai")
    if not blends:
        return None
    files, tables = FilesBucket(), dict[str, str]()
    for style in blends:
        name, keys = style_name(style), [_add(files, each) for each in style]
        paintings = dict(zip(keys, _parts(shares, len(keys)), strict=True))
        lines = [f"{json.dumps(key)} = {share}" for key, share in paintings.items()]
        settings = ready_styles.common_settings(style)
        tables[name] = f"[{json.dumps(name)}]\npaintings = {{ {', '.join(lines)} }}\n" + "".join(
            f"{key} = {json.dumps(value)}\n" for key, value in settings.items() if key not in given
        )
    files.add(STYLES, "".join(tables.values()).encode())
    return files


def _add(files: "FilesBucket", painting: str) -> str:
    """Add a painting with its masks, and return its key."""
    is_ready = painting in ready_styles.tables()
    path = ready_styles.path(painting) if is_ready else here(painting)
    key = f"{len([*files.list()])}/{path.name}"
    key += "" if names_picture(path.name) else ".jpg"  # Its content decides what it is.
    with storage_errors(printable(painting)):
        for mask in sorted(path.parent.glob(f"{escape(path.stem)}*.mask.*")):
            files.add(str(PurePath(key).with_name(mask.name)), mask.read_bytes())
        return files.add(key, path.read_bytes()).key


def _parts(shares: Sequence[float] | None, count: int) -> Sequence[float]:
    if shares is None or len(shares) == 1 or count == 1:
        return [1.0] * count
    if len(shares) != count:
        raise ConfigError(f"--shares has {len(shares)} values for {count} paintings")
    return shares
