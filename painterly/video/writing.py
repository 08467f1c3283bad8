"""Writing a clip: its pictures as they come, then with the sound of the clip that they show."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from logging import INFO, WARNING
from pathlib import Path

import numpy as np

from painterly.errors import PictureError
from painterly.images.picture_file import errors_named
from painterly.log import event
from painterly.settings.clips import SILENT
from painterly.video.ffmpeg import Program, encoders, run
from painterly.video.reading import ClipFile, Span
from painterly.words.wording import printable

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
SAME_BYTES = ("-threads", "1", "-bitexact", "-fflags", "+bitexact")
NO_WORDS = ("-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1")
MOST_WRITTEN = 10_000_000_000  # bytes of pictures
_MOST_SOUND = 1_000_000_000  # bytes of sound that is encoded again
_SPARE = 10_000_000  # bytes


@contextmanager
def writing(
    target: Path, name: str, memory: int, rate: Fraction, shape: tuple[int, ...]
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write pictures as they come: yield a function that adds one, uint8 [h, w, 3].

    Args:
        target: The file. The extension decides the container.
        name: The name with which errors begin.
        memory: The most bytes that a process may take.
        rate: Frames a second.
        shape: The height and the width of the pictures.

    Raises:
        PictureError: They cannot be written.
    """
    kind, (height, width) = target.suffix[1:].lower(), shape[:2]
    with errors_named(name):
        have = encoders()
        codec, *settings = next(e for e in _ENCODERS.get(kind, _USUAL) if e[0] in have)
        program = Program(
            *("-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
            *("-s", f"{width}x{height}", "-framerate", str(rate), "-i", "pipe:0"),
            *("-vf", _PALETTES if kind == "gif" else _PICTURES, "-c:v", codec, *settings),
            *(*SAME_BYTES, f"file:{target}"),
            memory=memory,
            size=MOST_WRITTEN,
            feeds=True,
        )

    def add(picture: np.ndarray) -> None:
        with errors_named(name):
            program.write(np.ascontiguousarray(picture).data.cast("B"))

    with program:
        yield add
        with errors_named(name):
            program.end()


def sound(clip: ClipFile, span: Span, target: Path) -> Path | None:
    """Write the sound of a part of a clip into a file next to its result, and return the path. If
    there is sound that cannot be read or held, return None, and log it.

    Args:
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
                    *(*how, *NO_WORDS, *SAME_BYTES, f"file:{path}"),
                    memory=clip.memory,
                    size=2 * clip.path.stat().st_size + _MOST_SOUND,
                )
                return None if "nothing was encoded" in said else path
    _tell(clip, "its sound cannot be read, and is left out", WARNING)
    return None


def joined(
    pictures: Path,
    heard: Path | None,
    memory: int,
    date: Sequence[str] = (),
    seconds: Fraction | None = None,
) -> Path:
    """Return the file of a result: its pictures, the sound, and the date of the clip.

    Args:
        pictures: The file of the pictures.
        heard: That of the sound, if there is any.
        memory: The most bytes that a process may take.
        date: As in `ClipFile`.
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
        *("-c", "copy", *NO_WORDS, *date, "-movflags", "+faststart"),
        *(*SAME_BYTES, f"file:{target}"),
        memory=memory,
        size=sum(each.stat().st_size for each in files) + _SPARE,
    )
    return target


def _tell(clip: ClipFile, what: str, level: int) -> None:
    event(f"{printable(clip.name)}: {what}", level=level)
