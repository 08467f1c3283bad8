"""The packages that add kinds of sources, such as clips, each by the PLUGIN in its module `plugin`.

A source of such a kind is many photos: its order becomes orders of parts, which are painted as
photos are, and its records are collected. A PLUGIN has:

- `extensions`: those of its files, in lower case and with a dot
- `chosen(keys, asked)`: the keys of those to paint here, among them those that were asked for, if
  any. It logs which are left out
- `title`, `flags`: flags for one source on the command line: form and help of each, by its name
- `result_extension(photo)`: the extension of a result without the dot, or None for other photos
- `view(source)`: the bucket of photos, with all parts as files that are not listed
- `in_parts(plan, source)`: a plan with orders of parts in the place of the sources' orders
- `collector(bench, plan)`: has `took(record)`, which returns the record that is shown for one that
  was stored, or None; and `finish(outcome)`, which counts sources in the place of parts
- `painter(photo, result)`: what paints one source on the command line, or None for a photo

It is imported with the settings, so its methods import what they need.
"""

from collections.abc import Collection, Iterable
from importlib import import_module
from typing import Any

# All else works without such a package and its line.
PACKAGES: list[str] = [
    "painterly.video",
]
PLUGS: list[Any] = [import_module(f"{package}.plugin").PLUGIN for package in PACKAGES]
# The extensions of files in a bucket of photos, whether these can be painted here or not.
EXTENSIONS = frozenset[str]().union(*(plug.extensions for plug in PLUGS))


def chosen(keys: Iterable[str], asked: Collection[str] | None) -> frozenset[str]:
    """Return the keys of other sources than photos to paint; see above."""
    known = [*keys]
    return frozenset[str]().union(*(plug.chosen(known, asked) for plug in PLUGS))
