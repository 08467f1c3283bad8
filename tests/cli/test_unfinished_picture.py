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
def test_a_checkpoint_that_cannot_be_deleted_is_one_line_and_the_picture_is_written(
    whole, monkeypatch, capsys
):
    def refuse(bucket, key):
        raise ObjectError(f"{key} is in use")

    monkeypatch.setattr(FolderBucket, "delete", refuse)
    assert inetwork(WORDS) == 0
    assert capsys.readouterr().out.count("x.png.npz is in use") == 1
    assert Path("x.png").read_bytes() == whole and CHECKPOINT.exists()


def test_a_picture_for_the_standard_output_leaves_the_checkpoints_of_others(stand_in, monkeypatch):
    theirs = CHECKPOINT.with_name("-.npz")  # a result called `./-` would have it
    theirs.parent.mkdir()
    theirs.write_text("theirs")
    with Path("out.jpg").open("w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "__stdout__", out)
        assert inetwork([*WORDS[:2], "-", *WORDS[3:]]) == 0
    assert Image.open("out.jpg").size == (64, 48) and theirs.read_text() == "theirs"


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


@pytest.mark.thorough
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
