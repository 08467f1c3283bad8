"""Weights from a path, from the caches, and from a hub that fails in every way."""

import ast
import os
import socket
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.failures import weights_error
from support.hub import keras_models, names, publish, put
from support.s3_servers import free_ports

from styletransfer.vgg import download


@pytest.fixture(autouse=True)
def own_caches(empty_caches):
    """Nothing is cached, unless a test does."""


@pytest.mark.parametrize("case", ["KERAS_HOME", "home", "read-only home"])
def test_keras_cache_is_where_keras_says(case, monkeypatch, tmp_path):
    if case != "KERAS_HOME":
        monkeypatch.delenv("KERAS_HOME")
        monkeypatch.setenv("HOME", str(tmp_path if case == "home" else tmp_path / "none"))
    source = Path(find_spec("keras").origin).parent / "src/backend/config.py"
    (rule,) = (
        node
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.If) and "KERAS_HOME" in ast.unparse(node.test)
    )
    names = {"os": os}
    exec(ast.unparse(rule), names)
    assert download._keras_models() == Path(names["_KERAS_DIR"]) / "models"


def test_an_intact_file_is_found_in_either_cache_without_the_network(hub, published, tmp_path):
    assert download.cached("vgg19") is None
    theirs = put(keras_models(tmp_path), published.file_name, hub.content)
    assert download.cached("vgg19") == download.find("vgg19") == theirs
    ours = put(download.CACHE, published.file_name, hub.content)
    assert download.cached("vgg19") == download.find("vgg19") == ours
    assert hub.asked == []


def test_half_a_file_in_our_cache_is_downloaded_again(hub, published):
    path = put(download.CACHE, published.file_name, hub.content[:1000])
    assert download.cached("vgg19") is None
    assert download.find("vgg19") == path
    assert path.read_bytes() == hub.content


def test_a_wrong_file_in_keras_cache_is_left_alone_and_ignored(hub, published, tmp_path):
    theirs = put(keras_models(tmp_path), published.file_name, b"something of another's")
    assert download.find("vgg19") == download.CACHE / published.file_name
    assert theirs.read_bytes() == b"something of another's"


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


def test_a_download_goes_to_keras_cache_if_ours_cannot_be_written(hub, published, tmp_path):
    download.CACHE.write_bytes(b"")  # Not even root can write into a file.
    assert download.find("vgg19") == keras_models(tmp_path) / "small.h5"
    (tmp_path / "keras/models/small.h5").unlink()
    (tmp_path / "keras/models").rmdir()
    (tmp_path / "keras/models").write_bytes(b"")
    assert "cannot be fetched" in weights_error(download.download, "vgg19")


def test_a_refused_connection_and_an_unknown_host_are_named(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    publish(monkeypatch, f"http://127.0.0.1:{free_ports(1)[0]}/small.h5", "0" * 32)
    message = weights_error(download.find, "vgg19")
    assert "refused" in message
    publish(monkeypatch, "http://hub.invalid/small.h5", "0" * 32)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    message = weights_error(download.find, "vgg19")
    assert "not known" in message


def test_the_systems_proxy_is_used(hub, published, monkeypatch):
    url = "http://hub.invalid/vgg19/small.h5"
    publish(monkeypatch, url, published.md5)
    monkeypatch.setenv("http_proxy", hub.url)
    assert download.find("vgg19").read_bytes() == hub.content
    assert hub.asked == [url]
