"""Clips are written with their pictures, their sound and their date."""

import ctypes
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from support import clips

from painterly.errors import PictureError
from painterly.video import writing
from painterly.video.reading import WHOLE

pytestmark = pytest.mark.slow  # A process decodes the clips.

M_PERTURB = -6  # mallopt's option that fills memory with a byte as it is allocated and freed
PICTURES = [clips.picture(each) for each in range(8)]


@pytest.fixture
def clip(tmp_path):
    """A clip with sound."""
    return clips.write(tmp_path / "clip.mp4", PICTURES, sound="aac")


def written(name, path, pictures=PICTURES, span=WHOLE, seconds=None):
    clip, target = clips.opened(path), path.with_name(name)
    heard = writing.sound(clip, span, target)
    with writing.writing(
        target, clip.name, clip.memory, Fraction(clips.RATE), pictures[0].shape
    ) as add:
        for each in pictures:
            add(each)
    return writing.joined(target, heard, clip.memory, clip.date, seconds).replace(target)


def heard(path):
    """The start and the end of a clip's sound, in seconds."""
    out, _ = clips.run("-copyts", "-i", path, "-map", "0:a:0", "-c", "copy", "-f", "framecrc", "-")
    lines = [line.split(b",") for line in out.splitlines()]
    (base,) = [Fraction(line[0].split()[-1].decode()) for line in lines if b"#tb" in line[0]]
    times = [(int(line[2]), int(line[3])) for line in lines if len(line) > 4]
    return float(times[0][0] * base), float(sum(times[-1]) * base)


@pytest.mark.parametrize(
    ("name", "sounds"),
    [("a.mp4", ["aac"]), ("a.mov", ["aac"]), ("a.mkv", ["aac"]), ("a.webm", ["opus"])],
)
def test_a_clip_has_its_pictures_and_sound(name, sounds, clip):
    target = written(name, clip)
    sizes, times, codecs = clips.facts(target)
    assert sizes == {(96, 64)} and codecs == sounds
    assert times == pytest.approx([n / clips.RATE for n in range(8)], abs=0.001)
    assert np.abs(clips.pixels(target) - np.stack(PICTURES)).mean() < 8
    assert heard(target) == pytest.approx((0, 0.5), abs=0.05)


@pytest.mark.parametrize(
    "name",
    ["a.mp4", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("a.mkv", "a.webm"))],
)
def test_the_same_clip_is_written_as_the_same_bytes_whatever_is_in_free_memory(
    name, clip, monkeypatch
):
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


@pytest.mark.parametrize("sound", ["libopus", "flac", "libvorbis"])
def test_sound_that_a_container_does_not_hold_is_encoded_again(sound, tmp_path):
    clip = clips.write(tmp_path / "clip.mkv", PICTURES, sound=sound)
    assert clips.facts(written("a.mp4", clip))[2] == ["aac"]


def test_sound_that_ffmpeg_does_not_know_is_left_out_in_a_line(tmp_path, caplog):
    clip = clips.write(tmp_path / "clip.mov", PICTURES, sound="pcm_mulaw")
    clip.write_bytes(clip.read_bytes().replace(b"ulaw", b"apac"))
    assert clips.facts(written("a.mp4", clip))[2] == []
    assert "clip.mov: its sound cannot be read, and is left out" in caplog.text


def test_of_two_tracks_of_sound_one_that_can_be_read_is_taken(tmp_path, caplog):
    unknown = clips.write(tmp_path / "unknown.mov", PICTURES, sound="pcm_mulaw")
    unknown.write_bytes(unknown.read_bytes().replace(b"ulaw", b"apac"))
    known, clip = clips.write(tmp_path / "known.mov", 2, sound="aac"), tmp_path / "clip.mov"
    maps = ("-map", "0", "-map", "1:a", "-c", "copy", "-disposition:a:1", "0")
    with suppress(AssertionError):  # FFmpeg may refuse to copy what it does not know.
        clips.run("-copy_unknown", "-i", unknown, "-i", known, *maps, clip)
        assert clips.facts(written("a.mp4", clip))[2] == ["aac"]
        assert "left out" not in caplog.text


def test_an_animation_has_all_frames_and_tells_that_it_has_no_sound(clip, caplog):
    caplog.set_level("INFO")
    for name in ("a.gif", "a.webp"):
        with Image.open(written(name, clip)) as image:
            assert (image.n_frames, image.size) == (8, (96, 64))
        assert f"which a {name[2:]} cannot hold" in caplog.text


def test_the_track_of_sound_that_players_choose_is_taken(tmp_path):
    quiet = clips.write(tmp_path / "quiet.mkv", PICTURES, sound="libopus")
    loud = clips.write(tmp_path / "loud.mkv", PICTURES, sound="aac")
    clips.run(
        *("-i", quiet, "-i", loud, "-map", "0", "-map", "1:a", "-c", "copy"),
        *("-disposition:a:0", "0", "-disposition:a:1", "default", tmp_path / "film.mkv"),
    )
    assert clips.facts(written("a.mkv", tmp_path / "film.mkv"))[2] == ["aac"]


def test_an_odd_side_loses_a_row_where_the_encoder_needs_that(clip):
    odd = [each[:-1, :-1] for each in PICTURES]
    assert clips.facts(written("a.mp4", clip, odd))[0] == {(94, 62)}


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_a_part_of_a_clip_begins_at_once_with_its_own_sound(name, clip):
    span = Fraction(3, clips.RATE), Fraction(4, clips.RATE)
    target = written(name, clip, PICTURES[3:7], span)
    _, times, sounds = clips.facts(target)
    assert times[0] == 0 and len(times) == 4 and sounds
    assert heard(target) == pytest.approx((0, 4 / clips.RATE), abs=0.03)


def test_sound_goes_on_after_the_last_picture_as_in_the_clip(clip):
    assert heard(written("a.mp4", clip, PICTURES[:2]))[1] == pytest.approx(0.5, abs=0.03)


def test_a_clip_that_is_not_done_has_the_sound_of_its_pictures(clip):
    part = written("a.mp4", clip, PICTURES[:4], seconds=Fraction(4, clips.RATE))
    assert heard(part)[1] == pytest.approx(4 / clips.RATE, abs=0.04)
    assert len(clips.facts(part)[1]) == 4


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_sound_that_begins_later_than_the_pictures_still_does(name, clip):
    both = ("-map", "0:v", "-map", "1:a", "-c", "copy", clip.with_name("late.mkv"))
    clips.run("-i", clip, "-itsoffset", "0.2", "-i", clip, *both)
    assert heard(written(name, clip.with_name("late.mkv")))[0] == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_the_date_of_the_clip_stays_and_nothing_else_that_describes_it(name, tmp_path):
    moment, where = "2019-07-14T10:11:12.000000Z", "+27.5916+086.5640+8850/"
    clip = clips.write(
        tmp_path / "clip.mov",
        PICTURES,
        sound="aac",
        metadata={"creation_time": moment, "location": where, "title": "Everest"},
    )
    target = written(name, clip)
    assert f"creation_time   : {moment}" in clips.run("-i", target, "-f", "null", "-")[1]
    assert where.encode() not in target.read_bytes() and b"Everest" not in target.read_bytes()


def test_without_x264_another_encoder_writes_an_mp4(clip, monkeypatch):
    have = writing.encoders() - {"libx264"}
    monkeypatch.setattr(writing, "encoders", lambda: have)
    assert "Video: av1" in clips.run("-i", written("a.mp4", clip), "-f", "null", "-")[1]


def test_a_full_disk_ends_it_in_a_line(clip, monkeypatch):
    monkeypatch.setattr(writing, "MOST_WRITTEN", 1)
    monkeypatch.setattr("painterly.video.ffmpeg.LOG_BYTES", 1000)
    with pytest.raises(PictureError, match="its parts take many times its size"):
        written("a.mkv", clip)
