"""The gallery's page as text."""

import base64
import hashlib
import re
from datetime import UTC, datetime

import pytest
from support.gallery import HOSTILE, Tags, content, data_of, parsed, record, results_of

from styletransfer.batch.styles import styles_from_toml
from styletransfer.gallery.page import SHARED, render_page, url
from styletransfer.gallery.pictures import thumbnail_key
from styletransfer.paths import PROGRAM
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry


def test_a_name_with_markup_is_only_a_name():
    each = record(HOSTILE, HOSTILE, device=HOSTILE)
    tags = Tags(render_page([each, record("x.jpg", result=None, error=HOSTILE)], {}))
    assert tags.count("script") == 2
    assert "<script>alert(1)</script> \"b\" 'c' #?%&+\\n{{ 7*7 }}.jpg" in tags.text
    assert "49" not in tags.text


def test_an_address_is_encoded_by_its_parts():
    assert url("a b/ü#?%&+'\"<\n.jpg") == "./a%20b/%C3%BC%23%3F%25%26%2B%27%22%3C%0A.jpg"
    assert url("javascript:alert(1)") == "./javascript%3Aalert%281%29"
    assert url("/lead.jpg") == ".//lead.jpg"
    assert url(b"\xff.jpg".decode("utf-8", "surrogateescape")) == "./%FF.jpg"


@pytest.mark.parametrize("key", ["../x.jpg", "a/../x.jpg", "a/./x.jpg", "\ud800.jpg"])
def test_what_no_address_can_name_has_none(key):
    assert url(key) is None
    assert render_page([record(result=key)], {})


def test_the_data_has_what_the_filter_and_the_details_need():
    blend = [{"key": "w/a.jpg", "share": 7, "etag": "1"}, {"key": "w/b.jpg", "share": 3}]
    text = render_page([record(), record("boat.jpg"), record(style="waves", paintings=blend)], {})
    results = results_of(text)
    assert data_of(text)["styles"] == ["monet", "waves"]
    assert [(each["photo"], each["style"]) for each in results] == [
        *(("beach.jpg", "monet"), ("beach.jpg", "waves"), ("boat.jpg", "monet"))
    ]
    waves = results[1]
    assert waves["paintings"] == [("w/a.jpg", "70\xa0%"), ("w/b.jpg", "30\xa0%")]
    assert results[0]["paintings"] == [("monet.jpg", "")]
    assert waves["time"] == "47 s"
    assert waves["finished"] == datetime(2026, 11, 20, 7, 55, 42, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("share", [None, -1, float("nan")])
def test_shares_are_shown_where_all_are_known(share):
    blend = [{"key": "w/a.jpg", "share": 7}, {"key": "w/b.jpg", "share": share}]
    [result] = results_of(render_page([record(paintings=blend)], {}))
    assert result["paintings"] == [("w/a.jpg", ""), ("w/b.jpg", "")]


@pytest.mark.parametrize(
    ("height", "width", "size"), [(4000, 6000, [4000, 6000]), (0, 6000, None), (4000, 10**6, None)]
)
def test_a_size_is_shown_if_a_picture_can_have_it(height, width, size):
    assert data_of(render_page([record(height=height, width=width)], {}))["sizes"] == [size]


def test_the_details_name_the_network():
    [newer] = results_of(render_page([record(network="the built-in network")], {}))
    assert ["Network", "the built-in network"] in newer["origin"]
    [older] = results_of(render_page([record()], {}))
    assert ["Weights", "md5:1"] in older["origin"]


def test_photos_come_in_the_order_people_count():
    text = render_page([record(f"beach {n}.jpg") for n in (10, 9, 1)] + [record("Alps.jpg")], {})
    names = [each["photo"] for each in results_of(text)]
    assert names == ["Alps.jpg", "beach 1.jpg", "beach 9.jpg", "beach 10.jpg"]


def entries(*keys):
    return [Entry(key, 1, "") for key in keys]


def test_the_settings_of_a_result_can_be_pasted_into_styles_toml():
    paintings = [
        {"key": 'w/"a" é.jpg', "share": 0.25, "region": {"key": "sky.mask.png", "etag": "1"}},
        {"key": "w/b.jpg", "share": 0.75},
    ]
    settings = Settings(size="full", strength=0.1 + 0.2, preserve_color=True, content_weight=1e-7)
    given = record(
        style="big waves", paintings=paintings, settings=settings.deciding() | {"gone": 1}
    )
    [result] = results_of(render_page([given], {}))
    available = entries('w/"a" é.jpg', "w/b.jpg", "sky.mask.png")
    [style] = styles_from_toml(result["toml"], available, Settings(size=64, iterations=3))
    assert (style.name, style.settings) == ("big waves", settings)
    assert style.shares == [0.25, 0.75]
    assert style.paintings[0].region.key == "sky.mask.png"


@pytest.mark.parametrize("shares", [[None], [1.0], [0.5, 0.5], [0.5, None], [0, 1]])
def test_styles_of_equal_and_odd_shares_can_be_pasted_as_well(shares):
    keys = [f"w/a{number}\x7f.jpg" for number in range(len(shares))]
    paintings = [{"key": key, "share": share} for key, share in zip(keys, shares, strict=True)]
    [result] = results_of(render_page([record(style="waves-2", paintings=paintings)], {}))
    [style] = styles_from_toml(result["toml"], entries(*keys), Settings(size=64, iterations=3))
    assert style.name == "waves-2" and [each.entry.key for each in style.paintings] == keys
    assert len({*style.shares}) == 1
    assert "[waves-2]" in result["toml"].splitlines()


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
    assert (first["photo"], first["style"]) == ("monet/beach.jpg", "a style without a name")
    assert last["photo"] == "z.jpg"


@pytest.mark.parametrize("name", [*content(), "error"])
def test_an_odd_field_does_not_break_the_page(name):
    for odd in ODD:
        given = [record(), parsed(content("boat.jpg") | {name: odd})]
        text = render_page([each for each in given if each], {})
        text.encode()
        assert results_of(text)


def test_a_bucket_without_results_has_a_page_that_says_so():
    assert "No results yet" in render_page([], {})


def test_only_the_pages_own_script_and_style_may_run():
    text = render_page([record()], {})
    for tag in ("script", "style"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text.replace("&#39;", "'")
        assert not re.search(r"^(import|export) ", content, re.MULTILINE)
    assert "unsafe" not in text and " style=" not in text and "onclick" not in text


# What Firefox ESR 115 or Safari 15.4 lack, and without which a page would not do what it should.
TOO_NEW = (
    *(r":has\(", r"\.aria[A-Z]\w+ = ", r"\bariaLabel:", r"\.role = ", r"\bpopover\b", r"@scope\b"),
    *(r"\.to(Sorted|Reversed|Spliced)\(", r"\bObject\.groupBy\(", r"\.withResolvers\("),
    *(r"\(\?<[=!]", r"\bnew Set\([^)]*\)\.union", r"\bimport .* with \{", r"^\s+&"),
)


def test_the_pages_do_without_what_older_browsers_lack():
    folders = (SHARED.parent, PROGRAM / "styletransfer" / "web" / "static")
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
