"""PHOTO … STYLE [-o RESULT]: what each kind of words paints, and where, or the line it gets."""

import shlex
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support import tiny

from painterly.cli import asked, batch
from painterly.cli.command import main
from painterly.cli.words import matched, words_of
from painterly.errors import ConfigError
from painterly.settings import ready_styles

pytestmark = pytest.mark.usefixtures("beside_a_photo")
QUICK = ("--preset", "instant", "--size", "64")
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
# one: a file of that name. each: a file beside the photo for each style. painted: ./painted.
# into: that folder or bucket. many: several pictures would go into one. pipe: - makes one picture.
TABLE = """
                 none     out.png  out      out/     there    s3       -
photo  ready     each     one      one      into     into     into     one
photo  list      each     many     into     into     into     into     many
photo  files     each     many     into     into     into     into     many
photo  blend     each     one      one      into     into     into     one
photo  painting  each     one      one      into     into     into     one
photo  all       painted  many     into     into     into     into     many
photo  folder    painted  many     into     into     into     into     many
photo  bucket    painted  many     into     into     into     into     many
photos ready     painted  many     into     into     into     into     many
photos list      painted  many     into     into     into     into     many
photos files     painted  many     into     into     into     into     many
photos blend     painted  many     into     into     into     into     many
photos painting  painted  many     into     into     into     into     many
photos all       painted  many     into     into     into     into     many
photos folder    painted  many     into     into     into     into     many
photos bucket    painted  many     into     into     into     into     many
folder ready     painted  many     into     into     into     into     many
folder list      painted  many     into     into     into     into     many
folder files     painted  many     into     into     into     into     many
folder blend     painted  many     into     into     into     into     many
folder painting  painted  many     into     into     into     into     many
folder all       painted  many     into     into     into     into     many
folder folder    painted  many     into     into     into     into     many
folder bucket    painted  many     into     into     into     into     many
bucket ready     painted  many     into     into     into     into     many
bucket list      painted  many     into     into     into     into     many
bucket files     painted  many     into     into     into     into     many
bucket blend     painted  many     into     into     into     into     many
bucket painting  painted  many     into     into     into     into     many
bucket all       painted  many     into     into     into     into     many
bucket folder    painted  many     into     into     into     into     many
bucket bucket    painted  many     into     into     into     into     many
stdin  ready     pipe     one      one      pipe     pipe     pipe     one
stdin  list      pipe     pipe     pipe     pipe     pipe     pipe     pipe
stdin  files     pipe     pipe     pipe     pipe     pipe     pipe     pipe
stdin  blend     pipe     one      one      pipe     pipe     pipe     one
stdin  painting  pipe     one      one      pipe     pipe     pipe     one
stdin  all       pipe     pipe     pipe     pipe     pipe     pipe     pipe
stdin  folder    pipe     pipe     pipe     pipe     pipe     pipe     pipe
stdin  bucket    pipe     pipe     pipe     pipe     pipe     pipe     pipe
"""
ROWS = [line.split() for line in TABLE.strip("\n").splitlines()[1:]]
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
def files():
    """Photos and paintings in the current folder and in two others, and an empty folder."""
    for folder in ("photos", "paintings", "there", "klimt"):
        Path(folder).mkdir()
    for name in (
        "town.jpg",
        "photos/a.jpg",
        "paintings/b.jpg",
        "photos/munch.jpg",
        "IMG_1.JPG",
        "-d.jpg",
        "--e.jpg",
    ):
        Path(name).write_bytes(Path("beach.jpg").read_bytes())
    Path("monet.jpg").write_bytes(tiny.file(50, 50, 2))
    Path("notes.txt").write_text("not a picture")


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
    ("words", "said"),
    [
        # The first words of a newcomer.
        ("hokusai", "the photo goes first: ./start.sh beach.jpg hokusai"),
        ("hokusai beach.jpg", "photos go first and the style last, several with commas, as in"),
        ("degas beach.jpg", "there is no photo 'degas'; photos go first and the style last"),
        ("beach.jpg hokusai out.jpg", "-o: ./start.sh beach.jpg hokusai -o out.jpg"),
        ("beach.jpg monet.jpg out.jpg", "-o: ./start.sh beach.jpg monet.jpg -o out.jpg"),
        ("beach.jpg town.jpg hokusai ./out", "-o: ./start.sh beach.jpg town.jpg hokusai -o ./out"),
        ("beach.jpg hokusai there", "-o: ./start.sh beach.jpg hokusai -o there"),
        ("beach.jpg hokusai town.jpg", "-o: ./start.sh beach.jpg hokusai -o town.jpg"),
        ("beach.jpg hokusai hokusai-out", "./start.sh beach.jpg hokusai -o hokusai-out"),
        ("beach.jpg town.jpg out", "./start.sh beach.jpg town.jpg -o out"),
        ("https://a.test/b.jpg hokusai", "curl -L -o b.jpg https://a.test/b.jpg && ./start.sh b.j"),
        ("https://a.test/b.jpg?k=1&s=2", "curl -L -o b.jpg 'https://a.test/b.jpg?k=1&s=2' && "),
        ("beach.jpg http://a.test/b.jpg", "'http://a.test/b.jpg' is on the web; download it first"),
        ("stlyes", "there is no command 'stlyes'; did you mean ./start.sh styles?"),
        ("get-result", "did you mean ./cl_get_results.py?"),
        ("clutser", "there is no command 'clutser'; did you mean ./start.sh cluster?"),
        ("photos", "'photos' needs a style, as in ./start.sh photos hokusai"),
        ("s3://photos", "'s3://photos' needs a style, as in ./start.sh s3://photos hokusai"),
        ("tset", "there is no file 'tset'"),
        # No such file.
        ("baech.jpg", "there is no file 'baech.jpg'; did you mean 'beach.jpg'?"),
        ("baech.jpg hokusai", "did you mean 'beach.jpg'?"),
        ("beach.jpg twon.jpg hokusai", "there is no file 'twon.jpg'; did you mean 'town.jpg'?"),
        ("no/a.jpg no/b.jpg hokusai", "there is no file 'no/a.jpg'"),
        ("./nowhere hokusai", "there is no file './nowhere'"),
        ("beach.jpg mone.jpg", "there is no file 'mone.jpg'; did you mean 'monet.jpg'?"),
        ("beach.jpg hokusai,mone.jpg", "did you mean 'monet.jpg'?"),
        ("beach.jpg klimt+mone.jpg", "did you mean 'monet.jpg'?"),
        ("*.gif hokusai", "there is no file '*.gif'"),
        ("~who-is-that/x.jpg hokusai", "write ./~who-is-that/x.jpg for a file"),
        (f"{300 * 'a'}.jpg hokusai", 60 * "a"),
        (f"beach.jpg {300 * 'a'}", 60 * "a"),
        # Not a picture.
        ("beach.jpg notes.txt hokusai", "'notes.txt' is not a picture"),
        ("beach.jpg hokusai -o notes.txt", "'notes.txt' does not end as a picture"),
        ("beach.jpg photos hokusai", "'photos' is not a file among photos"),
        ("photos beach.jpg hokusai", "a folder, a bucket or - is the only PHOTO"),
        ("s3://photos beach.jpg hokusai", "'s3://photos' is not a file among photos"),
        ("- beach.jpg hokusai", "'-' is not a file among photos"),
        # No such style.
        (
            "beach.jpg hokusay",
            "no style 'hokusay'; did you mean hokusai? Or give a painting's file",
        ),
        ("beach.jpg town.jpg hokusay", "there is no style 'hokusay'; did you mean hokusai?"),
        ("beach.jpg qqq", "./start.sh styles lists the ready styles, or give a painting's file"),
        ("beach.jpg munch,klint", "there is no style 'klint'; did you mean klimt?"),
        ("beach.jpg munch+klint", "there is no style 'klint'; did you mean klimt?"),
        ("beach.jpg vangohg", "did you mean van-gogh-starry-night or van-gogh-wheat-field?"),
        ("beach.jpg 'van gogh'", "may be van-gogh-starry-night or van-gogh-wheat-field; name one"),
        ("beach.jpg starry night", "did you mean 'starry night', in quotes?"),
        ("beach.jpg van gogh", "did you mean 'van gogh', in quotes?"),
        ("beach.jpg hokusai,./paintings", "'./paintings' is a folder; a list has ready styles"),
        ("beach.jpg ink,s3://photos/b.jpg", "'s3://photos/b.jpg' is in a bucket; a list has ready"),
        ("beach.jpg ,", "a style between commas or + is empty"),
        ("beach.jpg munch,all", "there is no style 'all'"),
        ("beach.jpg munch,+", "a style between commas or + is empty"),
        ("beach.jpg munch++ink", "a style between commas or + is empty"),
        # Several pictures into one file.
        ("beach.jpg monet.jpg,./monet.jpg", "two styles are called monet; rename a painting"),
        ("photos monet.jpg,./monet.jpg", "two styles are called monet; rename a painting"),
        ("beach.jpg munch,photos/munch.jpg", "two styles are called munch; rename a painting"),
        ("beach.jpg hokusai,ink -o x.jpg", "into 'x.jpg'; for one of each, write -o x/"),
        ("*.jpg hokusai -o x.jpg", "several pictures would go into 'x.jpg'"),
        # Words that are missing, or that a script left empty.
        ("'' hokusai", "a word is empty, as a variable is that was not set"),
        ("beach.jpg ''", "a word is empty"),
        ("beach.jpg hokusai -o ''", "a word is empty"),
        ("-o out.jpg", "-o comes after a photo and a style: ./start.sh beach.jpg hokusai -o"),
        ("beach.jpg hokusai -o", "requires an argument"),
        # Flags.
        ("beach.jpg hokusai --stregth 1", "Unknown option: --stregth. Did you mean --strength?"),
        ("beach.jpg hokusai --size 7", "--size is '7'; expected a whole number from 32"),
        ("*.jpg hokusai --size 7", "--size is '7'; expected a whole number from 32"),
        ("beach.jpg hokusai --preset fast", 'Choose from: "instant", "draft", "fine", "print"'),
        (
            "beach.jpg hokusai --memory-limit 5",
            "--memory-limit: '5'; expected at least 100MB, such as 6GB. See",
        ),
        ("beach.jpg hokusai --output_quality 101", "Must be <= 100"),
        ("beach.jpg hokusai --watch", "--watch is a flag of several pictures, a folder or a buck"),
        ("photos hokusai --content-mask monet.jpg", "--content-mask is a flag of one picture"),
        ("photos hokusai --from 3s", "--from is a flag of one picture in its file"),
        ("beach.jpg hokusai --dry-run --for 3s", "--for is a flag of a picture that is painted"),
        ("- hokusai -o x.jpg --dry-run", "--dry-run measures a file, and the photo is -"),
        ("photos hokusai --shares 1,2", "--shares are those of a blend, as in monet.jpg+hokusai"),
        ("photos klimt+munch --shares 1,2,3", "--shares (--style_weight) has 3 values for 2"),
        ("beach.jpg klimt+munch --shares 1,2,3", "--shares (--style_weight) has 3 values for 2"),
        ("beach.jpg klimt --shares 1,2", "--shares (--style_weight) has 2 values for 1 painting;"),
        ("beach.jpg hokusai --size -", "--size is '-'; expected a whole number"),
        ("photos hokusai --sheet -", "the extension of '-' is ''"),
        ("styles -", "there is no place for '-'; see --help"),
        ("buckets list -", "'-' may be a bucket or a folder"),
        (
            "beach.jpg klimt+munch --shares 1,x",
            "--shares (--style_weight) has ['1', 'x']; expected",
        ),
        ("photos klimt+munch --shares 0,0", "expected numbers, as in 0.7,0.3: no negative ones"),
        ("beach.jpg hokusai --sheet x.jpg --watch", "leave --watch out"),
        ("beach.jpg hokusai --sheet x.jpg --dry-run", "leave --dry-run out"),
        ("beach.jpg hokusai --sheet x.jpg -o y.jpg", "--sheet names the result; leave -o out"),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_what_may_be(files, capsys, words, said):
    assert said in refused(capsys, *shlex.split(words))


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


def test_a_photo_alone_lists_the_styles_and_the_next_command_and_paints_nothing(capsys):
    assert main(["beach.jpg"]) == 2
    *rows, last = capsys.readouterr().err.splitlines()
    assert [row.split("\t")[0] for row in rows] == [*ready_styles.tables()]
    assert "beach.jpg hokusai" in last and "beach.jpg all --sheet" in last
    assert [*Path().iterdir()] == [Path("beach.jpg")]


@pytest.mark.slow
def test_pictures_are_painted_where_the_words_say(files):
    assert main(["beach.jpg", "hokusai,monet.jpg", *QUICK, "--output-format", "webp"]) == 0
    kinds = {path.name: Image.open(path).format for path in Path().glob("*.webp")}
    assert kinds == {"beach-hokusai.webp": "WEBP", "beach-monet.webp": "WEBP"}
    shares = ["--shares", "0.7,0.3", *QUICK]
    assert main(["beach.jpg", "monet.jpg+klimt", "-o", "x.jpg", *shares]) == 0
    words = ["beach.jpg", "town.jpg", "hokusai,monet.jpg,monet.jpg+klimt", *shares]
    assert main(words) == 0
    names = {path.relative_to("painted").as_posix() for path in Path("painted").glob("[!_]*/*")}
    styles = ("hokusai", "monet", "monet+klimt")
    assert names == {f"{style}/{photo}.jpg" for style in styles for photo in ("beach", "town")}
    blend = Path("painted/monet+klimt/beach.jpg")
    assert (np.asarray(Image.open(blend)) == np.asarray(Image.open("x.jpg"))).all()
    assert Path("painted/index.html").exists()


@pytest.mark.slow
def test_the_same_command_again_paints_nothing(files, capsys):
    words = ["beach.jpg", "hokusai,monet.jpg", "-o", ".", *QUICK]
    assert main(words) == main(words) == 0
    assert "all 2 results are" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("words", ["beach.jpg monet.jpg", "beach.jpg monet.jpg+klimt -o x.jpg"])
def test_a_dry_run_of_one_picture_tells_what_it_takes_and_writes_nothing(files, capsys, words):
    before = {*Path().rglob("*")}
    assert main([*words.split(), "--dry-run", *QUICK]) == 0
    assert "dry run: 1 to paint, the largest 64" in capsys.readouterr().out
    assert {*Path().rglob("*")} == before
