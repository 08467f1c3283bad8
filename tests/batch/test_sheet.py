"""`--sheet`: one labelled picture to choose from, painted without TensorFlow."""

import numpy as np
import pytest
from PIL import Image, ImageFont
from support import tiny
from support.commands import contents, python

from painterly.images.sheet import FONT, PAPER, cell_side, sheet_of
from painterly.storage import open_bucket

pytestmark = pytest.mark.slow  # Programs run.

# Fails if TensorFlow is loaded.
CODE = """if True:
    import sys
    from painterly.cli.command import main
    sys.exit(main(sys.argv[1:]) or 9 * ("tensorflow" in sys.modules))"""
SMALL = ("--size", "96")
BLANK = {"CELLAR_ADDON_HOST": "", "BUCKET_SOURCE": "", "BUCKET_STYLE": "", "BUCKET_RESULT": ""}


@pytest.fixture
def place(tmp_path):
    """A folder with two photos and three styles, one of them with a slow recipe."""
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


def sheet(place, *words, **variables):
    return python("-c", CODE, *words, *SMALL, cwd=place, **{**BLANK, **variables})


def cells(path):
    """Count the pictures on a sheet: areas of one that are not paper and wider than letters."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    inked = np.abs(pixels - PAPER).max(-1) > 24
    rows = _runs(inked.mean(1) > 0.15, 30)
    return sum(len(_runs(inked[rows_of].mean(0) > 0.5, 30)) for rows_of in rows)


def _runs(flags, least):
    """Return the slices of at least `least` neighbours that are true."""
    edges = np.flatnonzero(np.diff([0, *flags.astype(int), 0]))
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [slice(first, end) for first, end in pairs if end - first >= least]


def test_a_photo_in_all_styles_and_all_photos_in_one_each_become_one_picture(place):
    before = contents(place)
    done = sheet(place, "photos/plage d’été.jpg", "./paintings", "--sheet", "all.png")
    assert done.returncode == 0, done.stderr
    assert "all.png: 3 painted" in done.stdout
    assert cells(place / "all.png") == 1 + 3, "the photo and its three paintings"
    done = sheet(place, "./photos", "paintings/waves.jpg", "--sheet", "new/one.jpg")
    assert done.returncode == 0, done.stderr
    assert cells(place / "new/one.jpg") == 1 + 2, "the painting and two photos in its style"
    assert contents(place).keys() - before.keys() == {"all.png", "new/one.jpg"}
    # Again: an earlier sheet is not an input.
    assert sheet(place, "./photos", "paintings/waves.jpg", "--sheet", "new/one.jpg").returncode == 0


def test_it_is_painted_from_buckets_and_stores_nothing_there(place, moto):
    source, style, result = (open_bucket(moto.new_bucket(), moto.account) for _ in range(3))
    for bucket, folder in ((source, "photos"), (style, "paintings")):
        for key, data in contents(place / folder).items():
            bucket.write(key, data)
    variables = moto.environment | {
        "BUCKET_SOURCE": source.name,
        "BUCKET_STYLE": style.name,
        "BUCKET_RESULT": result.name,
        "PHOTO": "town.png",
        "PRESET": "print",
    }
    done = sheet(place, "--sheet", "all.webp", **variables)
    assert done.returncode == 0, done.stderr
    assert cells(place / "all.webp") == 1 + 3
    assert contents(result) == {}


def test_a_damaged_photo_costs_only_its_own_cell(place):
    (place / "photos/damaged.jpg").write_bytes(b"\xff\xd8 no photo")
    done = sheet(place, "./photos", "paintings/waves.jpg", "--sheet", "one.png")
    assert done.returncode == 1 and "damaged.jpg in waves (1 of 3): FAILED" in done.stdout
    assert "one.png: 2 painted, 1 picture failed" in done.stdout
    assert cells(place / "one.png") == 1 + 2


def test_what_cannot_be_a_sheet_is_refused_in_one_line(place):
    photo, foreign = "photos/town.png", place / "mine.jpg"
    foreign.write_bytes(b"mine")
    cases = (
        ("./photos ./paintings --sheet x.jpg", "there are 2 photos and 3 styles"),
        (f"{photo} ./paintings ./out --sheet x.jpg", "expected PHOTOS, PAINTINGS"),
        (f"{photo} ./paintings --sheet x.txt", "expected one of jpg, png, webp, tiff"),
        (f"{photo} ./paintings --sheet {photo}", "would overwrite"),
        (f"{photo} ./paintings --sheet mine.jpg", "mine.jpg exists and is not listed in"),
        (f"{photo} ./paintings --sheet x.jpg --preset fine", "leave --preset out"),
        (f"{photo} ./paintings --sheet x.jpg --dry-run", "leave --dry-run out"),
        (f"{photo} ./paintings --sheet x.jpg --watch", "leave --watch out"),
    )
    several = """if True:
        import sys
        from painterly.cli.command import main
        sys.exit(sum(main(line.split()) != 2 for line in sys.argv[1:]))"""
    done = python("-c", several, *(line for line, _ in cases), cwd=place, **BLANK)
    assert done.returncode == 0, done
    refusals = done.stderr.splitlines()
    assert len(refusals) == len(cases), refusals
    for (line, said), refusal in zip(cases, refusals, strict=True):
        assert said in refusal, line
    assert not (place / "x.jpg").exists() and not (place / "out").exists()
    assert foreign.read_bytes() == b"mine"


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
    assert cell_side(10_000) < cell_side(100) < cell_side(10)
