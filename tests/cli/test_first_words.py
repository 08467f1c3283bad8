"""The first words of a newcomer: a photo, a style by its name or artist, and slips of the hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from painterly.cli.command import main
from painterly.settings import ready_styles

QUICK = ("--preset", "instant", "--size", "64")
pytestmark = pytest.mark.usefixtures("beside_a_photo")


def refused(capsys, *words) -> str:
    """Run a command line that paints nothing, and return its only line."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code
    err = capsys.readouterr().err
    assert code == 2 and err.count("\n") == 1, err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return err


@pytest.mark.slow
def test_a_photo_and_a_style_make_a_file_beside_the_photo_with_the_styles_name():
    Path("a b").mkdir()
    Path("beach.jpg").rename("a b/beach.png")
    assert main(["a b/beach.png", "hokusai", *QUICK]) == 0
    assert main(["a b/beach.png", "Hokusai", "-o", "named.png", *QUICK]) == 0
    beside, named = (Image.open(each) for each in ("a b/beach-hokusai.png", "named.png"))
    assert (np.asarray(beside) == np.asarray(named)).all()
    assert main(["a b/beach.png", "hokusai", *QUICK, "--output_format", "webp"]) == 0
    assert Image.open("a b/beach-hokusai.webp").format == "WEBP"


@pytest.mark.slow
def test_a_file_that_the_program_did_not_make_is_never_replaced(capsys):
    Path("beach-hokusai.jpg").write_bytes(b"my own")
    said = refused(capsys, "beach.jpg", "hokusai", *QUICK)
    assert "beach-hokusai.jpg exists and is not listed" in said
    Path("beach-hokusai.jpg").unlink()
    for _ in range(2):
        assert main(["beach.jpg", "hokusai", *QUICK]) == 0
    Path("beach-hokusai.jpg").write_bytes(b"retouched")
    assert "was changed since it was painted" in refused(capsys, "beach.jpg", "hokusai", *QUICK)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("HOKUSAI", "hokusai"),
        ("Katsushika Hokusai", "hokusai"),
        ("the great wave", "hokusai"),
        ("great-wave", "hokusai"),
        ("Die große Welle", "hokusai"),
        ("starry night", "van-gogh-starry-night"),
        ("La Nuit étoilée", "van-gogh-starry-night"),
        ("nuit etoilee", "van-gogh-starry-night"),
        ("Ink", "ink"),
    ],
)
def test_a_style_is_found_by_artist_or_title_or_whole_words_of_them(word, name):
    assert ready_styles.named(word) == (name,)
    assert ready_styles.named(f"monet, {word}") == ("monet", name)


@pytest.mark.parametrize("word", ["van gogh", "vangogh", "gogh", "van-gogh", "GOGH"])
def test_several_styles_of_an_artist_are_listed_in_one_line(capsys, word):
    for result in ([], ["-o", "out.jpg"], ["-o", "./out"]):
        said = refused(capsys, "beach.jpg", word, *result)
        assert "may be van-gogh-starry-night or van-gogh-wheat-field; name one" in said


@pytest.mark.slow
def test_a_list_makes_one_result_for_each_style():
    assert main(["beach.jpg", "hokusai, Ink", *QUICK]) == 0
    assert {path.name for path in Path().glob("*-*")} == {"beach-hokusai.jpg", "beach-ink.jpg"}


@pytest.mark.slow
def test_a_style_by_its_title_is_painted_into_a_folder_too():
    assert main(["beach.jpg", "The Great Wave,ink", "-o", "./out", *QUICK]) == 0
    assert Path("out/hokusai/beach.jpg").exists() and Path("out/ink/beach.jpg").exists()


def test_a_name_in_brackets_is_no_json(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("[1].jpg", "[2024] beach.jpg", "{1}.jpg"):
        (tmp_path / name).write_bytes(b"x")
        assert main([name, "nobody"]) == 2
        assert "there is no style 'nobody'" in capsys.readouterr().err
