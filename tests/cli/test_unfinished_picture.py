"""One picture that is stopped or killed: the same command continues, as without a pause."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from PIL import Image
from support import programs
from support import stand_in as engine
from support.commands import contents
from support.polling import until

from painterly.cli.command import inetwork
from painterly.storage.base import ObjectError
from painterly.storage.folder import FolderBucket

pytestmark = pytest.mark.usefixtures("inetwork_files")
WORDS = ["beach.jpg", "monet.jpg", "x.png", "--size", "64", "--weights", "random"]
CHECKPOINT = Path(".unfinished/x.png.npz")


@pytest.fixture
def stopped(inetwork_files, stand_in, monkeypatch):
    """A painting that was stopped after its fourth step."""
    with monkeypatch.context() as patch:
        engine.signal_after(4, patch)
        assert inetwork(WORDS) == 143
    assert CHECKPOINT.exists()


@pytest.fixture
def whole(inetwork_files, stand_in):
    """The result of a painting without a pause."""
    assert inetwork([*WORDS[:2], "whole.png", *WORDS[3:]]) == 0
    return Path("whole.png").read_bytes()


@pytest.mark.usefixtures("stopped")
def test_after_a_signal_the_picture_stands_as_it_is_and_the_same_command_finishes_it(whole, capsys):
    assert Image.open("x.png").size == (64, 48) and Path("x.png").read_bytes() != whole
    assert inetwork(WORDS) == 0
    assert "beach.jpg: resuming from step 4" in capsys.readouterr().out
    assert Path("x.png").read_bytes() == whole
    assert not CHECKPOINT.parent.exists()


@pytest.mark.thorough
def test_a_signal_while_the_finished_picture_is_rebuilt_leaves_only_that_to_do(monkeypatch, capsys):
    from painterly.engine.style_transfer import StyleTransfer

    words = [*WORDS, "--num_iter", "1", "--deterministic", "--precision", "float32"]
    real = StyleTransfer._rebuilt

    def stopped(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(StyleTransfer, "_rebuilt", stopped)
        assert inetwork(words) == 143
    err = capsys.readouterr().err
    done = re.fullmatch(
        r"inetwork.py: stopped by SIGTERM; "
        r"x.png is the picture as it stands after (\d+) of (\d+) steps\n",
        err,
    )
    assert int(done[2]) == int(done[1]) + 1, "not rebuilt"
    as_it_stood = Path("x.png").read_bytes()
    assert inetwork(words) == 0
    assert f"resuming from step {done[1]}" in capsys.readouterr().out
    resumed = Path("x.png").read_bytes()
    assert inetwork(words) == 0
    assert resumed == Path("x.png").read_bytes() != as_it_stood


@pytest.mark.usefixtures("stopped")
def test_fresh_paints_from_the_start_and_leaves_no_checkpoint(whole, capsys):
    assert inetwork([*WORDS, "--fresh"]) == 0
    assert "resuming" not in capsys.readouterr().out
    assert Path("x.png").read_bytes() == whole and not CHECKPOINT.parent.exists()


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize(
    "change",
    [
        ["--seed", "3"],
        ["--weights", "builtin"],
        ["--content_mask", "left.png"],
        ["--preserve_color", "--color_mask", "left.png"],
        ["--init_image", "klimt.png"],
        ["--style_masks", "left.png"],
        "another photo",
        "damage",
        "another file",
    ],
    ids=str,
)
def test_a_checkpoint_that_is_not_of_this_command_is_one_line_and_does_no_harm(change, capsys):
    usual = WORDS[:-2] if "--weights" in change else WORDS
    words = WORDS if isinstance(change, str) else [*usual, *change]
    if change == "another photo":
        Path("klimt.png").replace("beach.jpg")
    elif change == "damage":
        CHECKPOINT.write_bytes(CHECKPOINT.read_bytes()[:-100])
    elif change == "another file":
        CHECKPOINT.write_text("dear diary")
    assert inetwork([*words[:2], "anew.png", *words[3:]]) == 0
    capsys.readouterr()
    assert inetwork(words) == 0
    lines = capsys.readouterr().out.splitlines()
    [line] = [line for line in lines if "checkpoint" in line]
    assert line.startswith("checkpoint x.png.npz ") and line.endswith("; starting over")
    assert Path("x.png").read_bytes() == Path("anew.png").read_bytes()
    assert not CHECKPOINT.parent.exists()


def test_where_no_checkpoint_can_be_saved_one_line_says_so_and_the_picture_is_written(
    stand_in, monkeypatch, capsys
):
    CHECKPOINT.parent.write_text("mine")
    engine.signal_after(4, monkeypatch)
    assert inetwork(WORDS) == 143
    out, err = capsys.readouterr()
    assert out.count("checkpoint could not be saved") == 1
    assert err == (
        "inetwork.py: stopped by SIGTERM; x.png is the picture as it stands after 4 of 10 steps\n"
    )
    assert CHECKPOINT.parent.read_text() == "mine"


@pytest.mark.usefixtures("stopped")
def test_a_checkpoint_that_cannot_be_deleted_is_one_line_and_the_picture_is_written(
    whole, monkeypatch, capsys
):
    def refuse(bucket, key):
        raise ObjectError(f"{key} is in use")

    monkeypatch.setattr(FolderBucket, "delete", refuse)
    assert inetwork(WORDS) == 0
    assert capsys.readouterr().out.count("x.png.npz is in use") == 1
    assert Path("x.png").read_bytes() == whole and CHECKPOINT.exists()


@pytest.mark.parametrize("name", [".hidden.png", "a\\b.png", "c:x.png", f"{'long' * 62}.png"])
@pytest.mark.skipif(os.name == "nt", reason="files cannot have some of these names")
def test_a_result_of_any_name_has_a_checkpoint(name, stand_in, monkeypatch, capsys):
    words = [*WORDS[:2], name, *WORDS[3:]]
    with monkeypatch.context() as patch:
        engine.signal_after(4, patch)
        assert inetwork(words) == 143
    assert len([*CHECKPOINT.parent.iterdir()]) == 1
    assert inetwork(words) == 0
    out = capsys.readouterr().out
    assert "beach.jpg: resuming from step 4" in out and "cannot be a file" not in out
    assert not CHECKPOINT.parent.exists()


def test_a_picture_for_the_standard_output_leaves_the_checkpoints_of_others(stand_in, monkeypatch):
    theirs = CHECKPOINT.with_name("-.npz")  # a result called `./-` would have it
    theirs.parent.mkdir()
    theirs.write_text("theirs")
    with Path("out.jpg").open("w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "__stdout__", out)
        assert inetwork([*WORDS[:2], "-", *WORDS[3:]]) == 0
    assert Image.open("out.jpg").size == (64, 48) and theirs.read_text() == "theirs"


@pytest.mark.slow
@pytest.mark.thorough
def test_a_picture_killed_at_any_moment_and_painted_again_is_as_without_a_pause(
    start_program, tmp_path, dice
):
    for folder in ("whole", "killed"):
        Path(folder).mkdir()

    def start(folder, painting_s):
        return start_program(
            programs.picture_without_tensorflow,
            *("0.03", "beach.jpg", "monet.jpg", f"{folder}/x.png", *WORDS[3:]),
            *("--timelapse", "--save_every", "3"),
            environment=os.environ | {"PAINTING_S": painting_s},
            log=tmp_path / f"{folder}.log",
        )

    undisturbed = start("whole", "0.3")
    assert undisturbed.wait() == 0, undisturbed.output
    moment = dice.uniform(0, 0.5)
    after_a_checkpoint, at_any_moment = start("killed", "10"), None
    after_a_checkpoint.wait_until(lambda out: "checkpoint saved" in out)
    after_a_checkpoint.process.kill()
    after_a_checkpoint.process.join()
    at_any_moment = start("killed", "0.3")
    at_any_moment.process.join(moment)
    at_any_moment.process.kill()
    at_any_moment.process.join()
    last = start("killed", "0")
    assert last.wait() == 0, last.output
    assert "resuming from step" in last.output
    found, expected = (contents(FolderBucket(Path(each))) for each in ("killed", "whole"))
    film = "x.timelapse.webp"  # It has what the last process has seen.
    assert found.pop(film) and expected.pop(film) and found == expected, moment
    assert not list(Path("killed/.unfinished").glob("*.npz"))


@pytest.mark.slow
def test_a_picture_for_the_standard_output_is_written_as_it_stands_and_leaves_no_checkpoint(
    start_program, tmp_path
):
    log = tmp_path / "log"
    program = start_program(
        programs.picture_without_tensorflow,
        *("0.03", "beach.jpg", "monet.jpg", "-", *WORDS[3:]),
        environment=os.environ | {"PAINTING_S": "5", "PROGRESS": "json"},
        log=log,
    )
    until(lambda: b'"percent": 10' in log.read_bytes())
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 143
    assert b"\xff\xd8" in log.read_bytes() and b"checkpoint" not in log.read_bytes()
    assert not CHECKPOINT.parent.exists()
