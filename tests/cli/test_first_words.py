"""The first words of a newcomer: a photo, a style by its name or artist, and slips of the hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from painterly.cli.command import main
from painterly.settings import ready_styles

QUICK = ("--preset", "instant", "--size", "64")
pytestmark = pytest.mark.usefixtures("beach")


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


def test_a_photo_alone_lists_the_styles_and_the_next_command_and_paints_nothing(capsys):
    assert main(["beach.jpg"]) == 2
    *rows, last = capsys.readouterr().err.splitlines()
    assert [row.split("\t")[0] for row in rows] == [*ready_styles.tables()]
    assert "beach.jpg hokusai" in last and "beach.jpg all --sheet" in last
    assert [*Path().iterdir()] == [Path("beach.jpg")]


def test_a_photo_alone_that_is_not_there_is_told_as_such(capsys):
    assert "did you mean 'beach.jpg'?" in refused(capsys, "baech.jpg")


def test_a_photo_and_a_style_make_a_file_beside_the_photo_with_the_styles_name():
    Path("a b").mkdir()
    Path("beach.jpg").rename("a b/beach.png")
    assert main(["a b/beach.png", "hokusai", *QUICK]) == 0
    assert main(["a b/beach.png", "Hokusai", "named.png", *QUICK]) == 0
    beside, named = (Image.open(each) for each in ("a b/beach-hokusai.png", "named.png"))
    assert (np.asarray(beside) == np.asarray(named)).all()
    assert main(["a b/beach.png", "hokusai", *QUICK, "--output_format", "webp"]) == 0
    assert Image.open("a b/beach-hokusai.webp").format == "WEBP"


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
    for result in ([], ["out.jpg"], ["./out"]):
        said = refused(capsys, "beach.jpg", word, *result)
        assert "may be van-gogh-starry-night or van-gogh-wheat-field; name one" in said


def test_a_list_makes_one_result_for_each_style():
    assert main(["beach.jpg", "hokusai, Ink", *QUICK]) == 0
    assert main(["beach.jpg", "hokusai,ink", "out.png", *QUICK]) == 0
    made = {"beach-hokusai.jpg", "beach-ink.jpg", "out-hokusai.png", "out-ink.png"}
    assert {path.name for path in Path().glob("*-*")} == made


def test_a_style_by_its_title_is_painted_into_a_folder_too():
    assert main(["beach.jpg", "The Great Wave,ink", "./out", *QUICK]) == 0
    assert Path("out/hokusai/beach.jpg").exists() and Path("out/ink/beach.jpg").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stlyes"], "there is no command 'stlyes'; did you mean ./start.sh styles?"),
        (["wbe", "--lan"], "there is no command 'wbe'; did you mean ./start.sh web?"),
        (["get-result", "./out"], "did you mean ./cl_get_results.py?"),
        (["hokusai"], "hokusai is a ready style; expected the photo before it"),
        (["beach.jpg", "hokusay"], "did you mean hokusai?"),
        (["beach.jpg", "vangohg", "out.jpg"], "did you mean van-gogh-starry-night or van-gogh-wh"),
        (["beach.jpg", "starry", "night"], "did you mean 'starry night'?"),
        (["beach.jpg", "van", "gogh", "out.jpg"], "did you mean 'van gogh'?"),
        (["beach.jpg", "van", "gogh", "./out"], "did you mean 'van gogh'?"),
        (["beach.jpg", "van", "goh"], "did you mean van-gogh-starry-night or van-gogh-wheat"),
        (["beach.jpg", "hokusai", "munch"], "expected a folder for the results after it"),
        (["beach.jpg", "qqq"], "'qqq' is neither a file nor a ready style; ./start.sh styles li"),
        (["beach.jpg", "munch,klint"], "there is no ready style 'klint'; did you mean klimt?"),
        (["beach.jpg", ","], "names no painting"),
        (["beach.jpg", "all"], "all paints a picture in each ready style, into a folder"),
        (["beach.jpg", "munch,klimt", "ink", "x.jpg"], "write spaces instead of commas"),
        (["beach.jpg", "munch,klimt", "-"], "needs the name of a file as its result"),
        (["-", "munch"], "needs the name of a file as its result"),
        (["beach.jpg", "./out"], "so RESULTS is missing"),
        (["beach.jpg", "beach.jpg"], "so RESULTS is missing"),
        (["./photos", "hokusai"], "so RESULTS is missing"),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_what_may_be(capsys, words, said):
    assert said in refused(capsys, *words)


LONG = 300 * "a"  # characters; file systems take 255


@pytest.mark.parametrize(
    "words",
    [
        (f"{LONG}.jpg", "hokusai", "x.jpg"),
        ("beach.jpg", f"{LONG}.jpg", "x.jpg"),
        ("beach.jpg", "hokusai", f"{LONG}.jpg"),
        (f"{LONG}.jpg", "beach.jpg", "hokusai", "out/"),
        ("beach.jpg", LONG, "x.jpg"),
    ],
)
def test_a_name_that_is_too_long_for_a_file_is_one_line(capsys, words):
    Path("_records").mkdir()  # As after a run with results here.
    assert 60 * "a" in refused(capsys, *words)


def test_a_folder_or_file_with_a_styles_name_is_no_style_and_stays(capsys):
    Path("munch").mkdir()
    Path("klimt").write_bytes(b"mine")
    for word in ("munch", "klimt"):
        assert "so RESULTS is missing" in refused(capsys, "beach.jpg", word)


def test_what_may_be_a_bucket_of_paintings_for_a_folder_is_not_taken_for_an_artist(capsys):
    """Without an account, it is refused as a bucket."""
    Path("photos").mkdir()
    for results in (["./out"], ["--sheet", "sheet.jpg"]):
        said = refused(capsys, "./photos", "gogh", *results)
        assert "or did you mean the ready style van-gogh-starry-night or van-gogh-wheat" in said


def test_who_names_several_buckets_is_not_asked_about_a_ready_style(capsys):
    assert "did you mean" not in refused(capsys, "s3://photos", "gogh", "./out")
