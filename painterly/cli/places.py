"""Names of files on a command line that lead nowhere, and what was probably meant."""

from pathlib import Path, PurePath

from painterly.errors import ConfigError
from painterly.settings.bucket_layout import picture_extensions
from painterly.words.suggestions import did_you_mean
from painterly.words.wording import shortened


def is_on_the_web(place: str) -> bool:
    """Return whether a place is an address of HTTP."""
    return place.lower().startswith(("http://", "https://"))


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
    pictures = [each for each in names if PurePath(each).suffix.lower() in picture_extensions()]
    hint = did_you_mean(path.name, pictures)
    return f"; {hint}" if hint else ""
