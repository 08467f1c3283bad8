"""The places on a command line: the files of one picture, or folders and buckets.

First the places together, which become variables; then what is said of those that fit nothing; at
the end what a single place is, as far as its spelling and the files here tell.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from painterly.cli.arguments import PLACES
from painterly.configuration.config import BETWEEN_PHOTOS, BUCKETS, Config
from painterly.errors import ConfigError, NoAccountError
from painterly.settings import bucket_layout, ready_styles
from painterly.settings.installation import command
from painterly.storage.address import is_folder, with_home
from painterly.storage.files import storage_errors
from painterly.words.suggestions import did_you_mean
from painterly.words.wording import printable, shortened

STANDARD = "-"  # standard input or output, in the place of a file
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]+")  # no space, no capital letter
NO_RESULTS = "expected a folder or bucket, or as PHOTO a single picture"


def place_variables(
    places: Sequence[str], start: Path, names: Sequence[str] = PLACES
) -> dict[str, str]:
    """Return the variables for PHOTOS, PAINTINGS and RESULTS, or the first two of them. Each is a
    folder or bucket; the first two may also be a single picture, and the first one several
    pictures. Raises ConfigError if there are more or fewer, or one may be a folder or a bucket."""
    photos, places = _photos(places, names, start)
    _check_words(places, names, start)
    ready = _ready_styles(places[1], start, names_photo(places[0], start))
    if len(names) == len(PLACES) and is_photo(places[0], start):
        photo, painting, result = places
        places = [photo, _folder_here(painting, start), _result_for_photos(painting, result, start)]
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
    if photos:
        values[BUCKETS[0]], values["PHOTO"] = _common_folder(photos, start)
    if "STYLE" in values:
        values["STYLE_MODE"] = "each"
    if ready:
        values["STYLES"] = ready
    return values


def _check_words(places: Sequence[str], names: Sequence[str], start: Path) -> None:
    if len(places) != len(names):
        missing = " and ".join(names[len(places) :])
        if len(places) == 1 and names_style(places[0], start) and ready_styles.search(places[0]):
            raise ConfigError(no_photo_before(places[0], "beach.jpg"))
        raise ConfigError(
            f"expected {', '.join(names)}, or none of them; got {' '.join(places)}"
            + (f", so {missing} {'are' if ' and ' in missing else 'is'} missing" if missing else "")
        )
    for place, name in zip(places, names, strict=True):
        if not place.strip():
            raise ConfigError(f"{name} is empty, as a variable is that was not set")


def _photos(
    places: Sequence[str], names: Sequence[str], start: Path
) -> tuple[list[str], list[str]]:
    """Return the photos if several are named, and the places with the first one in their place.
    Raises ConfigError if one is not a file."""
    photos, others = [*places[: 1 - len(names)]], [*places[1 - len(names) :]]
    are_named = any(names_photo(each, start) for each in photos)
    if len(places) <= len(names) or not are_named:
        return [], [*places]
    for photo in photos:
        if is_photo(photo, start) or is_folder_here(photo, start):
            continue
        if photo == photos[-1] and _lacks_quotes(photo, others[0]):
            raise ConfigError(
                f"photo {photo!r} is not a file here; {ready_styles.hint(photo, others[0])}"
            )
        if is_ready_style(photo, start):
            listed = ",".join(word.strip(",") for word in (photo, others[0]))
            several = (
                f"write several styles with commas, as in {listed}"
                if is_ready_style(others[0], start)
                else "name all photos, then one painting or ready style"
            )
            raise ConfigError(f"{shortened(photo)} is a ready style among the photos; {several}")
        check_not_on_the_web(photo, "photo")
        path = here(photo, start)
        raise ConfigError(f"photo {photo!r} is not a file here{similar_picture(path)}")
    if folder := next((each for each in photos if not is_photo(each, start)), ""):
        raise ConfigError(
            f"{shortened(folder)} is a folder among the photos; expected {', '.join(names)}, with "
            "one folder as PHOTOS, or photos"
        )
    return photos, [photos[0], *others]


def _common_folder(photos: Sequence[str], start: Path) -> tuple[str, str]:
    """Return the folder that has all photos, and their keys in there, as PHOTO takes them. Raises
    ConfigError."""
    paths = [here(photo, start) for photo in photos]
    # Links to their folders are followed: a folder of photos is not searched behind links.
    real = [path.parent.resolve() / path.name for path in paths]
    try:
        folder = os.path.commonpath([each.parent for each in real])
    except ValueError:  # Windows' drives have nothing in common.
        raise ConfigError("the photos are on several drives; paint those of each alone") from None
    keys = dict.fromkeys(each.relative_to(folder).as_posix() for each in real)
    return folder, BETWEEN_PHOTOS.join(keys)


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
    if not (is_list or named) or _is_taken(place, start):
        return None
    try:
        return ",".join(ready_styles.named(place))
    except ConfigError as error:
        raise ConfigError(f"{PLACES[1]} is {place!r}; {error}") from None


def _folder_here(place: str, start: Path) -> str:
    """Return PAINTINGS for photos that are files here: a folder here is one without ./ before it,
    too. Raises ConfigError if it may also be a ready style."""
    if not _may_be_bucket(place) or not is_folder_here(place, start):
        return place
    if not ready_styles.search(place):
        return f"./{place}"
    if not _is_taken(place, start):
        return place
    raise ConfigError(
        f"{shortened(place)} is a ready style, and a folder here has that name; write ./{place} "
        "for the paintings in the folder, or rename it"
    )


def _result_for_photos(painting: str, place: str, start: Path) -> str:
    """Return RESULTS for photos that are files here: a folder here is one without ./ before it,
    too. Raises ConfigError if it can be neither that nor a bucket."""
    if not _may_be_bucket(place):
        return place
    if means_folder(place, start):
        return f"./{place.rstrip('/' + os.sep)}"
    is_bucket = _BUCKET.fullmatch(place.partition("/")[0]) and not is_photo(place, start)
    if not is_bucket or is_ready_style(place, start):
        if _lacks_quotes(painting, place):
            where = "neither a folder here nor the name of a picture"
            hint = ready_styles.hint(painting, place)
            raise ConfigError(f"RESULT is {shortened(place)}, {where}; {hint}")
        raise ConfigError(no_result(place, start))
    return place


def _located(place: str, name: str, start: Path) -> str:
    if name != PLACES[-1]:
        check_not_on_the_web(place, name)
    if place.startswith("file:"):
        return place
    try:
        path = start / with_home(place)
    except RuntimeError:  # The home of an unknown user, which opening the address reports.
        return place
    if is_folder(place):
        # Logs and records show it as it is written, if that means the same here.
        return place if path.resolve() == with_home(place).resolve() else str(path)
    with storage_errors(f"{name} {printable(place)}"):
        is_file, is_dir = path.is_file(), path.is_dir()
    if is_file:
        return str(path)
    if is_dir and not place.startswith("s3://"):
        raise ConfigError(
            f"{name} is {place!r}, which would be a bucket, and a folder here has that name; write "
            f"./{place} for the folder or s3://{place} for the bucket"
        )
    if names_picture(place) and "/" not in place:
        problem = "there is no such file here" + similar_picture(path)
        raise ConfigError(f"{name} is {place!r}; {NO_RESULTS if name == PLACES[-1] else problem}")
    return place


def _is_picture(place: str) -> bool:
    if not names_picture(place) or not ("/" in place or is_folder(place)):
        return False
    with storage_errors(printable(place)):
        return not Path(place).is_dir()


def _parts(place: str) -> tuple[str, str]:
    if is_folder(place) and not place.startswith("file:"):
        return os.path.split(place)  # Path drops the ./ that makes it a folder.
    folder, _, name = place.rpartition("/")
    return folder, name


def no_bucket(places: Sequence[str], start: Path) -> str:
    """Return what to say if a word is not a bucket, and a photo here is painted: the first word
    that may be one. Empty if there is none, or its spelling says that it is one."""
    if len(places) < 2 or not is_photo(places[0], start):
        return ""
    *_, painting, result = places if len(places) > 2 else (*places, "./")
    is_known = is_photo(painting, start) or _ready_styles(painting, start, True)
    if _may_be_bucket(painting) and not is_known:
        unknown = "is neither a picture, a folder nor a ready style"
        after = places[2:] if names_style(result, start) else ()
        return f"painting {shortened(painting)} {unknown}; {ready_styles.hint(painting, *after)}"
    return no_result(result, start) if _may_be_bucket(result) else ""


def no_result(place: str, start: Path) -> str:
    """Return what to say of a RESULT that is neither a picture nor a folder."""
    if is_ready_style(place, start):
        return (
            f"{shortened(place)} is a ready style; expected a folder for the results after it, "
            "such as ./painted"
        )
    folder, picture = (shlex.quote(each) for each in (f"./{place}", f"{place}.jpg"))
    return (
        f"RESULT is {shortened(place)}, neither a folder here nor the name of a picture; name a "
        f"picture, such as {picture}, or a folder, such as {folder}"
    )


def no_photo_before(style: str, photo: str) -> str:
    return (
        f"{style} is a ready style; expected the photo before it, as in "
        f"{command()} {shlex.quote(photo)} {shlex.quote(style)}"
    )


@contextmanager
def or_ready_style(loaded: Config) -> Iterator[None]:
    """Add the ready styles that BUCKET_STYLE may mean to the error that there is no account: most
    users have no buckets. A user with photos or results in a bucket means a bucket."""
    try:
        yield
    except NoAccountError as error:
        in_folders = all(map(is_folder, (loaded.photo_bucket, loaded.result_bucket)))
        ready = " or ".join(ready_styles.similar(loaded.style_bucket or ""))
        if not (in_folders and ready):
            raise
        raise NoAccountError(f"{error}; or did you mean the ready style {ready}?") from None


def check_not_on_the_web(place: str, argument: str) -> None:
    """Raise ConfigError for an address of HTTP, naming its argument: nothing is downloaded."""
    if is_on_the_web(place):
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
    hint = did_you_mean(
        path.name, [each for each in names if names_picture(each) and each != path.name]
    )
    return f"; {hint}" if hint else ""


def here(place: str, start: Path) -> Path:
    """Return the path of a place on this machine, with ~ as the home: a shell leaves a quoted one
    as it is."""
    with suppress(RuntimeError):  # The home of an unknown user.
        return start / with_home(place)
    return start / place


def is_photo(place: str, start: Path) -> bool:
    """Return whether a place is a file here."""
    if "://" in place:
        return False
    with suppress(OSError):
        return here(place, start).is_file()
    return False


def is_folder_here(place: str, start: Path) -> bool:
    """Return whether a place is a folder here."""
    with suppress(OSError):  # A name that is too long, or a folder that may not be read.
        return here(place, start).is_dir()
    return False


def names_photo(place: str, start: Path) -> bool:
    """Return whether a place can only be one photo: a file here, or the name of a picture that is
    no folder."""
    if place == STANDARD:
        return True
    if "://" in place:
        return False
    named, path = names_picture(place), here(place, start)
    with suppress(OSError):  # It may be in a folder that may not be read.
        return path.is_file() or (named and not path.is_dir())
    return named


def names_picture(place: str) -> bool:
    """Return whether a place has the extension of a picture, or of another source of photos."""
    return bucket_layout.for_source(place)


def names_file(place: str, start: Path) -> bool:
    return names_picture(place) and not means_folder(place, start)


def means_folder(place: str, start: Path) -> bool:
    """Return whether a place is a folder, or can only be one."""
    if place.endswith(("/", os.sep)) or is_folder_here(place, start):
        return True
    return is_folder(place) and not names_picture(place)


def is_on_the_web(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))


def names_style(word: str, start: Path = Path()) -> bool:
    """Return whether a word can be the name of a ready style, or a list of them: nothing here has
    that name."""
    plain = PurePath(word).name == word and not names_picture(word) and word != STANDARD
    return plain and not _is_taken(word, start)


def _lacks_quotes(word: str, after: str) -> bool:
    """Return whether two words are a ready style's name, as in `starry night`."""
    return bool(ready_styles.search(f"{word} {after}"))


def is_ready_style(word: str, start: Path) -> bool:
    return names_style(word, start) and bool(ready_styles.search(word))


def _is_taken(word: str, start: Path) -> bool:
    """Return whether something here has a style's name, apart from its results in this folder: the
    same command is given again for the rest."""
    # In this order: is_dir() raises for a name that is too long, and lexists() does not.
    return os.path.lexists(start / word) and not (start / bucket_layout.RECORDS / word).is_dir()


def _may_be_bucket(place: str) -> bool:
    return "://" not in place and not is_folder(place)
