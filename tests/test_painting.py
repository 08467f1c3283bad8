"""inetwork.py: one photo from a file, painted into a file."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from styletransfer.painting import inetwork

REPOSITORY = Path(__file__).parents[1]
QUICK = ["--num_iter", "1", "--weights", "random", "--device", "cpu"]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("beach.jpg").write_bytes(tiny.file(60, 80, 1))
    Path("monet.jpg").write_bytes(tiny.file(50, 50, 2))
    Path("klimt.png").write_bytes(tiny.file(40, 60, 3, "PNG"))


@pytest.fixture(autouse=True)
def small_vgg(monkeypatch):
    from styletransfer import vgg

    monkeypatch.setattr(vgg, "random_weights", lambda model, seed: tiny.weights(model, seed))


def test_a_photo_is_painted_into_prefix_png(capsys):
    assert inetwork(["beach.jpg", "monet.jpg", "out/beach-by-monet", "--size", "64", *QUICK]) == 0
    assert Image.open("out/beach-by-monet.png").size == (64, 48)
    assert capsys.readouterr().out.splitlines()[-1] == "out/beach-by-monet.png"


def test_progress_is_a_line_every_ten_percent_with_loss_speed_and_time_left(capsys):
    inetwork(["beach.jpg", "monet.jpg", "x", "--size", "64", *QUICK, "--num_iter", "20"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert 1 <= len(lines) <= 10
    assert "100 %" in lines[-1]
    for part in ("loss ", " it/s", " left"):
        assert all(part in line for line in lines)


def test_image_size_is_the_number_of_rows():
    assert inetwork(["beach.jpg", "monet.jpg", "x", "--image_size", "66", *QUICK]) == 0
    assert Image.open("x.png").size == (88, 66)


def test_several_paintings_are_blended_in_the_shares_told():
    def painted(*weights):
        told = ["beach.jpg", "red.png", "blue.png", "x", "--style_weight", *weights]
        return (
            *told,
            *("--size", "64", "--content_weight", "0", "--learning_rate", "0.05"),
            *(*QUICK, "--num_iter", "30"),
        )

    for name, colour in (("red", (230, 20, 20)), ("blue", (20, 20, 230))):
        Image.new("RGB", (64, 64), colour).save(f"{name}.png")
    means = []
    for weights in (("0.95", "0.05"), ("0.05", "0.95")):
        assert inetwork(painted(*weights)) == 0
        means.append(np.asarray(Image.open("x.png"), np.float32).mean((0, 1)))
    assert means[0][0] - means[0][2] > means[1][0] - means[1][2] + 20


@pytest.mark.parametrize(
    "flags",
    [
        ["--content_weight", "3"],
        ["--total_variation_weight", "0"],
        ["--model", "vgg16"],
        ["--content_layer", "conv5_1"],
        ["--init_image", "noise"],
        ["--init_image", "gray"],
        ["--pool_type", "ave"],
        ["--style_scale", "2"],
    ],
    ids="=".join,
)
def test_every_flag_changes_the_picture(flags):
    plain = ["beach.jpg", "monet.jpg", "plain", "--size", "64", *QUICK]
    assert inetwork(plain) == 0
    changed = ["beach.jpg", "monet.jpg", "changed", "--size", "64", *QUICK, *flags]
    assert inetwork([*changed, "--num_iter", "2"]) == 0
    assert inetwork([*plain, "--num_iter", "2"]) == 0
    one, other = (np.asarray(Image.open(f"{n}.png"), int) for n in ("plain", "changed"))
    assert np.abs(one - other).max() > 0


def test_alpha_is_kept():
    rgba = np.full((60, 80, 4), 200, np.uint8)
    rgba[:, :, 3] = 255
    rgba[:30, :, 3] = 0
    Image.fromarray(rgba).save("logo.png")
    assert inetwork(["logo.png", "monet.jpg", "x", "--size", "80", *QUICK]) == 0
    alpha = np.asarray(Image.open("x.png"))[..., 3]
    assert alpha[:28].max() == 0 and alpha[32:].min() == 255


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (["nowhere.jpg", "monet.jpg", "x"], 2, "BASE 'nowhere.jpg' cannot be read"),
        (["beach.jpg", "nowhere.jpg", "x"], 2, "REF 'nowhere.jpg' cannot be read"),
        (["beach.jpg", "text.jpg", "x"], 1, "text.jpg: is text"),
        (["beach.jpg", "monet.jpg", "x", "--size", "7"], 2, "--size is '7'; expected"),
        (["beach.jpg", "monet.jpg", "x", "--image_size", "7"], 2, "size"),
        (["beach.jpg", "monet.jpg", "x", "--style_weight", "1", "2"], 2, "2 values for 1 paint"),
        (["beach.jpg", "monet.jpg", "klimt.png", "x", "--style_weight", "0", "0"], 2, "not all 0"),
        (["beach.jpg", "monet.jpg", "x", "--model", "resnet"], 2, "one of vgg16, vgg19"),
        (["beach.jpg", "monet.jpg", "x", "--weights", "none.h5"], 3, "none.h5"),
        (["beach.jpg", "monet.jpg", "text.jpg/x"], 2, "text.jpg is not a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_an_exit_code(capsys, arguments, code, told):
    Path("text.jpg").write_text("dear diary")
    quick = [flag for flag in QUICK if "--weights" not in arguments or flag not in QUICK[2:4]]
    assert inetwork([*arguments, *quick]) == code
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1
    assert not Path("x.png").exists()


def test_help_answers_at_once():
    started = time.perf_counter()
    command = [sys.executable, str(REPOSITORY / "inetwork.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    modules = [sys.executable, "-X", "importtime", *command[1:]]
    imported = subprocess.run(modules, capture_output=True, text=True, check=True).stderr
    assert "--content_weight" in done.stdout
    assert not any(name in imported for name in ("tensorflow", "numpy", "PIL"))
    assert time.perf_counter() - started < 10
