"""A copy of a clip without what describes it, such as the position where it was taken.

For the process that decodes. No packet is decoded.
"""

from fractions import Fraction
from typing import Any

import av

from painterly.video.frames import OPTIONS, picture_track


def copied(path: str, target: str) -> dict[str, Any]:
    """Copy the pictures and the sound of a clip, and nothing else, into a container of its kind.

    Args:
        path: The file of the clip.
        target: The file of the copy.

    Returns:
        The number of pixels, that of frames, about, and the seconds that it lasts.

    Raises:
        PictureError: It has no pictures that can be decoded.
        av.FFmpegError, ValueError: It is damaged, or cannot be copied.
    """
    with av.open(path, options=OPTIONS) as source:
        container = source.format.name.partition(",")[0]
    try:
        return _copied(path, target, container)
    except (av.ArgumentError, ValueError):  # QuickTime lacks some codecs of mp4, such as Opus.
        return _copied(path, target, "mp4")


def _copied(path: str, target: str, container: str) -> dict[str, Any]:
    exact = {"fflags": "+bitexact"}  # Without it, Matroska's files have a random number.
    with (
        av.open(path, options=OPTIONS) as source,
        av.open(target, "w", container, options=exact) as written,
    ):
        seen, times, last = picture_track(source), list[Fraction](), dict[int, int]()
        kept = {
            each: written.add_stream_from_template(each, opaque=True)
            for each in (seen, *source.streams.audio[:1])
        }
        for packet in source.demux(*kept):
            if not packet.size:
                continue  # the end
            if packet.stream is seen:
                moment = packet.dts if packet.pts is None else packet.pts
                times.append(Fraction(moment or 0) * (packet.time_base or 0))
            if packet.dts is not None:  # Some clips have a moment twice, which cannot be written.
                packet.dts = max(packet.dts, 1 + last.get(packet.stream_index, packet.dts - 1))
                last[packet.stream_index] = packet.dts
                packet.pts = None if packet.pts is None else max(packet.pts, packet.dts)
            packet.stream = kept[packet.stream]
            written.mux(packet)
        pixels = seen.codec_context.width * seen.codec_context.height
    seconds = float(max(times) - min(times)) * len(times) / (len(times) - 1) if times[1:] else 0
    return {"pixels": pixels, "frames": len(times), "seconds": seconds}
