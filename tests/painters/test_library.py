"""`painterly.paint`: one picture for a program that imports the package."""

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny

import painterly
from painterly.cli.command import main
from painterly.painters import library
from painterly.settings import ready_styles

QUICK = {"preset": "instant", "size": 64}


@pytest.fixture(autouse=True)
def beach_and_monet(tmp_path, monkeypatch):
    """The current folder, with a photo and a painting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beach.jpg").write_bytes(tiny.file(60, 80, 1))
    (tmp_path / "monet.jpg").write_bytes(tiny.file(50, 50, 2))


def same(one, other) -> bool:
    return bool((np.asarray(one) == np.asarray(other)).all())


def test_a_picture_is_what_the_command_writes_and_no_file_is_left(tmp_path):
    picture = painterly.paint("beach.jpg", "hokusai", **QUICK)
    assert isinstance(picture, Image.Image) and (picture.mode, picture.size) == ("RGB", (64, 48))
    assert {path.name for path in tmp_path.iterdir()} == {"beach.jpg", "monet.jpg"}
    words = ["beach.jpg", "hokusai", "-o", "out.png", "--preset", "instant", "--size", "64"]
    assert main(words) == 0
    assert same(picture, Image.open("out.png"))


@pytest.mark.slow
def test_photos_and_styles_are_files_names_or_pictures_of_pillow(tmp_path):
    photo, painting = Image.open("beach.jpg"), Image.open("monet.jpg")
    usual = painterly.paint("beach.jpg", "monet.jpg", **QUICK)
    assert same(usual, painterly.paint(photo, tmp_path / "monet.jpg", **QUICK))
    assert same(usual, painterly.paint(tmp_path / "beach.jpg", painting, **QUICK))
    for photo in (Image.open("beach.jpg").convert("CMYK"), Image.open("beach.jpg").convert("F")):
        assert painterly.paint(photo, painting, **QUICK).size == (64, 48)
    scream = painterly.paint("beach.jpg", "munch", **QUICK)
    assert same(scream, painterly.paint("beach.jpg", "The Scream", **QUICK))
    assert same(scream, painterly.paint("beach.jpg", ready_styles.path("munch"), **QUICK))
    Path("munch").mkdir()
    assert same(scream, painterly.paint("beach.jpg", "munch", **QUICK))


@pytest.mark.slow
def test_photos_and_styles_are_bytes_open_files_and_arrays(tmp_path):
    usual = painterly.paint("beach.jpg", "monet.jpg", **QUICK)
    data = (tmp_path / "beach.jpg").read_bytes()
    photo = np.asarray(Image.open("beach.jpg"))
    with (tmp_path / "monet.jpg").open("rb") as painting:
        assert same(usual, painterly.paint(data, painting, **QUICK))
    for each in (photo, photo / 255, (photo / 255).astype(np.float32)):
        assert same(usual, painterly.paint(each, Image.open("monet.jpg"), **QUICK))


def test_settings_may_be_numbers_of_numpy():
    usual = painterly.paint("beach.jpg", "hokusai", **QUICK, strength=0.5)
    small = {"size": np.int64(64), "strength": np.float32(0.5), "memory_limit": np.int64(10**12)}
    assert same(usual, painterly.paint("beach.jpg", "hokusai", **QUICK | small))


def test_a_callback_takes_the_steps_and_its_error_ends_the_painting():
    steps = []
    painterly.paint("beach.jpg", "hokusai", on_step=lambda s: steps.append(s.fraction), **QUICK)
    assert steps == sorted(steps) and steps[-1] == 1

    def cancel(step):
        assert step.image.shape == (48, 64, 3)
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        painterly.paint("beach.jpg", "hokusai", on_step=cancel, **QUICK)


def test_an_error_that_nobody_foresaw_is_one_line_with_its_cause(monkeypatch):
    def fail(*_, **__):
        raise IndexError("out of\nrange")

    monkeypatch.setattr(library, "paint_single", fail)
    with pytest.raises(painterly.PainterlyError, match="unexpected IndexError: out of") as refused:
        painterly.paint("beach.jpg", "hokusai", **QUICK)
    assert "\n" not in str(refused.value) and isinstance(refused.value.__cause__, IndexError)


@pytest.mark.slow
def test_several_styles_are_blended_in_their_shares():
    alone = painterly.paint("beach.jpg", "munch", **QUICK)
    both = ["munch", "monet.jpg"]
    assert same(alone, painterly.paint("beach.jpg", both, shares=[1, 0], **QUICK))
    assert not same(alone, painterly.paint("beach.jpg", both, **QUICK))


def test_a_photo_is_upright_and_keeps_transparency_and_profile_but_not_its_location():
    photo = Image.open("beach.jpg").convert("RGBA")
    photo.putalpha(128)
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned.
    exif.get_ifd(0x8825)[1] = "N"
    data = io.BytesIO()
    photo.save(data, "PNG", exif=exif, dpi=(300, 300))
    picture = painterly.paint(Image.open(data), "monet.jpg", **QUICK)
    assert (picture.mode, picture.size) == ("RGBA", (48, 64))
    assert 127 <= picture.getpixel((20, 20))[3] <= 129
    assert picture.info["icc_profile"] and not picture.getexif()


def test_settings_of_a_ready_style_are_its_defaults(monkeypatch):
    found = []
    monkeypatch.setattr(library, "_painted", lambda order, *_: found.append(order.style.settings))
    painterly.paint("beach.jpg", "klimt")
    painterly.paint("beach.jpg", "klimt", stroke_size=1.5, preset="draft")
    painterly.paint("beach.jpg", ["klimt", "hokusai"])
    assert [each.stroke_size for each in found] == [2, 1.5, 1]
    assert [each.preset for each in found] == ["fine", "draft", "fine"]


@pytest.mark.parametrize(
    ("photo", "style", "how", "said"),
    [
        ("no.jpg", "hokusai", {}, "photo 'no.jpg' cannot be read"),
        ("beach.jpg", "no.jpg", {}, "painting 'no.jpg' cannot be read"),
        ("beach.jpg", "hokusay", {}, "there is no ready style 'hokusay'; did you mean hokusai?"),
        ("beach.jpg", "gogh", {}, "may be van-gogh-starry-night or van-gogh-wheat-field"),
        ("beach.jpg", [], {}, "expected a style, or several"),
        ("beach.jpg", "hokusai", {"shares": [1, 2]}, "got 1 style and 2 shares"),
        ("beach.jpg", "hokusai", {"strenght": 1}, "did you mean strength?"),
        ("beach.jpg", "hokusai", {"size": 9}, "size is 9; expected"),
        ("beach.jpg", "hokusai", {"shares": "all"}, "shares are 'all'; expected"),
        ("beach.jpg", ["hokusai", "klimt"], {"shares": [1, -1]}, "no negative ones"),
        ("beach.jpg", "hokusai", {"memory_limit": "2GB"}, "memory_limit is '2GB'; expected bytes"),
        (None, "hokusai", {}, "the photo: is <class 'NoneType'>; expected a file, its bytes"),
        ("beach.jpg", 5, {}, "the painting: is <class 'int'>; expected a file"),
        (io.StringIO("text"), "hokusai", {}, "the photo is a file of text; open it with 'rb'"),
        (b"no picture", "hokusai", {}, "the photo: is not a picture"),
        (np.zeros((9, 9, 2), np.uint8), "hokusai", {}, "is an array [9, 9, 2] of uint8; expected"),
        (np.zeros((9, 9), np.uint16), "hokusai", {}, "is an array [9, 9] of uint16; expected"),
        (np.full((9, 9), 200.0), "hokusai", {}, "has values from 0 to 200; expected 0 to 1"),
        (np.full((9, 9), np.nan), "hokusai", {}, "has values from nan to nan; expected 0 to 1"),
    ],
)
def test_what_cannot_be_painted_is_one_line(photo, style, how, said):
    with pytest.raises(painterly.PainterlyError) as refused:
        painterly.paint(photo, style, **{**QUICK, **how})
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_without_tensorflow_a_preset_that_needs_it_says_so_in_one_line(monkeypatch):
    monkeypatch.setattr(
        library, "find_spec", lambda name: None if name == "tensorflow" else find_spec(name)
    )
    with pytest.raises(painterly.PainterlyError) as refused:
        painterly.paint("beach.jpg", "hokusai")
    said = str(refused.value)
    assert said.startswith("preset fine needs TensorFlow") and "\n" not in said
    assert 'preset="instant" paints without it' in said
