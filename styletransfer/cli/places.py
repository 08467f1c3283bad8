"""PHOTOS, PAINTINGS and RESULTS on the command line of start.sh, as variables."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from styletransfer import bucket_layout
from styletransfer.config import BUCKETS
from styletransfer.errors import ConfigError
from styletransfer.log import printable
from styletransfer.storage.address import is_folder
from styletransfer.storage.files import storage_errors

PLACES = ("PHOTOS", "PAINTINGS", "RESULTS")


def variables(places: Sequence[str], start: Path) -> dict[str, str]:
    """Return the variables for PHOTOS, PAINTINGS and RESULTS.

    Args:
        places: Three folders or buckets; the first two may also be a single picture.
        start: The folder of relative paths.

    Raises:
        ConfigError: There are not three, or one may be a folder or a bucket.
    """
    if len(places) != len(PLACES):
        raise ConfigError(f"expected {', '.join(PLACES)}, or none of them; got {' '.join(places)}")
    photos, paintings, results = (
        _located(place, name, start) for place, name in zip(places, PLACES, strict=True)
    )
    if _is_picture(results):
        raise ConfigError(
            f"RESULTS is {places[2]!r}; expected a folder or bucket; inetwork.py paints a file"
        )
    values = dict(zip(BUCKETS, (photos, paintings, results), strict=True))
    for variable, one, place in zip(BUCKETS, ("PHOTO", "LOOK"), (photos, paintings), strict=False):
        if _is_picture(place):
            folder, _, values[one] = place.rpartition("/")
            values[variable] = folder or "/"
    if "LOOK" in values:
        values["STYLE_MODE"] = "each"
    return values


def _located(place: str, name: str, start: Path) -> str:
    """A place as a value of BUCKET_*."""
    if place.startswith("file:"):
        return place
    try:
        path = start / Path(place).expanduser()
    except RuntimeError:  # The home of an unknown user, as its address says.
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
    return place


def _is_picture(place: str) -> bool:
    named = PurePosixPath(place).suffix.lower() in bucket_layout.PICTURES
    if not named or "/" not in place:
        return False
    with storage_errors(printable(place)):
        return not Path(place).is_dir()
