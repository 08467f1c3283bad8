"""`--sheet`: one labelled picture to choose from, painted without TensorFlow."""

import numpy as np
import pytest
from PIL import Image, ImageFont
from support import tiny
from support.commands import contents, leave_out_env_file, python
from support.painted import as_before

from painterly.cli.command import main
from painterly.images.sheet import FONT, PAPER, cell_side, label, sheet_of, side_for
from painterly.storage import open_bucket

# Fails if TensorFlow is loaded.
CODE = """if True:
    import sys
    from painterly.cli.command import main
    sys.exit(main(sys.argv[1:]) or 9 * ("tensorflow" in sys.modules))"""
SMALL = ("--size", "96")
BLANK = {"CELLAR_ADDON_HOST": "", "BUCKET_SOURCE": "", "BUCKET_STYLE": "", "BUCKET_RESULT": ""}


@pytest.fixture
def photos_and_styles(tmp_path, monkeypatch):
    """The current folder, with two photos and three styles, one of them with a slow recipe."""
    leave_out_env_file(monkeypatch, also=BLANK)
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "paintings"):
        (tmp_path / folder).mkdir()
    (tmp_path / "photos/plage d’été.jpg").write_bytes(tiny.file(60, 90, 1))
    (tmp_path / "photos/town.png").write_bytes(tiny.file(90, 60, 2, "PNG"))
    for number, name in enumerate(("Dvořák", "mosaic", "waves")):
        (tmp_path / f"paintings/{name}.jpg").write_bytes(tiny.file(60, 60, 3 + number))
    (tmp_path / "paintings/styles.toml").write_text(
        '["Dvořák"]\npaintings = ["Dvořák.jpg"]\nrecipe = "moments"\nsize = 2000\n'
        '[mosaic]\npaintings = ["mosaic.jpg"]\n'
        '[waves]\npaintings = ["waves.jpg"]\ntimelapse = true\n'
    )
    return tmp_path


def sheet(*words):
    """Make a sheet as `painterly` does, and return the exit code."""
    return main([*words, *SMALL])


def cells(path):
    """Count the pictures on a sheet: areas of one that are not paper and wider than letters."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    inked = np.abs(pixels - PAPER).max(-1) > 24
    return sum(cells_by_row(inked))


def cells_by_row(inked):
    """Count the pictures in each row of a sheet's parts that are not paper."""
    rows = _runs(inked.mean(1) > 0.15, 30)
    return [len(_runs(inked[rows_of].mean(0) > 0.5, 30)) for rows_of in rows]


def _runs(flags, least):
    """Return the slices of at least `least` neighbours that are true."""
    edges = np.flatnonzero(np.diff([0, *flags.astype(int), 0]))
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [slice(first, end) for first, end in pairs if end - first >= least]


@pytest.mark.slow
def test_a_photo_in_all_styles_becomes_one_picture_without_tensorflow(photos_and_styles):
    photo = "photos/plage d’été.jpg"
    done = python(
        "-c",
        CODE,
        photo,
        "./paintings",
        "--sheet",
        "all.png",
        *SMALL,
        cwd=photos_and_styles,
        **BLANK,
    )
    assert done.returncode == 0, done.stderr
    assert "all.png: 3 painted" in done.stdout
    assert cells(photos_and_styles / "all.png") == 1 + 3, "the photo and its three paintings"


@pytest.mark.slow
def test_all_photos_in_one_style_become_one_picture(photos_and_styles):
    before = contents(photos_and_styles)
    assert sheet("./photos", "paintings/waves.jpg", "--sheet", "new/one.jpg") == 0
    assert cells(photos_and_styles / "new/one.jpg") == 1 + 2, (
        "the painting and two photos in its style"
    )
    assert contents(photos_and_styles).keys() - before.keys() == {"new/one.jpg"}
    # Again: an earlier sheet is not an input.
    assert sheet("./photos", "paintings/waves.jpg", "--sheet", "new/one.jpg") == 0


@pytest.mark.thorough
def test_it_is_painted_from_buckets_and_stores_nothing_there(photos_and_styles, moto, monkeypatch):
    source, style, result = (open_bucket(moto.new_bucket(), moto.account) for _ in range(3))
    for bucket, folder in ((source, "photos"), (style, "paintings")):
        for key, data in contents(photos_and_styles / folder).items():
            bucket.write(key, data)
    variables = moto.environment | {
        "BUCKET_SOURCE": source.name,
        "BUCKET_STYLE": style.name,
        "BUCKET_RESULT": result.name,
        "PHOTO": "town.png",
        "PRESET": "print",
    }
    leave_out_env_file(monkeypatch, only=variables)
    assert sheet("--sheet", "all.webp") == 0
    assert cells(photos_and_styles / "all.webp") == 1 + 3
    assert contents(result) == {}


def test_a_damaged_photo_costs_only_its_own_cell(photos_and_styles, capsys):
    (photos_and_styles / "photos/damaged.jpg").write_bytes(b"\xff\xd8 no photo")
    assert sheet("./photos", "paintings/waves.jpg", "--sheet", "one.png") == 1
    output = capsys.readouterr().out
    assert "1/3 damaged.jpg in waves: FAILED" in output
    assert "one.png: 2 painted, 1 picture failed" in output
    assert cells(photos_and_styles / "one.png") == 1 + 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("./photos ./paintings --sheet x.jpg", "there are 2 photos and 3 styles"),
        ("photos/town.png ./paintings -o ./out --sheet x.jpg", "leave -o out"),
        ("photos/town.png ./paintings --sheet x.txt", "expected one of jpg, png, webp, tiff"),
        ("photos/town.png ./paintings --sheet photos/town.png", "would overwrite"),
        ("photos/town.png ./paintings --sheet mine.jpg", "mine.jpg exists and is not listed in"),
        ("photos/town.png ./paintings --sheet x.jpg --preset fine", "leave --preset out"),
        ("photos/town.png ./paintings --sheet x.jpg --dry-run", "leave --dry-run out"),
        ("photos/town.png ./paintings --sheet x.jpg --watch", "leave --watch out"),
    ],
)
def test_what_cannot_be_a_sheet_is_refused_in_one_line(photos_and_styles, capsys, words, said):
    (photos_and_styles / "mine.jpg").write_bytes(b"mine")
    before = contents(photos_and_styles)
    assert main(words.split()) == 2
    [refusal] = capsys.readouterr().err.splitlines()
    assert said in refusal
    assert contents(photos_and_styles) == before


def test_names_have_their_accents_and_long_ones_fit():
    font = ImageFont.truetype(FONT, 20)
    missing = bytes(font.getmask("\U0001f3a8"))
    for letter in "éèçüöñßœŁźřşΩЖяẫ’…":
        assert bytes(font.getmask(letter)) != missing, letter
    side = cell_side(2)
    picture = np.zeros((side // 2, side, 3), np.uint8)
    plain = sheet_of([(picture, "")] * 2, side)
    apart = sheet_of([(picture, "e\u0301te\u0301"), (picture, "x" * 400)], side)
    assert apart.shape == plain.shape
    assert (apart[:, :8] == PAPER).all() and (apart[:, -8:] == PAPER).all()
    assert (apart == sheet_of([(picture, "été"), (picture, "x" * 500)], side)).mean() > 0.99
    as_before("sheet", sheet_of([(picture[: 9 * n], f"{n}\nof 5") for n in range(5, 0, -1)], 96))
    assert [cell_side(count) for count in (10, 100, 10_000)] == [512, 400, 96]
    asked = (4, "full", None), (4, "full", 1024), (4, 300, 1024), (99, "640", None)
    assert [side_for(*each) for each in asked] == [512, 1024, 300, 400]


@pytest.mark.parametrize("size", [(64, 96), (96, 64), (96, 96)])
def test_no_row_of_a_sheet_is_nearly_empty(size):
    sheet = sheet_of([(np.zeros((*size, 3), np.uint8), "")] * 21, 96)
    rows = cells_by_row(np.abs(sheet.astype(int) - PAPER).max(-1) > 24)
    assert sum(rows) == 21 and max(rows) - min(rows) <= 1


def test_for_letters_that_the_font_lacks_a_label_has_a_number_that_the_log_explains(caplog):
    labels = [label(text, 3) for text in ("ひまわり", "🌻 garden", "Łódź\nété", "हि")]
    assert labels == ["[3]", "[3] garden", "Łódź\nété", "[3]"]
    assert "picture 3 of the sheet is 'ひまわり'" in caplog.text
