"""A batch in ready styles, with and without a bucket of paintings."""

import json
from pathlib import Path

import pytest
from PIL import Image
from support import tiny
from support.folder_batches import keys, run

from painterly.cli.command import inetwork
from painterly.errors import ConfigError

INSTANT = {"PRESET": "instant", "STYLE_SIZE": "64"}
WITHOUT = {"BUCKET_STYLE": "", "STYLES": "hokusai,van-gogh-starry-night"}
ONE = {"PHOTO": "beach.jpg"}


def record(style, photo="beach.jpg"):
    return json.loads(Path(f"out/_records/{style}/{photo}.json").read_text())


def test_photos_are_painted_in_named_styles_without_a_bucket_of_paintings(folders, capsys):
    assert run(folders | INSTANT, **WITHOUT) == 0
    photos = "beach.jpg", "trip/old town é.png"
    names = "hokusai", "van-gogh-starry-night"
    assert {key for key in keys() if key[0] != "_"} == {f"{a}/{b}" for a in names for b in photos}
    kept = record("hokusai")
    assert kept["paintings"][0]["key"] == "_ready/hokusai.jpg"
    assert kept["style_title"]["title"]["de"] == "Die große Welle"
    assert record("van-gogh-starry-night")["settings"]["stroke_size"] == 2
    page = Path("out/index.html").read_text()
    assert "The Starry Night, van Gogh, 1889" in page and "Sternennacht, van Gogh" in page
    capsys.readouterr()
    assert run(folders | INSTANT, **WITHOUT, DRY_RUN="1") == 0
    assert "Nothing to paint" in capsys.readouterr().out
    alone = ["photos/beach.jpg", "hokusai", "again.jpg", "--preset=instant", "--size=64"]
    assert inetwork(alone) == 0
    assert Path("again.jpg").read_bytes() == Path("out/hokusai/beach.jpg").read_bytes()


def test_ready_styles_stand_beside_those_of_the_bucket_which_win(folders):
    Path("paintings/klimt.jpg").write_bytes(tiny.file(50, 50, 6))
    assert run(folders | INSTANT | ONE, STYLES="klimt, mosaic") == 0
    assert {key for key in keys() if key[0] != "_"} == {
        f"{name}/beach.jpg" for name in ("both", "klimt", "monet", "mosaic")
    }
    assert record("klimt")["paintings"][0]["key"] == "klimt.jpg"
    assert run(folders | INSTANT | ONE, **WITHOUT | {"STYLES": "all", "STYLE": "munch"}) == 0
    assert "munch/beach.jpg" in keys()


def test_what_a_user_sets_wins_over_a_ready_styles_own_settings(folders):
    own = {"STYLE_STROKE_SIZE": "1.5", "STYLES": "klimt"}
    assert run(folders | INSTANT | ONE, **WITHOUT | own) == 0
    assert record("klimt")["settings"]["stroke_size"] == 1.5
    assert Image.open("out/klimt/beach.jpg").size == (64, 48)


def test_a_style_of_the_bucket_cannot_have_the_place_of_ready_ones(folders):
    Path("paintings/_ready").mkdir()
    Path("paintings/_ready/a.jpg").write_bytes(tiny.file(50, 50, 6))
    with pytest.raises(ConfigError, match="a style cannot be named _ready"):
        run(folders | INSTANT)
