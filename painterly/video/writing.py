"""Writing a clip: pictures with their times and the sound of the clip that they show, or a copy."""

import math
import struct
from bisect import bisect
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from PIL import Image

from painterly.errors import PictureError
from painterly.video.frames import OPTIONS, Tell, picture_track, rate_of
from painterly.video.plugin import SILENT

# Encoders by extension, the first that this FFmpeg has: codec, kind of pixels, options.
# The x264 in wheels of PyAV is under the GPL (NOTICE).
# mbtree: with AVX-512, x264's macroblock trees read memory that was never written, so bytes vary.
_X264 = ("libx264", "yuv420p", {"crf": "16", "preset": "medium", "mbtree": "0"})
_AV1 = ("libsvtav1", "yuv420p", {"crf": "24", "preset": "8"})
_VP9 = ("libvpx-vp9", "yuv420p", {"crf": "22", "b": "0", "cpu-used": "4", "row-mt": "1"})
_USUAL = (_X264, _AV1, _VP9, ("mpeg4", "yuv420p", {"qscale": "2"}))
_ENCODERS = {
    "webm": (_VP9, _AV1),
    "gif": (("gif", "pal8", {}),),
    "webp": (("libwebp_anim", "yuv420p", {"quality": "88"}),),
}
_EXACT = {"fflags": "+bitexact"}  # Without it, Matroska's files have a random number.
_OPTIONS = {"mp4": {"movflags": "+faststart"}, "webp": {"loop": "0"}}
# Sound that players expect in a container. Other sound is encoded again, as the last of these.
_SOUND = {"webm": ("vorbis", "opus"), "mkv": ("mp3", "opus", "vorbis", "flac", "ac3", "aac")}
_USUAL_SOUND = ("mp3", "ac3", "aac")
_ENCODED_SOUND = {"aac": ("aac", 44_100), "opus": ("libopus", 48_000)}
_HUNDREDTHS = Fraction(1, 100)  # s, the unit of a gif
_BEFORE = 1  # s of sound before the first picture, which a decoder may need
_REC709, _LIMITED = 1, 1
_OUTSIDE = "is damaged: it has a packet outside of its media data; export it anew as mp4"


class Writer:
    """A clip that is being written."""

    def __init__(
        self, source: BinaryIO, path: str, start: Fraction, shape: tuple[int, ...], tell: Tell
    ) -> None:
        """Begin it.

        Args:
            source: The file of the clip whose sound it gets.
            path: Its file. The extension decides the container.
            start: The time of its first picture in that clip, in seconds.
            shape: The height and the width of its pictures. An odd row or column is left out.
            tell: Takes warnings.
        """
        extension = Path(path).suffix[1:].lower()
        known = _ENCODERS.get(extension, _USUAL)
        codec, form, settings = next(each for each in known if each[0] in av.codecs_available)
        source.seek(0)
        original = av.open(source, options=OPTIONS)
        seen = original.streams.video[0]
        rate = rate_of(seen)
        self._start, self._each, self._moment = start, 1 / rate, Fraction(0)
        self._file = av.open(path, "w", options=_EXACT | _OPTIONS.get(extension, {}))
        self._stream: Any = self._file.add_stream(codec, rate=rate, options=settings)
        self._stream.height, self._stream.width = (side - side % 2 for side in shape[:2])
        self._stream.pix_fmt, context = form, self._stream.codec_context
        base = _HUNDREDTHS if extension == "gif" else seen.time_base or Fraction(1, 90_000)
        context.time_base = self._stream.time_base = base
        context.thread_count = 1  # Several: other bytes with other cores, and once in a while.
        if form == "yuv420p":
            context.colorspace = context.color_primaries = context.color_trc = _REC709
            context.color_range = _LIMITED
        others = original.streams.subtitles, original.streams.audio[1:]
        named = zip(("subtitles", "further sound tracks"), others, strict=True)
        if left := " and ".join(name for name, tracks in named if tracks):
            tell(f"its {left} are left out")
        self._sound: Iterator[Any] = iter(())
        if original.streams.audio and extension in SILENT:
            tell(f"its sound is left out, which a {extension} cannot hold")
        elif original.streams.audio:
            with suppress(av.FFmpegError):
                original.seek(int((start - _BEFORE) * av.time_base))
            self._sound = self._packets(original, _SOUND.get(extension, _USUAL_SOUND))

    def add(self, time: Fraction, picture: np.ndarray) -> None:
        """Add a picture, uint8 [h, w, 3], and the sound before it. Its time is that in the other
        clip, in seconds."""
        shown = np.ascontiguousarray(picture[: self._stream.height, : self._stream.width])
        if self._stream.pix_fmt == "pal8":
            frame = _of_256_colours(shown)
        else:
            colours = {"dst_colorspace": _REC709, "dst_color_range": _LIMITED}
            frame = av.VideoFrame.from_ndarray(shown, "rgb24")
            frame = frame.reformat(None, None, self._stream.pix_fmt, **colours)
        self._moment, base = time - self._start, self._stream.codec_context.time_base
        frame.time_base, frame.pts = base, round(self._moment / base)
        self._add_sound()
        self._file.mux(self._stream.encode(frame))

    def end(self) -> None:
        """End the file."""
        self._moment += self._each
        self._add_sound()
        self._file.mux(self._stream.encode(None))
        self._file.close()

    def _add_sound(self) -> None:
        for packet in self._sound:
            shift = round(self._start / packet.time_base)
            if packet.pts >= shift or not shift:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                self._file.mux(packet)
            if packet.pts * packet.time_base >= self._moment:
                return

    def _packets(self, original: Any, known: tuple[str, ...]) -> Iterator[Any]:
        """Return the sound of a clip, encoded again if its codec is not a known one."""
        stream = original.streams.audio[0]
        if stream.codec_context.name in known:
            target = self._file.add_stream_from_template(stream)
            return _copied(original, stream, target)
        codec, rate = _ENCODED_SOUND[known[-1]]
        return _encoded(original, stream, self._file.add_stream(codec, rate=rate))


def _of_256_colours(pixels: np.ndarray) -> Any:
    image = Image.fromarray(pixels)
    few = image.quantize(palette=image.quantize(), dither=Image.Dither.FLOYDSTEINBERG)
    palette = np.full((256, 4), 255, np.uint8)
    colours = np.asarray(few.getpalette(), np.uint8).reshape(-1, 3)
    palette[: len(colours), 1:] = colours
    return av.VideoFrame.from_ndarray((np.asarray(few), palette), "pal8")


def _copied(original: Any, stream: Any, target: Any) -> Iterator[Any]:
    for packet in original.demux(stream):
        if packet.dts is not None:
            packet.stream = target
            yield packet


def _encoded(original: Any, stream: Any, target: Any) -> Iterator[Any]:
    for packet in original.demux(stream):
        with suppress(av.FFmpegError):
            for frame in packet.decode():
                yield from target.encode(frame)
    yield from target.encode(None)


def copied(path: str, target: str) -> dict[str, Any]:
    """Copy the pictures and the sound of a clip into a container of its kind, without what
    describes it, such as the position where it was taken. No packet is decoded.

    Args:
        path: The file of the clip.
        target: The file of the copy.

    Returns:
        The number of frames, about, and the seconds that it lasts.

    Raises:
        PictureError: It has no pictures that can be decoded, or a packet outside of its media data.
        av.FFmpegError, ValueError: It is damaged, or cannot be copied.
    """
    with av.open(path, options=OPTIONS) as source:
        container = source.format.name.partition(",")[0]
    try:
        return _copied_into(container, path, target)
    except (av.ArgumentError, ValueError):  # QuickTime lacks some codecs of mp4, such as Opus.
        return _copied_into("mp4", path, target)


def _copied_into(container: str, path: str, target: str) -> dict[str, Any]:
    with (
        av.open(path, options=OPTIONS) as source,
        av.open(target, "w", container, options=_EXACT) as written,
    ):
        seen, times, last = picture_track(source), list[Fraction](), dict[int, int]()
        media = _media_of(path) if source.format.name.startswith("mov") else None
        kept = {
            each: written.add_stream_from_template(each, opaque=True)
            for each in (seen, *source.streams.audio[:1])
        }
        for packet in source.demux(*kept):
            if not packet.size:
                continue  # the end
            if media is not None and not _is_within(media, packet):
                raise PictureError(_OUTSIDE)
            if packet.stream is seen:
                moment = packet.dts if packet.pts is None else packet.pts
                times.append(Fraction(moment or 0) * (packet.time_base or 0))
            if packet.dts is not None:  # Some clips have a moment twice, which cannot be written.
                packet.dts = max(packet.dts, 1 + last.get(packet.stream_index, packet.dts - 1))
                last[packet.stream_index] = packet.dts
                packet.pts = None if packet.pts is None else max(packet.pts, packet.dts)
            packet.stream = kept[packet.stream]
            written.mux(packet)
    seconds = float(max(times) - min(times)) * len(times) / (len(times) - 1) if times[1:] else 0
    return {"parts": len(times), "seconds": seconds}


def _media_of(path: str) -> list[tuple[int, int]]:
    """Return the boxes of media data of an mp4 or QuickTime file: the first byte of each, and the
    one after its last (ISO/IEC 14496-12, 4.2)."""
    found, at, whole = [], 0, Path(path).stat().st_size
    with Path(path).open("rb") as file:
        while len(head := file.read(16)) >= 8:
            size, kind, long_size = struct.unpack(">L4sQ", head.ljust(16, b"\0"))
            after = at + max(8, long_size if size == 1 else size) if size else whole
            if kind == b"mdat":
                found.append((at, after))
            at = file.seek(min(after, whole))
    return found


def _is_within(media: list[tuple[int, int]], packet: av.Packet) -> bool:
    """Tell whether a packet is inside one of these boxes, or has no known place."""
    if packet.pos is None:
        return True
    at = bisect(media, (packet.pos, math.inf)) - 1
    return at >= 0 and packet.pos + packet.size <= media[at][1]
