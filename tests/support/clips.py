"""Small clips, made on the fly."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from painterly.storage.folder import FolderBucket
from painterly.video import decoder, source

RATE = 24


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
    given="rgb24",
    options=None,
    prepare=lambda stream: None,
    metadata=None,
    container=None,
):
    """Write a clip, and return its path.

    Args:
        path: Its file.
        frames: Its pictures, or their number.
        codec, form: The encoder, and the kind of pixels.
        times: The time of each frame, in frames.
        sound: The encoder of half a second of a tone, or none.
        given: The kind of pixels of the pictures.
        options: The encoder's.
        prepare: Changes the stream before its first frame.
        metadata: What describes it, by names.
        container: The container's options.
    """
    pictures = [picture(each) for each in range(frames)] if isinstance(frames, int) else frames
    with av.open(str(path), "w", options=container or {}) as written:
        written.metadata.update(metadata or {})
        stream = written.add_stream(codec, rate=RATE, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = form
        prepare(stream)
        heard = written.add_stream(sound, rate=48_000) if sound else None
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), given)
            frame = frame.reformat(format=form)
            frame.pts = times[number] if times else number
            frame.time_base = Fraction(1, RATE)
            written.mux(stream.encode(frame))
        written.mux(stream.encode(None))
        if heard:
            tone = np.sin(np.arange(24_000) / 20).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(0.1 * tone, format="fltp", layout="mono")
            frame.sample_rate = 48_000
            written.mux(heard.encode(frame))
            written.mux(heard.encode(None))
    return path


def stamps(path: Path, *span):
    """The stamps of the frames of a clip."""
    return decoder.stamps(FolderBucket(path.parent), path.name, *span)


def reader(path: Path):
    """A function that returns the frame of a time, uint8 [h, w, 3]."""
    view = source.ClipsView(FolderBucket(path.parent))

    def frame(time):
        key = f"{path.name}/{Fraction(time).numerator}-{Fraction(time).denominator}.frame"
        with Image.open(io.BytesIO(view.read(key))) as picture:
            return np.asarray(picture)

    return frame


def facts(path: Path):
    """The sizes of a clip's frames, their times, and the codecs of its sound."""
    with av.open(str(path)) as source:
        sounds = [each.codec_context.name for each in source.streams.audio]
        frames = [*source.decode(source.streams.video[0])]
    return {(each.width, each.height) for each in frames}, [each.time for each in frames], sounds


def pixels(path: Path):
    """The pictures of a clip, int [frames, h, w, 3]."""
    with av.open(str(path)) as source:
        shown = [each.to_ndarray(format="rgb24") for each in source.decode(video=0)]
    return np.stack(shown).astype(int)
