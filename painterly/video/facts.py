"""Facts about a clip that was sent to a service, for the process that decodes."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from painterly.errors import PictureError
from painterly.video.frames import OPTIONS

_SEEN = ("video", "audio")


def facts_of(path: Path) -> dict[str, Any]:
    """Return the pixels and the number of frames, the seconds, the names of what describes it, and
    the places of packets of other tracks than pictures and sound. No frame is decoded. Raises
    PictureError, and errors of FFmpeg."""
    data = path.read_bytes()
    with av.open(str(path), options=OPTIONS) as source:
        if not source.streams.video:
            raise PictureError("has no picture track")
        shown, others, is_hidden = source.streams.video[0], [], False
        times: list[Fraction] = []
        for packet in source.demux():
            if not packet.size:
                continue  # the end
            if packet.stream is shown:
                moment = packet.dts if packet.pts is None else packet.pts
                times.append(Fraction(moment or 0) * (packet.time_base or 0))
            elif packet.stream.type not in _SEEN:
                content = bytes(packet)
                start = data.find(content, max(0, packet.pos or 0))
                is_hidden |= start < 0
                others.append((max(0, start), len(content)))
        described = (source.metadata, *(each.metadata for each in source.streams))
        seconds = float(max(times) - min(times)) * len(times) / (len(times) - 1) if times[1:] else 0
        return {
            "pixels": shown.codec_context.width * shown.codec_context.height,
            "frames": len(times),
            "seconds": seconds,
            "names": [name for each in described for name in each],
            "others": others,
            "is_hidden": is_hidden,
        }
