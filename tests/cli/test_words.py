"""PHOTO … STYLE [-o RESULT]: what each kind of words paints, and where, or the line it gets."""

import shlex
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import tiny

from painterly.cli import asked, batch
from painterly.cli.command import main
from painterly.cli.words import matched, words_of
from painterly.errors import ConfigError
from painterly.settings import ready_styles

pytestmark = pytest.mark.usefixtures("beside_a_photo")
PHOTOS = {
    "photo": ["beach.jpg"],
    "photos": ["beach.jpg", "town.jpg"],
    "folder": ["photos"],
    "bucket": ["s3://photos/2026"],
    "stdin": ["-"],
}
STYLES = {
    "ready": "the great wave",
    "list": "hokusai,Ink",
    "files": "hokusai,monet.jpg",
    "blend": "klimt+monet.jpg",
    "painting": "monet.jpg",
    "all": "all",
    "folder": "paintings",
    "bucket": "s3://paintings/old",
}
RESULTS = {
    "none": None,
    "out.png": "out.png",
    "out": "out",
    "out/": "out/",
    "there": "there",
    "s3": "s3://results",
    "-": "-",
}
# What each kind of words means; the file explains its columns.
TABLE = Path(__file__).with_name("words.table").read_text()
ROWS = [line.split() for line in TABLE.splitlines() if line[0] not in " #"]
LINES = [
    (photos, style, result, meant)
    for photos, style, *row in ROWS
    for result, meant in zip(RESULTS, row, strict=True)
]
PARTS = {  # of each style, by its name in the table; the settings of a picture name them so
    "ready": [["hokusai"]],
    "list": [["hokusai"], ["ink"]],
    "files": [["hokusai"], ["monet.jpg"]],
    "blend": [["klimt", "monet.jpg"]],
    "painting": [["monet.jpg"]],
}
BESIDE = {
    "ready": ["beach-hokusai.jpg"],
    "list": ["beach-hokusai.jpg", "beach-ink.jpg"],
    "files": ["beach-hokusai.jpg", "beach-monet.jpg"],
    "blend": ["beach-klimt+monet.jpg"],
    "painting": ["beach-monet.jpg"],
}


@pytest.fixture
def made(monkeypatch):
    """Collect the pictures in files, or the batch, that command lines mean; nothing is painted."""
    found = []
    monkeypatch.setattr(asked, "paint_files", lambda pictures: found.append([*pictures]) or 0)

    def run(values, options, paintings):
        found.append(SimpleNamespace(values=values, options=options, paintings=paintings))
        return 0

    monkeypatch.setattr(batch, "run", run)
    return found


@pytest.fixture
def decided(files, made):
    """Return a function that runs a command line, and returns what it means."""

    def run(*words):
        made.clear()
        assert main(words) == 0, words
        [work] = made
        return work

    return run


def refused(capsys, *words) -> str:
    """The one line of a refusal, after which no file is another or new."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert main(words) == 2, words
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "Traceback" not in err, err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return err


def test_the_table_has_every_kind_of_words():
    kinds = {(photos, style, result) for photos, style, result, _ in LINES}
    assert kinds == {*product(PHOTOS, STYLES, RESULTS)} and len(LINES) > 200


def test_every_kind_of_words_paints_what_the_grammar_says_or_is_one_line(made, files):
    for photos, style, result, meant in LINES:
        words = (*PHOTOS[photos], STYLES[style], RESULTS[result])
        made.clear()
        try:
            read = words_of(matched(words[:-1]), words[-1])
            asked.paint(read, {})
        except ConfigError as error:
            expected = {"many": "would go into", "pipe": "makes one picture"}[meant]
            assert expected in str(error), words
            continue
        [work] = made
        if meant in ("one", "each"):
            names = [RESULTS[result]] if meant == "one" else BESIDE[style]
            parts = zip(PARTS[style], names, strict=True)
            expected = [[*PHOTOS[photos], *part, name] for part, name in parts]
            assert [each.places for each in work] == expected, words
            continue
        values = {name: value for name, value in work.values.items() if value}
        check_photos(photos, values)
        check_styles(style, values, work.paintings)
        place = "./painted" if meant == "painted" else RESULTS[result]
        place = place if place.startswith(("./", "s3://")) else f"./{place}"
        assert values["BUCKET_RESULT"] == place, words


def check_photos(kind: str, values) -> None:
    places = {"folder": "./photos", "bucket": "s3://photos/2026"}
    assert values["BUCKET_SOURCE"] == places.get(kind, str(Path.cwd()))
    names = "\0".join(PHOTOS[kind]) if kind in ("photo", "photos") else None
    assert values.get("PHOTO") == names


def check_styles(kind: str, values, paintings) -> None:
    ready = {"ready": "hokusai", "list": "hokusai,ink", "files": "hokusai", "blend": "none"}
    ready["all"] = ",".join(ready_styles.tables())
    assert values.get("STYLES") == ready.get(kind)
    places = {"folder": "./paintings", "bucket": "s3://paintings/old", "painting": str(Path.cwd())}
    assert values.get("BUCKET_STYLE") == places.get(kind)
    assert values.get("STYLE") == ("monet.jpg" if kind == "painting" else None)
    assert bool(paintings) == (kind in ("files", "blend"))


@pytest.mark.parametrize(
    "words",
    [
        "hokusai",
        "hokusai beach.jpg",
        "degas beach.jpg",
        "beach.jpg hokusai out.jpg",
        "photos",
        "-o x.jpg",
        "- hokusai",
    ],
)
def test_the_command_at_the_end_of_the_line_can_be_pasted(decided, capsys, words):
    said = refused(capsys, *shlex.split(words))
    _, *pasted = shlex.split(said[said.rindex("./start.sh ") :])
    assert decided(*pasted)


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("-- --e.jpg hokusai", ["--e.jpg", "hokusai", "--e-hokusai.jpg"]),
        ("./-d.jpg hokusai", ["./-d.jpg", "hokusai", "./-d-hokusai.jpg"]),
        ("-d.jpg hokusai -o -x.jpg", ["./-d.jpg", "hokusai", "./-x.jpg"]),
        ("--size 64 beach.jpg --preserve_color true hokusai", None),
        ("--preserve-color beach.jpg hokusai", None),
        ("beach.jpg hokusai --deterministic=yes", None),
        ("beach.jpg hokusai -o out.jpg\r", ["beach.jpg", "hokusai", "out.jpg"]),
        ("beach.jpg monet.jpg --style_weight 1", ["beach.jpg", "monet.jpg", "beach-monet.jpg"]),
        ("beach.jpg klimt", None),
        ("IMG*.jpg hokusai", ["IMG_1.JPG", "hokusai", "IMG_1-hokusai.jpg"]),
    ],
)
def test_flags_and_words_may_be_mixed_and_written_as_systems_do(decided, words, places):
    [args] = decided(*words.split(" "))
    style = args.places[1]
    assert args.places == (places or ["beach.jpg", style, f"beach-{style}.jpg"])


def test_names_are_found_as_the_disk_spells_them(decided, tmp_path, monkeypatch):
    Path("e\u0301te\u0301.jpg").write_bytes(b"x")  # As a Mac stores them.
    [args] = decided("été.jpg", "hokusai")
    assert args.places[0] == "e\u0301te\u0301.jpg"
    [args] = decided(Path("beach.jpg").absolute().as_uri(), "hokusai", "-o", "x.jpg")
    assert args.places[0] == str(Path("beach.jpg").absolute())
    monkeypatch.setenv("HOME", str(tmp_path / "photos"))
    [args] = decided("~/a.jpg", "hokusai", "-o", "~/out.jpg", "--content-mask", "~/a.jpg")
    home = str(tmp_path / "photos")
    assert args.places == [f"{home}/a.jpg", "hokusai", f"{home}/out.jpg"]
    assert args.content_mask == f"{home}/a.jpg"
    assert decided("photos", "hokusai", "-o", "./~").values["BUCKET_RESULT"] == "./~"


def test_a_file_of_that_very_name_wins_and_a_folder_is_written_with_its_place(decided):
    [args] = decided("beach.jpg", "klimt")
    assert args.places[1] == "klimt" and Path("klimt").is_dir()
    assert decided("beach.jpg", "./klimt").values["BUCKET_STYLE"] == "./klimt"
    Path("hokusai,ink").write_bytes(tiny.file(50, 50, 3))
    [args] = decided("beach.jpg", "hokusai,ink")
    assert args.places == ["beach.jpg", "hokusai,ink", "beach-hokusai,ink.jpg"]
    own = tiny.file(50, 50, 4)
    Path("munch").write_bytes(own)
    [args] = decided("beach.jpg", "munch")
    assert args.places == ["beach.jpg", "./munch", "beach-munch.jpg"]
    for style in ("munch", "munch,ink", "munch+ink"):
        work = decided("photos", style)
        assert own in [work.paintings.read(entry.key) for entry in work.paintings.list()]
        assert "munch" not in work.values["STYLES"]


def test_photos_of_several_folders_keep_what_their_places_have_in_common(decided):
    work = decided("photos/a.jpg", "paintings/b.jpg", "hokusai")
    assert work.values["PHOTO"] == "photos/a.jpg\0paintings/b.jpg"
    assert work.values["BUCKET_SOURCE"] == str(Path.cwd())
    work = decided("s3://photos/2026/beach.jpg", "s3://old/monet.jpg")
    assert (work.values["BUCKET_SOURCE"], work.values["PHOTO"]) == ("s3://photos/2026", "beach.jpg")
    assert (work.values["BUCKET_STYLE"], work.values["STYLE"]) == ("s3://old", "monet.jpg")
