"""Small clips, made on the fly."""

import io
import re
import subprocess
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

from painterly.settings.clips import ffmpeg
from painterly.storage.folder import FolderBucket
from painterly.video.reading import WHOLE, ClipFile, ClipsView

RATE = 24
GIVEN = {3: "rgb24", 4: "rgba"}


def run(*arguments, data=b""):
    """Run ffmpeg, and return its output and its log."""
    command = [ffmpeg(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
    command = command if not data else [each for each in command if each != "-nostdin"]
    done = subprocess.run(command, input=data or None, capture_output=True, check=False)
    said = done.stderr.decode(errors="replace")
    assert done.returncode == 0, said
    return done.stdout, said


def picture(number, height=64, width=96):
    """A smooth picture with blobs, which moves by two pixels a frame."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = x + 2 * number
    grey = 128 + 50 * np.sin(x / 7) * np.cos(y / 9) + 40 * np.sin(x / 3 + y / 4)
    return np.clip(np.stack([grey, 255 - grey, 0.5 * grey + y], -1), 0, 255).astype(np.uint8)


def write(
    path: Path,
    frames=6,
    codec="libx264",
    form="yuv420p",
    times=None,
    sound="",
    options=(),
    filters="",
    metadata=None,
):
    """Write a clip, and return its path.

    Args:
        path: Its file.
        frames: Its pictures, uint8 [h, w, 3], with alpha [h, w, 4], or uint16; or their number.
        codec, form: The encoder, and the kind of pixels.
        times: The time of each frame, in frames.
        sound: The encoder of half a second of a tone, or none.
        options: Further options of the output.
        filters: Further filters.
        metadata: What describes it, by names.
    """
    pictures = [picture(each) for each in range(frames)] if isinstance(frames, int) else frames
    height, width, channels = pictures[0].shape
    given = "rgb48le" if pictures[0].dtype == np.uint16 else GIVEN[channels]
    heard = ("-f", "lavfi", "-i", "sine=frequency=380:sample_rate=48000:duration=0.5")
    chain = [filters] if filters else []
    if times:
        terms = [f"eq(N\\,{number})*{time}" for number, time in enumerate(times)]
        while len(terms) > 1:  # FFmpeg takes no long sum.
            pairs = zip_longest(terms[::2], terms[1::2], fillvalue="0")
            terms = [f"({one}+{other})" for one, other in pairs]
        chain.append(f"setpts={terms[0]}/{RATE}/TB")
    run(
        *("-f", "rawvideo", "-pix_fmt", given, "-s", f"{width}x{height}", "-framerate", RATE),
        *("-i", "pipe:0", *(heard if sound else ())),
        *(("-vf", ",".join(chain)) if chain else ()),
        *("-fps_mode", "passthrough", "-enc_time_base:v", f"1/{RATE}"),
        *("-c:v", codec, "-pix_fmt", form, "-bitexact", "-fflags", "+bitexact"),
        *(("-c:a", sound) if sound else ()),
        *(
            word
            for name, value in (metadata or {}).items()
            for word in ("-metadata", f"{name}={value}")
        ),
        *(*options, path),
        data=b"".join(np.ascontiguousarray(each).tobytes() for each in pictures),
    )
    return path


def again(path: Path, name: str, *options, before=()):
    """A clip in another container, packet by packet."""
    target = path.with_name(name)
    run(*before, "-i", path, "-map", "0", "-c", "copy", *options, target)
    return target


def opened(path: Path):
    return ClipFile(path.name, path, 10**9)


def stamps(path: Path, span=WHOLE):
    """The stamps of the frames of a clip."""
    return opened(path).stamps(span)


def frames(path: Path, span=WHOLE):
    """The frames of a clip as they are painted, int [frames, h, w, 3]."""
    return np.stack([*opened(path).frames(span)]).astype(int)


def reader(path: Path):
    """A function that returns a frame by its number, uint8 [h, w, 3]."""
    view = ClipsView(FolderBucket(path.parent))

    def frame(number):
        with Image.open(io.BytesIO(view.read(f"{path.name}/{number}.frame"))) as picture:
            return np.asarray(picture)

    return frame


def facts(path: Path):
    """The sizes of a clip's frames, their times, and the codecs of its sound."""
    out, said = run(
        "-copyts", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "-"
    )
    base = Fraction(re.search(rb"#tb 0: (\S+)", out)[1].decode())
    size = re.search(rb"#dimensions 0: (\d+)x(\d+)", out)
    times = [float(int(each) * base) for each in re.findall(rb"^0, *-?\d+, *(-?\d+)", out, re.M)]
    sounds = re.findall(r"^  Stream #0:\d+.*?: Audio: (\w+)", said.partition("Output #0")[0], re.M)
    return {(int(size[1]), int(size[2]))}, times, sounds


def pixels(path: Path):
    """The pictures of a clip as they are stored, int [frames, h, w, 3]."""
    (size,) = facts(path)[0]
    raw, _ = run(
        *("-i", path, "-map", "0:v:0", "-fps_mode", "passthrough"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3).astype(int)
