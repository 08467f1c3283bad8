"""A clip from a time on: the same frames as if it were decoded from its start."""

from fractions import Fraction

import av
import numpy as np
import pytest
from support import clips

from painterly.video import frames

OPEN = "open-gop=1:keyint=40:min-keyint=40:bframes=3:b-adapt=0:scenecut=0"
STEPS = np.random.default_rng(1).integers(1, 5, 119)
COUNT = 120
KINDS = {
    "closed.mp4": ("libx264", {"g": "40", "bf": "3"}, None),
    "open.mp4": ("libx264", {"x264-params": OPEN}, None),
    "open.mkv": ("libx264", {"x264-params": OPEN}, None),
    "variable.mp4": ("libx264", {"g": "20", "bf": "3"}, [0, *map(int, np.cumsum(STEPS))]),
    "refresh.mkv": ("libx264", {"x264-params": "intra-refresh=1:keyint=40"}, None),
    "vp9.webm": ("libvpx-vp9", {"g": "40", "deadline": "realtime", "cpu-used": "8"}, None),
    "interlaced.mkv": ("libx264", {"x264-params": "interlaced=1:tff=1:keyint=20"}, None),
    "rough.avi": ("mpeg4", {"g": "40"}, None),
    "moves.gif": ("gif", {}, None),
}
USUAL = ("closed.mp4", "open.mkv", "variable.mp4", "interlaced.mkv", "moves.gif")
KINDS_OF_EACH_TIER = [
    pytest.param(name, marks=[] if name in USUAL else pytest.mark.thorough) for name in KINDS
]


def again(path, name, **options):
    """A clip in another container, packet by packet."""
    target = path.with_name(name)
    with av.open(str(path)) as source, av.open(str(target), "w", options=options) as written:
        stream = written.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    return target


def made(name, folder):
    codec, options, times = KINDS[name]
    form = "rgb8" if codec == "gif" else "yuv420p"
    return clips.write(folder / name, COUNT, codec, form, times, options=options)


def decoded(path, since=Fraction(0)):
    """The times and the pixels of frames, and the number of packets that were read for them."""
    with path.open("rb") as file:
        found = [*frames.decoded(file, lambda _: None, since)]
    return [(each.time, each.pixels().tobytes()) for each in found if each], len(found)


def check(path, seeks, numbers=(70, 79, 80, 81, 100)):
    whole, _ = decoded(path)
    for number in numbers:
        shown, count = decoded(path, whole[number][0])
        assert shown == whole[number:], number
    assert (count < len(whole)) == seeks


@pytest.mark.parametrize("name", KINDS_OF_EACH_TIER)
def test_frames_from_a_time_on_are_those_of_the_whole_clip(name, tmp_path):
    none = ("refresh.mkv", "interlaced.mkv", "rough.avi", "moves.gif")
    check(made(name, tmp_path), name not in none)


def test_a_clip_whose_later_frames_are_interlaced_has_each_frame_once(tmp_path):
    kinds = {"progressive.mkv": "", "laced.mkv": ":interlaced=1:tff=1"}
    options = "repeat-headers=1:keyint=24:bframes=0"
    parts = [
        clips.write(tmp_path / name, 48, options={"x264-params": options + more})
        for name, more in kinds.items()
    ]
    number, path = 0, tmp_path / "mixed.mkv"
    with av.open(str(path), "w") as mixed:
        for part in parts:
            with av.open(str(part)) as source:
                stream = source.streams.video[0]
                target = mixed.streams or [mixed.add_stream_from_template(stream)]
                for packet in source.demux(stream):
                    if packet.dts is not None:
                        moment = round(Fraction(number, clips.RATE) / packet.time_base)
                        packet.stream, packet.pts, packet.dts = target[0], moment, moment
                        mixed.mux(packet)
                        number += 1
    with av.open(str(path)) as source:
        assert {frame.interlaced_frame for frame in source.decode(video=0)} == {False, True}
    check(path, True, (70, 90))


def test_a_file_without_an_index_is_read_from_a_key_frame(tmp_path):
    flags = "frag_keyframe+empty_moov+default_base_moof+skip_trailer"
    check(again(made("closed.mp4", tmp_path), "parts.mp4", movflags=flags), True)


@pytest.mark.thorough
def test_a_live_recording_and_a_stream_without_an_index_are_read_as_well(tmp_path):
    check(again(made("vp9.webm", tmp_path), "live.webm", live="1"), True)
    check(again(made("closed.mp4", tmp_path), "sent.ts"), False)
