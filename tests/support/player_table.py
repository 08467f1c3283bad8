"""Compares clips of all kinds, as they are painted, with those that a plain ffmpeg decodes: their
picture, sound and length, as a table.

    PYTHONPATH=.:tests python tests/support/player_table.py [FOLDER …]

It makes clips, and looks at those of the folders as well.
"""

import math
import re
import sys
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import Image

from painterly.errors import PictureError
from painterly.video import writing
from painterly.video.reading import WHOLE
from support import clips

NEAR = 12  # mean difference of levels of 255: other matrices and sizes


def played(path: Path) -> tuple[np.ndarray | None, float, bool]:
    """The middle frame of a clip over white, its length in seconds, and whether it has sound that
    can be decoded, by ffmpeg alone."""
    _, said = clips.run("-i", path, "-map", "0:v?", "-c", "copy", "-f", "null", "-")
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)(?:, start: (-?[\d.]+))?", said)
    hours, minutes, rest, start = map(float, length.groups("0")) if length else (0, 0, math.nan, 0)
    seconds = 3600 * hours + 60 * minutes + rest
    if path.suffix in (".mkv", ".webm"):  # Their length is the time of their end.
        seconds -= start
    alpha = "alpha_mode      : 1" in said
    decoder = ("-c:v", "libvpx-vp9" if "Video: vp9" in said else "libvpx") if alpha else ()
    raw, _ = clips.run(
        *decoder, "-i", path, "-an", "-c:v", "png", "-f", "image2pipe", "-pix_fmt", "rgba", "-"
    )
    starts = [each.start() for each in re.finditer(rb"\x89PNG\r\n", raw)]
    shown = None
    if starts:
        with TemporaryDirectory() as folder:
            (file := Path(folder, "frame.png")).write_bytes(raw[starts[len(starts) // 2] :])
            with Image.open(file) as image:
                white = Image.new("RGBA", image.size, "white")
                shown = np.asarray(Image.alpha_composite(white, image).convert("RGB"), float)
    try:
        heard = b"\n0," in clips.run("-i", path, "-vn", "-f", "framecrc", "-")[0]
    except AssertionError:
        heard = False
    return shown, seconds, heard


def painted(path: Path, target: Path) -> tuple[list[np.ndarray], Path]:
    """The frames of a clip as they would be painted, and a result of them."""
    clip = clips.opened(path)
    stamps = clip.stamps()
    heard = writing.sound(clip, WHOLE, target)
    frames = [*clip.frames(size=stamps.size)]
    with writing.writing(target, clip.name, clip.memory, stamps.rate, frames[0].shape) as add:
        for each in frames:
            add(each)
    return frames, writing.joined(target, heard, clip.memory, clip.date)


def row(path: Path) -> tuple[str, bool]:
    """A line of the table, and whether it is as it should be."""
    with TemporaryDirectory() as folder:
        try:
            frames, result = painted(
                path,
                Path(
                    folder,
                    f"a{path.suffix if path.suffix in ('.mov', '.webm', '.mkv') else '.mp4'}",
                ),
            )
        except PictureError as error:
            return f"{path.name:40} refused: {error}", "\n" not in str(error)
        shown, seconds, heard = played(path)
        _, result_seconds, result_heard = played(result)
        rate = clips.stamps(path).rate
    apart = []
    if shown is not None:  # Its pixels may not be square.
        height, width = frames[0].shape[:2]
        square = cv2.resize(shown, (width, height), interpolation=cv2.INTER_CUBIC)
        apart = [np.abs(each - square).mean() for each in frames]
    picture, length = min(apart, default=255), result_seconds - seconds
    right = picture < NEAR and not abs(length) > 1 / rate + 0.03 and heard == result_heard
    sound = {(True, True): "sound", (False, False): "none"}.get((heard, result_heard), "LOST")
    return f"{path.name:40} {picture:5.1f} apart, {length:+.3f} s, {sound}", right


SHORT = "testsrc2=size=160x120:rate=10:duration=0.6"
TONE = ("-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=0.6")
X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast")
PICTURES = {  # the name of a clip, and its encoder
    "h264.mp4": X264,
    "h264_bframes.mov": (*X264, "-bf", "3"),
    "h264_high10.mkv": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "h264_full_range.mp4": (*X264, "-vf", "scale=out_range=pc", "-color_range", "pc"),
    "h264_rgb.mp4": ("-c:v", "libx264rgb", "-pix_fmt", "rgb24"),
    "hevc.mp4": ("-c:v", "libx265", "-tag:v", "hvc1", "-x265-params", "log-level=error"),
    "av1.mp4": ("-c:v", "libsvtav1"),
    "vp8.webm": ("-c:v", "libvpx"),
    "vp9.webm": ("-c:v", "libvpx-vp9"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-q:v", "3"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-q:v", "3"),
    "mjpeg.mov": ("-c:v", "mjpeg", "-q:v", "3"),
    "prores.mov": ("-c:v", "prores_ks"),
    "prores_alpha.mov": ("-vf", "format=yuva444p10,colorchannelmixer=aa=0.5", "-c:v", "prores_ks"),
    "png_alpha.mov": ("-vf", "format=rgba,colorchannelmixer=aa=0.4", "-c:v", "png"),
    "ffv1.mkv": ("-c:v", "ffv1"),
    "grey.mkv": ("-vf", "format=gray", "-c:v", "ffv1"),
    "raw.avi": ("-c:v", "rawvideo", "-pix_fmt", "bgr24"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-q:v", "3"),
    "mpeg1.mpg": ("-r", "25", "-c:v", "mpeg1video", "-q:v", "3"),
    "wmv2.asf": ("-c:v", "wmv2", "-q:v", "3"),
    "flv1.flv": ("-c:v", "flv1", "-q:v", "3"),
    "theora.ogv": ("-c:v", "libtheora", "-q:v", "8"),
    "colours.gif": ("-c:v", "gif"),
    "rate_23.976.mp4": ("-r", "24000/1001", *X264),
    "rate_59.94.mp4": ("-r", "60000/1001", *X264),
    "rate_0.5.mp4": ("-r", "0.5", *X264),
    "wide_pixels.mp4": ("-vf", "setsar=4/3", *X264),
    "tall_pixels.mp4": ("-vf", "setsar=3/4", *X264),
    "odd_size.mkv": ("-vf", "crop=159:119", "-c:v", "ffv1"),
    "interlaced.mkv": ("-vf", "tinterlace=interleave_top", *X264, "-flags", "+ilme+ildct"),
    "variable.mkv": ("-vf", "setpts=N*(N+1)/30/TB", "-fps_mode", "vfr", *X264),
    "one_frame.mp4": ("-frames:v", "1", *X264),
    "fragments.mp4": (*X264, "-movflags", "frag_keyframe+empty_moov"),
    "live.webm": ("-c:v", "libvpx", "-live", "1"),
    "large_709.mp4": ("-vf", "scale=960:720:out_color_matrix=bt709", *X264, "-colorspace", "bt709"),
}
SOUNDS = {
    "mp3.mp4": ("-c:a", "libmp3lame"),
    "ac3.mov": ("-c:a", "ac3"),
    "eac3.mp4": ("-c:a", "eac3"),
    "alac.mov": ("-c:a", "alac"),
    "pcm.mov": ("-c:a", "pcm_s24le"),
    "flac.mkv": ("-c:a", "flac"),
    "opus.mp4": ("-c:a", "libopus"),
    "vorbis.mkv": ("-c:a", "libvorbis"),
    "dts.mkv": ("-c:a", "dca", "-strict", "-2"),
    "six_channels.mp4": ("-ac", "6", "-c:a", "aac"),
    "short_sound.mp4": ("-c:a", "aac", "-t:a", "0.2"),
}


def make(
    folder: Path, pictures: Collection[str] = PICTURES, sounds: Collection[str] = SOUNDS
) -> None:
    """Make the clips with these names of PICTURES and SOUNDS, and the others."""
    for name, how in ((name, PICTURES[name]) for name in pictures):
        clips.run("-f", "lavfi", "-i", SHORT, *how, folder / name)
    for name, how in ((name, SOUNDS[name]) for name in sounds):
        clips.run("-f", "lavfi", "-i", SHORT, *TONE, *X264, *how, folder / f"sound_{name}")
    plain = clips.run("-f", "lavfi", "-i", SHORT, *TONE, *X264, "-c:a", "aac", folder / "plain.mp4")
    assert plain
    for name, before in {
        "turned_90.mp4": ("-display_rotation", "90"),
        "turned_180.mov": ("-display_rotation", "180"),
        "turned_270.mp4": ("-display_rotation", "270"),
        "mirrored.mov": ("-display_hflip",),
        "turned_and_mirrored.mov": ("-display_rotation", "270", "-display_vflip"),
    }.items():
        clips.again(folder / "plain.mp4", name, before=before)
    clips.again(folder / "plain.mp4", "cut_in_the_middle.mp4", before=("-ss", "0.25"))
    data = (folder / "plain.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(data[: len(data) // 2])
    clips.run("-f", "lavfi", "-i", SHORT, *PICTURES["mpeg2.ts"], folder / "whole.ts")
    (folder / "cut.ts").write_bytes((folder / "whole.ts").read_bytes()[:9400])
    (folder / "no_clip.mov").write_text("dear diary")


def main(folders: list[str]) -> int:
    with TemporaryDirectory() as made:
        make(Path(made))
        every = [each for folder in (*folders, made) for each in Path(folder).iterdir()]
        rows = [row(each) for each in sorted(every) if each.is_file()]
    for text, right in rows:
        print("ok   " if right else "WRONG", text)
    print(sum(right for _, right in rows), "of", len(rows))
    return 0 if all(right for _, right in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
