"""The styles that a style bucket's keys make."""

import unicodedata

import pytest

from painterly.errors import ConfigError
from painterly.orders.styles import (
    find_masks,
    find_pictures,
    find_styles,
    masks_by_picture,
    styles_from_listing,
    styles_from_toml,
)
from painterly.settings.settings import Settings
from painterly.storage.base import Entry
from painterly.storage.folder import FolderBucket


def entries(*keys):
    return [Entry(key, 1, f"etag of {key}") for key in keys]


def made(*keys, mode="each"):
    """style name → the keys of its paintings"""
    found = styles_from_listing(entries(*keys), mode, Settings())
    return {style.name: [each.entry.key for each in style.paintings] for style in found}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("each", {"monet": ["monet.jpg"], "hokusai": ["hokusai.PNG"]}),
        ("each", {"a": ["a/x.jpg"], "a/b": ["a/b/y.jpg"]}),
        ("each", {"klimt": ["klimt.jpg"], "m.jpg": ["m.jpg"], "m.png": ["m.png"]}),
        ("each", {"monet.jpg": ["monet.jpg"], "monet": ["monet/a.jpg"]}),
        ("blend", {"blend": ["a.jpg", "b.jpg"], "c": ["c/d.jpg"]}),
    ],
    ids=["paintings", "folders", "two of a name", "like a folder", "blend"],
)
def test_paintings_and_folders_make_styles(mode, expected):
    keys = [key for several in expected.values() for key in several]
    assert made(*keys, mode=mode) == expected


@pytest.mark.parametrize(
    ("mode", "key"),
    [
        *(("each", key) for key in ("_records.jpg", "_records/a.jpg", "_checkpoints/deep/a.jpg")),
        ("blend", "blend/b.jpg"),
    ],
)
def test_a_style_cannot_have_a_name_that_is_taken(mode, key):
    with pytest.raises(ConfigError, match="rename"):
        made("a.jpg", key, mode=mode)


def test_masks_hidden_files_and_what_is_no_picture_are_left_out():
    keys = ["beach.jpg", "beach.mask.png", "beach.MASK.PNG", "notes.txt", "styles.toml", "mask.png"]
    keys += ["._IMG.jpg", "a/.cache/b.jpg"]
    assert [entry.key for entry in find_pictures(entries(*keys))] == ["beach.jpg", "mask.png"]


@pytest.mark.parametrize(
    ("others", "masks"),
    [
        (["beach.jpg", "b.mask.png"], {"a/beach.jpg": "a/beach.MASK.PNG", "b.jpg": "b.mask.jpg"}),
        ([], {"b.jpg": "b.jpg.mask.webp", "b.png": "b.mask.png", "b.heic": "b.mask.png"}),
    ],
)
def test_a_mask_belongs_to_the_pictures_of_its_name_in_the_same_folder(others, masks):
    found = masks_by_picture(entries(*others, *masks, *{*masks.values()}))
    assert {key: mask.key for key, mask in found.items()} == masks


@pytest.mark.parametrize("mode", ["each", "blend"])
def test_a_folder_blends_paintings_in_equal_shares_and_each_brings_its_mask(mode):
    there = entries("monet.jpg", "monet.mask.png", "both/a.jpg", "both/b.jpg", "both/b.mask.jpg")
    found = {
        each.entry.key: (each.share, each.mask and each.mask.key)
        for style in styles_from_listing(there, mode, Settings())
        for each in style.paintings
    }
    assert found == {
        "monet.jpg": (1, "monet.mask.png"),
        "both/a.jpg": (0.5, None),
        "both/b.jpg": (0.5, "both/b.mask.jpg"),
    }


def test_styles_toml_names_styles_with_shares_regions_and_settings():
    text = """
    [both]
    paintings = { "monet.jpg" = 0.7, "waves/hokusai.png" = 0.3 }
    regions = { "monet.jpg" = "the sky.mask.png" }
    preserve_color = true
    content_weight = 2
    init_image = "noise"

    [size]  # A style may be called as a setting is.
    paintings = ["monet.jpg"]
    recipe = "inetwork"
    """
    there = entries("monet.jpg", "waves/hokusai.png", "klimt.jpg", "waves/hokusai.mask.png")
    there += entries("the sky.mask.png", "gone.mask.png", ".hidden.mask.png")
    both, size = styles_from_toml(text, there, Settings(size=300))
    assert (both.name, size.name) == ("both", "size")
    monet, hokusai = both.paintings
    assert (monet.entry.key, monet.share) == ("monet.jpg", pytest.approx(0.7))
    assert (monet.region.key, monet.mask) == ("the sky.mask.png", None)
    assert (hokusai.entry.key, hokusai.share) == ("waves/hokusai.png", pytest.approx(0.3))
    assert (hokusai.region, hokusai.mask.key) == (None, "waves/hokusai.mask.png")
    masks = ["gone.mask.png", "the sky.mask.png", "waves/hokusai.mask.png"]
    assert [mask.key for mask in find_masks(there)] == masks
    assert both.settings == Settings(
        size=300, preserve_color=True, content_weight=2.0, init_image="noise"
    )
    assert size.settings == Settings.inetwork(size=300)


def test_a_styles_preset_counts_more_than_that_of_the_run_but_less_than_a_given_size():
    text = """
    [plain]
    paintings = ["monet.jpg"]

    [printed]
    paintings = ["monet.jpg"]
    preset = "print"

    [sized]
    paintings = ["monet.jpg"]
    preset = "print"
    size = 700
    """

    def sizes(**run):
        styles = styles_from_toml(text, entries("monet.jpg"), Settings().replaced(run))
        return [style.settings.size for style in styles]

    draft, printed = (Settings(preset=each).size for each in ("draft", "print"))
    assert sizes(preset="draft") == [draft, printed, 700]
    assert sizes(size=Settings().size) == [Settings().size, Settings().size, 700]


def test_styles_toml_may_spell_letters_with_accents_as_a_keyboard_types_them():
    stored = entries(*(unicodedata.normalize("NFD", key) for key in ("été.jpg", "forêt.mask.png")))
    text = "['été']\npaintings = ['été.jpg']\nregions = {'été.jpg' = 'forêt.mask.png'}"
    (style,) = styles_from_toml(text, stored, Settings())
    assert style.name == "été"
    assert [(each.entry, each.region) for each in style.paintings] == [tuple(stored)]


def test_styles_toml_may_be_written_on_windows(tmp_path):
    (tmp_path / "monet.jpg").write_bytes(b"a painting")
    text = "[monet]\r\npaintings = ['monet.jpg']\r\n"
    bucket, file = FolderBucket(tmp_path), tmp_path / "styles.toml"
    file.write_bytes(text.encode("utf-8-sig"))
    (style,) = find_styles(bucket, [*bucket.list()], "each", Settings())
    assert style.name == "monet"
    file.write_bytes(text.encode("utf-16"))
    with pytest.raises(ConfigError, match="it is not in UTF-8, so save it as that"):
        find_styles(bucket, [*bucket.list()], "each", Settings())


def test_all_wrong_styles_are_named_at_once():
    text = "[a]\npaintings = ['x.jpg']\n[b]\npaintings = ['monet.jpg']\n[c]\nsize = 3\n"
    with pytest.raises(ConfigError, match=r"\[a\] names .*; styles.toml: \[c\] expected a table"):
        styles_from_toml(text, entries("monet.jpg"), Settings())
    for count, end in ((5, r"table[^;]*"), (9, "; and 4 more")):
        many = "".join(f"[style{number}]\n" for number in range(count))
        with pytest.raises(ConfigError, match=f"{end}$"):
            styles_from_toml(many, entries("monet.jpg"), Settings())
