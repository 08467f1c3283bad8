"""The frames of a clip, one by one: upright, with square pixels, as sRGB of 8 bits.

FFmpeg's libraries decode, by PyAV. Frames come in order and are never all in memory.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
from av.filter import Graph

from painterly.devices.processor import cores
from painterly.errors import PictureError
from painterly.images.colours.hdr import HLG, PQ, Hdr, to_srgb
from painterly.images.header import MAX_PIXELS

# Others than these can name further files, or addresses, which a clip has no business to read.
_CONTAINERS = "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,ogg,flv,asf"
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
_USUAL_RATE = Fraction(25)  # frames a second, if a clip names no rate
_THREADS = 4  # More would only take memory.
_INDEXED = ("mov", "matroska")  # start the names of containers that know their key frames
_BEFORE = 2  # s before a time, from where a key frame is looked for
_REC709, _REC601 = 1, 5  # matrices in H.273
_LARGE = 720  # rows; a clip that names no matrix has Rec. 709 from here on, as players assume
_BRIGHTEST = {PQ: 49_268, HLG: 65_535}  # values of 1000 cd/m², in 16 bits
_REC2020, _D65 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046), (0.3127, 0.3290)
Tell = Callable[[str], None]  # takes what is worth a line in the log


class Decoded(NamedTuple):
    """A frame, its time in seconds, and the width and height at which it is shown before it is
    turned."""

    frame: Any
    time: Fraction
    width: int
    height: int

    def pixels(self) -> np.ndarray:
        """Return the frame as it is shown, uint8 [h, w, 3]."""
        frame = self.frame
        usual = _REC709 if frame.height >= _LARGE else _REC601
        matrix = usual if frame.colorspace in (0, 2) else int(frame.colorspace)
        transfer = int(frame.color_trc)
        form = "rgb48le" if transfer in _BRIGHTEST else "rgba" if self._has_alpha else "rgb24"
        shown = frame.reformat(self.width, self.height, form, src_colorspace=matrix).to_ndarray()
        if transfer in _BRIGHTEST:
            shown = _toned(shown, transfer)
        elif form == "rgba":
            alpha = shown[..., 3:].astype(np.float32) / 255
            shown = (alpha * shown[..., :3] + 255 * (1 - alpha) + 0.5).astype(np.uint8)
        return np.ascontiguousarray(np.rot90(shown, int(frame.rotation) // 90))

    @property
    def is_transparent(self) -> bool:
        """Whether something is transparent."""
        return self._has_alpha and bool(self.frame.to_ndarray(format="rgba")[..., 3].min() < 255)

    @property
    def _has_alpha(self) -> bool:
        return any(each.is_alpha for each in self.frame.format.components)


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn errors of FFmpeg into PictureErrors."""
    try:
        yield
    except PictureError:
        raise
    except (MemoryError, BlockingIOError):  # The second if a thread gets no stack.
        raise PictureError("needs more memory than a clip may take; make it smaller") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        what = f"is damaged, cut, or no clip that FFmpeg reads ({reason})"
        raise PictureError(f"{what}; export it anew as mp4") from None


def _toned(values: np.ndarray, transfer: int) -> np.ndarray:
    """Return an HDR frame in sRGB of 8 bits. All frames are mapped from the same peak: each one's
    own would flicker. So a row of that light goes with them."""
    most = _BRIGHTEST[transfer]
    peak = np.full((1, *values.shape[1:]), most, np.uint16)
    lit = np.concatenate([np.minimum(values, most), peak])
    shown = to_srgb(lit, Hdr(transfer, _REC2020, _D65))[:-1]
    return (shown / 257 + 0.5).astype(np.uint8)


def decoded(
    file: BinaryIO, tell: Tell, since: Fraction = Fraction(0), most: int = MAX_PIXELS
) -> Iterator[Decoded | None]:
    """Decode a clip, without its damaged parts, and yield the frames from a time on, after None for
    some that come before. If the container knows its key frames, most of these are left out.

    Args:
        file: Its file.
        tell: Takes warnings.
        since: The time in seconds.
        most: The most pixels of a frame.

    Raises:
        PictureError: No frame can be decoded.
    """
    try:
        yield from _decoded(file, tell, since, most, seeks=since > _BEFORE)
    except _InexactError:
        yield from _decoded(file, tell, since, most, seeks=False)


class _InexactError(Exception):
    """Frames after a seek may differ from those of a clip that is decoded from its start."""


def _decoded(
    file: BinaryIO, tell: Tell, since: Fraction, most: int, seeks: bool
) -> Iterator[Decoded | None]:
    file.seek(0)
    with errors_told(), av.open(file, options=OPTIONS) as source:
        stream = picture_track(source)
        width, height = _size_shown(stream, most)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = min(_THREADS, cores())
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        frames, last = _readable(source, stream, tell), None
        first = next(frames, None)
        if first is None:
            raise PictureError("has no frame that can be read")
        if seeks:
            if first.interlaced_frame or not source.format.name.startswith(_INDEXED):
                raise _InexactError  # The filter needs the frames before.
            with suppress(av.FFmpegError):
                source.seek(int((since - _BEFORE) / stream.time_base), stream=stream)
            frames = _after_key_frame(_readable(source, stream, tell), since)
        else:
            frames = chain([first], frames)
            if first.interlaced_frame:
                tell("is interlaced; its fields are joined")
                frames = _progressive(frames, stream)
        for frame in frames:
            time = (last or 0) + 1 / rate_of(stream)
            if frame.pts is not None:
                time = Fraction(frame.pts * frame.time_base)
            if last is None or time > last:  # A moment has one frame.
                last = time
                yield Decoded(frame, time, width, height) if time >= since else None


def picture_track(source: Any) -> Any:
    """Return the stream of pictures of an open clip. Raises PictureError."""
    if not source.streams.video:
        raise PictureError("has no picture track")
    if source.streams.video[0].codec_context is None:
        raise PictureError("has pictures that FFmpeg cannot decode; export it anew as mp4")
    return source.streams.video[0]


def rate_of(stream: Any) -> Fraction:
    """Return the frames a second of a stream of pictures."""
    return stream.average_rate or stream.guessed_rate or _USUAL_RATE


def _after_key_frame(frames: Iterator[Any], since: Fraction) -> Iterator[Any]:
    """Yield the frames from the first key frame on. Raises _InexactError if that does not come
    before a time."""
    is_exact = False
    for frame in frames:
        is_exact = is_exact or frame.key_frame
        if frame.pts is None or (not is_exact and frame.pts * frame.time_base >= since):
            raise _InexactError
        if is_exact:
            yield frame
    if not is_exact:
        raise _InexactError


def _size_shown(stream: Any, most: int) -> tuple[int, int]:
    """Return the width and the height in px at which a clip is shown. Raises PictureError."""
    aspect: Fraction = stream.sample_aspect_ratio or Fraction(1)  # None of the pixels is lost.
    width = round(stream.codec_context.width * max(aspect, 1))
    height = round(stream.codec_context.height / min(aspect, 1))
    if width * height > most:
        what = f"{width} × {height} px are more than {most // 10**6} megapixels"
        raise PictureError(f"{what}; make it smaller")
    return width, height


def _readable(source: Any, stream: Any, tell: Tell) -> Iterator[Any]:
    lost = 0
    for packet in source.demux(stream):
        try:
            yield from packet.decode()
        except MemoryError:
            raise
        except av.FFmpegError:
            lost += 1
    if lost:
        tell(f"{lost} damaged parts are left out")


def _progressive(frames: Iterator[Any], stream: Any) -> Iterator[Any]:
    """Yield frames as whole pictures, without the comb of those that are interlaced."""
    graph = Graph()
    ends = graph.add_buffer(template=stream), graph.add("bwdif", "send_frame:auto:interlaced")
    graph.link_nodes(*ends, graph.add("buffersink")).configure()
    for frame in chain(frames, [None]):  # None is the end.
        graph.push(frame)
        with suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield graph.pull()
