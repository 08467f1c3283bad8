"""The packages that add kinds of sources, such as clips, each by its module `plugin`.

A source of such a kind is many photos: its order becomes orders of parts, which are painted as
photos are, and its records are collected. A plug-in has:

- `EXTENSIONS`: those of its files, in lower case and with a dot
- `chosen(keys, asked)`: the keys of those to paint here, among them those that were asked for, if
  any. It logs which are left out
- `TITLE`, `FLAGS`: flags for one source on the command line: form and help of each, by its name
- `result_extension(photo)`: the extension of a result without the dot, or None for other photos
- `lacking(name)`: what to say of a source if the libraries that read it are not installed
- `is_painted_alone(photo, result)`: whether the command line names a source, not a photo

It is imported with the settings, so it names what else it has, which is imported later:

- `SENT`: of data, name, most and available, a `Sent` of a file that a visitor of the service has
  sent, None for another file by its content, or PictureError, also for a part with more than
  `most` pixels, and if reading it takes more than the bytes that are available
- `VIEW`: of the bucket of photos, that bucket with all parts as files that are not listed
- `IN_PARTS`: of a plan and that bucket, a plan with orders of parts in the place of the sources'
- `COLLECTOR`: of a bench and a plan, an object with `took(record)`, which returns the record that
  is shown for one that was stored, or None; and `finish(outcome)`, which counts sources in the
  place of parts
- `PAINTER`: as cli/picture.paint, for a source
"""

from collections.abc import Collection, Iterable
from functools import reduce
from importlib import import_module
from pkgutil import resolve_name
from typing import Any, NamedTuple

# All else works without such a package and its line.
PACKAGES: list[str] = [
    "painterly.video",
]
PLUGS: list[Any] = [import_module(f"{package}.plugin") for package in PACKAGES]
# The extensions of files in a bucket of photos, whether these can be painted here or not.
EXTENSIONS = frozenset[str]().union(*(plug.EXTENSIONS for plug in PLUGS))


class Sent(NamedTuple):
    """A source that a visitor of the service has sent.

    Attributes:
        data: Its file, without the position where it was taken.
        extension: The extension of its name in a bucket, without the dot.
        first: Its first part, as the file of a picture.
        parts: The number of its parts, about.
        seconds: How long it lasts.
    """

    data: bytes
    extension: str
    first: bytes
    parts: int
    seconds: float


def imported(name: str) -> list[Any]:
    """Return what all plug-ins name so."""
    return [resolve_name(getattr(plug, name)) for plug in PLUGS]


def sent(data: bytes, name: str, most: int, available: int) -> Sent | None:
    """Return another source than a photo that a visitor has sent, or None for other files;
    arguments and errors as for `SENT`."""
    return next(
        filter(None, (each(data, name, most, available) for each in imported("SENT"))), None
    )


def readable() -> frozenset[str]:
    """Return those of EXTENSIONS that can be painted here."""
    return frozenset[str]().union(*(each.EXTENSIONS for each in PLUGS if not each.lacking("")))


def viewed(bucket: Any) -> Any:
    """Return a view of a bucket of photos, with all parts of other sources."""
    return reduce(lambda seen, view: view(seen), imported("VIEW"), bucket)


def in_parts(plan: Any, source: Any) -> Any:
    """Return a plan with orders of parts in the place of those of other sources than photos."""
    return reduce(lambda made, each: each(made, source), imported("IN_PARTS"), plan)


def chosen(keys: Iterable[str], asked: Collection[str] | None) -> frozenset[str]:
    """Return the keys of other sources than photos to paint; see above."""
    known = [*keys]
    return frozenset[str]().union(*(plug.chosen(known, asked) for plug in PLUGS))
