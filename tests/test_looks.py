"""Which looks a style bucket's keys make."""

import pytest

from styletransfer.errors import ConfigError
from styletransfer.looks import looks, looks_told, pictures
from styletransfer.settings import Settings
from styletransfer.storage import Entry


def entries(*keys):
    return [Entry(key, 1, f"etag of {key}") for key in keys]


def made(*keys, mode="each"):
    """look name → the keys of its paintings"""
    found = looks(entries(*keys), mode, Settings())
    return {look.name: [each.entry.key for each in look.paintings] for look in found}


def test_every_painting_at_the_top_level_is_a_look_named_after_it():
    assert made("monet.jpg", "hokusai.PNG") == {"monet": ["monet.jpg"], "hokusai": ["hokusai.PNG"]}


def test_a_folder_is_one_look_with_its_paintings_blended_in_equal_shares():
    (look,) = looks(entries("both/a.jpg", "both/b.jpg"), "each", Settings())
    assert look.name == "both"
    assert [each.share for each in look.paintings] == [0.5, 0.5]


def test_a_folder_in_a_folder_is_a_look_of_its_own():
    assert made("a/x.jpg", "a/b/y.jpg") == {"a": ["a/x.jpg"], "a/b": ["a/b/y.jpg"]}


def test_blend_makes_one_look_of_the_top_level_and_leaves_folders_alone():
    assert made("a.jpg", "b.jpg", "c/d.jpg", mode="blend") == {
        "blend": ["a.jpg", "b.jpg"],
        "c": ["c/d.jpg"],
    }


def test_paintings_that_share_a_name_keep_their_extension():
    assert made("monet.jpg", "monet.png", "klimt.jpg") == {
        "klimt": ["klimt.jpg"],
        "monet.jpg": ["monet.jpg"],
        "monet.png": ["monet.png"],
    }


def test_a_painting_named_like_a_folder_keeps_its_extension():
    assert made("monet.jpg", "monet/a.jpg") == {
        "monet.jpg": ["monet.jpg"],
        "monet": ["monet/a.jpg"],
    }


def test_a_folder_named_blend_and_the_mode_blend_cannot_both_be():
    with pytest.raises(ConfigError, match="rename the folder"):
        made("a.jpg", "blend/b.jpg", mode="blend")


@pytest.mark.parametrize("key", ["_records.jpg", "_records/a.jpg", "_checkpoints/deep/a.jpg"])
def test_a_look_cannot_take_the_name_that_records_are_kept_under(key):
    with pytest.raises(ConfigError, match="rename"):
        made(key)


def test_masks_and_what_is_no_picture_are_left_out():
    keys = ["beach.jpg", "beach.mask.png", "beach.MASK.PNG", "notes.txt", "looks.toml", "mask.png"]
    assert [entry.key for entry in pictures(entries(*keys))] == ["beach.jpg", "mask.png"]


def test_hidden_files_are_left_out():
    keys = ["._IMG.jpg", "a/.cache/b.jpg", "c.jpg"]
    assert [entry.key for entry in pictures(entries(*keys))] == ["c.jpg"]


TOML = """
[both]
paintings = { "monet.jpg" = 0.7, "waves/hokusai.png" = 0.3 }
size = 1600

[plain]
paintings = ["monet.jpg"]
"""


def test_looks_toml_names_looks_exactly():
    there = entries("monet.jpg", "waves/hokusai.png", "klimt.jpg")
    both, plain = looks_told(TOML, there, Settings(iterations=7))
    assert (both.name, plain.name) == ("both", "plain")
    assert [(each.entry.key, each.share) for each in both.paintings] == [
        ("monet.jpg", pytest.approx(0.7)),
        ("waves/hokusai.png", pytest.approx(0.3)),
    ]
    assert (both.settings.size, both.settings.iterations) == (1600, 7)
    assert plain.settings.size == Settings().size


@pytest.mark.parametrize(
    "text, told",
    [
        ("[a\n", "looks.toml: "),
        ("[a]\nsize = 3", r"\[a\] expected a table with paintings"),
        ("[a]\npaintings = []", "paintings is"),
        ("[a]\npaintings = ['x.jpg']", "'x.jpg', which is not in the bucket"),
        ("[a]\npaintings = { 'monet.jpg' = 0 }", "share 0; expected more than 0"),
        ("[a]\npaintings = { 'monet.jpg' = 'much' }", "share 'much'"),
        ("[a]\npaintings = ['monet.jpg']\nsize = 3", r"\[a\] size is 3; expected"),
        ("[a]\npaintings = ['monet.jpg']\nsise = 300", "sise is no setting"),
        ("['../a']\npaintings = ['monet.jpg']", "plain name"),
        ("[_records]\npaintings = ['monet.jpg']", "cannot be named _records"),
        ("a = 1", "expected a table"),
    ],
)
def test_a_mistake_in_looks_toml_is_named(text, told):
    with pytest.raises(ConfigError, match=told) as caught:
        looks_told(text, entries("monet.jpg"), Settings())
    assert "\n" not in str(caught.value)
