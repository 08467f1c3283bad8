"""Names of results: `<style>/<photo>.<extension>`, unique over all photos of a style.

The photo's key lacks its own extension there. If two results would share a key (`a.png` and
`a.webp`, both as png), both photos keep it: `a.png.png`, `a.webp.png`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import PurePosixPath

from painterly.images.output import FILE_FORMATS, OutputFormat
from painterly.settings.bucket_layout import picture_extensions
from painterly.settings.clips import EXTENSIONS
from painterly.storage.file_names import Fold

TIMELAPSE = ".timelapse.webp"
Pair = tuple[str, str]  # a style's name and a photo's key


class ResultNames:
    """The names of all results of these photos in these styles."""

    def __init__(self, photos: Sequence[str], styles: Iterable[str], output: OutputFormat) -> None:
        """Name the results.

        Args:
            photos: The keys of all photos in the bucket that can meet; see `could_meet`.
            styles: The names of all styles.
            output: The format of the results.
        """
        self._photos, self._styles, self._output = photos, frozenset(styles), output
        self._whole: set[str] = set()  # photos that keep their extension
        while meeting := self._meeting() - self._whole:
            self._whole |= meeting

    def planned(self, style: str, photo: str) -> str:
        """Return the key of a photo's result in a style."""
        return result_key(style, photo, self._output, whole=photo in self._whole)

    def with_own_extension(self, style: str, photo: str) -> str | None:
        """Return the key of a result whose photo keeps its extension, or None if that is another
        result's."""
        key = result_key(style, photo, self._output, whole=True)
        return None if key in self._all_planned else key

    def timelapse(self, style: str, photo: str) -> str:
        """Return the key of the time-lapse of a photo's result in a style."""
        result = self.planned(style, photo)
        key = timelapse_key(result)
        shared = self._stems[_stem(self.planned("", photo))] > 1 or key in self._all_planned
        return timelapse_key(result, whole=shared)

    @cached_property
    def _stems(self) -> Counter[str]:
        return Counter(_stem(self.planned("", photo)) for photo in self._photos)

    @cached_property
    def _all_planned(self) -> frozenset[str]:
        return frozenset(self.planned(style, photo) for style, photo in self._pairs())

    def rivals(self, folding: Callable[[Iterable[str]], Fold]) -> dict[Pair, Pair]:
        """Return photos in styles whose results would be one object, each with one of the others.

        Such as `b/c.jpg` in the style `a` and `c.jpg` in `a/b`, or `A.jpg` and `a.jpg` on a disk
        that ignores case.

        Args:
            folding: `Bucket.folding` of the bucket of results.
        """
        pairs = self._pairs()
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

    def _pairs(self) -> list[Pair]:
        return [(style, photo) for style in self._styles for photo in self._photos]

    def _meeting(self) -> set[str]:
        names = {photo: self.planned("", photo) for photo in self._photos}
        counts = Counter(names.values())
        return {photo for photo, name in names.items() if counts[name] > 1}


def result_key(style: str, photo: str, output: OutputFormat, *, whole: bool = False) -> str:
    """Return the key of a photo's result in a style.

    Args:
        style: The name of the style.
        photo: The key of the photo.
        output: The format of the result.
        whole: Whether the photo's extension stays, before that of the result.
    """
    return f"{style}/{photo if whole else _stem(photo)}.{output.extension(photo)}"


def timelapse_key(result: str, *, whole: bool = False) -> str:
    """Return the key of a result's time-lapse.

    Args:
        result: The key of the result.
        whole: Whether the result's extension stays, because another result differs in it alone.
    """
    return f"{result if whole else _stem(result)}{TIMELAPSE}"


def could_be_result(key: str, pair: str) -> bool:
    """Return whether a photo's result in a style can have a key, in any format.

    Args:
        key: In the bucket of results.
        pair: `<style>/<photo>`.
    """
    stem, _, extension = key.rpartition(".")
    known = {form.extension for form in FILE_FORMATS} | {each[1:] for each in EXTENSIONS}
    # A key with empty parts, such as `/beach.jpg`, keeps some of them in its result's.
    return extension in known and _plain(stem) in (_stem(pair), _plain(pair))


def contenders_start(key: str) -> str:
    """Return the common start of `<style>/<photo>` of all photos whose results could have a key.

    It lacks the key's extensions, but has all else of its name, as in `2024.07.14-0001.jpg`.
    """
    while PurePosixPath(key).suffix.lower() in picture_extensions():
        key = key.removesuffix(PurePosixPath(key).suffix)
    return f"{key}."


def could_meet(photo: str, styles: Iterable[str]) -> set[str]:
    """Return keys of photos elsewhere that could meet a photo's results, because one style's name
    begins with another's: `a` and `a/b`."""
    keys = set()
    ordered = sorted(styles)
    for shorter in ordered:
        for longer in ordered:
            inner = longer.removeprefix(f"{shorter}/")
            if inner != longer:
                keys.add(f"{inner}/{photo}")
                if photo.startswith(f"{inner}/"):
                    keys.add(photo.removeprefix(f"{inner}/"))
    return keys


def _plain(key: str) -> str:
    """Return a key without empty parts and `.` parts, as file systems read it."""
    usual = "//" not in key and "./" not in key and not key.startswith("/")
    return key if usual else PurePosixPath(key).as_posix()


def _stem(key: str) -> str:
    """Return a plain key without its extension."""
    plain = _plain(key)
    folder, slash, name = plain.rpartition("/")
    stem, _, extension = name.rpartition(".")
    return f"{folder}{slash}{stem}" if stem and extension else plain
