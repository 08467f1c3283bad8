"""inetwork.py: the files that it writes, and mistakes on its command line."""

import json
import re
import resource
import signal
from pathlib import Path

import pytest
from PIL import Image
from support.disks import below
from support.inetwork_runs import ONE, QUICK, RANDOM, asked, order
from support.pictures import decode

from painterly.cli.command import inetwork
from painterly.cli.picture import ResultFile
from painterly.errors import ConfigError
from painterly.signals import Stop
from painterly.storage.base import UnavailableError

pytestmark = pytest.mark.usefixtures("inetwork_files")


@pytest.mark.thorough
def test_the_memory_it_takes_is_reported_first_and_a_picture_beyond_the_limit_is_refused(capsys):
    assert inetwork([*ONE, "--size", "64", *QUICK]) == 0
    plan = next(line for line in capsys.readouterr().out.splitlines() if "of memory" in line)
    assert "64 × " in plan
    assert inetwork([*ONE, "--size", "9000", *QUICK, "--memory_limit", "6GB"]) == 1
    refused = capsys.readouterr().err
    assert "of memory" in refused and "MEMORY_LIMIT" in refused
    assert re.search(r"9000 × 6750 px needs .* size that fits is \d+", refused)


@pytest.mark.thorough
def test_a_picture_is_written_every_so_many_steps_and_with_recipe_inetwork_after_each():
    flags = ["--size", "192", *RANDOM, "--num_iter", "4", "--save_every", "3"]
    assert inetwork([*ONE, *flags]) == 0
    assert {path.name for path in Path().glob("x*")} == {
        *("x.png", "x_at_iteration_3.png", "x_at_iteration_6.png"),
    }
    original = ["--recipe", "inetwork", "--num_iter", "2", "--image_size", "48"]
    assert inetwork([*ONE, *RANDOM, *original]) == 0
    first, second = (Path(f"x_at_iteration_{n}.png").read_bytes() for n in (1, 2))
    assert first != second == Path("x.png").read_bytes()


@pytest.mark.parametrize("preset", [pytest.param("draft", marks=pytest.mark.thorough), "instant"])
def test_a_picture_stopped_while_it_is_rebuilt_is_written_as_it_stands(monkeypatch, capsys, preset):
    from painterly.engine import patches

    def stopped(picture, of_paintings, check_stop):
        signal.raise_signal(signal.SIGTERM)
        check_stop()

    monkeypatch.setattr(patches, "_rebuilt", stopped)
    weights = {"draft": "random", "instant": "builtin"}[preset]
    drawn = ["--preset", preset, "--size", "64", "--num_iter", "2", "--weights", weights]
    assert inetwork([*ONE, *drawn]) == 143
    steps = "2 of 3" if preset == "draft" else "1 of 2"
    what = f"x.png is the picture as it stands after {steps} steps"
    assert capsys.readouterr().err == f"inetwork.py: stopped by SIGTERM; {what}\n"
    assert Image.open("x.png").size == (64, 48)


def test_an_instant_picture_stops_within_a_step_and_the_one_before_is_written(monkeypatch, capsys):
    from painterly.engine.instant.instant import InstantTransfer

    real = InstantTransfer.steps

    def stopped(transfer, resume, check_stop):
        done = []

        def check():
            if done:
                signal.raise_signal(signal.SIGTERM)
            check_stop()

        for step in real(transfer, resume, check):
            done.append(step)
            yield step

    monkeypatch.setattr(InstantTransfer, "steps", stopped)
    assert inetwork([*ONE, "--preset", "instant", "--size", "192"]) == 143
    what = "x.png is the picture as it stands after 1 of 3 steps"
    assert capsys.readouterr().err == f"inetwork.py: stopped by SIGTERM; {what}\n"
    assert Image.open("x.png").size == (128, 96)


@pytest.mark.thorough
def test_the_result_is_written_as_asked_for():
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    Image.open("beach.jpg").save("placed.jpg", exif=exif)

    def written(kind, *flags):
        arguments = ["placed.jpg", "monet.jpg", "x", "--size", "64", *QUICK, *flags]
        assert inetwork(arguments) == 0
        return Image.open(f"x.{kind}")

    assert written("jpg", "--output_format", "same").format == "JPEG"
    usual = len(Path("x.jpg").read_bytes())
    written("jpg", "--output_format", "jpg", "--output_quality", "20")
    assert len(Path("x.jpg").read_bytes()) < 0.6 * usual
    assert not written("png").getexif().get_ifd(0x8825)
    assert written("png", "--keep_gps").getexif().get_ifd(0x8825)[1] == "N"


def result_in(folder):
    """The files of a result in a folder, for the photo `beach.jpg`."""
    words = *ONE[:2], f"{folder}/x"
    files = ResultFile(asked(*words), order(*words), 0, [], Stop())
    photo = decode(Path("beach.jpg").read_bytes(), "beach.jpg")
    files.before(photo)
    return files, photo.pixels


def test_a_result_that_cannot_be_stored_leaves_the_earlier_one_as_it_is():
    result, image = result_in("there")
    result.write(image)
    before = result.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, limits[1]))  # as a full disk
    try:
        with pytest.raises(ConfigError, match="cannot be written"):
            result.write(image)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.path.read_bytes() == before
    assert [*Path("there").glob("[!.]*")] == [result.path] == [Path("there/x.png")]


def test_a_result_is_not_written_where_its_disk_was_mounted(disk):
    result, image = result_in(disk.path / "there")
    disk.go()
    with pytest.raises(UnavailableError, match="mount it again"):
        result.write(image)
    assert below(disk.path) == []


def test_without_progress_a_picture_is_one_line(capsys):
    assert inetwork([*ONE, "--size", "64", *QUICK, "--progress", "none"]) == 0
    assert capsys.readouterr().out == "x.png\n"


@pytest.mark.parametrize("as_flag", [True, False])
def test_a_log_in_json_has_the_result_and_mistakes(monkeypatch, capsys, as_flag):
    flags = ["--progress", "json"] if as_flag else []
    if not as_flag:
        monkeypatch.setenv("PROGRESS", "json")
    assert inetwork([*ONE, "--size", "64", *QUICK, *flags]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["path"] == "x.png"
    assert {line.get("event") for line in lines} >= {"progress", "result"}
    assert inetwork([*ONE, "--bogus"]) == 2
    printed = capsys.readouterr()
    [line] = [json.loads(line) for line in printed.out.splitlines()]
    assert "--bogus" in line["message"] and line["exit_code"] == 2 and not printed.err
