"""Reading clips: their frames as a player shows them, as sRGB of 8 bits, at a constant rate, and as
photos in a bucket.

Frames are upright, with square pixels and without combs; HDR is mapped to sRGB, and what is
transparent becomes white. All of it is done by ffmpeg's filters.
"""

import io
import re
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from logging import WARNING
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from painterly.devices.system_memory import free_memory
from painterly.errors import PictureError
from painterly.images.header import MAX_PIXELS, MIN_SIDE
from painterly.images.picture_file import errors_named
from painterly.log import event
from painterly.settings.clips import is_clip, lacking
from painterly.storage.base import Bucket, Entry, View
from painterly.video.ffmpeg import SAFE, Program, check_count
from painterly.words.wording import printable

Span = tuple[Fraction, Fraction | None]  # in seconds: from, and how long
WHOLE: Span = Fraction(0), None
HIGHEST_RATE = 240  # frames a second; some files name a rate of 90,000
NO_FRAME = "has no frame that can be read"
_LARGE = 720  # rows; a clip that names no matrix has Rec. 709 from here on, as players assume
_BEFORE = 2  # s before a time, from where a key frame is looked for
_INDEXED = ("mov", "matroska")  # containers that know their key frames
_PER_SKIPPED = 2  # s of processor time for a second of a clip before a time
_ALPHA = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|ya\d|pal8")
_SHOWN = re.compile(r"^  Stream .*: wrapped_avframe, .*, (\d+)x(\d+)(?: \[SAR (\d+):(\d+))?", re.M)
_MATRICES = re.compile(r"bt\d|smpte|fcc|gbr|ycgco|ictcp")
# White of 203 cd/m² stays bright, and all frames are mapped from a peak of 1000 cd/m².
_TONES = (
    "zscale=tin={0}:t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=mobius:param=0.5:desat=0:peak=5,zscale=t=iec61966-2-1:m=gbr:r=full,format=gbrp"
)
_ON_WHITE = (
    "format=rgba,split[shown][below];[below]lutrgb=r=255:g=255:b=255,format=rgb24[white];"
    "[white][shown]overlay=format=rgb"
)

# Passes on all frames, and writes a line into the log at the first one that has fields.
_TELLING_FIELDS = (
    "select='1+0*if(gt(interlace_type,0)*not(ld(0)),st(0,1)*print(interlace_type,16))',"
)
_TOLD_FIELDS = re.compile(r"^\[Eval .*\] [12]\.0+$", re.M)
_FRAME = re.compile(r"(.+)/(\d+)\.frame")
_LATEST = 8  # frames, for threads that read ahead in another order


class Stamps(NamedTuple):
    """The frames of a part of a clip.

    Attributes:
        rate: Frames a second.
        size: Their width and height in px.
        shown: The number of the frame whose picture each frame has: of equal ones, the first.
    """

    rate: Fraction
    size: tuple[int, int]
    shown: tuple[int, ...]


class ClipFile:
    """The file of a clip.

    Attributes:
        name: Its name, with which errors begin.
        path: Its path.
        memory: The most bytes that a process may take.
        container: The first name of its container.
        codec: The codec of its pictures.
        size: The width and height in px of the first frame as it is shown.
        start: The time of its begin, as it is stored, in seconds.
        date: The arguments that write the date when it was filmed, if that is known.
        sounds: The number of each track of sound among these, and its codec, the best ones first.
        rate: The frames a second that the container names, or 0.
    """

    def __init__(self, name: str, path: Path, memory: int) -> None:
        """Decode a frame, and keep the facts in the log. Raises PictureError, also if there is
        none."""
        self.name, self.path, self.memory = name, path, memory
        one = "-an", "-sn", "-dn", "-frames:v", "1", "-f", "null", "-"
        with (
            errors_named(name),
            Program("-v", "info", *self.input(), *one, memory=memory) as program,
        ):
            said = program.end()
            sizes = _SHOWN.findall(said)
            if not sizes:
                raise PictureError(NO_FRAME)
        tracks = re.findall(r"^  Stream #0:(\d+).*?: (Video|Audio): (.*(?:\n    .*)*)", said, re.M)
        chosen = _found(r"^  Stream #0:(\d+) -> #0:0 ", said)
        seen = next((about for number, _, about in tracks if number == chosen), "")
        heard = enumerate(about for _, kind, about in tracks if kind == "Audio")
        best = sorted(heard, key=lambda each: "(default)" not in each[1])
        width, height, across, down = (int(each or 1) for each in sizes[-1])
        ratio = Fraction(across, down) or 1
        self.size = round(width * max(ratio, 1)), round(height / min(ratio, 1))
        self.codec = _found(r"^(\w+)", seen)
        self.container = _found(r"^Input #0, (\w+)", said)
        self.start = Fraction(_found(r"^  Duration: .*?start: (-?[\d.]+)", said) or 0)
        created = _found(r"^ +creation_time +: ([\w:.+-]+)$", said)
        self.date = ("-metadata", f"creation_time={created}") if created else ()
        self.sounds = [(number, _found(r"^(\w+)", about)) for number, about in best]
        self.rate = float(_found(r"([\d.]+) fps", seen) or 0)
        self._decoder, self._colours = _decoder(seen), _colours(seen)

    def input(self, *options: str) -> tuple[str, ...]:
        """Return the arguments that name it as an input, with further options."""
        return *SAFE, "-threads", "1", *options, "-i", f"file:{self.path}"

    def _decoded(self, span: Span, *output: str) -> Program:
        since, long = span
        seeks = since > _BEFORE and self.container in _INDEXED
        seek = ("-noaccurate_seek", "-ss", f"{float(since - _BEFORE):.6f}") if seeks else ()
        end = "" if long is None else f"trim=end={float(since + long):.6f},"
        filters = (
            f"{_TELLING_FIELDS}bwdif=mode=send_frame:deint=interlaced,"
            f"fps=fps='min(source_fps,{HIGHEST_RATE})':start_time={float(since):.6f},{end}"
            f"{self._colours}scale='round(iw*max(sar,1))':'round(ih/min(sar,1))',setsar=1"
        )
        shift = "-itsoffset", f"{float(-self.start):.6f}"
        return Program(
            *("-v", "error", "-copyts", "-max_pixels", str(MAX_PIXELS)),
            *self.input(*self._decoder, *shift, *seek),
            *("-an", "-sn", "-dn", "-vf", filters, "-pix_fmt", "rgb24", *output, "-"),
            memory=self.memory,
            more_time=0 if seeks else int(_PER_SKIPPED * since),
        )

    def stamps(self, span: Span = WHOLE) -> Stamps:
        """Decode the frames of a part, and return their stamps. Log that there are interlaced ones.
        Raises PictureError."""
        rate, size, sums = Fraction(0), (0, 0), list[bytes]()
        form = "-f", "framehash", "-hash", "murmur3"
        with errors_named(self.name), self._decoded(span, *form) as program:
            for line in iter(program.line, b""):
                if line.startswith(b"#tb"):
                    rate = 1 / Fraction(line.split()[2].decode())
                elif line.startswith(b"#dimensions"):
                    width, height = map(int, line.split()[2].split(b"x"))
                    size = width, height
                elif not line.startswith(b"#"):
                    sums.append(line.rpartition(b",")[2])
                check_count(len(sums))
            if _TOLD_FIELDS.search(program.end(needed=not sums)):
                what = "frames are interlaced, at least in parts; their fields are joined"
                event(f"{printable(self.name)}: {what}", level=WARNING)
            if not sums and not span[0]:
                raise PictureError(NO_FRAME)
        shown = list[int]()
        for number, each in enumerate(sums):
            shown.append(shown[-1] if number and each == sums[number - 1] else number)
        return Stamps(rate, size, tuple(shown))

    def frames(
        self, span: Span = WHOLE, size: tuple[int, int] | None = None
    ) -> Generator[np.ndarray, None, None]:
        """Decode the frames of a part, and yield each, uint8 [h, w, 3].

        Args:
            size: The width and height in px of all; by default, that of each.

        Raises:
            PictureError: It cannot be read.
        """
        scaled = ("-s", f"{size[0]}x{size[1]}") if size else ()
        form = *scaled, "-c:v", "ppm", "-f", "image2pipe"
        with errors_named(self.name), self._decoded(span, *form) as program:
            count = 0
            while program.line() == b"P6\n":
                width, height = map(int, program.line().split())
                program.line()
                pixels = program.read(3 * width * height)
                if len(pixels) == 3 * width * height:
                    count += 1
                    yield np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
            program.end(needed=not count)
            if not count and not span[0]:
                raise PictureError(NO_FRAME)

    def first(self, most: int, longer: int) -> np.ndarray:
        """Return the first frame, uint8 [h, w, 3].

        Args:
            most: The most pixels that it may have.
            longer: The largest length in px of the longer side. A larger frame is reduced.

        Raises:
            PictureError: It cannot be read, or has more pixels.
        """
        width, height = self.size
        if width * height > most:
            what = f"{width} × {height} px are more than {most // 10**6} megapixels"
            raise PictureError(f"{self.name}: {what}; make it smaller")
        factor = min(1, max(longer / max(self.size), MIN_SIDE / min(self.size)))
        with closing(self.frames(size=(round(width * factor), round(height * factor)))) as frames:
            return next(frames)


@contextmanager
def opened(bucket: Bucket, key: str) -> Iterator[ClipFile]:
    """Open a clip of a bucket, which is downloaded if that is no folder. Raises PictureError,
    ObjectError, UnavailableError."""
    if own := bucket.path(key):
        yield ClipFile(key, own.absolute(), free_memory())
        return
    with tempfile.TemporaryDirectory(prefix="painterly-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "clip")
        bucket.download(key, path)
        yield ClipFile(key, path, free_memory())


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.M)
    return found[1] if found else ""


def _decoder(track: str) -> tuple[str, ...]:
    """Return the arguments that choose the decoder of a track: FFmpeg's own decoders of VP8 and
    VP9 ignore alpha."""
    codec = re.match(r"vp[89]", track)
    if not codec or not re.search(r"^ +alpha_mode +: 1", track, re.M):
        return ()
    return "-c:v", {"vp8": "libvpx", "vp9": "libvpx-vp9"}[codec[0]]


def _colours(track: str) -> str:
    about = re.search(r", (\w+)(?:\((.*?)\))?, \d+x(\d+)", track)
    form, colours, rows = about.groups() if about else ("", "", 0)
    named = (colours or "").split(", ")
    matrix = next((each.split("/")[0] for each in named if _MATRICES.search(each)), "unknown")
    filters, is_yuv = [], form.startswith(("yuv", "nv", "p01", "p21", "p41", "y21"))
    transfer = re.search(r"smpte2084|arib-std-b67", colours or "")
    if matrix == "unknown" and is_yuv and (transfer or int(rows) >= _LARGE):
        filters += ["setparams=colorspace=" + ("bt2020nc" if transfer else "bt709")]
    if transfer:
        filters += ["setparams=color_primaries=bt2020", _TONES.format(transfer[0])]
    if _ALPHA.match(form) or _decoder(track):
        filters += [_ON_WHITE]
    return "".join(f"{each}," for each in filters)


class ClipsView(View):
    """A bucket of photos that also has each frame of its clips: `walk.mp4/12.frame`, and as
    `walk.mp4` the first one. Frames are not listed."""

    def __init__(self, bucket: Bucket, span: Span = WHOLE) -> None:
        """Args:
        bucket: The bucket.
        span: The part of clips that is painted.
        """
        super().__init__(bucket)
        self._span, self._lock = span, threading.Lock()
        self._open = ExitStack()  # The clip that is read, and where.
        self._key, self._next = "", 0
        self._frames: Iterator[np.ndarray] = iter(())
        self._latest: deque[tuple[int, np.ndarray]] = deque(maxlen=_LATEST)
        self._first = "", b""  # All frames of a clip have one size.
        self._is_closed = False

    def find(self, key: str) -> Entry | None:
        clip, number = _parts(key)
        entry = super().find(clip)
        return entry if number is None or entry is None else frame_entry(entry, number)

    def read(self, key: str) -> bytes:
        clip, number = _parts(key)
        return super().read(key) if clip == key and not is_clip(key) else self.picture(clip, number)

    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        clip, number = _parts(key)
        if number is None:
            return super().read_part(key, start, count, of)
        if self._first[0] != clip:
            self._first = clip, self.picture(clip)
        return self._first[1][start : start + count]

    def picture(self, key: str, number: int | None = None) -> bytes:
        """Return a frame as the file of a picture, or the first one. Raises PictureError, and the
        errors of the bucket."""
        if missing := lacking(key):
            raise PictureError(missing)
        with self._lock:
            try:
                frame = self._frame(key, number or 0)
            except BaseException:
                self._begin("")
                raise
        if self._is_closed:  # Threads that read ahead may outlast a run that was stopped.
            self.close()
        out = io.BytesIO()
        Image.fromarray(frame).save(out, "BMP")  # It is fast to write and read.
        return out.getvalue()

    def close(self) -> None:
        """End reading for good, or let the thread that reads just now end it after its frame."""
        self._is_closed = True
        if self._lock.acquire(blocking=False):
            self._begin("")
            self._lock.release()

    def _frame(self, key: str, number: int) -> np.ndarray:
        """Return a frame. Frames in order are decoded once."""
        if key != self._key or number < min((n for n, _ in self._latest), default=self._next):
            self._begin(key)
        while self._next <= number:
            frame = next(self._frames, None)
            if frame is None:
                raise PictureError(f"{printable(key)}: has changed; it lacks a frame")
            self._latest.append((self._next, frame))
            self._next += 1
        return next(frame for n, frame in self._latest if n == number)

    def _begin(self, key: str) -> None:
        self._open.close()
        self._latest.clear()
        self._key, self._next, self._frames = key, 0, iter(())
        if key:
            clip = self._open.enter_context(opened(self._bucket, key))
            frames = clip.frames(self._span)
            self._open.callback(frames.close)
            self._frames = frames


def _parts(key: str) -> tuple[str, int | None]:
    """Return the key of a clip and the number of a frame, or another key and None."""
    found = _FRAME.fullmatch(key)
    return (found[1], int(found[2])) if found else (key, None)


def frame_entry(clip: Entry, number: int) -> Entry:
    """Return the entry of a frame as a photo, which is not listed."""
    return Entry(f"{clip.key}/{number}.frame", 0, f"{clip.etag}-{number}", clip.modified)
