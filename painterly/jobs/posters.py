"""The posters of the web service: their paper, and where each picture hangs."""

from pathlib import PurePosixPath

from painterly.bench.desk import LARGEST_SIDE
from painterly.bench.reading import Read
from painterly.bench.sheet import HungAs, proportions
from painterly.images.hanging import WIDTH, Look, hang
from painterly.jobs.presets import print_dpi
from painterly.jobs.schemas import Hanging, HungPicture
from painterly.jobs.store import StoredJob
from painterly.orders.styles import Style
from painterly.settings import paper
from painterly.words.style_title import name_in_words

SCREEN = (1600, 2560)  # px of the shorter and the longer side


def size_of(hanging: Hanging) -> tuple[int, int]:
    """Return a poster's width and height in px."""
    shorter, longer = SCREEN
    if hanging.paper != "screen":
        shorter, longer = paper.sides_px(hanging.paper, 0, print_dpi(hanging.paper))
    return (shorter, longer) if hanging.upright else (longer, shorter)


def look_of(hanging: Hanging) -> Look:
    """Return how a poster looks."""
    width, height = size_of(hanging)
    return Look(width / height, hanging.edge, hanging.frame, hanging.plates, hanging.seed)


def hung(hanging: Hanging, styles: list[Style], read: Read) -> tuple[list[HungPicture], int]:
    """Return the places of the pictures of some styles, and the longer side in px at which each of
    them is painted. `read` reads the files of paintings."""
    places = hang(proportions(read, styles), look_of(hanging))
    pictures = [
        HungPicture(style=style.name, **place._asdict())
        for style, place in zip(styles, places, strict=True)
    ]
    largest = max(max(each.width, each.height) for each in places)
    return pictures, min(LARGEST_SIDE, round(largest * size_of(hanging)[0] / WIDTH))


def hung_as(job: StoredJob, read: Read) -> HungAs:
    """Return how the poster of a job is hung."""
    hanging = job.hanging or Hanging()
    title = hanging.title.strip() or name_in_words(PurePosixPath(job.photo).stem)
    after, width = hanging.after.strip(), size_of(hanging)[0]
    return HungAs(look_of(hanging), width, (title, after), hanging.language, read)
