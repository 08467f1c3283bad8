"""The gallery's page as text."""

import base64
import hashlib
import re

import pytest
from support.gallery import HOSTILE, Tags, content, data_of, parsed, record

from styletransfer.gallery.page import render_page, url


def test_a_name_with_markup_is_only_a_name():
    each = record(HOSTILE, HOSTILE, note=HOSTILE, device=HOSTILE)
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
    text = render_page([record(), record("boat.jpg"), record(look="waves", paintings=blend)], {})
    data = data_of(text)
    assert data["looks"] == ["monet", "waves"]
    assert [(each["photo"], each["look"]) for each in data["results"]] == [
        *(("beach.jpg", 0), ("beach.jpg", 1), ("boat.jpg", 0))
    ]
    waves = data["results"][1]
    assert [(data["paintings"][n]["name"], share) for n, share in waves["paintings"]] == [
        *(("a.jpg", "70\xa0%"), ("b.jpg", "30\xa0%"))
    ]
    assert ["Time", "47 s"] in waves["facts"]
    assert ["Finished", "20 November 2026, 07:55 UTC"] in waves["facts"]
    assert ["content", "0.1235"] in waves["losses"]
    assert ["content weight", "0.02"] in data["settings"][waves["settings"]]


def test_the_details_name_the_network():
    facts = data_of(render_page([record(network="the built-in network sketch")], {}))["results"]
    assert ["Network", "the built-in network sketch"] in facts[0]["facts"]
    [older] = data_of(render_page([record()], {}))["results"]
    assert ["Weights", "md5:1"] in older["facts"]


def test_photos_come_in_the_order_people_count():
    text = render_page([record(f"beach {n}.jpg") for n in (10, 9, 1)] + [record("Alps.jpg")], {})
    names = [each["photo"] for each in data_of(text)["results"]]
    assert names == ["Alps.jpg", "beach 1.jpg", "beach 9.jpg", "beach 10.jpg"]


ODD = (
    *(None, "", 7, -1.5, True, [], [None, 3, {}], {"key": 1}, {"a": {"b": []}}, "\ud800\u202e"),
    *(float("nan"), float("inf"), 10**400, -(10**400)),
)


@pytest.mark.parametrize("name", [*content(), "note", "error"])
def test_an_odd_field_does_not_break_the_page(name):
    for odd in ODD:
        given = [record(), parsed(content("boat.jpg") | {name: odd})]
        text = render_page([each for each in given if each], {})
        text.encode()
        assert data_of(text)["results"]


@pytest.mark.parametrize("lone", [{}, {"result": "a"}, {"error": "no"}])
def test_a_record_that_lacks_almost_everything_does_not_break_the_page(lone):
    assert data_of(render_page([parsed(lone), record()], {}))["results"]


def test_a_bucket_without_results_has_a_page_that_says_so():
    assert "Nothing has been painted yet" in render_page([], {})


def test_only_the_pages_own_script_and_style_may_run():
    text = render_page([record()], {})
    for tag in ("script", "style"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text.replace("&#39;", "'")
    assert "unsafe" not in text and " style=" not in text and "onclick" not in text
