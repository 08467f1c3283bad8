"""The gallery's page as text."""

import re
from datetime import UTC, datetime

import pytest
from support.gallery import HOSTILE, Tags, content, data_of, parsed, record, results_of

from painterly.gallery.page import SHARED, page_context, render_page, url
from painterly.gallery.thumbnails import thumbnail_key
from painterly.settings.installation import PROGRAM
from painterly.settings.settings import Settings


def test_a_name_with_markup_is_only_a_name():
    each = record(HOSTILE, HOSTILE, device=HOSTILE)
    tags = Tags(render_page([each, record("x.jpg", result=None, error=HOSTILE)], {}))
    assert tags.found.count("script") == 3
    assert "<script>alert(1)</script> \"b\" 'c' #?%&+\\n{{ 7*7 }}.jpg" in tags.text
    assert "49" not in tags.text


def test_an_address_is_encoded_by_its_parts_or_there_is_none():
    assert url("a b/ü#?%&+'\"<\n.jpg") == "./a%20b/%C3%BC%23%3F%25%26%2B%27%22%3C%0A.jpg"
    assert url("javascript:alert(1)") == "./javascript%3Aalert%281%29"
    assert url("/lead.jpg") == ".//lead.jpg"
    assert url(b"\xff.jpg".decode("utf-8", "surrogateescape")) == "./%FF.jpg"
    for key in ("../x.jpg", "a/../x.jpg", "a/./x.jpg", "\ud800.jpg"):
        assert url(key) is None, "no address can name it"
        assert render_page([record(result=key)], {})


def test_the_data_has_what_the_filter_and_the_details_need():
    blend = [{"key": "w/a.jpg", "share": 7, "etag": "1"}, {"key": "w/b.jpg", "share": 3}]
    text = render_page([record(), record("boat.jpg"), record(style="waves", paintings=blend)], {})
    data, finished = data_of(text), datetime(2026, 11, 20, 7, 55, 42, tzinfo=UTC).timestamp()
    row = ["", 0, 0, 0.6, 0, 47, finished, 0, 0, "", 2_100_000]
    assert data["rows"] == [[0, 0, *row], [0, 1, *row], [1, 0, *row]]
    assert data["blends"] == [[0, [[0, None]]], [1, [[1, 70], [2, 30]]]]
    assert data["styles"] == ["monet", "waves"] and data["sizes"] == [[64, 96]]
    assert data["photos"] == [["beach.jpg", 0, 0, 0], ["boat.jpg", 0, 0, 1]]
    assert [name for name, *_ in data["paintings"]] == ["monet.jpg", "w/a.jpg", "w/b.jpg"]
    network = ["gallery.network", "the built-in network"]
    weights = [["gallery.weights", "md5:1"], ["gallery.engine", "1"]]
    assert data["origins"] == [[["gallery.device", "the CPU"], network, *weights]]
    inside = page_context([record()], {}, internals=False)["data"]["origins"]
    assert [len(each) for each in inside] == [2], "only the device and the network"


def test_styles_and_paintings_have_titles_in_every_language():
    hokusai = {"title": {"en": "The Great Wave", "de": "Die große Welle"}, "year": "c. 1831"}
    hokusai["artist"] = "Katsushika Hokusai"
    ready, blend = "_ready/hokusai.jpg", [{"key": "_web/0123456789ab-waves.jpg"}]
    text = render_page(
        [
            record("old.jpg", "hokusai", paintings=[{"key": ready}]),
            record(style="hokusai", style_title=hokusai, paintings=[{"key": ready}]),
            record(style="waves-and_beach+dunes", paintings=blend),
            record("torn.jpg", "hokusai", style_title=hokusai, result=None, error="is torn"),
        ],
        {},
    )
    data = data_of(text)
    assert data["styles"] == ["hokusai", "waves-and_beach+dunes"]
    in_german, other = data["titles"][0]["de"], data["titles"][1]
    assert (in_german, other) == ("Die große Welle", "Waves and beach + Dunes")
    assert data["titles"][0]["en"] == "The Great Wave" and data["artists"] == ["Hokusai", ""]
    titles = {key: title for key, *_, title in data["paintings"]}
    assert titles[ready]["fr"] == "La Grande Vague, Hokusai, 1831"
    assert titles["_web/0123456789ab-waves.jpg"] == "waves.jpg"
    shown = Tags(text).text
    assert "torn.jpg · The Great Wave, Hokusai, c. 1831 · is torn" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("share", "height", "width"), [(None, 0, 6000), (-1, 4000, 10**6), (float("nan"), -1, 1)]
)
def test_shares_and_a_size_that_cannot_be_are_not_shown(share, height, width):
    blend = [{"key": "w/a.jpg", "share": 7}, {"key": "w/b.jpg", "share": share}]
    local = "2026-11-20T07:55:42"  # Without a time zone.
    odd = record(paintings=blend, height=height, width=width, finished=local)
    text = render_page([odd], {})
    assert results_of(text)[0]["finished"] == local
    assert results_of(text)[0]["paintings"] == [("w/a.jpg", None), ("w/b.jpg", None)]
    assert data_of(text)["sizes"] == [None]


def test_what_was_given_is_there_for_a_command_unless_the_record_does_not_tell():
    old, new = (record(name, given=given) for name, given in (("a", None), ("b", {"x": False})))
    asked = [each["given"] for each in results_of(render_page([record(), old, new], {}))]
    usual = [["preset", "draft"], ["size", "96"], ["preserve_color", True]]
    assert sorted(asked, key=str) == sorted([usual, None, [["x", False]]], key=str)


def test_jobs_that_have_their_own_copies_of_a_photo_show_one_photo():
    copies = [record(f"{digit * 20}/beach.jpg", photo_etag="same") for digit in "ab"]
    data = data_of(render_page([*copies, record("beach.jpg", photo_etag=None)], {}))
    first, second, other = (content for *_, content in data["photos"])
    assert first == second != other


def test_without_scripts_the_newest_pictures_are_links_by_pages_and_styles():
    records = [
        record(f"{n}.jpg", style, finished=f"2026-01-01T00:00:{n:02}+00:00")
        for n in range(4)
        for style in ("monet", "munch")
    ]
    shown = page_context(records, {}, style="monet")
    assert [each["href"] for each in shown["plain"]] == [f"./monet/{n}.jpg" for n in (3, 2, 1, 0)]
    text = render_page(records, {})
    assert '<a href="./munch/3.jpg"><img src="./_gallery/thumbs/results/munch/3.jpg.jpg"' in text


def test_two_thousand_results_are_a_small_page_that_loads_its_pictures_later():
    settings = Settings().deciding()
    records = [
        record(f"IMG_{photo}.jpg", style, settings=settings, seconds=photo + 0.5)
        for photo in range(1000, 2000)
        for style in ("monet", "van gogh")
    ]
    keys = [thumbnail_key("results", each.result) for each in records]
    text = render_page(records, dict.fromkeys(keys, True))
    assert len(text.encode()) < 300_000
    assert len(results_of(text)) == 2000
    assert "data:image/jpeg" not in text
    assert "data:image/jpeg" in render_page(records, dict.fromkeys(keys, b"small"))


ODD = (
    *(None, "", 7, -1.5, True, [], [None, 3, {}], {"key": 1}, {"a": {"b": []}}, "\ud800\u202e"),
    *(float("nan"), float("inf"), 10**400, -(10**400)),
)


def test_records_that_lack_almost_everything_do_not_break_the_page():
    alone = [parsed(each) for each in ({"result": "monet/beach.jpg"}, {}, {"error": "no"})]
    first, last = results_of(render_page([*alone, record("z.jpg")], {}))
    assert (last["photo"], last["style"]) == ("monet/beach.jpg", "?")
    assert first["photo"] == "z.jpg"


@pytest.mark.parametrize("name", [*content(), "error"])
def test_an_odd_field_does_not_break_the_page(name):
    for odd in ODD:
        given = [record(), parsed(content("boat.jpg") | {name: odd})]
        text = render_page([each for each in given if each], {})
        text.encode()
        assert results_of(text)


def test_a_bucket_without_results_has_a_page_that_says_so():
    assert "The wall is yours" in render_page([], {})


def test_only_a_script_and_a_style_of_known_content_may_run():
    text = render_page([record()], {})
    for tag in ("script", "style"):
        assert f"{tag}-src 'sha256-" in text.replace("&#39;", "'")
    assert "unsafe" not in text and " style=" not in text and "onclick" not in text


# Parts of the platform that browsers of early 2024 lack, and a page would miss.
TOO_NEW = (
    *(r"\bpopover\b", r"@scope\b", r"\bcommandfor\b", r"\bclosedby\b", r"\banchor-name\b"),
    *(r"\bObject\.groupBy\(", r"\.withResolvers\(", r"\.toHex\(", r"\bPromise\.try\("),
    *(r"\bnew Set\([^)]*\)\.union", r"\bimport .* with \{"),
)


def test_the_pages_do_without_what_older_browsers_lack():
    folders = (SHARED.parent, PROGRAM / "painterly" / "web" / "static")
    parts = [
        each for folder in folders for end in ("js", "css") for each in folder.rglob(f"*.{end}")
    ]
    assert len(parts) > 15
    found = [
        f"{part.name}: {match[0]}"
        for part in parts
        for pattern in TOO_NEW
        if (match := re.search(pattern, part.read_text("utf-8"), re.MULTILINE))
    ]
    assert found == []
