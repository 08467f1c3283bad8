"""Weights from a path, from the caches, and from a hub that fails in every way."""

import pytest
from support.failures import weights_error
from support.hub import names, publish, put
from support.s3_servers import free_ports

from painterly.vgg import sources

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
    assert "small.h5" not in hub.seen and len(hub.seen) == 1
    assert names(sources.CACHE) == ["small.h5"]


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("cut", "with 150,000 bytes and MD5"),
        ("longer", "with 300,001 bytes and MD5"),
        ("page", "what came is text/html with"),  # a hotel's network, or a login
        ("stalled", "timed out"),
        ("missing", "404"),
        ("not HTTP", "SSH-2.0"),
    ],
)
@pytest.mark.slow
def test_a_download_that_fails_names_the_cause_and_the_ways_out_and_leaves_nothing(
    hub, published, mode, said, monkeypatch
):
    monkeypatch.setattr(sources, "TIMEOUT_S", 0.3 if mode == "stalled" else 30)
    hub.mode = mode
    message = weights_error(sources.published_file, "vgg19")
    assert said in message and "VGG_WEIGHTS" in message
    assert f"expected small.h5 with 300,000 bytes and MD5 {published.md5}" in message
    assert names(sources.CACHE) == []
    hub.mode = "ok"
    assert sources.published_file("vgg19").read_bytes() == hub.content


def test_the_systems_proxy_is_used(hub, published, monkeypatch):
    url = "http://hub.invalid/vgg19/small.h5"
    publish(monkeypatch, url, published.md5)
    monkeypatch.setenv("http_proxy", hub.url)
    assert sources.published_file("vgg19").read_bytes() == hub.content
    assert hub.asked == [url]


@pytest.mark.parametrize("proxy", ["htp:/user:p4ss@proxy", "http://user:p4ss", "user:p4ss@"])
def test_the_password_of_a_proxy_is_in_no_message(published, monkeypatch, proxy):
    publish(monkeypatch, "http://weights.example/small.h5", published.md5)
    monkeypatch.setenv("http_proxy", proxy)
    assert "p4ss" not in weights_error(sources.published_file, "vgg19")
