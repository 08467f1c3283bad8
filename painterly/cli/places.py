"""The places on a command line: the files of one picture, or folders and buckets."""

import argparse
import os
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from painterly.cli.arguments import PLACES
from painterly.configuration.config import BUCKETS
from painterly.configuration.flags import Work
from painterly.errors import ConfigError
from painterly.images.output import OutputFormat
from painterly.settings import bucket_layout, ready_styles
from painterly.settings.installation import command
from painterly.storage.address import is_folder
from painterly.storage.files import storage_errors
from painterly.words.suggestions import did_you_mean
from painterly.words.wording import printable, shortened

STANDARD = "-"  # standard input or output, in the place of a file
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]+")  # no space, no capital letter
NO_RESULTS = "expected a folder or bucket, or as PHOTO a single picture"


def work_of(given: argparse.Namespace, start: Path) -> Work:
    """Return what a command line paints: PHOTO, PAINTING … RESULT, or PHOTO and a ready style, or
    PHOTOS PAINTINGS RESULTS.

    Args:
        given: What is given.
        start: The folder of relative paths.
    """
    if "from_record" in given:
        return Work.PICTURE
    if "sheet" in given or len(given.places) < 2:
        return Work.FOLDERS
    if len(given.places) == 2:
        photo, style = given.places
        one = names_photo(photo, start) and names_style(style, start)
        return Work.PICTURE if one else Work.FOLDERS
    photo, *paintings, result = given.places
    if STANDARD in (photo, result):
        return Work.PICTURE
    elsewhere = ("://" in photo and not _is_on_the_web(photo)) or "://" in result
    if elsewhere or photo.startswith("file:") or (start / photo).is_dir():
        return Work.FOLDERS
    names_file = _names_picture(result) and not (start / result).is_dir()
    one = names_file if len(paintings) == 1 else _names_picture(photo)
    return Work.PICTURE if one else Work.FOLDERS


def names_photo(place: str, start: Path) -> bool:
    """Return whether a place can only be one photo: a file here, or the name of a picture that is
    no folder."""
    if place == STANDARD:
        return True
    if "://" in place or place.startswith("file:"):
        return False
    named, path = _names_picture(place), start / place
    with suppress(OSError):  # It may be in a folder that may not be read.
        return path.is_file() or (named and not path.is_dir())
    return named


def names_style(word: str, start: Path = Path()) -> bool:
    """Return whether a word can be the name of a ready style, or a list of them: nothing here has
    that name."""
    plain = PurePath(word).name == word and not _names_picture(word) and word != STANDARD
    return plain and not os.path.lexists(start / word)


def pictures_of(places: Sequence[str], output: OutputFormat) -> list[list[str]]:
    """Return PHOTO, PAINTING … and RESULT of each picture that a command line names, with ready
    styles by their own names.

    A list of ready styles makes one picture in each. Its result ends in the style's name. If only
    PHOTO and ready styles are given, the results are stored next to the photo.

    Args:
        places: The words of the command line.
        output: The format of results that it does not name.

    Raises:
        ConfigError: Words are missing, or one is not a painting.
    """
    alone = len(places) == 2 and names_style(places[1])
    if len(places) < 3 and not alone:
        got = " ".join(places) or "none"
        raise ConfigError(f"expected BASE, one or more REF, and PREFIX; got {got}")
    photo, *refs, result = (*places, "") if alone else tuple(places)
    styles = [_styles_of(ref, result) if names_style(ref) else (ref,) for ref in refs]
    several = next((ref for ref, names in zip(refs, styles, strict=True) if len(names) > 1), None)
    if not alone and several is None:
        return [[photo, *(name for (name,) in styles), result]]
    if len(refs) > 1:
        raise ConfigError(
            f"{several} is a picture in each style; to blend them in one, write spaces instead of "
            "commas"
        )
    if STANDARD in (result, photo if alone else ""):
        raise ConfigError(f"{photo} in {refs[0]} needs the name of a file as its result")
    if alone:
        result = f"{photo.removesuffix(PurePath(photo).suffix)}.{output.extension(photo)}"
    end = PurePath(result).suffix if _names_picture(result) else ""
    start = result.removesuffix(end)
    return [[photo, name, f"{start}-{name}{end}"] for name in styles[0]]


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
        if len(places) == 1 and names_style(places[0], start) and ready_styles.search(places[0]):
            raise ConfigError(
                f"{places[0]} is a ready style; expected the photo before it, as in "
                f"{command()} beach.jpg {shlex.quote(places[0])}"
            )
        raise ConfigError(
            f"expected {', '.join(names)}, or none of them; got {' '.join(places)}"
            + (f", so {missing} {'are' if ' and ' in missing else 'is'} missing" if missing else "")
        )
    ready = _ready_styles(places[1], start, names_photo(places[0], start))
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


def _styles_of(word: str, result: str) -> tuple[str, ...]:
    """Return the ready styles that a word names for single pictures. Raises ConfigError."""
    if word == ready_styles.ALL:
        got = f"; got {result!r}" if result else ""
        raise ConfigError(
            f"all paints a picture in each ready style, into a folder such as ./out{got}"
        )
    is_list = "," in word
    if not is_list and not ready_styles.search(word):
        raise ConfigError(
            f"painting {shortened(word)} is neither a file nor a ready style; "
            f"{ready_styles.hint(word)}"
        )
    try:
        names = ready_styles.named(word)
    except ConfigError as error:
        raise ConfigError(
            f"painting is {shortened(word)}; {error}" if is_list else f"{error}"
        ) from None
    if not names:
        raise ConfigError(f"{shortened(word)} names no painting")
    return names


def _ready_styles(place: str, start: Path, one_photo: bool) -> str | None:
    """Return PAINTINGS if it names ready styles, or a list of them, and nothing here has that name.

    Unless the photo is a file, a word that may be a bucket does so only by a style's own name.

    Raises ConfigError for a list with a name that there is not.
    """
    known = (*ready_styles.tables(), ready_styles.ALL)
    is_list = "," in place and "/" not in place
    named = place in known
    if one_photo or not _BUCKET.fullmatch(place):
        named = named or bool(names_style(place, start) and ready_styles.search(place))
    if not (is_list or named) or os.path.lexists(start / place):
        return None
    try:
        return ",".join(ready_styles.named(place))
    except ConfigError as error:
        raise ConfigError(f"{PLACES[1]} is {place!r}; {error}") from None


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
