"""The keys of results: unique over all photos in all looks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from styletransfer.images.output import FILE_FORMATS, OutputFormat

Pair = tuple[str, str]  # a look's name and a photo's key


class ResultKeys:
    """Which key each photo's result has in each look: `<look>/<photo>.<extension>`, in which the
    photo's key lacks its own extension. Where two results would share a key (`a.png` and `a.webp`,
    both as png), both photos keep it: `a.png.png`, `a.webp.png`."""

    def __init__(self, photos: Sequence[str], looks: Sequence[str], output: OutputFormat) -> None:
        """photos, looks: keys and names of all in the buckets that can meet; see `neighbours`."""
        self._output = output
        pairs = [(look, photo) for look in looks for photo in photos]
        whole: set[Pair] = set()  # those that keep the photo's extension
        while True:
            owners: dict[str, list[Pair]] = {}
            for pair in pairs:
                owners.setdefault(self._planned(pair, pair in whole), []).append(pair)
            meeting = {pair for group in owners.values() if len(group) > 1 for pair in group}
            if meeting <= whole:
                break
            whole |= meeting
        self._owners: Mapping[str, list[Pair]] = owners
        self._whole = whole

    def rivals(self, look: str, photo: str) -> list[Pair]:
        """Others that have the same keys: as `b/c.jpg` in the look `a`, and `c.jpg` in `a/b`."""
        planned = self._planned((look, photo), (look, photo) in self._whole)
        return [pair for pair in self._owners.get(planned, ()) if pair != (look, photo)]

    def is_anothers(self, key: str, look: str, photo: str) -> bool:
        """Whether a key is planned for another photo or look."""
        return any(pair != (look, photo) for pair in self._owners.get(key, ()))

    def candidates(self, look: str, photo: str, extension: str) -> Iterator[str]:
        """The keys that a result may have, best first, without end and without those planned for
        others. extension: by the photo's content, which may not be what its name says."""
        if extension == self._output.extension_by_name(photo):
            yield self._planned((look, photo), (look, photo) in self._whole)
        key = f"{look}/{photo}"
        while True:
            key = f"{key}.{extension}"
            if not self.is_anothers(key, look, photo):
                yield key

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


@lru_cache(100_000)
def _stem(photo: str) -> str:
    return PurePosixPath(photo).with_suffix("").as_posix()
