"""A clip from a time on: the same frames as if it were decoded from its start."""

from fractions import Fraction

import numpy as np
import pytest
from support import clips

pytestmark = pytest.mark.slow  # A process decodes the clips.

OPEN = "open-gop=1:keyint=40:min-keyint=40:bframes=3:b-adapt=0:scenecut=0"
STEPS = np.random.default_rng(1).integers(1, 5, 119)
COUNT = 120
KINDS = {
    "closed.mp4": ("libx264", ("-g", "40", "-bf", "3"), None),
    "open.mp4": ("libx264", ("-x264-params", OPEN), None),
    "open.mkv": ("libx264", ("-x264-params", OPEN), None),
    "variable.mp4": ("libx264", ("-g", "20", "-bf", "3"), [0, *map(int, np.cumsum(STEPS))]),
    "vp9.webm": ("libvpx-vp9", ("-g", "40", "-deadline", "realtime", "-cpu-used", "8"), None),
    "interlaced.mkv": ("libx264", ("-x264-params", "interlaced=1:tff=1:keyint=20"), None),
    "rough.avi": ("mpeg4", ("-g", "40"), None),
    "moves.gif": ("gif", (), None),
}
USUAL = ("closed.mp4", "open.mkv", "variable.mp4", "interlaced.mkv", "moves.gif")
KINDS_OF_EACH_TIER = [
    pytest.param(name, marks=[] if name in USUAL else pytest.mark.thorough) for name in KINDS
]


def made(name, folder):
    codec, options, times = KINDS[name]
    form = "rgb8" if codec == "gif" else "yuv420p"
    return clips.write(folder / name, COUNT, codec, form, times, options=options)


def check(path, numbers=(60, 79, 80, 81, 100)):
    whole, rate = clips.frames(path), clips.stamps(path).rate
    for number in numbers:
        for long in (None, 5 / rate):
            part = clips.frames(path, (number / rate, long))
            expected = whole[number:] if long is None else whole[number : number + 5]
            assert part.shape == expected.shape and (part == expected).all(), number


@pytest.mark.parametrize("name", KINDS_OF_EACH_TIER)
def test_frames_from_a_time_on_are_those_of_the_whole_clip(name, tmp_path):
    check(made(name, tmp_path))


def test_a_file_without_an_index_is_read_from_a_time_on(tmp_path):
    flags = "frag_keyframe+empty_moov+default_base_moof+skip_trailer"
    check(clips.again(made("closed.mp4", tmp_path), "parts.mp4", "-movflags", flags))


@pytest.mark.thorough
def test_a_live_recording_and_a_stream_without_an_index_are_read_as_well(tmp_path):
    check(clips.again(made("vp9.webm", tmp_path), "live.webm", "-live", "1"))
    check(clips.again(made("closed.mp4", tmp_path), "sent.ts"))


def test_there_is_nothing_after_the_end(tmp_path):
    path = clips.write(tmp_path / "a.mp4", 12)
    assert clips.stamps(path, (Fraction(60), None)).shown == ()
