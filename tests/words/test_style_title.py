"""Titles of styles, as people read them in each language."""

import pytest
from PIL import Image

from painterly.errors import ConfigError
from painterly.orders.styles import styles_from_listing, styles_from_toml
from painterly.settings import ready_styles
from painterly.settings.installation import PROGRAM
from painterly.settings.settings import Settings
from painterly.storage.base import Entry
from painterly.words.style_title import StyleTitle
from painterly.words.texts import table

WAVE = """[wave]
paintings = ["w.jpg"]
title = { en = "The Great Wave", de = "Die große Welle" }
artist = "Katsushika Hokusai"
year = 1831
"""


def from_toml(text):
    [style] = styles_from_toml(text, [Entry("w.jpg", 1, "etag")], Settings())
    return style


def from_file(*keys):
    [style] = styles_from_listing([Entry(key, 1, "etag") for key in keys], "each", Settings())
    return style


def test_a_table_of_styles_toml_has_a_title_in_some_languages():
    style = from_toml(WAVE)
    assert style.label() == style.label("fr") == "The Great Wave, Hokusai, 1831"
    assert style.label("de") == "Die große Welle, Hokusai, 1831"
    assert (style.settings, style.own_settings) == (Settings(), frozenset())
    only_german = '[wave]\npaintings = ["w.jpg"]\ntitle.de = "Welle"\nyear = "c. 1831"'
    assert from_toml(only_german).label("fr") == "Welle, vers 1831"


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("The_Great_Wave_by_Hokusai_1831.jpg", "The Great Wave, Hokusai, 1831"),
        ("sunset-by-Claude-Monet.png", "Sunset, Claude Monet"),
        ("Stand by Me by Ann Lee 2020.jpg", "Stand by Me, Ann Lee, 2020"),
        ("deep/by_hand.jpg", "Deep"),
        ("woodcut-and-brush.jpg", "Woodcut and brush"),
        ("IMG_2041.JPG", "IMG 2041"),
        ("__.jpg", "__"),
    ],
)
def test_a_file_name_is_a_title_or_else_words(key, label):
    assert from_file(key).label() == label


def test_a_style_of_several_paintings_is_called_by_its_own_name():
    assert from_file("sea/Wave_by_Hokusai.jpg", "sea/b.jpg").label() == "Sea"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("title = 3", "wave] title is 3; expected a text"),
        ("title = { de = 3 }", "wave] title is 3"),
        ('title = { dee = "x" }', "wave] title has the language 'dee'; did you mean de?"),
        ('artist = ""', "wave] artist is ''"),
        ("year = true", "wave] year is True"),
        ('titel = "x"', "wave] titel is not a setting; did you mean title?"),
    ],
)
def test_a_wrong_title_names_its_style(line, said):
    with pytest.raises(ConfigError) as caught:
        from_toml(f'[wave]\npaintings = ["w.jpg"]\n{line}')
    assert said in str(caught.value)


def test_a_title_of_blanks_in_a_record_is_no_error():
    assert StyleTitle({}, " ", None, "c. ", "x").line("de", "blue+red").startswith("Blue + Red")


def test_ready_styles_have_a_picture_a_title_and_a_line_in_notice():
    notice = " ".join((PROGRAM / "NOTICE").read_text(encoding="utf-8").split())
    total = 0
    for name in ready_styles.tables():
        file, title = ready_styles.path(name), ready_styles.title(name)
        total += file.stat().st_size
        with Image.open(file) as picture:
            assert 600 < max(picture.size) <= 1000
        Settings().replaced(ready_styles.own_settings(name))
        assert title.title["en"] and f"painterly/styles/{file.name}" in notice
        if title.artist:
            assert f"{title.artist}, " in notice and title.year in notice
            assert f"medium.{title.medium}" in table()
    assert {path.name for path in ready_styles.FOLDER.glob("*.jpg")} == {
        ready_styles.path(name).name for name in ready_styles.tables()
    }
    media = {title.medium for name in ready_styles.tables() if (title := ready_styles.title(name))}
    assert {f"medium.{each}" for each in media if each} == {
        key for key in table() if key.startswith("medium.")
    }
    assert total < 4_500_000
