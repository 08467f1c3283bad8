"""The keys of results: unique over all photos in all looks."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from itertools import takewhile
from pathlib import PurePosixPath
from typing import NamedTuple

from styletransfer.bucket_layout import PICTURES
from styletransfer.images.output import FILE_FORMATS, OutputFormat

Pair = tuple[str, str]  # a look's name and a photo's key


class _Family(NamedTuple):
    """All pairs whose results can meet. owners: by planned key. whole: those that keep the photo's
    extension."""

    owners: Mapping[str, list[Pair]]
    whole: Set[Pair]


class ResultKeys:
    """Which key each photo's result has in each look: `<look>/<photo>.<extension>`, in which the
    photo's key lacks its own extension. Where two results would share a key (`a.png` and `a.webp`,
    both as png), both photos keep it: `a.png.png`, `a.webp.png`.

    Only names of one `key_root` meet, so keys are planned when they are asked for, and a million
    photos take no more memory than their names.
    """

    def __init__(self, photos: Iterable[str], looks: Iterable[str], output: OutputFormat) -> None:
        """photos, looks: keys and names of all in the buckets that can meet; see `neighbours`."""
        self._photos, self._looks, self._output = sorted(photos), frozenset(looks), output
        # Photos that their place among the sorted ones does not find.
        self._unusual = [each for each in self._photos if not each.startswith(key_root(each))]
        self._family = lru_cache(1024)(self._find_family)

    def __reduce__(self) -> tuple[type, tuple[Sequence[str], Set[str], OutputFormat]]:
        return ResultKeys, (self._photos, self._looks, self._output)

    def rivals(self, look: str, photo: str) -> list[Pair]:
        """Others that have the same keys: as `b/c.jpg` in the look `a`, and `c.jpg` in `a/b`."""
        owners, whole = self._family(key_root(f"{look}/{photo}"))
        planned = self._planned((look, photo), (look, photo) in whole)
        return [pair for pair in owners.get(planned, ()) if pair != (look, photo)]

    def planned(self, look: str, photo: str) -> str:
        """The key of a photo's result in a look if the photo is what its name says."""
        return next(self.candidates(look, photo, self._output.extension_by_name(photo)))

    def is_anothers(self, key: str, look: str, photo: str) -> bool:
        """Whether a key is planned for another photo or look."""
        owners = self._family(key_root(key)).owners
        return any(pair != (look, photo) for pair in owners.get(key, ()))

    def candidates(self, look: str, photo: str, extension: str) -> Iterator[str]:
        """The keys that a result may have, best first, without end and without those planned for
        others. extension: by the photo's content, which may not be what its name says."""
        if extension == self._output.extension_by_name(photo):
            whole = self._family(key_root(f"{look}/{photo}")).whole
            yield self._planned((look, photo), (look, photo) in whole)
        key = f"{look}/{photo}"
        while True:
            key = f"{key}.{extension}"
            if not self.is_anothers(key, look, photo):
                yield key

    def around(self, look: str, photo: str) -> "ResultKeys":
        """The keys that this photo's result in this look can have or meet, alone."""
        pairs = self._members(key_root(f"{look}/{photo}"))
        looks = {each for each, _ in pairs}
        return ResultKeys({each for _, each in pairs}, looks | {look}, self._output)

    def _find_family(self, root: str) -> _Family:
        pairs = self._members(root)
        whole: set[Pair] = set()
        while True:
            owners: dict[str, list[Pair]] = {}
            for pair in pairs:
                owners.setdefault(self._planned(pair, pair in whole), []).append(pair)
            meeting = {pair for group in owners.values() if len(group) > 1 for pair in group}
            if meeting <= whole:
                return _Family(owners, whole)
            whole |= meeting

    def _members(self, root: str) -> list[Pair]:
        """The pairs with this root. Looks' names may begin with each other: `a` and `a/b`."""
        ends = [at for at, letter in enumerate(root) if letter == "/"]
        return [
            (root[:end], photo)
            for end in ends
            if root[:end] in self._looks
            for photo in self._with_root(root[end + 1 :])
        ]

    def _with_root(self, root: str) -> list[str]:
        start = f"{root}."
        places = range(bisect_left(self._photos, start), len(self._photos))
        near = takewhile(lambda key: key.startswith(start), map(self._photos.__getitem__, places))
        usual = [photo for photo in near if key_root(photo) == root]
        return usual + [photo for photo in self._unusual if key_root(photo) == root]

    def _planned(self, pair: Pair, whole: bool) -> str:
        look, photo = pair
        stem = photo if whole else _stem(photo)
        return f"{look}/{stem}.{self._output.extension_by_name(photo)}"


def could_be_result(key: str, look: str, photo: str) -> bool:
    """Whether a key can be that of a photo's result in a look, in whatever format."""
    for each in FILE_FORMATS:
        ending = f".{each.extension}"
        if key == f"{look}/{_stem(photo)}{ending}":
            return True
        rest = key.removeprefix(f"{look}/{photo}")
        if rest and rest != key and rest == ending * (len(rest) // len(ending)):
            return True
    return False


def sibling_prefix(key: str) -> str:
    """What the keys of masks, and of photos whose results could meet this one's, begin with."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}."


def neighbours(photo: str, looks: Iterable[str]) -> set[str]:
    """Keys of photos elsewhere that could meet a photo's results, because one look's name begins
    with another's: `a` and `a/b`."""
    found = set()
    ordered = sorted(looks)
    for shorter in ordered:
        for longer in ordered:
            inner = longer.removeprefix(f"{shorter}/")
            if inner != longer:
                found.add(f"{inner}/{photo}")
                if photo.startswith(f"{inner}/"):
                    found.add(photo.removeprefix(f"{inner}/"))
    return found


def key_root(key: str) -> str:
    """A key without any extension of pictures at its end. All keys that a photo's result may have
    in a look have the root of `<look>/<photo>`; photos of other roots never have them."""
    folder, slash, name = _plain(key).rpartition("/")
    while True:
        stem, dot, extension = name.rpartition(".")
        if not stem or f"{dot}{extension}".lower() not in PICTURES:
            return f"{folder}{slash}{name}"
        name = stem


def _stem(photo: str) -> str:
    plain = _plain(photo)
    folder, slash, name = plain.rpartition("/")
    stem, _, extension = name.rpartition(".")
    return f"{folder}{slash}{stem}" if stem and extension else plain


def _plain(key: str) -> str:
    """A key without empty parts and `.` parts, as file systems read it."""
    usual = "//" not in key and "./" not in key and not key.startswith("/")
    return key if usual else PurePosixPath(key).as_posix()
