"""`--story`: a photo that a line turns into its paintings, eight seconds for phones."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.commands import leave_out_env_file
from support.painted import as_before

from painterly.cli.command import main
from painterly.images import story
from painterly.settings import clips

RED, GREEN, BLUE = ((np.arange(3) == each) * np.full((90, 60, 1), 255) for each in range(3))
COLOURS = [each.astype(np.uint8) for each in (RED, GREEN, BLUE)]


@pytest.fixture
def small_story(monkeypatch):
    """Stories have a 25th of the pixels: what they show does not depend on their size."""
    monkeypatch.setattr(story, "WIDTH", story.WIDTH // 5)
    monkeypatch.setattr(story, "HEIGHT", story.HEIGHT // 5)


@pytest.fixture
def story_folder(tmp_path, monkeypatch, small_story):
    """The current folder, with a photo and six paintings."""
    none = {"CELLAR_ADDON_HOST": "", "BUCKET_SOURCE": "", "BUCKET_STYLE": "", "BUCKET_RESULT": ""}
    leave_out_env_file(monkeypatch, also=none)
    monkeypatch.chdir(tmp_path)
    Path("paintings").mkdir()
    Path("beach.jpg").write_bytes(tiny.file(60, 90, 1))
    for number in range(6):
        Path(f"paintings/p{number}.jpg").write_bytes(tiny.file(60, 60, 3 + number))
    return tmp_path


def shown(film):
    """The frames of an animated picture, and the milliseconds of each."""
    frames, durations = [], []
    for number in range(film.n_frames):
        film.seek(number)
        frames.append(np.asarray(film.convert("RGB")).astype(int))
        durations.append(film.info["duration"])
    return frames, durations


def test_it_fills_a_phone():
    assert next(story.images(COLOURS)).size == (1080, 1920)


def test_a_line_turns_each_picture_into_the_next_and_the_last_into_the_photo(small_story):
    film = Image.open(io.BytesIO(story.webp_of(COLOURS, lambda: None)))
    assert film.size == (216, 384) and film.info["loop"] == 0
    frames, durations = shown(film)
    assert sum(durations) == 8000
    lengths = story.lengths(3), story.lengths(7)
    as_before("story", *lengths, *(frames[each] for each in (0, 1, 6)), rounding=0.01)
    middle = [frame[192] for frame in frames]
    for number, (before, after) in enumerate(((0, 1), (1, 2), (2, 0))):
        held, wiped = (middle[number * story.WIPE + each] for each in (0, story.WIPE // 2))
        assert held[:, before].min() > 200, "the picture alone"
        assert wiped[20, after] > 200 > 60 > wiped[20, before]
        assert wiped[-20, before] > 200 > 60 > wiped[-20, after]
        assert np.abs(wiped[108] - story.LINE).max() < 60
    assert frames[0][4].mean() < frames[0][192].mean(), "dark around a picture of another shape"


def test_a_stop_ends_its_writing():
    with pytest.raises(ZeroDivisionError):
        story.webp_of(COLOURS, lambda: 1 / 0)


@pytest.mark.slow
def test_the_command_writes_it_with_one_photo_without_metadata(story_folder, capsys):
    words = ("beach.jpg", "./paintings", "--size", "48")
    Path("paintings/p6.jpg").write_bytes(tiny.file(60, 60, 9))
    assert main([*words, "--story", "new/beach.webp"]) == 0
    assert "new/beach.webp: 6 painted" in capsys.readouterr().out, "six of seven"
    film = Image.open("new/beach.webp")
    assert film.n_frames == 7 * story.WIPE and not film.getexif()
    Path("paintings/p1.jpg").write_text("no picture")
    for each in ("p0", "p2", "p3", "p4", "p5"):
        Path(f"paintings/{each}.jpg").unlink()
    assert main([*words, "--story", "new/beach.webp"]) == 1, "it may replace its own"
    assert "1 painted, 1 picture failed" in capsys.readouterr().out
    assert Image.open("new/beach.webp").n_frames == 2 * story.WIPE


@pytest.mark.slow
@pytest.mark.skipif(not clips.ffmpeg(), reason="needs ffmpeg: pip install imageio-ffmpeg")
def test_with_ffmpeg_it_can_be_a_clip(story_folder):
    assert main(["beach.jpg", "paintings/p0.jpg", "--size", "48", "--story", "beach.mp4"]) == 0
    about = [clips.ffmpeg(), "-i", "beach.mp4", "-map", "0:v", "-c", "copy", "-f", "null", "-"]
    said = subprocess.run(about, text=True, capture_output=True).stderr
    assert "216x384" in said and "Duration: 00:00:08.00" in said and "25 fps" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("beach.jpg ./paintings --story x.gif", "expected a file with the extension webp or mp4"),
        ("beach.jpg ./paintings -o ./out --story x.webp", "--story names the result; leave -o out"),
        ("beach.jpg ./paintings --story x.webp --preset fine", "leave --preset out"),
        ("beach.jpg ./paintings --story x.webp --sheet y.jpg", "leave --story out"),
        ("beach.jpg ./paintings --story mine.webp", "mine.webp exists and is not listed in"),
        (". paintings/p0.jpg --story x.webp", "a story has one photo, and there are"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line_and_nothing_is_written(
    story_folder, capsys, words, said
):
    Path("mine.webp").write_bytes(tiny.file(40, 40, 2, "WEBP"))
    Path("town.jpg").write_bytes(tiny.file(60, 90, 2))
    assert main(words.split()) == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("x.webp").exists() and not Path("x.gif").exists()


def test_without_ffmpeg_a_clip_is_refused_with_the_way_out(story_folder, capsys, monkeypatch):
    monkeypatch.setattr("painterly.cli.sheet.ffmpeg", lambda: "")
    assert main(["beach.jpg", "./paintings", "--story", "x.mp4"]) == 2
    assert "x.mp4: needs ffmpeg" in capsys.readouterr().err
