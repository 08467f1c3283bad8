"""Clips that visitors of the service have sent: a copy without what describes them, and the first
frame."""

import re
import struct
from contextlib import closing
from itertools import product
from logging import WARNING
from mmap import mmap
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from painterly.errors import PictureError
from painterly.images import small
from painterly.images.files import position
from painterly.images.header import MIN_SIDE, check_size
from painterly.images.picture_file import errors_named
from painterly.log import event
from painterly.settings.clips import lacking
from painterly.video.ffmpeg import EXPANDS, LEAST_MEMORY, SLOW, run
from painterly.video.reading import NO_FRAME, ClipFile
from painterly.video.writing import NO_WORDS, SAME_BYTES
from painterly.words.wording import memory_size, printable

EXTENSION = "mp4"  # in a bucket, also of another container
START = 16  # bytes of a file that decide whether it is a clip
# The start of a file: of Matroska, of AVI, and of mp4, in which pictures have other brands.
_START = re.compile(
    rb"\x1aE\xdf\xa3|RIFF....AVI |"
    rb"....(?:moov|mdat|wide|pnot|ftyp(?!hei|hev|mif1|msf1|avif|avis|crx|jxl))",
    re.DOTALL,
)
# Boxes of an mp4 or QuickTime file (ISO/IEC 14496-12) that pictures and sound need: those that hold
# others, and all.
_HOLDERS = frozenset(b"moov trak mdia minf stbl edts dinf mvex moof traf mfra".split())
_NEEDED = _HOLDERS | frozenset(
    b"ftyp styp mdat wide mvhd tkhd elst mdhd hdlr vmhd smhd nmhd dref stsd stts stss ctts stsc "
    b"stsz stz2 stco co64 sgpd sbgp sdtp cslg mehd trex mfhd tfhd tfdt trun sidx tfra mfro".split()
)
_HANDLER = 24  # bytes of `hdlr` before a name
_MOST_BOXES = 300_000  # an hour has some ten in each second
# The units of a codec that pictures need. Others describe them, as cameras do in SEI and EXIF.
_UNITS = {
    "h264": "pass_types=1-5|7-11|13|19",
    "hevc": "pass_types=0-9|16-21|32-37",
    "av1": "pass_types=1-4|6|7",
    "mjpeg": "remove_types=225-237|239|254",  # APP0 and APP14 say how colours are stored.
    "mpeg2video": "remove_types=178",
}
_LARGEST_FRAME = 1280  # px of the longer side
_SPARE = 20_000  # bytes that a copy, and a frame, may take in any case


class Sent(NamedTuple):
    """A clip that a visitor of the service has sent."""

    path: Path  # the file of the copy
    first: bytes  # its first frame, as a small JPEG
    size: tuple[int, int]  # the height and width of a frame in px
    frames: int  # the number of its frames, about
    seconds: float  # how long it lasts


def is_sent_clip(start: bytes) -> bool:
    """Return whether a file that begins so is a clip."""
    return bool(_START.match(start))


def sent(path: Path, name: str, most: int, available: int) -> Sent:
    """Copy a clip into a file next to it, of at most half as many bytes more, and a first frame of
    half as many.

    Args:
        path: Its file, which is changed.
        most: The most pixels of a frame.
        available: The most bytes that reading it may take.

    Raises:
        PictureError: It cannot be read, also not in this memory, or what clips need is not
            installed.
    """
    if missing := lacking(name):
        event(missing, level=WARNING)
        raise PictureError(f"{name}: is a clip, and this server does not take clips")
    if available < LEAST_MEMORY:
        free = f"and {memory_size(max(available, 0))} are available now"
        raise PictureError(
            f"{name}: is a clip, which takes {memory_size(LEAST_MEMORY)} of memory, {free}"
        )
    clip, copy = ClipFile(name, path, available), path.with_name("copy")
    with errors_named(name):
        check_size(*clip.size, most)
    factor = min(1, max(_LARGEST_FRAME / max(clip.size), MIN_SIDE / min(clip.size)))
    width, height = (round(side * factor) for side in clip.size)
    with closing(clip.frames(size=(width, height))) as frames:
        image = Image.fromarray(next(frames))
    room = max(path.stat().st_size // 2, _SPARE)
    while len(first := small.jpeg(image)) > room and min(image.size) >= 2 * MIN_SIDE:
        image = image.reduce(2)
    with errors_named(name):
        return Sent(copy, first, clip.size[::-1], *copied(clip, copy))


def copied(clip: ClipFile, target: Path) -> tuple[int, float]:
    """Copy the pictures and the sound of a clip into a container of its kind, without what
    describes it, such as the position where it was taken. No picture is decoded.

    Args:
        clip: The clip. Its file is changed.
        target: The file of the copy.

    Returns:
        The number of frames, about, and the seconds that it lasts.

    Raises:
        PictureError: It cannot be copied.
    """
    container, rate = clip.container, clip.rate
    with clip.path.open("r+b") as file:
        if container == "mov":
            with mmap(file.fileno(), 0) as data:
                _clear_boxes(data)
        position.clear_film(file)
        most = 3 * file.seek(0, 2) // 2 + _SPARE
    units = ("-bsf:v", f"filter_units={_UNITS[clip.codec]}") if clip.codec in _UNITS else ()
    # QuickTime lacks some codecs of mp4, such as Opus, and no container has all kinds of sound.
    for how, form in product(((), ("-an",)), (container, "mp4")):
        try:
            _, count = run(
                *("-copyts", *clip.input(), "-c", "copy", *units, *how, *NO_WORDS, *clip.date),
                *(*SAME_BYTES, "-f", form, f"file:{target}"),
                memory=clip.memory,
                size=most,
                at_once=True,
            )
            if target.stat().st_size > most:
                raise PictureError(EXPANDS)
            if not count:
                raise PictureError(NO_FRAME)
        except PictureError as error:
            why = error
            if str(error) in (EXPANDS, SLOW):
                break
            continue
        if how and clip.sounds:
            what = "its sound cannot be copied, and is left out"
            event(f"{printable(clip.name)}: {what}", level=WARNING)
        return count, count / rate if rate else 0.0
    raise why


def _clear_boxes(data: mmap) -> None:
    """Overwrite with zeros all of an mp4 or QuickTime file that pictures and sound do not need: a
    damaged length or place of a frame finds nothing there. Raises PictureError for far too many
    boxes."""
    parts, count = [(0, len(data))], 0
    while parts:
        at, end = parts.pop()
        while at < end:
            count += 1
            if count > _MOST_BOXES:
                raise PictureError(EXPANDS)
            size, kind, long_size = struct.unpack(">L4sQ", data[at : at + 16].ljust(16, b"\0"))
            before = 16 if size == 1 else 8
            after = at + (long_size if size == 1 else size) if size else end
            if not at + before <= after <= end:
                kind, after = b"" if kind != b"mdat" else kind, end
            if kind not in _NEEDED:
                data[at + 4 : min(at + 8, end)] = b"free"[: max(0, end - at - 4)]
                _fill(data, at + before, after)
            elif kind in _HOLDERS:
                parts.append((at + before, after))
            elif kind == b"hdlr":
                _fill(data, at + before + _HANDLER, after)
            at = after


def _fill(data: mmap, at: int, end: int) -> None:
    for start in range(at, end, 1 << 20):
        stop = min(end, start + (1 << 20))
        data[start:stop] = bytes(stop - start)
