"""Names of results: `<style>/<photo>.<extension>`, unique over all photos of a style.

The photo's key lacks its own extension there. If two results would share a key (`a.png` and
`a.webp`, both as png), both photos keep it: `a.png.png`, `a.webp.png`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from styletransfer.bucket_layout import PICTURES
from styletransfer.images.output import FILE_FORMATS, OutputFormat
from styletransfer.storage.file_names import Fold

Pair = tuple[str, str]  # a style's name and a photo's key


class ResultNames:
    """The names of all results of these photos in these styles."""

    def __init__(self, photos: Sequence[str], styles: Iterable[str], output: OutputFormat) -> None:
        """photos, styles: keys and names of all in the buckets that can meet; see `neighbours`."""
        self._photos, self._styles, self._output = photos, frozenset(styles), output
        self._whole: set[str] = set()  # photos that keep their extension
        while meeting := self._meeting() - self._whole:
            self._whole |= meeting

    def planned(self, style: str, photo: str) -> str:
        """The key of a photo's result in a style if the photo is what its name says."""
        return f"{style}/{self._name(photo)}"

    def rivals(self, folding: Callable[[Iterable[str]], Fold]) -> dict[Pair, Pair]:
        """Photos in styles whose results would be one object, each with one of the others: as
        `b/c.jpg` in the style `a` and `c.jpg` in `a/b`, or `A.jpg` and `a.jpg` on a disk that
        ignores case.

        Args:
            folding: `Bucket.folding` of the bucket of results.
        """
        pairs = [(style, photo) for style in self._styles for photo in self._photos]
        fold = folding(self.planned(*pair) for pair in pairs)
        parents = {str(each) for style in self._styles for each in PurePosixPath(style).parents}
        if fold is str and not parents & self._styles:
            return {}
        groups: dict[str, list[Pair]] = {}
        for pair in pairs:
            groups.setdefault(fold(self.planned(*pair)), []).append(pair)
        return {
            pair: next(other for other in group if other != pair)
            for group in groups.values()
            if len(group) > 1
            for pair in group
        }

    def _name(self, photo: str) -> str:
        stem = photo if photo in self._whole else _stem(photo)
        return f"{stem}.{self._output.extension_by_name(photo)}"

    def _meeting(self) -> set[str]:
        counts = Counter(map(self._name, self._photos))
        return {photo for photo in self._photos if counts[self._name(photo)] > 1}


def possible_keys(planned: str, style: str, photo: str, extension: str) -> Iterator[str]:
    """The keys that a photo's result in a style may have, best first and without end.

    Args:
        planned: The key if the photo is what its name says.
        extension: That of the result, by the photo's content.
    """
    if planned.endswith(f".{extension}"):
        yield planned
    key = f"{style}/{photo}"
    while True:
        key = f"{key}.{extension}"
        if key != planned:
            yield key


def could_be_result(key: str, pair: str) -> bool:
    """Whether a photo's result in a style can have a key, in any format.

    Args:
        key: In the bucket of results.
        pair: `<style>/<photo>`.
    """
    for each in FILE_FORMATS:
        ending = f".{each.extension}"
        if key == f"{_stem(pair)}{ending}":
            return True
        rest = key.removeprefix(pair)
        if rest and rest != key and rest == ending * (len(rest) // len(ending)):
            return True
    return False


def contenders_start(key: str) -> str:
    """The common start of `<style>/<photo>` of all photos whose results could have a key: without
    its extensions, but with all else of its name, as in `2024.07.14-0001.jpg`."""
    while PurePosixPath(key).suffix.lower() in PICTURES:
        key = key.removesuffix(PurePosixPath(key).suffix)
    return f"{key}."


def sibling_prefix(key: str) -> str:
    """The common start of the keys of a photo, of its masks, and of photos whose results could
    meet this one's."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}."


def neighbours(photo: str, styles: Iterable[str]) -> set[str]:
    """Keys of photos elsewhere that could meet a photo's results, because one style's name begins
    with another's: `a` and `a/b`."""
    found = set()
    ordered = sorted(styles)
    for shorter in ordered:
        for longer in ordered:
            inner = longer.removeprefix(f"{shorter}/")
            if inner != longer:
                found.add(f"{inner}/{photo}")
                if photo.startswith(f"{inner}/"):
                    found.add(photo.removeprefix(f"{inner}/"))
    return found


def _stem(key: str) -> str:
    """A key without its extension, and without empty parts and `.` parts, as file systems read
    it."""
    usual = "//" not in key and "./" not in key and not key.startswith("/")
    plain = key if usual else PurePosixPath(key).as_posix()
    folder, slash, name = plain.rpartition("/")
    stem, _, extension = name.rpartition(".")
    return f"{folder}{slash}{stem}" if stem and extension else plain
