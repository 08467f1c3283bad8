"""Weights of a network: the named ones, or else the ones that come with the program; from a path,
from the caches, and from a hub that fails in every way."""

import hashlib
import logging

import numpy as np
import pytest
from support import fabricated
from support.failures import weights_error
from support.hub import names, publish, put
from support.s3_servers import free_ports

from painterly import Settings, load_vgg
from painterly.vgg import sources
from painterly.vgg.architectures import BUILTIN, random_identity
from painterly.vgg.sources import described, named_source, read_source, source_for

pytestmark = pytest.mark.usefixtures("empty_caches")


def identity(path):
    return "md5:" + hashlib.md5(path.read_bytes()).hexdigest()


# --- the default ------------------------------------------------------------------------------


def test_it_is_the_built_in_network_unless_a_recipe_for_vgg_finds_its_models_published_weights(
    hub, published
):
    def identities():
        return {
            (recipe, model): source_for(Settings(model=model, recipe=recipe), None).identity
            for recipe in ("default", "inetwork", "gatys")
            for model in ("vgg19", "vgg16")
        }

    builtin = dict.fromkeys(identities(), identity(BUILTIN))
    assert identities() == builtin
    put(sources.CACHE, published.file_name, hub.content)
    vgg = dict.fromkeys((("inetwork", "vgg19"), ("gatys", "vgg19")), f"md5:{published.md5}")
    assert identities() == builtin | vgg
    assert hub.asked == []


def test_published_weights_that_nobody_named_are_not_downloaded_where_they_are_gone(hub, published):
    """As on a cluster's node, if its driver has them."""
    path = put(sources.CACHE, published.file_name, hub.content)
    source = source_for(Settings.inetwork(model="vgg19"), None)
    path.unlink()
    message = weights_error(read_source, source, "vgg19", 0)
    assert (
        message == "vgg19's published weights are not here; ./start.sh weights vgg19 fetches them"
    )
    assert hub.asked == []


# --- weights with a name ----------------------------------------------------------------------


def test_the_built_in_network_goes_by_its_name():
    assert named_source("builtin", "vgg19") == named_source("builtin", "vgg16")
    assert load_vgg("vgg19", "builtin").identity == identity(BUILTIN)


def test_a_file_of_a_user_that_is_not_there_is_an_error():
    path = "~nobody-of-this-name/gone.npz"
    assert "gone.npz does not exist" in weights_error(load_vgg, "vgg19", path)


def test_a_network_is_recognised_by_its_files_content(tmp_path, published):
    copy = tmp_path / "my own.npz"
    copy.write_bytes(BUILTIN.read_bytes())
    source = named_source(str(copy), "vgg19")
    assert described(source.identity, source.given) == "the built-in network"
    assert described(f"md5:{published.md5}") == "VGG19, Keras' weights"
    assert described(random_identity(3)) == "random features"
    assert described("md5:1", "a.h5") == "the weights a.h5"


# --- layers -----------------------------------------------------------------------------------


def test_a_content_layer_that_a_network_lacks_becomes_the_one_before_and_one_line_says_so(
    caplog, tmp_path
):
    caplog.set_level(logging.INFO)
    arrays = fabricated.trained_arrays(layers=fabricated.SOME_LAYERS)
    np.savez(tmp_path / "own.npz", **arrays)
    vgg = load_vgg("vgg19", tmp_path / "own.npz")
    adapted = {
        layer: vgg.adapted(Settings(content_layer=layer)).content_layer
        for layer in ("conv1_1", "conv1_2", "conv2_2", "conv3_2", "conv3_4", "conv4_2", "conv5_2")
    }
    assert [*adapted.values()] == [
        *("conv1_1", "conv1_1", "conv2_2", "conv3_1", "conv3_3", "conv4_1", "conv4_1")
    ]
    for _ in range(2):
        assert vgg.adapted(Settings.inetwork()) == Settings.inetwork(content_layer="conv4_1")
    [line] = [each.getMessage() for each in caplog.records if "conv5_2" in each.getMessage()]
    assert line == "this network has no content_layer conv5_2: conv4_1 is used instead"


def test_the_built_in_network_has_the_layers_of_the_default_settings():
    assert load_vgg().adapted(Settings()) == Settings()


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
