"""inetwork.py: the files that it writes, and mistakes on its command line."""

import json
import re
import resource
import signal
from pathlib import Path

import pytest
from PIL import Image
from support.disks import below
from support.inetwork_runs import ONE, QUICK, RANDOM, TWO, asked, order
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


@pytest.mark.slow
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


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_writes_its_picture_as_it_stands_and_says_so(
    monkeypatch, capsys, signum, code
):
    from painterly.engine.style_transfer import StyleTransfer

    real = StyleTransfer.steps

    def stopped(transfer, *arguments):
        for number, step in enumerate(real(transfer, *arguments), start=1):
            if number == 3:
                signal.raise_signal(signum)
            yield step

    monkeypatch.setattr(StyleTransfer, "steps", stopped)
    assert inetwork([*ONE, *RANDOM, "--size", "64", "--num_iter", "18"]) == code
    what = "x.png is the picture as it stands after 3 of 19 steps"
    assert capsys.readouterr().err == f"inetwork.py: stopped by {signum.name}; {what}\n"
    assert Image.open("x.png").size == (64, 48)


@pytest.mark.parametrize("preset", ["draft", "instant"])
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


def test_the_result_is_the_file_that_is_named(monkeypatch, capsys):
    monkeypatch.setenv("PROGRESS", "none")
    for names, written in (
        (["out/beach-by-monet"], "out/beach-by-monet.png"),
        (["x.JPEG"], "x.JPEG"),
        (["x"], "x.png"),
        (["x.v2", "--output_format", "jpg"], "x.v2.jpg"),
    ):
        assert inetwork(["beach.jpg", "monet.jpg", *names, "--size", "32", *QUICK]) == 0
        assert capsys.readouterr().out == f"{written}\n"
        assert Image.open(written).format == ("PNG" if written.endswith("png") else "JPEG")


def test_weights_are_those_of_vgg_weights_unless_the_flag_names_others(monkeypatch, capsys):
    without = [*ONE, "--size", "32", "--num_iter", "1", "--device", "cpu"]
    monkeypatch.setenv("VGG_WEIGHTS", "random")
    assert inetwork(without) == 0
    assert "painting with random features" in capsys.readouterr().out
    monkeypatch.setenv("VGG_WEIGHTS", "bucket:x.h5")
    assert inetwork(without) == 3
    assert "'bucket:x.h5', which only a batch reads" in capsys.readouterr().err
    assert inetwork([*ONE, "--size", "32", *QUICK]) == 0


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


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["beach.jpg"], 2, "expected BASE, one or more REF, and PREFIX; got beach.jpg"),
        ([*ONE[:2], "x.gif"], 2, "expected one of jpg, png, webp, tiff"),
        ([*ONE[:2], "x.png", "--output_format", "jpg"], 2, "does not end in .jpg"),
        (["nowhere.jpg", "monet.jpg", "x"], 2, "photo 'nowhere.jpg' cannot be read"),
        (["beach.jpg", "nowhere.jpg", "x"], 2, "there is no file 'nowhere.jpg'"),
        (["beach.jpg", "text.jpg", "x"], 1, "text.jpg: is not a picture"),
        ([*ONE, "--size", "7"], 2, "--size is '7'; expected"),
        ([*ONE, "--image_size", "7"], 2, "--image_size of 7 rows makes a longer side of 9 px"),
        ([*ONE, "--image_size", "64", "--size", "64"], 2, "give one of them"),
        (
            [*ONE, "--stlye_weight", "1"],
            2,
            "Unknown option: --stlye_weight. Did you mean --style-weight?",
        ),
        ([*ONE, "--style_weight", "1", "2"], 2, "2 values for 1 paint"),
        ([*TWO, "--style_weight", "0", "0"], 2, "not all 0"),
        ([*TWO, "--style_masks", "left.png"], 2, "--style_masks has 1 masks for 2 paintings"),
        ([*ONE, "--regions", "-", "left.png"], 2, "--regions has 2 masks for 1 paintings"),
        ([*ONE, "--content_mask", "no.png"], 2, "--content_mask 'no.png' cannot be read"),
        (
            [*ONE, "--color_mask", "text.jpg", "--preserve_color"],
            1,
            "text.jpg: is not a picture",
        ),
        ([*ONE, "--regions", "black.png"], 1, "black.png: is black all over"),
        ([*ONE, "--init_image", "grey"], 2, "none of content, gray, noise, and"),
        ([*ONE, "--model", "resnet"], 2, 'Choose from: "vgg16", "vgg19"'),
        ([*ONE, "--content_loss_type", "3"], 2, "--content_loss_type is '3'; expected"),
        ([*ONE, "--preserve_color=ture"], 2, 'unable to convert "ture" into bool'),
        ([*ONE, "--weights", "none.h5"], 3, "none.h5"),
        ([*ONE, "--device", "gpu"], 4, "no NVIDIA GPU"),
        (["beach.jpg", "monet.jpg", "text.jpg/x"], 2, "text.jpg is not a folder"),
        (["beach.jpg", "monet.jpg", "x/"], 2, "expected a name after the folder"),
        (["beach.jpg", "monet.jpg", "/proc/x"], 2, "/proc/x.png cannot be written"),
        (["beach.jpg", "klimt.png", "klimt"], 2, "would overwrite klimt.png"),
        ([*ONE[:2], "left.png", "--content_mask", "left.png"], 2, "would overwrite left.png"),
        ([*ONE[:2], "left", "--style_masks", "left.png"], 2, "would overwrite left.png"),
        ([*ONE[:2], "klimt", "--init_image", "klimt.png"], 2, "would overwrite klimt.png"),
        ([*ONE[:2], ""], 2, "a word is empty, as a variable is that was not set"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_an_exit_code(capsys, arguments, code, message):
    quick = QUICK if {"--weights", "--device"}.isdisjoint(arguments) else []
    assert inetwork([*quick, *arguments]) == code
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert not list(Path().glob("x*"))


def test_a_file_that_the_program_did_not_paint_is_overwritten_only_if_asked_to(capsys):
    quick = ["--size", "32", *QUICK]
    for name, flags in (
        ("mine.png", []),
        ("mine.jpg", []),
        ("mine_at_iteration_1.png", ["--save_every", "1"]),
    ):
        Path(name).write_bytes(b"my own")
        result = ["mine.jpg"] if name == "mine.jpg" else ["mine"]
        assert inetwork(["beach.jpg", "monet.jpg", *result, *quick, *flags]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"inetwork.py: {name} exists and is not listed in .painterly.jsonl")
        assert err.endswith("; choose another name, or pass --overwrite to replace it\n")
        assert Path(name).read_bytes() == b"my own"
        assert inetwork(["beach.jpg", "monet.jpg", *result, *quick, *flags, "--overwrite"]) == 0
        assert Image.open(name).size == (32, 24)
        assert inetwork(["beach.jpg", "monet.jpg", *result, *quick, *flags]) == 0, "its own result"
    Image.open("mine.png").rotate(180).save("mine.png")
    assert inetwork(["beach.jpg", "monet.jpg", "mine.png", *quick]) == 2
    assert "mine.png exists and was changed since it was painted" in capsys.readouterr().err


def test_a_picture_is_stored_if_the_list_of_painted_files_cannot_be_written(capsys):
    Path(".painterly.jsonl").mkdir()  # It can as little be written as a file of another user.
    arguments = ["beach.jpg", "monet.jpg", "x.png", "--size", "32", *QUICK]
    for flags in ([], ["--overwrite"]):
        assert inetwork([*arguments, *flags]) == 0
        assert "x.png is stored, but later runs take it for your own" in capsys.readouterr().out
        assert Image.open("x.png").size == (32, 24)
    assert inetwork(arguments) == 2
    assert "pass --overwrite to replace it" in capsys.readouterr().err
