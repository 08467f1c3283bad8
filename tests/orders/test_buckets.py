"""The selection of photos and styles from the buckets, without painting."""

import unicodedata
from pathlib import Path

import pytest

from painterly.configuration import config
from painterly.errors import NoPhotoError
from painterly.orders.buckets import Buckets, list_buckets
from painterly.orders.selection import select

NAMES = {"BUCKET_SOURCE": "./photos", "BUCKET_STYLE": "./paintings", "BUCKET_RESULT": "./out"}


@pytest.fixture
def listed(tmp_path, monkeypatch, caplog):
    """Writes files, and returns the listing and the selection of a run."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    for folder in ("photos", "paintings", "out"):
        Path(folder).mkdir()

    def listed(*files, **variables):
        for name in files:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(b"x")
        loaded = config.load(NAMES | variables)
        buckets = Buckets.open(loaded)
        caplog.clear()
        listing = list_buckets(buckets, loaded)
        return listing, select(listing, buckets, loaded)

    return listed


def keys(entries):
    return [entry.key for entry in entries]


def names(selection):
    return [style.name for style in selection.styles]


FILES = ("photos/a.jpg", "photos/b/c.png", "paintings/monet.jpg", "paintings/both/d.png")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_photo_and_its_mask_are_found_however_its_accents_are_spelled(listed, form):
    stored = unicodedata.normalize(form, "é.jpg")
    files = (*FILES, f"photos/{stored}", "photos/é.mask.png")
    for asked in ("NFC", "NFD"):
        _, selection = listed(*files, PHOTO=unicodedata.normalize(asked, stored))
        assert keys(selection.photos) == [stored] and selection.masks.keys() == {stored}
    with pytest.raises(NoPhotoError, match=r"PHOTO is 'è.jpg', but ./photos has no such photo"):
        listed(PHOTO="è.jpg")


@pytest.mark.parametrize("asked", ["été", "été.jpg"])
def test_a_style_goes_by_its_name_or_its_only_painting_however_its_accents_are_spelled(
    listed, asked
):
    stored = unicodedata.normalize("NFD", "été")
    _, selection = listed(*FILES, f"paintings/{stored}.jpg", STYLE=asked)
    assert names(selection) == [stored]
    assert len(selection.photos) == 2


@pytest.mark.parametrize("result", ["./out", "./out/../out/", "{folder}/out"])
def test_of_a_painting_among_the_results_the_style_stays_what_it_was(listed, tmp_path, result):
    place = {"BUCKET_STYLE": "./out", "BUCKET_RESULT": result.format(folder=tmp_path)}
    files = ("out/monet.jpg", "out/monet/a.jpg", "out/_gallery/paintings/monet.jpg.jpg")
    _, found = listed(*FILES, *files, **place, PHOTO="a.jpg", STYLE="monet.jpg")
    assert names(found) == ["monet"]
    _, found = listed("out/a.jpg", **place, BUCKET_SOURCE="./out", PHOTO="a.jpg", STYLE="monet.jpg")
    assert keys(found.photos) == ["a.jpg"] and names(found) == ["monet"]


def test_a_plan_needs_no_pictures_of_the_gallery_and_hides_nothing_else(listed):
    others = {"_galleries", "_gallery/unpublished", "_records/a.json", "monet/a.jpg", "é"}
    pictures = ("_gallery/a", "_gallery/z/z", "_gallery/é", "_gallery/~z")
    listing, _ = listed(*FILES, *(f"out/{key}" for key in (*others, *pictures)))
    assert listing.results.keys() == others


def test_shards_have_every_photo_once_and_an_empty_one_says_so(listed, caplog):
    files = [f"photos/{number}.jpg" for number in range(20)]
    shards = [listed(*FILES, *files, SHARD=f"{number}/3")[1] for number in range(3)]
    found = [key for shard in shards for key in keys(shard.photos)]
    assert sorted(found) == sorted({key.removeprefix("photos/") for key in (*files, *FILES[:2])})
    assert not caplog.messages
    assert "a.jpg" in keys(shards[2].photos)  # Runs of other versions look for it there.
    empty = next(each for each in range(1000) if not listed(SHARD=f"{each}/1000")[1].photos)
    assert caplog.messages == [f"none of the photos in ./photos (22) is in shard {empty}/1000"]
    assert caplog.records[0].levelname == "WARNING"
