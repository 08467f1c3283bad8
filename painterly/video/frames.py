"""The frames of a clip, one by one: upright, with square pixels, as sRGB of 8 bits.

FFmpeg's libraries decode, by PyAV. Frames come in order and are never all in memory.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.filter import Graph

from painterly.errors import PictureError
from painterly.images.colours.hdr import HLG, PQ, Hdr, to_srgb
from painterly.images.header import MAX_PIXELS

# Others than these can name further files, or addresses, which a clip has no business to read.
_CONTAINERS = "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,ogg,flv,asf"
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
_THREADS = 4  # More would only take memory.
_OPAQUE = 255
_REC709, _REC601 = 1, 5  # matrices in H.273
_LARGE = 720  # rows; a clip that names no matrix has Rec. 709 from here on, as players assume
_BRIGHTEST = {PQ: 49_268, HLG: 65_535}  # values of 1000 cd/m², in 16 bits
_REC2020, _D65 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046), (0.3127, 0.3290)


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
        is_hdr = transfer in _BRIGHTEST
        form = "rgb48le" if is_hdr else "rgba" if _has_alpha(frame) else "rgb24"
        shown = frame.reformat(self.width, self.height, form, src_colorspace=matrix).to_ndarray()
        if is_hdr:
            shown = _toned(shown, transfer)
        elif form == "rgba":
            alpha = shown[..., 3:].astype(np.float32) / 255
            shown = (alpha * shown[..., :3] + 255 * (1 - alpha) + 0.5).astype(np.uint8)
        return np.ascontiguousarray(np.rot90(shown, int(frame.rotation) // 90))


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn errors of FFmpeg into PictureErrors."""
    try:
        yield
    except PictureError:
        raise
    except MemoryError:
        raise PictureError("needs more memory than a clip may take; make it smaller") from None
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        what = f"is damaged, cut, or no clip that FFmpeg reads ({reason})"
        raise PictureError(f"{what}; export it anew as mp4") from None


def stamps(path: Path, tell: Callable[[str], None]) -> Iterator[tuple[Fraction, bool]]:
    """Decode a clip, and yield the time of each frame in seconds, and whether it shows the same as
    the frame before. Arguments and errors are as in `decoded`."""
    last, is_first = None, True
    for each in decoded(path, tell):
        seen = _checksum(each.frame)
        if is_first and _has_alpha(each.frame) and _alpha(each.frame).min() < _OPAQUE:
            tell("what is transparent becomes white")
        yield each.time, seen is not None and seen == last
        last, is_first = seen, False


def _toned(values: np.ndarray, transfer: int) -> np.ndarray:
    """Return an HDR frame in sRGB of 8 bits. All frames are mapped from the same peak: each one's
    own would flicker. So a row of that light goes with them."""
    most = _BRIGHTEST[transfer]
    peak = np.full((1, *values.shape[1:]), most, np.uint16)
    lit = np.concatenate([np.minimum(values, most), peak])
    shown = to_srgb(lit, Hdr(transfer, _REC2020, _D65))[:-1]
    return (shown / 257 + 0.5).astype(np.uint8)


def decoded(path: Path, tell: Callable[[str], None] = lambda _: None) -> Iterator[Decoded]:
    """Decode a clip, without its damaged parts. Raises PictureError if no frame can be decoded.

    Args:
        path: Its file.
        tell: Takes what is worth a line in the log.
    """
    with errors_told(), av.open(str(path), options=OPTIONS) as source:
        if not source.streams.video:
            raise PictureError("has no picture track")
        stream = source.streams.video[0]
        context = stream.codec_context
        aspect: Fraction = stream.sample_aspect_ratio or Fraction(1)  # None of the pixels is lost.
        width = round(context.width * max(aspect, 1))
        height = round(context.height / min(aspect, 1))
        if width * height > MAX_PIXELS:
            what = f"{width} × {height} px are more than {MAX_PIXELS // 10**6} megapixels"
            raise PictureError(f"{what}; make it smaller")
        stream.thread_type = "AUTO"
        context.thread_count = min(_THREADS, os.cpu_count() or 1)
        context.options = {"max_pixels": str(MAX_PIXELS)}
        each = 1 / (stream.average_rate or stream.guessed_rate or Fraction(25))
        last: Fraction | None = None
        for frame in _progressive(_readable(source, stream, tell), stream, tell):
            time = (last or 0) + each
            if frame.pts is not None:
                time = Fraction(frame.pts * frame.time_base)
            if last is None or time > last:  # A moment has one frame.
                last = time
                yield Decoded(frame, time, width, height)
        if last is None:
            raise PictureError("has no frame that can be read")


def _readable(source: Any, stream: Any, tell: Callable[[str], None]) -> Iterator[Any]:
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


def _progressive(frames: Iterator[Any], stream: Any, tell: Callable[[str], None]) -> Iterator[Any]:
    """Yield frames. If the first one is interlaced, all are whole pictures without its comb."""
    first = next(frames, None)
    if first is None or not first.interlaced_frame:
        yield from chain([first] if first else [], frames)
        return
    tell("is interlaced; its fields are joined")
    graph = Graph()
    ends = graph.add_buffer(template=stream), graph.add("bwdif", "send_frame")
    graph.link_nodes(*ends, graph.add("buffersink")).configure()
    for frame in chain([first], frames, [None]):  # None is the end.
        graph.push(frame)
        try:
            while True:
                yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            pass


def _alpha(frame: Any) -> Any:
    return frame.to_ndarray(format="rgba")[..., 3]


def _has_alpha(frame: Any) -> bool:
    return any(each.is_alpha for each in frame.format.components)


def _checksum(frame: Any) -> int | None:
    """Return a checksum of what a frame shows, or None for rare formats."""
    if len(frame.planes) != 3 or any(each.bits != 8 for each in frame.format.components):
        return None
    found = 0
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        found = zlib.crc32(rows[: plane.height, : plane.width].tobytes(), found)
    return found
