"""The words of a command line: PHOTO … STYLE. The last one is the style, all before it are photos,
and the result goes behind -o.

A ConfigError of one line tells what cannot be meant: there is no such file, or it is not a picture;
there is no such style; several pictures would go into one file.
"""

import os
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from glob import has_magic
from itertools import chain
from pathlib import Path, PurePath

from painterly.cli.places import (
    STANDARD,
    ends_as_folder,
    here,
    is_photo,
    names_picture,
    names_style,
    on_the_web,
    similar_picture,
    started_in,
    typed,
)
from painterly.configuration.config import BETWEEN_PHOTOS, BUCKETS
from painterly.errors import ConfigError
from painterly.images.output import OutputFormat
from painterly.settings import ready_styles
from painterly.settings.installation import command
from painterly.storage.address import is_folder
from painterly.storage.base import hidden
from painterly.storage.files import storage_errors
from painterly.storage.foreign_files import matches
from painterly.words.suggestions import closest
from painterly.words.wording import printable, shortened

PAINTED = "./painted"  # where several pictures go
BUCKET = "s3://"
AND, BLENDED = ",", "+"  # between styles with a result each, and those of one blend
EXAMPLE, PHOTO = "hokusai", "beach.jpg"


@dataclass(frozen=True)
class Words:
    """What a command line paints.

    Attributes:
        photos: Files, or one folder, one bucket, or the standard input.
        paintings: The folder, the bucket, or the painting in a bucket that is the style; or empty.
        styles: The styles otherwise: each has the names of ready styles and the files of paintings
            that it blends.
        result: A file, or the folder or bucket of several; empty for a file beside the photo.
        is_one: Whether each picture is a file of its own, instead of all being in a folder or
            bucket.
    """

    photos: tuple[str, ...]
    paintings: str = ""
    styles: tuple[tuple[str, ...], ...] = ()
    result: str = ""
    is_one: bool = False

    @property
    def ready(self) -> list[str]:
        """The ready styles that are not blended."""
        return [style[0] for style in self.styles if _is_ready(style)]

    @property
    def painting(self) -> str:
        """The file of a painting that is the only style, or empty."""
        parts = self.styles[0] if len(self.styles) == 1 else ()
        return (
            parts[0] if len(parts) == 1 and not _is_ready(parts) and names_picture(parts[0]) else ""
        )

    @property
    def files(self) -> list[tuple[str, ...]]:
        """The other styles: blends, and files of paintings."""
        return [] if self.painting else [each for each in self.styles if not _is_ready(each)]


def _is_ready(style: Sequence[str]) -> bool:
    return len(style) == 1 and style[0] in ready_styles.tables()


def words_of(given: Sequence[str], output: str | None) -> Words:
    """Return what words, two or more, and -o ask for.

    Args:
        given: The words, as `matched` returns them.
        output: RESULT, or None.

    Raises:
        ConfigError: They cannot be meant.
        StorageError: A folder may not be read.
    """
    if not given:
        example = typed([PHOTO, EXAMPLE, "-o", "painted.jpg"])
        raise ConfigError(f"-o comes after a photo and a style: {example}")
    *photos, style = given
    if not all(word.strip() for word in (*given, "-" if output is None else output)):
        raise ConfigError(f"a word is empty, as a variable is that was not set: {[*given]}")
    both = f"{photos[-1]} {style}"
    if names_style(photos[-1]) and names_style(style) and ready_styles.search(both):
        raise ConfigError(f"there is no file {photos[-1]!r}; did you mean {both!r}, in quotes?")
    paintings, styles = _style(style, photos)
    for photo in photos:
        _check_photo(photo, [*given])
    names = [style_name(each) for each in styles]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"two styles are called {twice[0]}; rename a painting")
    is_file = len(photos) == 1 and (photos[0] == STANDARD or is_photo(photos[0]))
    is_one = is_file and bool(styles) and styles != _every()
    words = Words((*photos,), paintings, styles, "" if is_one else PAINTED, is_one)
    return words if output is None and photos != [STANDARD] else _into(words, output)


def _into(words: Words, output: str | None) -> Words:
    """Return words with a result. Raises ConfigError if that cannot have all pictures, or its name
    is not a picture's."""
    is_place, is_single = _is_place(output or ""), words.is_one and len(words.styles) == 1
    if words.photos == (STANDARD,) and (is_place or not is_single or output is None):
        raise ConfigError(
            "the photo is -, the standard input, which makes one picture: name one style, and a "
            f"file or - behind -o, as in {typed(['-', EXAMPLE, '-o', 'out.jpg'])}"
        )
    assert output is not None
    is_picture = output == STANDARD or names_picture(output)
    if is_single and not is_place:
        if PurePath(output).suffix and not is_picture:
            raise ConfigError(f"{output!r} does not end as a picture; write {output}.jpg")
        return replace(words, result=output)
    if is_picture and not is_place:
        folder = PurePath(PAINTED if output == STANDARD else output).stem
        raise ConfigError(
            f"several pictures would go into {shortened(output)}; for one of each, write "
            f"-o {shlex.quote(folder)}/"
        )
    return replace(words, result=output, is_one=False)


def variables(words: Words) -> dict[str, str]:
    """Return the variables of a batch that words stand for. Files of paintings have none."""
    values = {BUCKETS[2]: _address(words.result), "STYLE_MODE": "each"}
    if is_photo(words.photos[0]):
        values[BUCKETS[0]], values["PHOTO"] = common_folder(words.photos)
    else:
        values |= _parts(words.photos[0], BUCKETS[0], "PHOTO")
    if words.paintings:
        values |= _parts(words.paintings, BUCKETS[1], "STYLE")
    elif words.painting:
        values[BUCKETS[1]], values["STYLE"] = common_folder([words.painting])
    else:
        values |= {BUCKETS[1]: "", "STYLES": ",".join(words.ready) or ready_styles.NONE}
    return values


def beside(photo: str, style: Sequence[str], form: str | None) -> str:
    """Return the name of a result beside its photo."""
    extension = OutputFormat(form).extension(photo)
    return f"{photo.removesuffix(PurePath(photo).suffix)}-{style_name(style)}.{extension}"


def style_name(style: Sequence[str]) -> str:
    """Return the name of a style: those of what it blends."""
    return BLENDED.join(
        each if each in ready_styles.tables() else PurePath(each).stem for each in style
    )


def matched(words: Sequence[str]) -> list[str]:
    """Return the words of a command line, and instead of a pattern that no shell has expanded, the
    pictures that it matches, if there are any. The last word is taken as it is."""
    return [*chain.from_iterable(map(_matched, words[:-1])), *words[-1:]]


def _matched(word: str) -> list[str]:
    folder, name = os.path.split(word)
    if "://" in word or not has_magic(word) or os.path.lexists(here(word)):
        return [word]
    found = []
    for each in sorted(started_in().glob(folder)) if has_magic(folder) else [here(folder)]:
        with suppress(OSError):
            names = sorted(one.name for one in each.iterdir())
            where = os.path.relpath(each, started_in()) if has_magic(folder) else folder
            found += [str(Path(where, one)) for one in names if matches(one, [name])]
    return [each for each in found if names_picture(each) and not hidden(each)] or [word]


def _style(word: str, photos: Sequence[str]) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """Return the paintings or the styles of Words that the last word means."""
    if is_photo(word):
        return "", ((_as_file(word),),)
    if word.startswith(BUCKET) or (not _called(word) and _is_dir(word)):
        return word, ()
    if word == ready_styles.ALL:
        return "", _every()
    try:
        styles = dict.fromkeys(
            tuple(map(part_of_style, style.split(BLENDED))) for style in word.split(AND)
        )
    except ConfigError:
        if len(photos) > 1 and _is_style(photos[-1]):
            # Another photo is a painting as well: it does not tell a result from a misspelt style.
            is_misspelt = names_style(word) and bool(ready_styles.similar(word))
            if not (is_misspelt and is_photo(photos[-1])):
                raise ConfigError(_behind_o(photos, word)) from None
        raise
    return "", (*styles,)


def part_of_style(word: str) -> str:
    """Return the file of a painting, or the name of the ready style that is called so. Raises
    ConfigError."""
    word = word.strip()
    if not word:
        raise ConfigError("a style between commas or + is empty; name one, or leave the sign out")
    if is_photo(word):
        return _as_file(word)
    if _called(word):
        return ready_styles.one(word)  # Or it raises an error that names several.
    if refusal := on_the_web(word):
        raise ConfigError(refusal)
    if word.startswith(BUCKET) or _is_dir(word):
        what = "in a bucket" if word.startswith(BUCKET) else "a folder"
        raise ConfigError(f"{shortened(word)} is {what}; a list has ready styles and files")
    if not names_style(word):
        raise ConfigError(_no_file(word))
    hint = ready_styles.hint(word)
    also = " Or" if hint.endswith("?") else ", or"
    raise ConfigError(f"there is no style {shortened(word)}; {hint}{also} give a painting's file")


def _called(word: str) -> list[str]:
    """Return the ready styles that a word may name, unless it is a file, or named as one."""
    return ready_styles.search(word) if names_style(word) else []


def _as_file(painting: str) -> str:
    """Return the file of a painting in a spelling that is no name of a ready style."""
    return f"./{painting}" if painting in ready_styles.tables() else painting


def _check_photo(photo: str, given: list[str]) -> None:
    """Raise ConfigError if a word is no photo, nor the only folder or bucket."""
    others, style = given[:-1], given[-1]
    if photo == STANDARD or photo.startswith(BUCKET) or _is_dir(photo):
        if len(others) > 1:
            raise ConfigError(
                f"{shortened(photo)} is not a file among photos; a folder, a bucket or - is the "
                f"only PHOTO, as in {typed([photo, EXAMPLE])}"
            )
        return
    if is_photo(photo):
        if len(others) > 1 and not names_picture(photo):
            raise ConfigError(f"{shortened(photo)} is not a picture, by the end of its name")
        return
    if refusal := on_the_web(photo, style):
        raise ConfigError(refusal)
    if photo != others[0] and photo == others[-1] and _is_style(photo):
        raise ConfigError(_behind_o(others, style))
    if names_style(photo):
        files = [word for word in given if is_photo(word) and names_picture(word)]
        named = [photo] if _called(photo) else ready_styles.similar(photo) or [EXAMPLE]
        raise ConfigError(
            f"there is no photo {shortened(photo)}; photos go first and the style last, several "
            f"with commas, as in {typed([*(files or [PHOTO]), named[0]])}"
        )
    raise ConfigError(_no_file(photo))


def no_photo(word: str, commands: Iterable[str]) -> str:
    """Return what to say of a single word that is neither a photo nor one of the commands."""
    if refusal := on_the_web(word, EXAMPLE):
        return refusal
    if _called(word):
        return f"{word} is a style; the photo goes first: {typed([PHOTO, word])}"
    if names_style(word) and (close := closest(word, commands)):
        return f"there is no command {word!r}; did you mean {command(close)}?"
    if word.startswith(BUCKET) or _is_dir(word):
        return f"{shortened(word)} needs a style, as in {typed([word, EXAMPLE])}"
    return f"{_no_file(word)}; {command()} --help lists the commands"


def _no_file(word: str) -> str:
    return f"there is no file {word!r}{similar_picture(here(word))}"


def _behind_o(photos: Sequence[str], result: str) -> str:
    return f"the result goes behind -o: {typed([*photos, '-o', result])}"


def _is_style(word: str) -> bool:
    with suppress(ConfigError):
        return bool(_style(word, ()))
    return False


def _is_place(result: str) -> bool:
    if result == STANDARD:
        return False
    return result.startswith(BUCKET) or ends_as_folder(result) or _is_dir(result)


def _is_dir(place: str) -> bool:
    """Return whether a place is a folder here. Raises StorageError if it may not be looked at."""
    if "://" in place:
        return False
    with storage_errors(printable(place)):
        try:
            return here(place).is_dir()
        except OSError as error:
            if isinstance(error, PermissionError):
                raise
            return False  # A name that is too long.


def _every() -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in ready_styles.tables())


def _address(place: str) -> str:
    if place.startswith(BUCKET):
        return place
    # Logs and records show it as it is written, if that means the same here.
    path = here(place)
    if path.resolve() != Path(place).resolve():
        return str(path)
    return place if is_folder(place) else f"./{place}"


def _parts(place: str, variable: str, one: str) -> dict[str, str]:
    """Return the variables of a folder, a bucket, or one picture in a bucket."""
    if place.startswith(BUCKET) and names_picture(place):
        folder, _, name = place.rpartition("/")
        return {variable: folder, one: name}
    return {variable: _address(place)}


def common_folder(photos: Sequence[str]) -> tuple[str, str]:
    """Return the folder that has all photos, and their keys in there, as PHOTO takes them. Raises
    ConfigError."""
    paths = [here(photo) for photo in photos]
    # Links to their folders are followed: a folder of photos is not searched behind links.
    real = [path.parent.resolve() / path.name for path in paths]
    try:
        folder = os.path.commonpath([each.parent for each in real])
    except ValueError:  # Windows' drives have nothing in common.
        raise ConfigError("the photos are on several drives; paint those of each alone") from None
    keys = dict.fromkeys(each.relative_to(folder).as_posix() for each in real)
    return folder, BETWEEN_PHOTOS.join(keys)
