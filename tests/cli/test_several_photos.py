"""Several photos on a command line, and names that shells and disks write differently."""

import os
import unicodedata
from pathlib import Path

import pytest
from support.commands import leave_out_env_file

from painterly.cli.command import inetwork, main

pytestmark = pytest.mark.slow  # Many photos are painted.

QUICK = ("--preset", "instant", "--size", "64")
DECOMPOSED = unicodedata.normalize("NFD", "été.jpg")


@pytest.fixture(autouse=True)
def photos(beach):
    """Photos in the current folder, in two others, and a folder for results."""
    photo = Path("beach.jpg").read_bytes()
    for name in ("town.jpg", "IMG_1.JPG", "-d.jpg", "--e.jpg", "C:x.jpg", DECOMPOSED):
        Path(name).write_bytes(photo)
    for folder in ("one", "two"):
        Path(folder).mkdir()
        Path(folder, "same.jpg").write_bytes(photo)
    for folder in ("painted", "klimt"):
        Path(folder).mkdir()
    for name in ("notes", "notes.txt"):
        Path(name).write_text("not a picture")


def refusal(capsys, *words: str) -> str:
    """The one line of a refusal, after which no file is another or new."""
    before = files()
    try:
        code = main([*words, *QUICK])
    except SystemExit as ended:
        code = ended.code
    err = capsys.readouterr().err
    assert code == 2 and err.count("\n") == 1 and files() == before, err
    return err


def files() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def results(folder: str = "painted") -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in Path(folder).glob("*/**/*.jpg")
        if not path.relative_to(folder).as_posix().startswith("_")
    }


@pytest.mark.parametrize("folder", ["painted", "painted/", "./painted", "./new", "new/"])
def test_each_photo_is_painted_into_a_folder(folder):
    assert main(["beach.jpg", "town.jpg", "hokusai", folder, *QUICK]) == 0
    assert results(folder) == {"hokusai/beach.jpg", "hokusai/town.jpg"}
    assert not [*Path().glob("*.png")]


def test_one_photo_that_a_pattern_matched_goes_there_too():
    assert main(["beach.jpg", "hokusai", "painted", *QUICK]) == 0
    assert results() == {"hokusai/beach.jpg"}


def test_photos_of_one_name_in_two_folders_keep_their_folders():
    assert main(["one/same.jpg", "./two/same.jpg", "hokusai", "painted", *QUICK]) == 0
    assert results() == {"hokusai/one/same.jpg", "hokusai/two/same.jpg"}


def test_more_photos_than_are_listed_alone_are_all_painted():
    names = [f"{number}.jpg" for number in range(25)]
    for name in names:
        Path("one", name).write_bytes(Path("beach.jpg").read_bytes())
    assert main([*(f"one/{name}" for name in names), "hokusai", "painted", *QUICK]) == 0
    assert results() == {f"hokusai/{name}" for name in names}


def test_results_in_the_current_folder_are_not_taken_for_paintings_by_the_same_command(capsys):
    words = ["beach.jpg", "town.jpg", "hokusai", ".", *QUICK]
    assert main(words) == main(words) == 0
    assert "all 2 results are" in capsys.readouterr().out
    assert {"hokusai/beach.jpg", "hokusai/town.jpg"} <= results(".")


def test_a_photo_that_a_folder_does_not_show_is_named_with_the_reason(capsys):
    Path(".hidden").mkdir()
    Path(".hidden/h.jpg").write_bytes(Path("beach.jpg").read_bytes())
    assert main([".hidden/h.jpg", "town.jpg", "hokusai", "painted", *QUICK]) == 2
    said = capsys.readouterr()
    assert "'.hidden/h.jpg'" in said.err and "it is hidden, or a link out of there" in said.err


def test_a_mask_among_the_photos_is_the_mask_of_its_photo():
    Path("beach.mask.jpg").write_bytes(Path("beach.jpg").read_bytes())
    assert main(["beach.jpg", "beach.mask.jpg", "town.jpg", "hokusai", "painted", *QUICK]) == 0
    assert results() == {"hokusai/beach.jpg", "hokusai/town.jpg"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["beach.jpg", "town.jpg", "hokusai", "out.jpg"], "to paint each of them, name a folder"),
        (
            ["beach.jpg", "town.jpg", "hokusai", "new"],
            "such as new.jpg, or a folder, such as ./new",
        ),
        (
            ["beach.jpg", "town.jpg", "-d.jpg", "new"],
            "neither a folder here nor the name of a pict",
        ),
        (["beach.jpg", "town.jpg", "-d.jpg", "hokusai"], "expected a folder for the results after"),
        (["beach.jpg", "town.jpg", "hokusai"], "expected a folder for the results after it"),
        (["beach.jpg", "hokusai", "munch", "painted"], "with commas, as in hokusai,munch"),
        (["beach.jpg", "hokusai", "town.jpg", "painted"], "name all photos, then one painting"),
        (["beach.jpg", "one", "hokusai", "painted"], "'one' is a folder among the photos"),
        (["one", "beach.jpg", "hokusai", "painted"], "'one' is a folder among the photos"),
        (["beach.jpg", "twon.jpg", "hokusai", "painted"], "did you mean 'town.jpg'?"),
        (["beahc.jpg", "town.jpg", "hokusai", "painted"], "did you mean 'beach.jpg'?"),
        (["*.gif", "hokusai", "painted"], "no picture here matches '*.gif'"),
        (
            ["beach.jpg", "hokusay", "./out"],
            "neither a picture, a folder nor a ready style; did you",
        ),
        (["beach.jpg", "town.jpg", "out"], "such as out.jpg, or a folder, such as ./out"),
        (["beach.jpg", "hokusai", ""], "RESULTS is empty"),
        (["beach.jpg", "town.jpg", "hokusai", ""], "RESULTS is empty"),
        (["beach.jpg", "hokusai", "out"], "such as out.jpg, or a folder, such as ./out"),
        (["beach.jpg", "hokusai", "My_out"], "such as My_out.jpg, or a folder, such as ./My_out"),
        (["beach.jpg", "hokusai", "~who-is-that/x.jpg"], "write ./~who-is-that/x.jpg for a file"),
        (["beach.jpg", "town.jpg", "hokusai", "-"], "to paint each of them, name a folder"),
        (["-", "hokusai", "painted"], "'painted', a folder; name the picture in it"),
        (
            ["beach.jpg", "town.jpg", "munch", "painted", "--style_weight", "1"],
            "name the picture in it, such as painted/beach.jpg",
        ),
        (["hokusai", "beach.jpg", "painted"], "expected the photo before it, as in"),
        (["hokusai", "beach.jpg", "x.jpg"], "beach.jpg hokusai"),
        (["hokusai", "beach.jpg"], "beach.jpg hokusai"),
        (["beach.jpg", "hokusai,", "munch", "painted"], "with commas, as in hokusai,munch"),
        (["https://a.test/b.jpg", "beach.jpg", "hokusai", "painted"], "download the picture first"),
        (["no/a.jpg", "no/b.jpg", "hokusai", "painted"], "photo 'no/a.jpg' is not a file here"),
        (["beach.jpg", "notes.txt", "hokusai", "painted"], "does not end as that of a picture"),
        (["beach.jpg", "hokusai", "notes.txt"], "neither a folder here nor the name of a picture"),
        (["beach.jpg", "hokusai", "notes"], "neither a folder here nor the name of a picture"),
        (["beach.jpg", "", "x.jpg"], "painting is empty"),
        (["beach.jpg", "klimt", "painted"], "'klimt' is a ready style, and a folder here has that"),
    ],
)
def test_what_may_be_several_pictures_or_one_is_a_line_that_tells_of_pictures(
    capsys, monkeypatch, words, said
):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    message = refusal(capsys, *words)
    assert said in message and "bucket" not in message


def test_with_an_account_a_bare_word_is_a_bucket_as_before(moto, monkeypatch, capsys):
    both = os.environ | moto.environment
    leave_out_env_file(monkeypatch, only=both)
    bucket = moto.open()
    assert main(["beach.jpg", "town.jpg", "hokusai", f"s3://{bucket.name}", *QUICK]) == 0
    assert main(["beach.jpg", "hokusai", bucket.name, *QUICK]) == 0
    assert "already done" in capsys.readouterr().out
    assert main(["beach.jpg", "hokusai", "no-such-bucket", *QUICK]) == 5
    said = capsys.readouterr().err
    assert "does not exist" in said and "such as no-such-bucket.jpg" in said


def test_paintings_are_blended_where_the_result_or_a_flag_says_so():
    assert main(["beach.jpg", "town.jpg", "-d.jpg", "both.jpg", *QUICK]) == 0
    assert main(["beach.jpg", "town.jpg", "munch", "one.jpg", "--style_weight", "1", *QUICK]) == 0
    assert {"both.jpg", "one.jpg"} < {path.name for path in Path().glob("*.jpg")}
    assert not results()


def test_a_pattern_that_no_shell_expanded_is_expanded_with_endings_in_any_case():
    assert main(["*/same.jpg", "IMG*.jpg", "hokusai", "painted", *QUICK]) == 0
    found = {"hokusai/one/same.jpg", "hokusai/two/same.jpg", "hokusai/IMG_1.jpg"}
    assert results() == found


def test_a_quoted_home_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Path("home").mkdir()
    Path("home/mine.jpg").write_bytes(Path("beach.jpg").read_bytes())
    assert main(["~/mine.jpg", "~/mine.jpg", "~/out.jpg", *QUICK]) == 0
    assert main(["~/mine.jpg", "beach.jpg", "hokusai", "~/painted", *QUICK]) == 0
    assert main(["~/mine.jpg", "hokusai", "--sheet", "~/sheet.jpg", *QUICK[2:]]) == 0
    mask = ["--content_mask", "~/mine.jpg"]
    assert inetwork(["~/mine.jpg", "beach.jpg", "~/masked.jpg", *mask, *QUICK]) == 0
    made = {"out.jpg", "sheet.jpg", "masked.jpg", "painted", "mine.jpg"}
    assert made <= {path.name for path in Path("home").iterdir()} and not Path("~").exists()


def test_a_tilde_after_a_dot_is_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert main(["beach.jpg", "town.jpg", "hokusai", "./~", *QUICK]) == 0
    assert results("./~") == {"hokusai/beach.jpg", "hokusai/town.jpg"}
    assert not Path("home").exists()


@pytest.mark.parametrize(
    ("words", "made"),
    [
        (["-d.jpg", "hokusai", "x.jpg"], "x.jpg"),
        (["--", "-d.jpg", "hokusai", "x.jpg"], "x.jpg"),
        (["--", "--e.jpg", "hokusai"], "--e-hokusai.jpg"),
        (["beach.jpg", "-d.jpg", "-x.jpg"], "-x.jpg"),
        (["-d.jpg", "town.jpg", "hokusai", "painted"], "painted/hokusai/-d.jpg"),
        (["C:x.jpg", "hokusai", "./painted"], "painted/hokusai/C:x.jpg"),
        (["C:x.jpg", "town.jpg", "hokusai", "painted"], "painted/hokusai/C:x.jpg"),
        (["été.jpg", "hokusai", "x.jpg"], "x.jpg"),
        (["beach.jpg", "hokusai", "x.jpg\r"], "x.jpg"),
        (["beach.jpg", "town.jpg", "hokusai", "painted\r"], "painted/hokusai/town.jpg"),
        (["beach.jpg", "one", "painted"], "painted/same/beach.jpg"),
        (["beach.jpg", "été.jpg", "x.jpg"], "x.jpg"),
        (["été.jpg", "town.jpg", "hokusai", "painted"], f"painted/hokusai/{DECOMPOSED}"),
    ],
)
def test_names_with_dashes_colons_and_accents_are_names(words, made):
    assert main([*words, *QUICK]) == 0
    assert Path(made).exists()


def test_the_address_of_a_file_is_its_path():
    address = Path("beach.jpg").absolute().as_uri()
    assert main([address, "hokusai", "x.jpg", *QUICK]) == 0
    assert main(["town.jpg", address, "hokusai", "painted", *QUICK]) == 0
    assert Path("x.jpg").exists() and results() == {"hokusai/beach.jpg", "hokusai/town.jpg"}


def test_patterns_take_endings_in_any_case_and_say_what_they_leave_out(capsys):
    for name in ("IMG_1.JPG", "a.jpg", "b.png", "c.PNG"):
        Path("one", name).write_bytes(Path("beach.jpg").read_bytes())
    words = ["./one", "hokusai", "./painted", *QUICK, "--include", "*.jpg", "--exclude", "SAME.jpg"]
    assert main([*words, "--exclude", "a.JPG"]) == 0
    assert results() == {"hokusai/IMG_1.jpg", "hokusai/same.jpg"}
    left_out = "--include and --exclude leave out 3 photos of 5: a.jpg, b.png, c.PNG"
    assert left_out in capsys.readouterr().out
