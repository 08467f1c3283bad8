"""Weights from a path, from the caches, and from a hub that fails in every way."""

import time
from email.utils import formatdate

import pytest
from support.failures import weights_error
from support.hub import names, publish, put
from support.s3_servers import free_ports

from painterly.vgg import download, sources

pytestmark = pytest.mark.usefixtures("empty_caches")


def test_half_a_file_in_the_cache_is_named_if_the_hub_is_out_of_reach_and_else_downloaded_again(
    hub, published, monkeypatch
):
    half = hub.content[:1000]
    path = put(sources.CACHE, published.file_name, half)
    with monkeypatch.context() as away:
        publish(away, f"http://127.0.0.1:{free_ports(1)[0]}/small.h5", published.md5)
        message = weights_error(sources.published_file, "vgg19")
    assert "refused" in message and f"{path} is damaged or another file" in message
    assert f"300,000 bytes and MD5 {published.md5}" in message
    assert path.read_bytes() == half
    assert sources.published_file("vgg19") == path
    assert path.read_bytes() == hub.content


def test_a_download_is_in_its_place_when_it_is_complete(hub, published):
    hub.mode = "watched"
    path = sources.published_file("vgg19")
    assert path == sources.CACHE / "small.h5"
    assert path.read_bytes() == hub.content
    assert hub.asked == ["/vgg19/small.h5"]
    # During the download it was not in its place, where a killed process would leave it.
    assert len(hub.seen) == 1
    assert hub.seen[0] == "small.h5.partial"
    assert names(sources.CACHE) == ["small.h5"]


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("cut", "the connection ended after 150,000 bytes"),
        ("stalled", "timed out"),
        ("missing", "404"),
        ("not HTTP", "SSH-2.0"),
    ],
)
@pytest.mark.slow
def test_a_download_that_fails_names_the_cause_and_the_ways_out_and_continues(
    hub, published, mode, said, monkeypatch
):
    hub.mode = mode
    with monkeypatch.context() as patch:
        if mode == "stalled":
            patch.setattr(download, "TIMEOUT_S", 0.3)
        message = weights_error(sources.published_file, "vgg19")
    assert said in message and "VGG_WEIGHTS" in message
    assert f"expected small.h5 with 300,000 bytes and MD5 {published.md5}" in message
    assert "small.h5" not in names(sources.CACHE)
    hub.mode = "ok"
    assert sources.published_file("vgg19").read_bytes() == hub.content


def test_the_systems_proxy_is_used(hub, published, monkeypatch):
    url = "http://hub.invalid/vgg19/small.h5"
    publish(monkeypatch, url, published.md5)
    monkeypatch.setenv("http_proxy", hub.url)
    assert sources.published_file("vgg19").read_bytes() == hub.content
    assert hub.asked == [url]


SIZE = 300_000


def part_of(hub, start, end=SIZE, said=None, status=206):
    """An answer with a part of the file, and the range that it says."""
    said = f"bytes {start}-{end - 1}/{SIZE}" if said is None else said
    headers = {"Content-Range": said} if said else {}
    return lambda asked: (status, headers, hub.content[start:end])


def whole(hub):
    """An answer with all of the file, which may only come if that was asked for."""

    def answer(asked):
        assert asked is None
        return 200, {}, hub.content

    return answer


@pytest.fixture
def begun(hub, published, empty_caches):
    """The first 100,000 bytes are here already."""
    put(sources.CACHE, f"{published.file_name}.partial", hub.content[:100_000])


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (0, 200_000, None),
        (0, SIZE, None),
        (99_000, SIZE, None),
        (100_001, SIZE, None),
        (100_000, SIZE, ""),
        (100_000, SIZE, "bytes 100000-"),
        (0, SIZE, "bytes 0-299999/*"),
        (100_000, SIZE, f"bytes {'9' * 5000}-299999/300000"),
    ],
)
@pytest.mark.usefixtures("begun")
def test_a_part_that_was_not_asked_for_starts_the_download_again_at_once(
    hub, published, start, end, said, monkeypatch
):
    monkeypatch.setattr(download, "sleep", None)
    hub.answers = [part_of(hub, start, end, said), whole(hub)]
    assert sources.published_file("vgg19").read_bytes() == hub.content


@pytest.mark.parametrize(
    "answers",
    [
        [(100_000, SIZE, 206)],
        [(100_000, SIZE, 200)],  # A known mirror sends a part with this status.
        [(100_000, 200_000, 206), (200_000, 250_000, 206), (250_000, SIZE, 206)],
    ],
)
@pytest.mark.usefixtures("begun")
def test_the_parts_that_were_asked_for_continue_the_download(hub, published, answers, monkeypatch):
    monkeypatch.setattr(download, "sleep", None)
    hub.answers = [part_of(hub, start, end, status=status) for start, end, status in answers]
    assert sources.published_file("vgg19").read_bytes() == hub.content
    assert hub.answers == []


@pytest.mark.usefixtures("begun")
def test_a_server_that_sends_only_other_parts_ends_the_download(hub, published):
    hub.answers = [part_of(hub, 5)] * 20
    assert "it sent another part of the file" in weights_error(sources.published_file, "vgg19")
    hub.answers = [part_of(hub, SIZE, said=f"bytes {SIZE}-{SIZE - 1}/{SIZE}")] * 20
    weights_error(sources.published_file, "vgg19")
    hub.answers = [part_of(hub, 0, said="bytes 0-9/10")]
    assert "has 10 bytes, expected 300,000" in weights_error(sources.published_file, "vgg19")


@pytest.fixture
def pauses(monkeypatch):
    """The pauses of a download, which do not take place."""
    made = []
    monkeypatch.setattr(download, "sleep", made.append)
    monkeypatch.setattr(download, "PAUSE_S", 2.0)
    return made


def busy(status, retry_after=None):
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda asked: (status, headers, b"")


def test_a_server_that_asks_to_wait_is_asked_again_then(hub, published, pauses, caplog):
    asked = ["15"] * 6 + [formatdate(time.time() + 60, usegmt=True)]
    statuses = (503, 429, 403)  # GitHub limits requests with the last one.
    hub.answers = [busy(statuses[at % 3], each) for at, each in enumerate(asked)]
    hub.answers.append(whole(hub))
    assert sources.published_file("vgg19").read_bytes() == hub.content
    assert pauses[:6] == [15] * 6 and 50 < pauses[6] <= 60
    assert "waiting 15 s, as it asks" in caplog.messages[0]


@pytest.mark.parametrize("asked", ["3600", "120", "1"])
def test_no_server_is_waited_for_longer_than_ten_minutes(hub, published, pauses, asked):
    hub.answers = [busy(429, asked)] * 100
    message = weights_error(sources.published_file, "vgg19")
    assert "429" in message and "; it asks to wait" in message
    assert sum(pauses) <= 600 and len(hub.asked) <= 21


@pytest.mark.parametrize("asked", [None, "", "0", "-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_busy_server_that_names_no_time_is_asked_after_growing_pauses(
    hub, published, pauses, asked
):
    hub.answers = [busy(503, asked)] * 4 + [whole(hub)]
    assert sources.published_file("vgg19").read_bytes() == hub.content
    assert pauses == [4, 8, 16, 32]


def test_a_web_page_in_the_place_of_a_file_is_named(hub, published, pauses):
    """Hotels' networks send one, and hubs that ask for a login."""
    hub.answers = [lambda asked: (200, {"Content-Type": "text/html"}, b"<html>Welcome</html>")]
    message = weights_error(sources.published_file, "vgg19")
    assert "answers with a web page, not with a file; log in to this network" in message
    assert pauses == []
