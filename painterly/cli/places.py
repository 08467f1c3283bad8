"""The places on a command line: the files of one picture, or folders and buckets."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path, PurePath

from painterly.cli.arguments import PLACES
from painterly.configuration.config import BUCKETS
from painterly.configuration.flags import Work
from painterly.errors import ConfigError
from painterly.settings import bucket_layout, ready_styles
from painterly.storage.address import is_folder
from painterly.storage.files import storage_errors
from painterly.words.suggestions import did_you_mean
from painterly.words.wording import printable, shortened

STANDARD = "-"  # standard input or output, in the place of a file
NO_RESULTS = "expected a folder or bucket, or as PHOTO a single picture"


def work_of(given: argparse.Namespace, start: Path) -> Work:
    """Return what a command line paints: PHOTO, PAINTING … RESULT, or PHOTOS PAINTINGS RESULTS.

    Args:
        given: What is given.
        start: The folder of relative paths.
    """
    if "from_record" in given:
        return Work.PICTURE
    if "sheet" in given or len(given.places) < 3:
        return Work.FOLDERS
    photo, *paintings, result = given.places
    if STANDARD in (photo, result):
        return Work.PICTURE
    elsewhere = ("://" in photo and not _is_on_the_web(photo)) or "://" in result
    if elsewhere or photo.startswith("file:") or (start / photo).is_dir():
        return Work.FOLDERS
    names_file = _names_picture(result) and not (start / result).is_dir()
    one = names_file if len(paintings) == 1 else _names_picture(photo)
    return Work.PICTURE if one else Work.FOLDERS


def place_variables(
    places: Sequence[str], start: Path, names: Sequence[str] = PLACES
) -> dict[str, str]:
    """Return the variables for PHOTOS, PAINTINGS and RESULTS.

    Args:
        places: A folder or bucket for each of `names`; the first two may also be a single picture.
        start: The folder of relative paths.
        names: PLACES, or the first two.

    Raises:
        ConfigError: There are more or fewer, or one may be a folder or a bucket.
    """
    if len(places) != len(names):
        missing = " and ".join(names[len(places) :])
        raise ConfigError(
            f"expected {', '.join(names)}, or none of them; got {' '.join(places)}"
            + (f", so {missing} {'are' if ' and ' in missing else 'is'} missing" if missing else "")
        )
    ready = _ready_styles(places[1], start)
    located = [
        "" if ready and name == PLACES[1] else _located(place, name, start)
        for place, name in zip(places, names, strict=True)
    ]
    if len(located) == len(PLACES) and _is_picture(located[2]):
        raise ConfigError(f"RESULTS is {places[2]!r}; {NO_RESULTS}")
    values = dict(zip(BUCKETS, located, strict=False))
    for variable, one in zip(BUCKETS[:2], ("PHOTO", "STYLE"), strict=True):
        if _is_picture(values[variable]):
            values[variable], values[one] = _parts(values[variable])
    if "STYLE" in values:
        values["STYLE_MODE"] = "each"
    if ready:
        values["STYLES"] = ready
    return values


def check_not_on_the_web(place: str, argument: str) -> None:
    """Raise ConfigError for an address of HTTP, naming its argument: nothing is downloaded."""
    if _is_on_the_web(place):
        raise ConfigError(
            f"{argument} is {shortened(place)}, an address on the web; download the picture first, "
            "and name its file"
        )


def similar_picture(path: Path) -> str:
    """Return `; did you mean …?` with the picture in the folder of a missing file whose name is
    most similar, or an empty text."""
    try:
        names = sorted(each.name for each in path.parent.iterdir())
    except OSError:
        return ""
    hint = did_you_mean(path.name, [each for each in names if _names_picture(each)])
    return f"; {hint}" if hint else ""


def _ready_styles(place: str, start: Path) -> str | None:
    """Return PAINTINGS if it names ready styles, or a list of them, and nothing here has that name.

    Raises ConfigError for a list with a name that there is not.
    """
    known = (*ready_styles.tables(), ready_styles.ALL)
    is_list = "," in place and "/" not in place
    if not (is_list or place in known) or os.path.lexists(start / place):
        return None
    try:
        ready_styles.named(place)
    except ConfigError as error:
        raise ConfigError(f"{PLACES[1]} is {place!r}; {error}") from None
    return place


def _located(place: str, name: str, start: Path) -> str:
    """Return a place as a value of BUCKET_*."""
    if name != PLACES[-1]:
        check_not_on_the_web(place, name)
    if place.startswith("file:"):
        return place
    try:
        path = start / Path(place).expanduser()
    except RuntimeError:  # The home of an unknown user, which opening the address reports.
        return place
    if is_folder(place):
        # Logs and records show it as it is written, if that means the same here.
        return place if path.resolve() == Path(place).expanduser().resolve() else str(path)
    with storage_errors(f"{name} {printable(place)}"):
        is_file, is_dir = path.is_file(), path.is_dir()
    if is_file:
        return str(path)
    if is_dir and not place.startswith("s3://"):
        raise ConfigError(
            f"{name} is {place!r}, which would be a bucket, and a folder here has that name; write "
            f"./{place} for the folder or s3://{place} for the bucket"
        )
    if _names_picture(place) and "/" not in place:
        problem = "there is no such file here" + similar_picture(path)
        raise ConfigError(f"{name} is {place!r}; {NO_RESULTS if name == PLACES[-1] else problem}")
    return place


def _parts(place: str) -> tuple[str, str]:
    """Return the folder or bucket of a picture, and its name in there."""
    if is_folder(place) and not place.startswith("file:"):
        return os.path.split(place)  # Path drops the ./ that makes it a folder.
    folder, _, name = place.rpartition("/")
    return folder, name


def _names_picture(place: str) -> bool:
    return PurePath(place).suffix.lower() in bucket_layout.picture_extensions()


def _is_picture(place: str) -> bool:
    if not _names_picture(place) or not ("/" in place or is_folder(place)):
        return False
    with storage_errors(printable(place)):
        return not Path(place).is_dir()


def _is_on_the_web(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))
