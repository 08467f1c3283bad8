"""Files among photos and paintings that are left out, and the lines that tell a user of them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from unicodedata import normalize

from painterly.words.wording import listed, printable

# Folders and files that other programs keep among a user's own: thumbnails, bins, catalogues.
_FOREIGN = re.compile(
    r"""(?:^|/)(?P<part>
    (?: @eadir | \#recycle | \#snapshot | @tmp | @sharebin              # Synology
      | @recycle | \.@__thumb | @recently-snapshot | @__thumb           # QNAP
      | \.snapshots? | ~snapshot | lost\+found                          # other disks in a network
      | \$recycle\.bin | recycler(?=/s-1-) | system\ volume\ information
      | \.trash(?:es|-\d+)? | \.dtrash | \.stversions | files_trashbin
      | \.spotlight-v100 | \.fseventsd | \.appledouble | __macosx
      | \.documentrevisions-v100 | \.temporaryitems | network\ trash\ folder | temporary\ items
      | \.thumbnails | \.thumbs | \.xvpics | \.picasaoriginals | \.dropbox\.cache
      | [^/]*\.lr(?:data|cat-data)                                      # Lightroom's previews
      | captureone/cache
      | [^/]+\.(?:photoslibrary|photolibrary|migratedphotolibrary|aplibrary)
        /(?!originals/|masters/)[^/]+                                   # Photos, iPhoto, Aperture
    )(?=/)
    | (?: \._[^/]+ | \.trashed-[^/]+ | thumbs\.db | ehthumbs(?:_vista)?\.db | desktop\.ini
      | \.?picasa\.ini | zbthumbnail\.info )$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_BY_START = ("._", ".trashed-")  # names that have only this in common
FOREIGN = "kept by other programs"
NO_EXTENSION = "without extension"
# Pictures that nothing here reads. Users may expect that they are painted.
_RAW = (
    *(".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"),
    *(".3fr", ".crw", ".dcr", ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc"),
    *(".mef", ".mos", ".mrw", ".raw", ".rwl", ".sr2", ".srf", ".x3f"),
)
_OTHER_PICTURES = frozenset(
    (
        *_RAW,
        *(".jxl", ".jp2", ".j2k", ".jpf", ".jpx", ".jpe", ".jxr", ".wdp", ".hdp", ".exr", ".hdr"),
        *(".psd", ".psb", ".xcf", ".kra", ".ora", ".afphoto", ".svg", ".eps", ".ai", ".tga"),
        *(".pbm", ".pgm", ".ppm", ".pnm", ".pcx", ".ico", ".icns", ".apng", ".dib", ".insp"),
        *(".heics", ".heifs", ".avifs", ".avci", ".qoi", ".pict", ".pct", ".livp"),
    )
)
_SIDECARS = frozenset(
    (
        *(".json", ".xmp", ".aae", ".thm", ".pp3", ".dop", ".cos", ".cot", ".arp", ".on1"),
        *(".nks", ".nksc", ".rwp", ".comask", ".photo-edit"),
    )
)


def foreign_part(key: str) -> str:
    """Return the part of a key that another program keeps, such as `@eaDir`, or an empty text.

    Args:
        key: A key, or a folder's with `/` at its end.
    """
    found = _FOREIGN.search(key)
    if not found:
        return ""
    start = next((each for each in _BY_START if found["part"].lower().startswith(each)), "")
    return f"{start}*" if start else found["part"]


def chooser(include: Sequence[str], exclude: Sequence[str]) -> Callable[[str], bool]:
    """Return the function that `--include` and `--exclude` stand for: whether a key matches one of
    the first patterns, if there are any, and none of the second, as in `matches`."""
    return lambda key: (not include or matches(key, include)) and not matches(key, exclude)


def matches(key: str, patterns: Sequence[str]) -> bool:
    """Return whether a key matches one of some patterns. `*` stands for any text, `/` included, `?`
    for a character, `[ab]` for one of these. An ending may be in upper or lower case: cameras
    write .JPG."""
    spelled = normalize("NFC", key)  # A Mac's disk and its keyboard spell accents differently.
    return any(
        fnmatchcase(spelled, each) or fnmatchcase(_with_lower_ending(spelled), lower)
        for each in (normalize("NFC", pattern) for pattern in patterns)
        for lower in [_with_lower_ending(each)]
    )


def _with_lower_ending(text: str) -> str:
    start, dot, ending = text.rpartition(".")
    return f"{start}{dot}{ending.lower()}" if dot and "/" not in ending else text


def by_kind(keys: Sequence[str], others: Iterable[str]) -> list[tuple[bool, str]]:
    """Return descriptions of files that are passed over for their extension: first the pictures of
    unread formats, then raw files next to one of the `others` with their name, then the files that
    describe pictures, then the rest. Each is whether a user may miss the files, and the text."""
    raw = {key for key in keys if _extension(key) in _RAW}
    read = {_stem(key) for key in others} if raw else ()
    raw = {key for key in raw if _stem(key) in read}
    pictures = [key for key in keys if _extension(key) in _OTHER_PICTURES and key not in raw]
    sidecars = [key for key in keys if _extension(key) in _SIDECARS]
    used = {*pictures, *raw, *sidecars}
    rest = [key for key in keys if key not in used]
    kinds = (
        (pictures, "PICTURES that are not read ({}): {}; convert them to jpg, png or tiff"),
        (raw, "raw files of pictures that are read ({})"),
        (sidecars, "files that describe pictures ({})"),
        (rest, "of other kinds ({}): {}"),
    )
    return [
        (some is pictures, text.format(_counts(some), _names([*some])))
        for some, text in kinds
        if some
    ]


def _stem(key: str) -> str:
    return key.lower().rpartition(".")[0]


def _names(keys: Sequence[str]) -> str:
    return printable(listed(keys))


def _counts(keys: Iterable[str]) -> str:
    counts = Counter(_extension(key) or NO_EXTENSION for key in keys)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {printable(kind)}" for kind, count in ordered)


def _extension(key: str) -> str:
    return PurePosixPath(key).suffix.lower()
