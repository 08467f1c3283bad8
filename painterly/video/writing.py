"""Writing a clip: pictures with their times, and the sound of the clip that they show."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.filter import Graph

from painterly.images.picture_file import errors_named
from painterly.log import event
from painterly.video.constants import SILENT
from painterly.video.frames import OPTIONS, errors_told
from painterly.words.wording import printable

# Encoders by extension, the first that this FFmpeg has: codec, kind of pixels, options.
# The x264 in wheels of PyAV is under the GPL (NOTICE).
_X264 = ("libx264", "yuv420p", {"crf": "16", "preset": "medium"})
_AV1 = ("libsvtav1", "yuv420p", {"crf": "24", "preset": "8"})
_VP9 = ("libvpx-vp9", "yuv420p", {"crf": "22", "b": "0", "cpu-used": "4", "row-mt": "1"})
_USUAL = (_X264, _AV1, _VP9, ("mpeg4", "yuv420p", {"qscale": "2"}))
_ENCODERS = {
    "webm": (_VP9, _AV1),
    "gif": (("gif", "pal8", {}),),
    "webp": (("libwebp_anim", "yuv420p", {"quality": "88"}),),
}
_OPTIONS = {"mp4": {"movflags": "+faststart"}, "webp": {"loop": "0"}}
# Sound that players expect in a container. Other sound is encoded again, as the last of these.
_SOUND = {"webm": ("vorbis", "opus"), "mkv": ("mp3", "opus", "vorbis", "flac", "ac3", "aac")}
_USUAL_SOUND = ("mp3", "ac3", "aac")
_ENCODED_SOUND = {"aac": ("aac", 44_100), "opus": ("libopus", 48_000)}
_HUNDREDTHS = Fraction(1, 100)  # s, the unit of a gif
_REC709, _LIMITED = 1, 1


def write(
    target: Path, pictures: Iterable[tuple[Fraction, np.ndarray]], source: Path, name: str
) -> None:
    """Write a clip.

    Args:
        target: Its file. The extension decides the container.
        pictures: The time in seconds of each picture, and the picture, uint8 [h, w, 3].
        source: The clip whose sound it gets, from the time of the first picture on.
        name: That one's name, for errors.

    Raises:
        PictureError: It cannot be written.
    """
    extension, rest = target.suffix[1:].lower(), iter(pictures)
    # Without it, Matroska's files have a random number.
    options = {"fflags": "+bitexact", **_OPTIONS.get(extension, {})}
    known = _ENCODERS.get(extension, _USUAL)
    codec, form, settings = next(each for each in known if each[0] in av.codecs_available)
    start, first = next(rest)
    with (
        errors_named(name),
        errors_told(),
        av.open(str(source), options=OPTIONS) as original,
        av.open(str(target), "w", options=options) as written,
    ):
        seen = original.streams.video[0]
        rate = seen.average_rate or seen.guessed_rate or Fraction(25)
        stream: Any = written.add_stream(codec, rate=rate, options=settings)
        height, width = (side - side % 2 for side in first.shape[:2])
        stream.height, stream.width, stream.pix_fmt = height, width, form
        context, base = stream.codec_context, seen.time_base or Fraction(1, 90_000)
        context.thread_count = (
            1  # Several threads: other bytes with other cores, and once in a while.
        )
        context.time_base = stream.time_base = _HUNDREDTHS if extension == "gif" else base
        if form == "yuv420p":
            context.colorspace = context.color_primaries = context.color_trc = _REC709
            context.color_range = _LIMITED
        sound, moment = _Sound(original, written, extension, start, name), Fraction(0)
        for time, frame in _frames(chain([(start, first)], rest), width, height, form):
            moment = time - start
            frame.time_base, frame.pts = context.time_base, round(moment / context.time_base)
            sound.until(moment)
            written.mux(stream.encode(frame))
        sound.until(moment + 1 / rate)
        written.mux(stream.encode(None))


def _frames(
    pictures: Iterable[tuple[Fraction, np.ndarray]], width: int, height: int, form: str
) -> Iterator[tuple[Fraction, Any]]:
    """Yield pictures as an encoder takes them. An odd row or column is left out."""
    graph = _palettes(width, height) if form == "pal8" else None
    for time, picture in pictures:
        shown = np.ascontiguousarray(picture[:height, :width])
        frame = av.VideoFrame.from_ndarray(shown, "rgb24")
        if graph:
            graph.push(frame)
            yield time, graph.pull()
        else:
            colours = {"dst_colorspace": _REC709, "dst_color_range": _LIMITED}
            yield time, frame.reformat(None, None, form, **colours)


def _palettes(width: int, height: int) -> Any:
    """Return a filter that gives each picture a palette of 256 colours."""
    graph = Graph()
    size = {"width": width, "height": height, "format": "rgb24"}
    source, split = graph.add_buffer(**size, time_base=_HUNDREDTHS), graph.add("split")
    made, used = graph.add("palettegen", "stats_mode=single"), graph.add("paletteuse", "new=1")
    source.link_to(split)
    split.link_to(used, 0, 0)
    split.link_to(made, 1, 0)
    made.link_to(used, 0, 1)
    used.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


class _Sound:
    """The sound of a clip, which another one gets."""

    def __init__(
        self, original: Any, written: Any, extension: str, start: Fraction, name: str
    ) -> None:
        self._written, self._start, self._packets = written, start, iter(())
        if original.streams.audio and extension in SILENT:
            event(f"{printable(name)}: its sound is left out, which a {extension} cannot hold")
        elif original.streams.audio:
            stream, known = original.streams.audio[0], _SOUND.get(extension, _USUAL_SOUND)
            if stream.codec_context.name in known:
                target = written.add_stream_from_template(stream)
                self._packets = (each for each in original.demux(stream) if each.dts is not None)
            else:
                codec, rate = _ENCODED_SOUND[known[-1]]
                target = written.add_stream(codec, rate=rate)
                self._packets = _encoded(original, stream, target)
            self._target = target
        self._waiting = next(self._packets, None)

    def until(self, moment: Fraction) -> None:
        """Write what is heard before a moment of the new clip, in seconds."""
        while (packet := self._waiting) is not None:
            if packet.pts * packet.time_base - self._start >= moment:
                return
            shift = round(self._start / packet.time_base)
            if packet.pts >= shift or not shift:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = self._target
                self._written.mux(packet)
            self._waiting = next(self._packets, None)


def _encoded(original: Any, stream: Any, target: Any) -> Iterator[Any]:
    context = target.codec_context
    context.open(strict=False)
    resampler = AudioResampler(context.format, context.layout, context.rate, context.frame_size)
    for packet in original.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for part in (part for frame in frames for part in resampler.resample(frame)):
            yield from target.encode(part)
    for part in (*resampler.resample(None), None):
        yield from target.encode(part)
