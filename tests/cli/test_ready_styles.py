"""Ready styles on the command line: by name, artist or title, with their settings, and listed."""

import pytest
from support.inetwork_runs import order

from painterly.cli.command import main
from painterly.settings import ready_styles
from painterly.settings.kindness import subjects_of

pytestmark = pytest.mark.usefixtures("beside_a_photo")


def settings(*words):
    return order("beach.jpg", *words, "out.jpg").style.settings


def test_a_styles_own_settings_count_unless_flags_or_other_paintings_speak_against():
    assert settings("klimt").stroke_size == settings("klimt", "monet").stroke_size == 2
    assert settings("klimt", "--stroke_size", "1.5").stroke_size == 1.5
    assert settings("klimt", "hokusai").stroke_size == settings("klimt", "beach.jpg").stroke_size
    assert settings("klimt", "hokusai").stroke_size == 1


def test_the_styles_are_listed_for_other_programs(capsys):
    assert main(["styles"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == [*ready_styles.tables()]
    [klimt] = [row for row in rows if row[0] == "klimt"]
    assert klimt[1:4] == ["Adele Bloch-Bauer I", "Gustav Klimt", "1907"]
    assert {len(row) for row in rows} == {5}
    said = {row[0]: [each for each in row[4].split(", ") if each] for row in rows}
    of_table = {name: [each.replace("_", " ") for each in subjects_of(name)] for name in said}
    assert said == of_table and any(said.values())


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
