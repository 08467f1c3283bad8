"""The packages that add kinds of sources, such as clips, each by the PLUGIN in its module `plugin`.

A source of such a kind is many photos: its order becomes orders of parts, which are painted as
photos are, and its records are collected. A PLUGIN has:

- `extensions`: those of its files, in lower case and with a dot
- `chosen(keys, asked)`: the keys of those to paint here, among them those that were asked for, if
  any. It logs which are left out
- `title`, `flags`: flags for one source on the command line: form and help of each, by its name
- `result_extension(photo)`: the extension of a result without the dot, or None for other photos
- `lacking(name)`: what to say of a source if the libraries that read it are not installed
- `sent(data, name, most)`: a `Sent` of a file that a visitor of the service has sent, None for
  another file by its content, or PictureError, also for a part with more than `most` pixels
- `view(source)`: the bucket of photos, with all parts as files that are not listed
- `in_parts(plan, source)`: a plan with orders of parts in the place of the sources' orders
- `collector(bench, plan)`: has `took(record)`, which returns the record that is shown for one that
  was stored, or None; and `finish(outcome)`, which counts sources in the place of parts
- `painter(photo, result)`: what paints one source on the command line, or None for a photo

It is imported with the settings, so its methods import what they need.
"""

from collections.abc import Collection, Iterable
from importlib import import_module
from typing import Any, NamedTuple

# All else works without such a package and its line.
PACKAGES: list[str] = [
    "painterly.video",
]
PLUGS: list[Any] = [import_module(f"{package}.plugin").PLUGIN for package in PACKAGES]
# The extensions of files in a bucket of photos, whether these can be painted here or not.
EXTENSIONS = frozenset[str]().union(*(plug.extensions for plug in PLUGS))


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


def sent(data: bytes, name: str, most: int) -> Sent | None:
    """Return another source than a photo that a visitor has sent, or None for other files. Raises
    PictureError, also for a part with more than `most` pixels."""
    return next(filter(None, (plug.sent(data, name, most) for plug in PLUGS)), None)


def readable() -> frozenset[str]:
    """Return those of EXTENSIONS that can be painted here."""
    return frozenset[str]().union(*(each.extensions for each in PLUGS if not each.lacking("")))


def viewed(bucket: Any) -> Any:
    """Return a view of a bucket of photos, with all parts of other sources."""
    for plug in PLUGS:
        bucket = plug.view(bucket)
    return bucket


def in_parts(plan: Any, source: Any) -> Any:
    """Return a plan with orders of parts in the place of those of other sources than photos."""
    for plug in PLUGS:
        plan = plug.in_parts(plan, source)
    return plan


def chosen(keys: Iterable[str], asked: Collection[str] | None) -> frozenset[str]:
    """Return the keys of other sources than photos to paint; see above."""
    known = [*keys]
    return frozenset[str]().union(*(plug.chosen(known, asked) for plug in PLUGS))
