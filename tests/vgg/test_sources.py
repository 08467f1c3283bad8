"""Which weights a network gets: those named, or the first of the default order."""

import hashlib
import logging

import numpy as np
import pytest
from support import fabricated
from support.failures import weights_error
from support.hub import publish, put
from support.s3_servers import free_ports

from styletransfer import Settings, load_vgg
from styletransfer.vgg import download
from styletransfer.vgg.registry import BUILTIN, random_identity
from styletransfer.vgg.sources import default_source, described, named_source, source_of

SKETCH, STUDIO = BUILTIN["sketch"], BUILTIN["studio"]


@pytest.fixture(autouse=True)
def own_caches(empty_caches):
    """Nothing is cached, unless a test does."""


@pytest.fixture
def no_hub(monkeypatch):
    publish(monkeypatch, f"http://127.0.0.1:{free_ports(1)[0]}/small.h5", "0" * 32)


def identity(path):
    return "md5:" + hashlib.md5(path.read_bytes()).hexdigest()


# --- the default order ------------------------------------------------------------------------


def test_a_cached_file_comes_first_and_nobody_is_asked(hub, published):
    put(download.CACHE, published.name, hub.content)
    assert default_source("vgg19") == named_source("published", "vgg19")
    assert hub.asked == []


def test_without_a_cached_file_it_is_downloaded(hub, published):
    assert default_source("vgg19").identity == f"md5:{published.md5}"
    assert (download.CACHE / published.name).read_bytes() == hub.content


def test_without_a_hub_the_built_in_network_serves_and_a_line_says_so(no_hub, caplog):
    assert default_source("vgg19").identity == identity(STUDIO)
    [line] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    for part in ("refused", "the built-in network studio", "VGG_WEIGHTS=builtin"):
        assert part in line.getMessage()
    assert "\n" not in line.getMessage()


@pytest.mark.parametrize("mode", ["missing", "cut"])
def test_a_download_that_fails_is_no_failure(hub, published, mode, caplog):
    hub.mode = mode
    assert default_source("vgg19").identity == identity(STUDIO)
    assert "the built-in network studio serves instead" in caplog.text


def test_without_leave_to_download_the_hub_is_not_asked(hub, published):
    assert default_source("vgg19", may_download=False).identity == identity(STUDIO)
    assert default_source("vgg19", may_download=False, draft=True).identity == identity(SKETCH)
    assert hub.asked == []


@pytest.mark.parametrize("model", ["vgg19", "vgg16"])
def test_the_library_gets_the_built_in_network_without_a_hub(model, no_hub, monkeypatch):
    monkeypatch.setattr(download, "hub_problem", lambda *_: "no route to host")
    vgg = load_vgg(model)
    assert vgg.identity == identity(STUDIO)
    assert load_vgg(model, draft=True).identity == identity(SKETCH)
    assert vgg.layers[-1] == "conv5_1"


# --- weights with a name ----------------------------------------------------------------------


def test_a_built_in_network_goes_by_its_name(no_hub):
    for name, path in (("sketch", SKETCH), ("studio", STUDIO)):
        networks = load_vgg(name), load_vgg("vgg19", name), load_vgg("vgg19", name, draft=True)
        assert {each.identity for each in networks} == {identity(path)}
    with pytest.raises(ValueError, match="'sketch' has weights of its own"):
        load_vgg("sketch", "a.h5")
    with pytest.raises(ValueError, match="model is 'studi', expected vgg16 or vgg19 or sketch"):
        load_vgg("studi")


def test_the_quick_built_in_network_is_for_drafts(no_hub):
    assert load_vgg("vgg19", "builtin").identity == identity(STUDIO)
    assert load_vgg("vgg19", "builtin", draft=True).identity == identity(SKETCH)
    for given in ("random", "published"):
        assert named_source(given, "vgg19", draft=True) == named_source(given, "vgg19")


def test_a_network_that_comes_with_the_program_is_a_file_and_a_name(monkeypatch, tmp_path):
    np.savez(tmp_path / "studio.npz", **fabricated.trained_arrays())
    monkeypatch.setitem(BUILTIN, "studio", tmp_path / "studio.npz")
    vgg = load_vgg("vgg19", "studio")
    assert vgg.identity == identity(tmp_path / "studio.npz")
    assert load_vgg("studio").channels("conv5_1") == 3
    assert described(vgg.identity) == "the built-in network studio"


def test_published_weights_by_name_never_become_others(no_hub):
    assert "--weights FILE|random|builtin" in weights_error(load_vgg, "vgg19", "published")


def test_a_named_file_that_is_not_there_is_an_error(no_hub):
    assert "gone.npz does not exist" in weights_error(load_vgg, "vgg19", "gone.npz")
    message = weights_error(load_vgg, "vgg19", "studi")
    assert "weights are 'studi'" in message
    assert "builtin, sketch, studio, published, random" in message


def test_a_network_is_recognised_by_its_files_content(tmp_path, published):
    copy = tmp_path / "my own.npz"
    copy.write_bytes(SKETCH.read_bytes())
    source = named_source(str(copy), "vgg19")
    assert described(source.identity, source.given) == "the built-in network sketch"
    assert source_of(source.identity, "vgg19").given == "sketch"
    assert described(f"md5:{published.md5}") == "VGG19, Keras' weights"
    assert described(random_identity(3)) == "random features"
    assert described("md5:1", "a.h5") == "the weights a.h5"
    assert "md5:1 neither come with the program" in weights_error(source_of, "md5:1", "vgg19")


def test_a_missing_file_of_the_program_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(BUILTIN, "sketch", tmp_path / "sketch.npz")
    assert "sketch.npz cannot be read" in weights_error(load_vgg, "sketch")


# --- layers -----------------------------------------------------------------------------------


def test_a_content_layer_beyond_the_network_becomes_its_deepest_and_one_line_says_so(caplog):
    caplog.set_level(logging.INFO)
    vgg = load_vgg("sketch")
    for _ in range(2):
        adapted = vgg.adapted(Settings.inetwork())
    assert adapted == Settings.inetwork(content_layer="conv5_1")
    assert vgg.adapted(Settings()) == Settings()
    assert vgg.adapted(Settings(model="vgg16", content_layer="conv3_3")).content_layer == "conv3_3"
    [line] = [each.getMessage() for each in caplog.records if "conv5_2" in each.getMessage()]
    assert line == "content_layer conv5_2 is deeper than this network: conv5_1 is used instead"


def warnings_in(caplog):
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


@pytest.mark.parametrize("weights", ["sketch", "random"])
def test_recipe_inetwork_says_once_that_it_does_not_fit_a_small_networks_features(weights, caplog):
    vgg = load_vgg(weights=weights)
    for settings in (Settings(), Settings.inetwork(), Settings.inetwork(model="vgg19")):
        vgg.adapted(settings)
    [line] = warnings_in(caplog)
    assert line.startswith("recipe inetwork is made for VGG's own weights: with ")
    assert "VGG_WEIGHTS or --weights" in line


def test_recipe_inetwork_is_silent_with_the_weights_of_a_file(caplog, tiny):
    tiny.adapted(Settings.inetwork())
    assert warnings_in(caplog) == []
