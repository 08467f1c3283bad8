"""Writing a clip: its pictures as they come, then with the sound of the clip that they show; and a
copy of one that a visitor of the service has sent, without what describes it."""

import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import product
from logging import INFO, WARNING
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from painterly.errors import PictureError
from painterly.images.given import file_of
from painterly.images.picture_file import errors_named
from painterly.log import event
from painterly.settings.clips import SILENT, lacking
from painterly.video.ffmpeg import LEAST_MEMORY, Program, encoders, run
from painterly.video.reading import ClipFile, Span
from painterly.words.wording import memory_size, printable

# Encoders of pictures: the first that the program has is taken.
# mbtree: with AVX-512, x264's macroblock trees read memory that was never written, so bytes vary.
_X264 = ("libx264", "-crf", "16", "-preset", "medium", "-x264-params", "mbtree=0")
_AV1 = ("libsvtav1", "-crf", "24", "-preset", "8")
_VP9 = ("libvpx-vp9", "-crf", "22", "-b:v", "0", "-cpu-used", "4", "-row-mt", "1")
_USUAL = (_X264, _AV1, _VP9, ("mpeg4", "-q:v", "2"))
_ENCODERS = {
    "webm": (_VP9, _AV1),
    "gif": (("gif",),),
    "webp": (("libwebp_anim", "-quality", "88", "-loop", "0"),),
}
# One row or column less of an odd side, in the colours of HDTV.
_PICTURES = (
    "crop=trunc(iw/2)*2:trunc(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,"
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
)
_PALETTES = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"
# Sound that players expect in a container. Other sound is encoded again.
_SOUND = {"webm": ("vorbis", "opus"), "mkv": ("mp3", "opus", "vorbis", "flac", "ac3", "aac")}
_USUAL_SOUND = ("mp3", "ac3", "aac")
# Several threads: other bytes with other cores. Matroska's files have a random number.
_SAME_BYTES = ("-threads", "1", "-bitexact", "-fflags", "+bitexact")
_NO_WORDS = ("-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1")
_MOST_WRITTEN = 10_000_000_000  # bytes of pictures
_MOST_SOUND = 1_000_000_000  # bytes of sound that is encoded again
_SPARE = 10_000_000  # bytes
# Boxes of an mp4 or QuickTime file (ISO/IEC 14496-12) that pictures and sound need: those that hold
# others, and all.
_HOLDERS = frozenset(b"moov trak mdia minf stbl edts dinf mvex moof traf mfra".split())
_NEEDED = _HOLDERS | frozenset(
    b"ftyp styp mdat wide mvhd tkhd elst mdhd hdlr vmhd smhd nmhd dref stsd stts stss ctts stsc "
    b"stsz stz2 stco co64 sgpd sbgp sdtp cslg mehd trex mfhd tfhd tfdt trun sidx tfra mfro".split()
)
_HANDLER = 24  # bytes of `hdlr` before a name
# The start of a file: of Matroska, of AVI, and of mp4, in which pictures have other brands.
_START = re.compile(
    rb"\x1aE\xdf\xa3|RIFF....AVI |"
    rb"....(?:moov|mdat|wide|pnot|ftyp(?!hei|hev|mif1|msf1|avif|avis|crx|jxl))",
    re.DOTALL,
)
EXTENSION = "mp4"  # in a bucket, also of another container


class Made(NamedTuple):
    """A clip that shows no other one. Fields are as in `ClipFile`."""

    name: str
    memory: int
    date: tuple[str, ...] = ()


@contextmanager
def writing(
    target: Path, clip: ClipFile | Made, rate: Fraction, shape: tuple[int, ...]
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write pictures as they come: yield a function that adds one, uint8 [h, w, 3].

    Args:
        target: The file. The extension decides the container.
        clip: The clip that they show, for its name in errors and the memory.
        rate: Frames a second.
        shape: The height and the width of the pictures.

    Raises:
        PictureError: They cannot be written.
    """
    kind, (height, width) = target.suffix[1:].lower(), shape[:2]
    with errors_named(clip.name):
        have = encoders()
        codec, *settings = next(e for e in _ENCODERS.get(kind, _USUAL) if e[0] in have)
        program = Program(
            *("-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
            *("-s", f"{width}x{height}", "-framerate", str(rate), "-i", "pipe:0"),
            *("-vf", _PALETTES if kind == "gif" else _PICTURES, "-c:v", codec, *settings),
            *(*_SAME_BYTES, f"file:{target}"),
            memory=clip.memory,
            size=_MOST_WRITTEN,
            feeds=True,
        )

    def add(picture: np.ndarray) -> None:
        with errors_named(clip.name):
            program.write(np.ascontiguousarray(picture).data.cast("B"))

    with program:
        yield add
        with errors_named(clip.name):
            program.end()


def sound(clip: ClipFile, span: Span, target: Path) -> Path | None:
    """Write the sound of a part of a clip into a file next to its result, and return the path. If
    there is sound that cannot be read or held, return None, and log it.

    Args:
        clip: The clip.
        span: The part.
        target: The file of the result.
    """
    kind = target.suffix[1:].lower()
    if not clip.sounds:
        return None
    if kind in SILENT:
        _tell(clip, f"its sound is left out, which a {kind} cannot hold", INFO)
        return None
    path = target.with_stem("sound")
    since, long = span
    begin = ("-noaccurate_seek", "-ss", f"{float(since):.6f}") if since else ()
    shift = "-itsoffset", f"{float(-clip.start - since):.6f}"
    cut = (*(("-ss", "0") if since else ()), *(("-t", f"{float(long):.6f}") if long else ()))
    encoded = "-c:a", *(("libopus", "-ar", "48000") if kind == "webm" else ("aac", "-ar", "44100"))
    for number, codec in clip.sounds:
        known = codec in _SOUND.get(kind, _USUAL_SOUND)
        for how in (("-c:a", "copy"), encoded) if known else (encoded,):
            with suppress(PictureError):
                said, _ = run(
                    *("-copyts", *clip.input(*shift, *begin), "-map", f"0:a:{number}", *cut),
                    *(*how, *_NO_WORDS, *_SAME_BYTES, f"file:{path}"),
                    memory=clip.memory,
                    size=2 * clip.path.stat().st_size + _MOST_SOUND,
                )
                return None if "nothing was encoded" in said else path
    _tell(clip, "its sound cannot be read, and is left out", WARNING)
    return None


def joined(
    pictures: Path, heard: Path | None, clip: ClipFile | Made, seconds: Fraction | None
) -> Path:
    """Return the file of a result: its pictures, the sound, and the date of the clip.

    Args:
        pictures: The file of the pictures.
        heard: That of the sound, if there is any.
        clip: The clip.
        seconds: How long it lasts if the sound is longer, or None for all of it.

    Raises:
        PictureError: It cannot be written.
    """
    if pictures.suffix[1:].lower() in SILENT:
        return pictures
    target = pictures.with_stem("result")
    files = [each for each in (pictures, heard) if each]
    run(
        *("-copyts", *(word for each in files for word in ("-i", f"file:{each}"))),
        *(word for n in range(len(files)) for word in ("-map", str(n))),
        *(() if seconds is None else ("-t", f"{float(seconds):.6f}")),
        *("-c", "copy", *_NO_WORDS, *clip.date, "-movflags", "+faststart"),
        *(*_SAME_BYTES, f"file:{target}"),
        memory=clip.memory,
        size=sum(each.stat().st_size for each in files) + _SPARE,
    )
    return target


def _tell(clip: ClipFile, what: str, level: int) -> None:
    event(f"{printable(clip.name)}: {what}", level=level)


def copied(clip: ClipFile, target: Path) -> tuple[int, float]:
    """Copy the pictures and the sound of a clip into a container of its kind, without what
    describes it, such as the position where it was taken. No packet is decoded.

    Args:
        clip: The clip. Its file is changed.
        target: The file of the copy.

    Returns:
        The number of frames, about, and the seconds that it lasts.

    Raises:
        PictureError: It cannot be copied.
    """
    container, rate = clip.container, clip.rate
    if container == "mov":
        with clip.path.open("r+b") as file:
            _clear(file, 0, file.seek(0, 2))
    # QuickTime lacks some codecs of mp4, such as Opus, and no container has all kinds of sound.
    for how, form in product(((), ("-an",)), (container, "mp4")):
        try:
            _, count = run(
                *("-copyts", *clip.input(), "-c", "copy", *how, *_NO_WORDS, *clip.date),
                *(*_SAME_BYTES, "-f", form, f"file:{target}"),
                memory=clip.memory,
                size=2 * clip.path.stat().st_size + _SPARE,
            )
        except PictureError as error:
            why = error
            continue
        if how and clip.sounds:
            _tell(clip, "its sound cannot be copied, and is left out", WARNING)
        return count, count / rate if rate else 0.0
    raise why


def _clear(file: BinaryIO, at: int, end: int) -> None:
    """Overwrite with zeros all of a part of an mp4 or QuickTime file that pictures and sound do not
    need: a damaged length or place of a frame finds nothing there."""
    while at < end:
        file.seek(at)
        head = file.read(16).ljust(16, b"\0")
        size, kind, long_size = struct.unpack(">L4sQ", head)
        before = 16 if size == 1 else 8
        after = at + (long_size if size == 1 else size) if size else end
        if not at + before <= after <= end or kind not in _NEEDED:
            after = after if at + before <= after <= end else end
            if kind != b"mdat":
                file.seek(at + 4)
                file.write(b"free")
                _fill(file, at + before, after)
        elif kind in _HOLDERS:
            _clear(file, at + before, after)
        elif kind == b"hdlr":
            _fill(file, at + before + _HANDLER, after)
        at = after


def _fill(file: BinaryIO, at: int, end: int) -> None:
    file.seek(at)
    while at < end:
        at += file.write(bytes(min(end - at, 1 << 20)))


class Sent(NamedTuple):
    """A clip that a visitor of the service has sent.

    Attributes:
        data: Its file, without the position where it was taken.
        first: Its first frame, as the file of a picture.
        frames: The number of its frames, about.
        seconds: How long it lasts.
    """

    data: bytes
    first: bytes
    frames: int
    seconds: float


def sent(data: bytes, name: str, most: int, available: int) -> Sent | None:
    """Return a clip, or None for another file.

    Args:
        data: Its file.
        name: Its name.
        most: The most pixels of a frame.
        available: The most bytes that reading it may take.

    Raises:
        PictureError: It cannot be read, also not in this memory, or what clips need is not
            installed.
    """
    if not _START.match(data):
        return None
    if missing := lacking(name):
        event(missing, level=WARNING)
        raise PictureError(f"{name}: is a clip, and this server does not take clips")
    if available < LEAST_MEMORY:
        free = f"and {memory_size(max(available, 0))} are available now"
        raise PictureError(
            f"{name}: is a clip, which takes {memory_size(LEAST_MEMORY)} of memory, {free}"
        )
    with tempfile.TemporaryDirectory(prefix="painterly-") as folder:
        path, copy = Path(folder, "clip"), Path(folder, "copy")
        path.write_bytes(data)
        clip = ClipFile(name, path, available)
        first = file_of(clip.first(most), name)
        with errors_named(name):
            frames_and_seconds = copied(clip, copy)
        return Sent(copy.read_bytes(), first, *frames_and_seconds)
