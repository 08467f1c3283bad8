"""A story: one photo in a few styles, painted at once, as a clip or an animated picture."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from painterly.configuration.config import Config
from painterly.engine.looked_at import LEAST, LookedAt
from painterly.engine.subject import subject_of
from painterly.errors import ConfigError
from painterly.images import story
from painterly.images.picture_file import PictureFile
from painterly.orders.buckets import Buckets
from painterly.orders.selection import Selection
from painterly.orders.styles import Style
from painterly.painters.reading import decodable_memory
from painterly.painters.sheet import Sheet
from painterly.settings.kindness import KIND_TO
from painterly.signals import CheckStop


def select_for_story(selection: Selection, config: Config, buckets: Buckets) -> Selection:
    """Return a selection with as many styles as a story shows. Raises ConfigError if it has several
    photos, or a PainterlyError if the photo cannot be read."""
    if len(selection.photos) > 1:
        raise ConfigError(f"a story has one photo, and there are {len(selection.photos)}")
    if len(selection.styles) <= story.MOST_PAINTINGS:
        return selection
    (photo,) = selection.photos
    file = PictureFile(buckets.source.read(photo.key), photo.key)
    pixels = np.asarray(file.reduced(LEAST, decodable_memory(config.memory_limit)))
    return replace(selection, styles=kindest(selection.styles, pixels))


def kindest(styles: Sequence[Style], photo: np.ndarray) -> list[Style]:
    """Return the styles of a story, those that are kind to what a photo [H, W, 3] shows first."""
    subject = subject_of(LookedAt.of(photo))
    kind = KIND_TO[subject] if subject else ()
    rank = {name: number for number, name in enumerate(kind)}
    ranked = sorted(styles, key=lambda each: rank.get(each.name, len(rank)))
    return ranked[: story.MOST_PAINTINGS]


def told(
    sheet: Sheet, extension: str, limit: int | None, check_stop: CheckStop
) -> tuple[np.ndarray, bytes]:
    """Return a picture of a story, uint8 [H, W, 3], and its file.

    Args:
        sheet: The sheet with its pictures.
        extension: As in `story_file`.
        limit: The limit of memory, as in `stylize`.
        check_stop: As in `story_file`.
    """
    pictures = [pixels for pixels, _ in sheet.cells]
    # The line is in its middle.
    shown = next(islice(story.images(pictures), story.WIPE // 2, None))
    return np.asarray(shown), story_file(pictures, extension, decodable_memory(limit), check_stop)


def story_file(
    pictures: Sequence[np.ndarray], extension: str, memory: int, check_stop: CheckStop
) -> bytes:
    """Return the file of a story.

    Args:
        pictures: The photo and its paintings, uint8 [h, w, 3].
        extension: `webp` or `mp4`.
        memory: The most bytes that encoding may take.
        check_stop: Is called for each image, and may raise an exception.

    Raises:
        PictureError: It cannot be encoded.
    """
    if extension == "webp":
        return story.webp_of(pictures, check_stop)
    from painterly.video.writing import joined, writing

    with TemporaryDirectory(prefix="painterly-") as folder:
        target = Path(folder, f"pictures.{extension}")
        size = story.HEIGHT, story.WIDTH
        with writing(target, "the story", memory, Fraction(story.RATE), size) as add:
            for image in _frames(pictures):
                check_stop()
                add(image)
        return joined(target, None, memory).read_bytes()


def _frames(pictures: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    for image, length in zip(story.images(pictures), story.lengths(len(pictures)), strict=True):
        frame = np.asarray(image)
        for _ in range(length):
            yield frame
