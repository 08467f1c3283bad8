"""What one word of a command line is, as far as its spelling and the files here tell."""

import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from painterly.errors import ConfigError
from painterly.settings import bucket_layout
from painterly.settings.installation import command
from painterly.storage.address import parse_address, with_home
from painterly.storage.file_names import stored_spelling
from painterly.words.suggestions import did_you_mean
from painterly.words.wording import shortened

STANDARD = "-"  # standard input or output, in the place of a file; among masks, none


def started_in() -> Path:
    """Return the folder of relative paths: start.sh has changed the current one."""
    return Path(os.environ.get("STARTED_IN") or os.curdir).absolute()


def here(place: str) -> Path:
    """Return the path of a place on this machine, with ~ as the home: a shell leaves a quoted one
    as it is."""
    with suppress(RuntimeError):  # The home of an unknown user.
        return started_in() / with_home(place)
    return started_in() / place


def on_disk(word: str) -> str:
    """Return a word as the disk spells it, with the home for ~: a shell leaves a quoted one as it
    is, and file managers copy files as file:///beach.jpg. Raises ConfigError."""
    if word.startswith("file:"):
        return str(parse_address(word))
    if word.startswith("~") and not os.path.lexists(started_in() / word):
        try:
            word = str(with_home(word))
        except RuntimeError:
            raise ConfigError(f"{word!r} is no user's home; write ./{word} for a file") from None
    return word if "://" in word else stored_spelling(started_in(), word)


def is_photo(place: str) -> bool:
    """Return whether a place is a file here, or a pipe."""
    path = here(place)
    with suppress(OSError):
        return "://" not in place and path.exists() and not path.is_dir()
    return False


def names_picture(place: str) -> bool:
    """Return whether a place has the extension of a picture, or of another source of photos."""
    return bucket_layout.for_source(place)


def names_style(word: str) -> bool:
    """Return whether a word can be the name of a ready style: it is no file, nor named as one."""
    plain = PurePath(word).name == word and not names_picture(word) and word != STANDARD
    return plain and not is_photo(word)


def on_the_web(place: str, *then: str) -> str:
    """Return how to download an address of HTTP, since this program does not, and paint it with the
    words `then`; an empty text for other places."""
    if not place.lower().startswith(("http://", "https://")):
        return ""
    name = PurePath(place.partition("?")[0]).name
    name = name if names_picture(name) else "photo.jpg"
    download = f"curl -L -o {shlex.quote(name)} {shlex.quote(place)}"
    paint = f" && {typed([name, *then])}" if then else ""
    return f"{shortened(place)} is on the web; download it first: {download}{paint}"


def typed(words: Sequence[str]) -> str:
    """Return a command line that can be pasted."""
    return f"{command()} {shlex.join(words)}"


def similar_picture(path: Path) -> str:
    """Return `; did you mean …?` with the picture in the folder of a missing file whose name is
    most similar, or an empty text."""
    try:
        names = sorted(each.name for each in path.parent.iterdir())
    except OSError:
        return ""
    others = [each for each in names if names_picture(each) and each != path.name]
    hint = did_you_mean(path.name, others)
    return f"; {hint}" if hint else ""


def ends_as_folder(place: str) -> bool:
    return place.endswith(("/", os.sep)) or place in (".", "..")
