"""Photos and styles whose results would have one key, and names that cannot be used."""

import itertools
from pathlib import Path

import pytest
from painterly.orders.names import ResultNames, contenders_start, could_be_result
from PIL import Image
from support import tiny
from support.batch_results import RECORD, failures, painted, results
from support.folder_batches import run

from painterly.images.output import OutputFormat
from painterly.storage import file_names, folder
from painterly.storage.folder import FolderBucket

# --- keys that meet -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        (None, {"beach.jpg": "beach.jpg", "scan.tiff": "scan.png", "a.b.jpeg": "a.b.jpg"}),
        # As S3 has them, where `trip//a.png` and `trip/a.png` are two objects.
        (None, {"trip//a.png": "trip/a.png"}),
        ("png", {"trip//a.png": "trip//a.png.png", "trip/a.jpg": "trip/a.jpg.png"}),
        ("png", {"./b.png": "./b.png.png", "b.webp": "b.webp.png"}),
    ],
)
def test_photos_have_the_keys_they_always_had(form, keys):
    names = ResultNames([*keys], ["monet"], OutputFormat(form))
    assert {photo: names.planned("monet", photo) for photo in keys} == {
        photo: f"monet/{key}" for photo, key in keys.items()
    }


@pytest.mark.parametrize("form", [None, "png", "same"])
@pytest.mark.parametrize("styles", [("a",), ("a", "a/b"), ("a", "a/b", "a/b/c.png")], ids=len)
def test_no_two_results_share_a_key(form, styles):
    """Tried with photos that can meet: short names with all endings, two deep, in folders."""
    ends = [".png", ".jpg", ".webp"]
    names = [f"c{one}{two}" for one in ends for two in ["", *ends]]
    photos = [f"{folder}{name}" for folder in ("", "b/", "b/c.png/") for name in names]
    found = ResultNames(photos, styles, OutputFormat(form))
    rivals = found.rivals(lambda keys: str)
    pairs = [pair for pair in itertools.product(styles, photos) if pair not in rivals]
    assert len(pairs) >= len(photos)
    others, taken = {}, {}
    for pair in pairs:
        planned = found.planned(*pair)
        assert taken.setdefault(planned, pair) == pair
        if other := found.with_own_extension(*pair):
            assert others.setdefault(other, pair) == pair
        for key in filter(None, (planned, other)):
            assert could_be_result(key, "/".join(pair))
            assert "/".join(pair).startswith(contenders_start(key))
    assert not taken.keys() & others.keys()


def test_a_result_has_the_format_that_its_photos_name_says(folders, stand_in, capsys):
    for name, kind in (("png.jpg", "PNG"), ("heic.jpg", "HEIF"), ("jpg.png", "JPEG")):
        Path("photos", name).write_bytes(tiny.file(60, 80, 8, kind))
    transparent = Image.new("RGBA", (80, 60), (0, 0, 255, 128))
    transparent.save("photos/clear.jpg", "PNG")
    for form in ("", "same"):
        run(folders, STYLE="monet", OUTPUT_FORMAT=form)
        for name in ("png.jpg", "heic.jpg", "clear.jpg"):
            assert Image.open(f"out/monet/{name}").format == "JPEG"
        assert Image.open("out/monet/jpg.png").format == "PNG"
    assert len(results()) == 6
    assert painted(capsys, folders, STYLE="monet", OUTPUT_FORMAT="same") == 0


def test_a_photo_and_a_style_that_meet_another_are_refused_by_name(folders, stand_in, capsys):
    """The photo `b/c.jpg` in the style `a`, and `c.jpg` in `a/b`."""
    Path("photos/b").mkdir()
    Path("photos/b/c.jpg").write_bytes(tiny.file(60, 80, 1))
    Path("photos/c.jpg").write_bytes(tiny.file(60, 80, 2))
    Path("paintings/styles.toml").write_text(
        "[a]\npaintings = ['monet.jpg']\n['a/b']\npaintings = ['both/a.jpg']\n"
    )
    assert run(folders) == 1
    assert failures(capsys) == [
        "FAILED: b/c.jpg in a: its result would take the place of that of c.jpg in a/b; rename one "
        "of the photos or styles",
        "FAILED: c.jpg in a/b: its result would take the place of that of b/c.jpg in a; rename one "
        "of the photos or styles",
    ]
    assert {"a/c.jpg", "a/b/b/c.jpg", "a/beach.jpg"} <= results() and "a/b/c.jpg" not in results()
    assert run(folders, PHOTO="c.jpg", STYLE="a/b") == run(folders, PHOTO="b/c.jpg") == 1
    assert run(folders, PHOTO="c.jpg", STYLE="a") == 0


def test_results_that_would_be_one_file_on_a_disk_that_ignores_case_are_refused(
    folders, stand_in, capsys, monkeypatch
):
    for module in (file_names, folder):
        monkeypatch.setattr(module, "same_file", lambda *names: names[1:] == ("a", "A"))
    asked = {"STYLE": "monet", "OUTPUT_FORMAT": "jpg"}
    assert painted(capsys, folders, **asked) == 2
    record = RECORD.read_bytes()
    for seed, name in enumerate(("Beach.webp", "BEACH.jpg", "caf\u00e9.jpg", "cafe\u0301.jpg")):
        Path("photos", name).write_bytes(tiny.file(60, 80, seed))
    for _ in range(2):
        assert run(folders, **asked) == 1
        lines = failures(capsys)
        assert [line.partition(" of that of ")[0] for line in lines] == [
            "FAILED: BEACH.jpg in monet: its result would take the place",
            "FAILED: Beach.webp in monet: its result would take the place",
        ]
    assert RECORD.read_bytes() == record and not Path("out/_records/monet/BEACH.jpg.json").exists()
    assert len(results()) == 4


# --- names and files that cannot be used ----------------------------------------------------


@pytest.mark.parametrize("what", ["photo", "mask"])
def test_a_file_that_vanishes_between_listing_and_hashing_fails_alone(
    folders, stand_in, capsys, monkeypatch, what
):
    gone = Path("photos/gone.jpg")
    gone.write_bytes(tiny.file(60, 80, 3))
    if what == "mask":
        gone = Path("photos/gone.mask.png")
        gone.write_bytes(tiny.file(60, 80, 3))
    whole = FolderBucket.list

    def listing(bucket, prefix=""):
        found = [*whole(bucket, prefix)]
        if bucket.name == "./photos":
            gone.unlink()
        return iter(found)

    monkeypatch.setattr(FolderBucket, "list", listing)
    assert run(folders, STYLE="monet") == 1
    [failed] = failures(capsys)
    assert failed == f"FAILED: gone.jpg in monet: photos/{gone.name} does not exist"
    assert results() == {"monet/beach.jpg", "monet/trip/old town é.png"}
