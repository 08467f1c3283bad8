"""Weights from a path, from the caches, and from a hub that fails in every way."""

import os
import socket
from unittest.mock import Mock

import pytest
from support.failures import weights_error
from support.hub import names, publish, put
from support.s3_servers import free_ports

from styletransfer.vgg import download

pytestmark = pytest.mark.usefixtures("empty_caches")


def test_half_a_file_in_our_cache_is_downloaded_again(hub, published):
    path = put(download.CACHE, published.file_name, hub.content[:1000])
    assert download.cached("vgg19") is None
    assert download.find("vgg19") == path
    assert path.read_bytes() == hub.content


def test_a_wrong_file_in_a_cache_is_named_if_the_hub_is_out_of_reach(published, monkeypatch):
    path = put(download.CACHE, published.file_name, b"12345")
    publish(monkeypatch, f"http://127.0.0.1:{free_ports(1)[0]}/small.h5", published.md5)
    message = weights_error(download.find, "vgg19")
    assert f"{path} is damaged or another file" in message
    assert f"300,000 bytes and MD5 {published.md5}" in message
    assert path.read_bytes() == b"12345"


def test_a_download_is_complete_in_the_cache_and_used_the_second_time(hub, published, capsys):
    hub.mode = "watched"
    path = download.find("vgg19")
    assert path == download.CACHE / "small.h5"
    assert path.read_bytes() == hub.content
    assert hub.asked == ["/vgg19/small.h5"]
    # During the download it was not in its place, where a killed process would leave it.
    assert len(hub.seen) == 1
    assert hub.seen[0].startswith(".partial-")
    assert names(download.CACHE) == ["small.h5"]
    assert capsys.readouterr().out == ""
    hub.asked.clear()
    assert download.find("vgg19") == path
    assert hub.asked == []


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("cut", "got 150,000 bytes"),
        ("stalled", "timed out"),
        ("missing", "404"),
        ("not HTTP", "SSH-2.0"),
    ],
)
def test_a_download_that_fails_names_the_cause_and_the_ways_out_and_leaves_nothing(
    hub, published, mode, said, monkeypatch
):
    hub.mode = mode
    with monkeypatch.context() as patch:
        if mode == "stalled":
            patch.setattr(download, "TIMEOUT_S", 0.3)
        message = weights_error(download.find, "vgg19")
    assert said in message and "VGG_WEIGHTS" in message
    assert f"expected small.h5 with 300,000 bytes and MD5 {published.md5}" in message
    assert names(download.CACHE) == []
    hub.mode = "ok"
    assert download.find("vgg19").read_bytes() == hub.content


def test_an_abandoned_download_is_removed_and_a_running_one_is_not(published):
    abandoned, fresh = download.CACHE / ".partial-old", download.CACHE / ".partial-new"
    put(abandoned, published.file_name, b"1")
    put(fresh, published.file_name, b"1")
    os.utime(abandoned, (0, 0))
    download.download("vgg19")
    assert names(download.CACHE) == [".partial-new", "small.h5"]


def test_a_refused_connection_and_an_unknown_host_are_named(monkeypatch):
    publish(monkeypatch, f"http://127.0.0.1:{free_ports(1)[0]}/small.h5", "0" * 32)
    message = weights_error(download.find, "vgg19")
    assert "refused" in message
    publish(monkeypatch, "http://hub.invalid/small.h5", "0" * 32)
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=unknown))
    message = weights_error(download.find, "vgg19")
    assert "not known" in message


def test_the_systems_proxy_is_used(hub, published, monkeypatch):
    url = "http://hub.invalid/vgg19/small.h5"
    publish(monkeypatch, url, published.md5)
    monkeypatch.setenv("http_proxy", hub.url)
    assert download.find("vgg19").read_bytes() == hub.content
    assert hub.asked == [url]
