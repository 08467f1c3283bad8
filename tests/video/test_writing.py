"""Clips are written with their times, and the sound of the clip that they were painted from."""

import ctypes
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from support import clips

from painterly.storage.folder import FolderBucket
from painterly.video import decoder

pytestmark = pytest.mark.slow  # A process decodes the clips.

M_PERTURB = -6  # mallopt's option that fills memory with a byte as it is allocated and freed
PICTURES = [clips.picture(each) for each in range(8)]
TIMES = [Fraction(each, clips.RATE) for each in (0, 1, 2, 3, 6, 7, 8, 9)]


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "clip.mp4", PICTURES, sound="aac", times=[0, *range(2, 9)])


def written(name, clip, pictures=PICTURES, times=TIMES):
    target = clip.with_name(name)
    bucket, shown = FolderBucket(clip.parent), zip(times, pictures, strict=True)
    target.write_bytes(decoder.written(bucket, clip.name, target.suffix, shown))
    return target


def heard(path):
    """The start and the end of a clip's sound, in seconds."""
    with av.open(str(path)) as source:
        packets = [each for each in source.demux(audio=0) if each.size]
        ends = ((each.pts, each.pts + (each.duration or 0)) for each in packets)
        first, last = zip(*ends, strict=True)
        return tuple(float(each * packets[0].time_base) for each in (min(first), max(last)))


@pytest.mark.parametrize(
    ("name", "sounds"),
    [("a.mp4", ["aac"]), ("a.mov", ["aac"]), ("a.mkv", ["aac"]), ("a.webm", ["opus"])],
)
def test_a_clip_has_its_pictures_times_and_sound(name, sounds, clip):
    target = written(name, clip)
    sizes, times, heard = clips.facts(target)
    assert sizes == {(96, 64)} and heard == sounds
    assert times == pytest.approx([float(each) for each in TIMES], abs=0.001)
    assert np.abs(clips.pixels(target) - np.stack(PICTURES)).mean() < 8


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_the_same_clip_is_written_as_the_same_bytes_whatever_is_in_free_memory(name, clip):
    grain = np.random.default_rng(0).integers(0, 60, (len(PICTURES), 64, 96, 3))
    grainy = [
        np.minimum(each + some, 255).astype(np.uint8)
        for each, some in zip(PICTURES, grain, strict=True)
    ]
    fill = getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)  # glibc's
    files = set()
    try:
        for value in (0, 1, 85):
            fill(M_PERTURB, value)
            files.add(written(name, clip, grainy).read_bytes())
    finally:
        fill(M_PERTURB, 0)
    assert len(files) == 1


def test_sound_that_a_container_does_not_hold_is_encoded_again(tmp_path):
    clip = clips.write(tmp_path / "clip.mkv", PICTURES, sound="libopus")
    assert clips.facts(written("a.mp4", clip))[2] == ["aac"]


def test_an_animation_has_all_frames_and_tells_that_it_has_no_sound(clip, caplog):
    caplog.set_level("INFO")
    for name in ("a.gif", "a.webp"):
        with Image.open(written(name, clip)) as image:
            assert (image.n_frames, image.size) == (8, (96, 64))
        assert f"which a {name[2:]} cannot hold" in caplog.text


def test_subtitles_and_further_sound_tracks_are_left_out_in_a_line(clip, caplog):
    caplog.set_level("INFO")
    path = clip.with_name("film.mkv")
    with av.open(str(clip)) as source, av.open(str(path), "w") as film:
        seen, heard = source.streams.video[0], source.streams.audio[0]
        tracks = [film.add_stream_from_template(each) for each in (seen, heard, heard)]
        words = film.add_stream("ass")
        packet = av.Packet(b"0,0,Default,,0,0,0,,hello")
        packet.stream, packet.pts, packet.dts, packet.duration = words, 0, 0, 100
        packet.time_base = Fraction(1, 1000)
        film.mux(packet)
        for track in tracks:
            source.seek(0)
            for packet in source.demux(seen if track is tracks[0] else heard):
                if packet.dts is not None:
                    packet.stream = track
                    film.mux(packet)
    assert clips.facts(path)[2] == ["aac", "aac"]
    assert clips.facts(written("a.mkv", path))[2] == ["aac"]
    assert "film.mkv: its subtitles and further sound tracks are left out" in caplog.text
    caplog.clear()
    written("b.mkv", clip)
    assert "left out" not in caplog.text


def test_an_odd_side_loses_a_row_where_the_encoder_needs_that(clip):
    odd = [each[:-1, :-1] for each in PICTURES]
    assert clips.facts(written("a.mp4", clip, odd))[0] == {(94, 62)}


def test_a_part_of_a_clip_begins_at_once_with_its_own_sound(clip):
    _, times, sounds = clips.facts(written("a.mp4", clip, PICTURES[3:], TIMES[3:]))
    assert times[0] == 0 and len(times) == 5 and sounds == ["aac"]
    assert -0.03 < heard(clip.with_name("a.mp4"))[0] < 0.03


def test_sound_lasts_as_long_as_the_last_picture_and_is_encoded_to_its_end(tmp_path):
    slow = clips.write(tmp_path / "slow.mp4", PICTURES[:2], sound="aac", times=[0, 12])
    assert heard(written("a.mp4", slow, PICTURES[:1], TIMES[:1]))[1] > 0.2
    long = clips.write(tmp_path / "long.mkv", PICTURES[:2], sound="libopus", times=[0, 24])
    shown = written("b.mp4", long, PICTURES[:2], [Fraction(0), Fraction(1)])
    assert heard(shown)[1] == pytest.approx(0.5, abs=0.03)
