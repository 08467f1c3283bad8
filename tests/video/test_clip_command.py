"""One clip on the command line."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from support import clips, tiny

from painterly.cli import clip
from painterly.cli.command import main
from painterly.cli.options import PictureArgs
from painterly.painters.painter import Painter
from painterly.settings import clips as settings_of_clips

pytestmark = pytest.mark.slow  # A process decodes the clips.

WORDS = ("--preset", "instant", "--size", "64")


@pytest.fixture
def walk_and_paintings(here):
    """The current folder, with a clip and two paintings."""
    shutil.copy("clips/walk.mp4", "walk.mp4")
    Path("monet.jpg").write_bytes(tiny.file(50, 50, 3))
    Path("klimt.png").write_bytes(tiny.file(40, 60, 4, "PNG"))


@pytest.fixture
def refusal(walk_and_paintings, capsys):
    """A function that returns the one line in which a command is refused."""

    def refused(*words):
        assert main([*words, *WORDS]) in (1, 2)
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    return refused


@pytest.mark.usefixtures("walk_and_paintings")
def test_a_clip_is_painted_into_a_file(capsys):
    assert main(["walk.mp4", "monet.jpg", "-o", "out.mp4", *WORDS]) == 0
    sizes, times, sounds = clips.facts(Path("out.mp4"))
    assert (sizes, len(times), sounds) == ({(64, 42)}, 6, ["aac"])
    out = capsys.readouterr().out
    assert "walk.mp4 in monet: 50 %, 3 of 6 frames" in out and out.endswith("out.mp4\n")
    assert not Path(".unfinished").exists()


@pytest.mark.usefixtures("walk_and_paintings")
@pytest.mark.thorough
def test_an_animation_is_a_clip_if_the_result_is_one():
    clips.write(Path("walk.gif"), 4, "gif", "rgb8")
    assert main(["walk.gif", "monet.jpg", "-o", "moves.gif", *WORDS]) == 0
    assert main(["walk.gif", "monet.jpg", "-o", "moves.mp4", *WORDS]) == 0
    assert main(["walk.gif", "monet.jpg", "-o", "still.png", *WORDS]) == 0
    assert len(clips.pixels(Path("moves.gif"))) == len(clips.pixels(Path("moves.mp4"))) == 4


@pytest.mark.usefixtures("walk_and_paintings")
@pytest.mark.usefixtures("walk_and_paintings")
@pytest.mark.thorough
def test_paintings_are_blended_and_settings_hold():
    words = ["walk.mp4", "monet.jpg+klimt.png", "-o"]
    assert main([*words, "one.mp4", *WORDS, "--style_weight", "0.9", "0.1"]) == 0
    assert main([*words, "two.mp4", *WORDS, "--style_weight", "0.1", "0.9"]) == 0
    assert main([*words, "own.mp4", *WORDS, "--preserve_color"]) == 0
    shown = [clips.pixels(Path(name)) for name in ("one.mp4", "two.mp4", "own.mp4")]
    assert np.abs(shown[0] - shown[1]).mean() > 2 < np.abs(shown[0] - shown[2]).mean()


@pytest.mark.usefixtures("walk_and_paintings")
@pytest.mark.thorough
def test_a_part_of_a_clip_is_painted_alone():
    clips.write(Path("walk.mp4"), 12)
    assert (
        main(["walk.mp4", "monet.jpg", "-o", "a.mp4", *WORDS, "--from", "0.125s", "--for", "0.2"])
        == 0
    )
    _, times, _ = clips.facts(Path("a.mp4"))
    assert len(times) == 5 and times[0] == 0  # Frames 3 to 7 of 24 a second.


@pytest.mark.usefixtures("walk_and_paintings")
@pytest.mark.parametrize("more", [[], ["--fresh"]], ids=["plain", "fresh"])
@pytest.mark.thorough
def test_two_commands_that_paint_the_same_clip_at_once_do_not_disturb_each_other(monkeypatch, more):
    real, codes, left = Painter.paint, [], iter("12")

    def paint(*arguments, **named):
        if next(left, "") == "2":
            codes.append(main(["walk.mp4", "monet.jpg", "-o", "two.mp4", *WORDS, *more]))
        return real(*arguments, **named)

    monkeypatch.setattr(Painter, "paint", paint)
    codes.append(main(["walk.mp4", "monet.jpg", "-o", "one.mp4", *WORDS]))
    assert codes == [0, 0]
    assert Path("one.mp4").read_bytes() == Path("two.mp4").read_bytes()
    assert not Path(".unfinished").exists()


def test_a_frame_that_cannot_be_painted_ends_the_painting_in_a_line(refusal, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no paint is left")

    monkeypatch.setattr(Painter, "paint", fail)
    message = refusal("walk.mp4", "monet.jpg", "-o", "out.mp4")
    assert "walk.mp4: " in message and "no paint is left" in message
    assert not Path("out.mp4").exists()


def test_missing_libraries_are_named_with_the_way_to_install_them(refusal, monkeypatch):
    monkeypatch.setattr(settings_of_clips, "can_be_painted", lambda: False)
    message = refusal("walk.mp4", "monet.jpg", "-o", "out.mp4")
    assert "clips need ffmpeg and OpenCV" in message and "setup --video" in message


@pytest.mark.parametrize(
    ("text", "seconds"), [("3s", 3), ("90", 90), ("1:30", 90), ("1:02:03.5", 3723.5)]
)
def test_times_are_written_as_people_write_them(text, seconds):
    assert (
        clip.seconds_of("from", PictureArgs(places=[], settings={}, shares=[], from_=text))
        == seconds
    )
