"""Compares clips of all kinds, as they are painted, with those that a plain ffmpeg decodes: their
picture, sound and length, as a table.

    python -m video.player_table FOLDER          # the clips of a folder, with PYTHONPATH=.:tests
"""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from support import clips

from painterly.errors import PictureError
from painterly.video import writing
from painterly.video.reading import WHOLE

NEAR = 12  # mean difference of levels of 255: other matrices and sizes


def played(path: Path) -> tuple[np.ndarray | None, float, bool]:
    """The middle frame of a clip over white, its length in seconds, and whether it has sound that
    can be decoded, by ffmpeg alone."""
    _, said = clips.run("-i", path, "-map", "0:v?", "-c", "copy", "-f", "null", "-")
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said)
    seconds = sum(float(each) * 60**n for n, each in enumerate(reversed(length.groups())))
    if path.suffix == ".mkv":  # Its length is the time of its end.
        seconds -= float(re.search(r"start: ([\d.]+)", said)[1])
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
    with writing.Writer(target, stamps.rate, frames[0].shape, 10**9) as writer:
        for each in frames:
            writer.add(each)
        writer.end()
    return frames, writing.joined(target, heard, clip, None)


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
    apart = [
        np.abs(each - shown).mean()
        for each in frames
        if shown is not None and each.shape == shown.shape
    ]
    picture, length = min(apart, default=255), result_seconds - seconds
    right = picture < NEAR and abs(length) <= 1 / rate + 0.03 and heard == result_heard
    sound = {(True, True): "sound", (False, False): "none"}.get((heard, result_heard), "LOST")
    return f"{path.name:40} {picture:5.1f} apart, {length:+.3f} s, {sound}", right


def main(folders: list[str]) -> int:
    paths = sorted(each for folder in folders for each in Path(folder).iterdir() if each.is_file())
    rows = [row(each) for each in paths]
    for text, right in rows:
        print("ok   " if right else "WRONG", text)
    print(sum(right for _, right in rows), "of", len(rows))
    return 0 if all(right for _, right in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
