"""Where weights come from, and what is in their files: damaged, wrong, and out of reach."""

import ast
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from support import fabricated

from styletransfer.errors import WeightsError
from styletransfer.paths import PROGRAM
from styletransfer.vgg import download as weights
from styletransfer.vgg import readers, registry
from styletransfer.vgg.registry import PUBLISHED, Published, Weights, layer_shapes

SAVERS = {
    "h5": fabricated.save_h5,
    "mat": fabricated.save_mat,
    "npz": fabricated.save_npz,
}
OTHER = {"vgg16": "vgg19", "vgg19": "vgg16"}


@pytest.fixture(autouse=True)
def own_caches(monkeypatch, tmp_path):
    """Empty caches, and the network without the proxies of this machine."""
    monkeypatch.setattr(weights, "CACHE", tmp_path / "weights")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # Keeps the proxies it was made with.


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Whole fabricated files: (model, kind) → path."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for model in OTHER:
        given = fabricated.weights(model)
        for kind, save in SAVERS.items():
            made[model, kind] = save(folder / f"{model}.{kind}", given)
    return made


def message(call, *arguments):
    """What a call that must fail says, in one line."""
    with pytest.raises(WeightsError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_code == 3
    return text


# --- files that are right ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("model", OTHER)
def test_what_is_read_is_what_was_saved_in_every_form(model, kind, files):
    given, found = fabricated.weights(model), readers.read_weights(files[model, kind], model)
    assert list(found.kernels) == list(layer_shapes(model))
    for layer, arrays in found.kernels.items():
        for array, wanted in zip(arrays, given.kernels[layer], strict=True):
            assert array.dtype == np.float32
            assert np.array_equal(array, wanted)
    np.testing.assert_allclose(found.mean, [123.68, 116.779, 103.939], rtol=1e-6)
    assert found.identity == "md5:" + hashlib.md5(files[model, kind].read_bytes()).hexdigest()
    assert found.model == model


def test_a_fabricated_file_has_the_published_form(files):
    for model, published in PUBLISHED.items():
        path = files[model, "h5"]
        assert abs(path.stat().st_size - published.size) < 4096
        with h5py.File(path) as file:
            assert file["block1_conv1"]["block1_conv1_W_1:0"].shape == (3, 3, 3, 64)
            assert file["block5_conv3"]["block5_conv3_b_1:0"].shape == (512,)
            assert list(file.attrs["layer_names"][:3]) == [
                b"input_1",
                b"block1_conv1",
                b"block1_conv2",
            ]


def test_the_classifier_on_top_is_passed_over(tmp_path):
    given = fabricated.weights("vgg16")
    found = readers.read_weights(fabricated.save_h5(tmp_path / "top.h5", given, top=True), "vgg16")
    assert np.array_equal(found.kernels["conv1_1"][0], given.kernels["conv1_1"][0])


@pytest.mark.parametrize("named", [True, False])
def test_keras_3s_numbered_layers_are_told_apart(named, tmp_path):
    given, path = fabricated.weights("vgg16"), tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        for number, (layer, (kernel, bias)) in enumerate(given.kernels.items()):
            group = file.create_group(f"layers/conv2d{f'_{number}' if number else ''}/vars")
            group["0"], group["1"] = kernel[:, :, ::-1] if number == 0 else kernel, bias
            if named:  # Its first releases gave no name.
                group.attrs["name"] = f"block{layer[4]}_conv{layer[6]}"
        file.create_group("layers/dense/vars")["0"] = np.ones((3, 3))
    found = readers.read_weights(path, "vgg16")
    assert all(
        np.array_equal(found.kernels[each][0], given.kernels[each][0]) for each in given.kernels
    )
    assert "conv3_4" in message(readers.read_weights, path, "vgg19")


@pytest.mark.parametrize("layout", ["new", "old", "oldest"])
@pytest.mark.parametrize("net", [True, False])
def test_a_mat_files_own_mean_pixel_is_used(layout, net, tmp_path):
    given = fabricated.weights("vgg16")
    face = Weights("vgg16", "face", given.kernels, np.array([129.2, 104.8, 93.6], np.float32))
    found = readers.read_weights(
        fabricated.save_mat(tmp_path / "a.mat", face, layout, net), "vgg16"
    )
    np.testing.assert_allclose(found.mean, face.mean, rtol=1e-6)


# --- files that are wrong ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("model", OTHER)
def test_the_other_networks_file_is_refused_with_layer_and_shape(model, kind, files):
    said = message(readers.read_weights, files[OTHER[model], kind], model)
    assert model in said
    assert "conv3_4" in said
    if model == "vgg19":
        assert "expected a kernel of shape (3, 3, 256, 256)" in said
    else:
        assert "expected to end with conv3_3 of shape (3, 3, 256, 256)" in said


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.9])
def test_a_truncated_file_is_told_with_what_was_expected(kind, share, files, tmp_path):
    whole = files["vgg19", kind]
    path = tmp_path / whole.name
    with whole.open("rb") as stream:
        path.write_bytes(stream.read(int(whole.stat().st_size * share)))
    said = message(readers.read_weights, path, "vgg19")
    assert said.startswith(f"weights file {path}")
    assert "expected" in said
    assert ("it is empty" in said) == (share == 0)
    if kind == "h5":
        assert "80,134,624 bytes and MD5 253f8cb515780f3b799900260a226db6" in said
    else:
        assert "conv1_1" in said
        assert "of shape (3, 3, 3, 64)" in said


@pytest.mark.parametrize("kind", SAVERS)
def test_a_web_page_saved_as_weights_is_told(kind, tmp_path):
    path = tmp_path / f"a.{kind}"
    path.write_text("<!DOCTYPE html>\n<html>\n<body>Sign in to download</body></html>\n" * 20)
    said = message(readers.read_weights, path, "vgg19")
    assert "it is a web page" in said
    assert "expected" in said


@pytest.mark.parametrize("kind", SAVERS)
def test_another_kind_of_file_under_this_extension_is_told(kind, tmp_path):
    for number, content in enumerate((b"\0" * 4096, b"weights\n" * 999, os.urandom(4096))):
        path = tmp_path / f"{number}.{kind}"
        path.write_bytes(content)
        assert "expected" in message(readers.read_weights, path, "vgg19")
    np.save(tmp_path / "array.npy", np.ones(3))
    path = (tmp_path / "array.npy").rename(tmp_path / f"array.{kind}")
    assert "expected" in message(readers.read_weights, path, "vgg19")


@pytest.mark.parametrize("kind", SAVERS)
def test_a_missing_layer_is_named_with_its_shape(kind, tmp_path):
    some = fabricated.weights(layers=["conv1_1", "conv2_1"])
    said = message(readers.read_weights, SAVERS[kind](tmp_path / f"a.{kind}", some), "vgg19")
    assert "no layer conv1_2 of vgg19, expected a kernel of shape (3, 3, 64, 64)" in said
    assert "found: conv1_1, conv2_1" in said
    none = Weights("vgg19", "", {}, registry.MEAN_PIXEL)
    said = message(readers.read_weights, SAVERS[kind](tmp_path / f"b.{kind}", none), "vgg19")
    assert "no layer conv1_1 of vgg19, expected a kernel of shape (3, 3, 3, 64)" in said


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize(
    ("kernel", "bias"), [((5, 5, 3, 64), 64), ((3, 3, 3, 32), 32), ((3, 3, 3, 64), 63)]
)
def test_a_wrong_shape_is_told_beside_the_right_one(kind, kernel, bias, tmp_path):
    arrays = {"conv1_1": (np.ones(kernel, np.float32), np.ones(bias, np.float32))}
    wrong = Weights("vgg19", "", arrays, registry.MEAN_PIXEL)
    said = message(readers.read_weights, SAVERS[kind](tmp_path / f"a.{kind}", wrong), "vgg19")
    assert f"layer conv1_1 has a kernel of shape {kernel} and a bias of shape ({bias},)" in said
    assert "expected a kernel of shape (3, 3, 3, 64) and a bias of shape (64,)" in said


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("array", [0, 1])
def test_nan_and_infinity_are_told_with_their_layer(kind, value, array, tmp_path):
    some = fabricated.weights(layers=["conv1_1"])
    some.kernels["conv1_1"][array][..., 5] = value
    said = message(readers.read_weights, SAVERS[kind](tmp_path / f"a.{kind}", some), "vgg19")
    assert "layer conv1_1 holds NaN or infinity; expected a kernel of shape (3, 3, 3, 64)" in said


def test_arrays_of_text_are_told(tmp_path):
    np.savez(tmp_path / "a.npz", conv1_1_W=np.full((3, 3, 3, 64), "x"), conv1_1_b=np.full(64, "x"))
    assert "expected arrays conv1_1_W" in message(readers.read_weights, tmp_path / "a.npz", "vgg19")


def test_a_mean_pixel_of_nan_is_told(tmp_path):
    some = fabricated.weights(layers=["conv1_1"])
    bad = Weights("vgg19", "", some.kernels, np.full(3, np.nan, np.float32))
    said = message(readers.read_weights, fabricated.save_mat(tmp_path / "a.mat", bad), "vgg19")
    assert "averageImage" in said


def test_a_mat_file_of_format_7_3_is_told_with_the_way_out(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["layers"] = np.ones(3)
    with path.open("r+b") as stream:  # MATLAB's own header, before the HDF5.
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    said = message(readers.read_weights, path, "vgg19")
    assert "7.3" in said
    assert "'-v7'" in said


def test_a_mat_file_without_a_network_is_told(tmp_path):
    savemat(tmp_path / "a.mat", {"x": np.ones(3)})
    assert "no layer conv1_1" in message(readers.read_weights, tmp_path / "a.mat", "vgg19")


def test_an_unknown_extension_is_told(tmp_path):
    path = tmp_path / "vgg.pth"
    path.write_bytes(b"1")
    assert message(readers.read_weights, path, "vgg19").endswith("vgg.pth is no .h5, .mat or .npz")


def test_a_path_that_is_no_file_is_told_with_the_three_ways(tmp_path):
    for path, wrong in (
        (tmp_path / "none.h5", "does not exist"),
        (tmp_path, "is a folder"),
        (Path(os.devnull), "is no file"),
        (tmp_path / ("x" * 300 + ".h5"), "cannot be read"),
        ("~nobody-of-this-name/a.h5", "cannot be read"),
    ):
        said = message(weights.find, "vgg19", path)
        assert wrong in said
        assert "VGG_WEIGHTS=bucket:KEY" in said


def test_an_unreadable_file_is_told(tmp_path):
    path = tmp_path / "a.h5"
    if os.geteuid() == 0:  # Nothing is forbidden to root, but no one reads address 0 of a process.
        path.symlink_to("/proc/self/mem")
    else:
        path.write_bytes(b"1")
        path.chmod(0)
    assert weights.find("vgg19", path) == path
    assert "cannot be read" in message(readers.read_weights, path, "vgg19")


# --- caches -----------------------------------------------------------------------------------


def test_the_published_files_are_those_of_the_installed_keras():
    for model, published in PUBLISHED.items():
        source = Path(find_spec("keras").origin).parent / f"src/applications/{model}.py"
        tree = ast.parse(source.read_text())
        (url,) = (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "WEIGHTS_PATH_NO_TOP"
        )
        (md5,) = (
            ast.literal_eval(keyword.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and any(getattr(each, "id", "") == "WEIGHTS_PATH_NO_TOP" for each in node.args)
            for keyword in node.keywords
            if keyword.arg == "file_hash"
        )
        assert (published.url, published.md5) == (url, md5)


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
    assert weights._keras_models() == Path(names["_KERAS_DIR"]) / "models"


@pytest.fixture
def published(hub, monkeypatch):
    """A small file in the published one's place, on a hub of our own."""
    entry = Published(f"{hub.url}/vgg19/small.h5", hashlib.md5(hub.content).hexdigest(), 300_000)
    monkeypatch.setitem(PUBLISHED, "vgg19", entry)
    return entry


def put(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def names(folder):
    return sorted(each.name for each in folder.glob("*"))


def keras_models(tmp_path):
    return tmp_path / "keras" / "models"


def test_a_whole_file_is_found_in_either_cache_without_the_network(hub, published, tmp_path):
    assert weights.cached("vgg19") is None
    theirs = put(keras_models(tmp_path), published.name, hub.content)
    assert weights.cached("vgg19") == weights.find("vgg19", None) == theirs
    ours = put(weights.CACHE, published.name, hub.content)
    assert weights.cached("vgg19") == weights.find("vgg19", None) == ours
    assert hub.asked == []


def test_half_a_file_in_our_cache_is_fetched_again(hub, published):
    path = put(weights.CACHE, published.name, hub.content[:1000])
    assert weights.cached("vgg19") is None
    assert weights.find("vgg19", None) == path
    assert path.read_bytes() == hub.content


def test_a_wrong_file_in_keras_cache_is_left_alone_and_passed_over(hub, published, tmp_path):
    theirs = put(keras_models(tmp_path), published.name, b"something of another's")
    assert weights.find("vgg19", None) == weights.CACHE / published.name
    assert theirs.read_bytes() == b"something of another's"


def test_a_wrong_file_in_a_cache_is_told_where_the_hub_is_out_of_reach(published, monkeypatch):
    path = put(weights.CACHE, published.name, b"12345")
    monkeypatch.setitem(
        PUBLISHED,
        "vgg19",
        Published(f"http://127.0.0.1:{free_port()}/small.h5", published.md5, 300_000),
    )
    said = message(weights.find, "vgg19", None)
    assert f"{path} is damaged or another one: 5 bytes with MD5" in said
    assert f"expected 300,000 bytes with MD5 {published.md5}" in said
    assert path.read_bytes() == b"12345"


# --- the hub ----------------------------------------------------------------------------------


class Hub(http.server.ThreadingHTTPServer):
    """A hub on this machine that fails as it is told: `mode` is ok, missing, cut, stalled."""

    daemon_threads = True
    content = np.random.default_rng(1).bytes(300_000)
    mode = "ok"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = []
        self.seen = []  # What lies in our cache while the file is under way.
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """The asker may hang up: that is what asking for the first byte does."""


class Answer(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(405)

    def do_GET(self):
        hub = self.server
        whole = "Range" not in self.headers
        hub.asked.append((self.path, whole))
        if hub.mode == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(hub.content)))
        self.end_headers()
        half = len(hub.content) // 2
        self.wfile.write(hub.content[:half])
        if whole:
            hub.seen += names(weights.CACHE)
            if hub.mode == "stalled":
                hub.released.wait(30)
            if hub.mode != "ok":
                return
        self.wfile.write(hub.content[half:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def seconds(call, *arguments):
    before = time.monotonic()
    return call(*arguments), time.monotonic() - before


def elsewhere(monkeypatch, url):
    monkeypatch.setitem(PUBLISHED, "vgg19", Published(url, "0" * 32, 300_000))


def test_a_download_arrives_in_the_cache_whole_and_serves_the_second_time(hub, published, capsys):
    path = weights.find("vgg19", None)
    assert path == weights.CACHE / "small.h5"
    assert path.read_bytes() == hub.content
    assert hub.asked == [("/vgg19/small.h5", False), ("/vgg19/small.h5", True)]
    # Under way, it was not where a killed process would leave it for the whole one.
    assert len(hub.seen) == 1
    assert hub.seen[0].startswith(".partial-")
    assert names(weights.CACHE) == ["small.h5"]
    assert capsys.readouterr().out == ""
    hub.asked.clear()
    assert weights.find("vgg19", None) == path
    assert hub.asked == []


def test_another_file_than_the_published_one_is_refused_and_not_kept(hub, published, monkeypatch):
    monkeypatch.setattr(Hub, "content", hub.content[::-1])
    said = message(weights.find, "vgg19", None)
    assert f"expected small.h5 with 300,000 bytes and MD5 {published.md5}" in said
    assert names(weights.CACHE) == []


def test_a_download_cut_half_way_is_told_and_clean_the_next_time(hub, published):
    hub.mode = "cut"
    said = message(weights.find, "vgg19", None)
    assert "failed" in said
    assert published.md5 in said
    assert names(weights.CACHE) == []
    hub.mode = "ok"
    assert weights.find("vgg19", None).read_bytes() == hub.content


def test_a_download_that_stalls_ends(hub, published, monkeypatch):
    monkeypatch.setattr(weights, "STALL_TIMEOUT_S", 0.3)
    hub.mode = "stalled"
    said, took = seconds(message, weights.find, "vgg19", None)
    assert "timed out" in said
    assert took < 8
    assert socket.getdefaulttimeout() is None
    assert names(weights.CACHE) == []


def test_a_hub_without_the_file_is_told(hub, published):
    hub.mode = "missing"
    said = message(weights.find, "vgg19", None)
    assert "404" in said
    assert "VGG_WEIGHTS" in said
    assert hub.asked == [("/vgg19/small.h5", False)]


def test_what_a_killed_process_left_is_swept_away_and_what_is_under_way_is_not(published):
    abandoned, fresh = weights.CACHE / ".partial-old", weights.CACHE / ".partial-new"
    put(abandoned, published.name, b"1")
    put(fresh, published.name, b"1")
    os.utime(abandoned, (0, 0))
    weights.download("vgg19")
    assert names(weights.CACHE) == [".partial-new", "small.h5"]


def test_a_download_goes_to_keras_cache_where_ours_cannot_be_written(hub, published, tmp_path):
    weights.CACHE.write_bytes(b"")  # Not even root can write into a file.
    assert weights.find("vgg19", None) == keras_models(tmp_path) / "small.h5"
    (tmp_path / "keras/models/small.h5").unlink()
    (tmp_path / "keras/models").rmdir()
    (tmp_path / "keras/models").write_bytes(b"")
    said = message(weights.download, "vgg19")
    assert "failed" in said


def test_a_hub_that_never_answers_is_given_up(monkeypatch):
    assert weights.HUB_TIMEOUT_S < 8  # Of the 10 s that are promised; the rest is for Python.
    monkeypatch.setattr(weights, "HUB_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        elsewhere(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}/small.h5")
        said, took = seconds(message, weights.find, "vgg19", None)
    assert took < 3
    assert "no answer within 0.3 s" in said or "timed out" in said
    assert "three ways" in said


def test_a_name_service_that_never_answers_is_given_up(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(weights, "HUB_TIMEOUT_S", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(30) and [])
    said, took = seconds(message, weights.find, "vgg19", None)
    released.set()
    assert took < 3
    assert "no answer within 0.3 s" in said


def test_a_refused_connection_and_an_unknown_host_are_told_at_once(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    elsewhere(monkeypatch, f"http://127.0.0.1:{free_port()}/small.h5")
    said, took = seconds(message, weights.find, "vgg19", None)
    assert "refused" in said
    assert took < 2
    elsewhere(monkeypatch, "http://hub.invalid/small.h5")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    said, took = seconds(message, weights.find, "vgg19", None)
    assert "not known" in said
    assert took < 2


def test_an_answer_that_is_not_http_is_told(monkeypatch):
    def answer():
        connection = silent.accept()[0]
        connection.recv(1000)
        connection.sendall(b"SSH-2.0-OpenSSH\r\nhello\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as silent:
        thread = threading.Thread(target=answer)
        thread.start()
        elsewhere(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}/small.h5")
        assert "SSH-2.0" in message(weights.find, "vgg19", None)
        thread.join()


def test_the_systems_proxy_is_used(hub, published, monkeypatch):
    url = "http://hub.invalid/vgg19/small.h5"
    monkeypatch.setitem(PUBLISHED, "vgg19", Published(url, published.md5, 300_000))
    monkeypatch.setenv("http_proxy", hub.url)
    assert weights.find("vgg19", None).read_bytes() == hub.content
    assert hub.asked == [(url, False), (url, True)]


# --- the command ------------------------------------------------------------------------------


def test_the_command_fetches_into_weights_and_prints_the_path(hub, published, capsys):
    assert weights.main([]) == 0
    assert capsys.readouterr().out == f"{weights.CACHE / 'small.h5'}\n"
    assert weights.main(["vgg19", "vgg19"]) == 0
    assert capsys.readouterr().out.count("small.h5\n") == 2
    assert len(hub.asked) == 2


def test_the_command_copies_from_keras_cache(hub, published, capsys, tmp_path):
    theirs = put(keras_models(tmp_path), published.name, hub.content)
    assert weights.main(["vgg19"]) == 0
    assert capsys.readouterr().out == f"{weights.CACHE / 'small.h5'}\n"
    assert (weights.CACHE / "small.h5").read_bytes() == theirs.read_bytes() == hub.content
    assert names(weights.CACHE) == ["small.h5"]
    assert hub.asked == []


def test_the_command_tells_where_weights_cannot_be_written(hub, published, capsys, tmp_path):
    put(keras_models(tmp_path), published.name, hub.content)
    weights.CACHE.write_bytes(b"")
    assert weights.main([]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "cannot be copied" in err


def test_the_command_fails_in_one_line_with_exit_code_3(tmp_path):
    shutil.copytree(PROGRAM / "styletransfer", tmp_path / "styletransfer")
    refusing = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "styletransfer.vgg.download"]
    given = {"cwd": tmp_path, "capture_output": True, "text": True}
    ended = subprocess.run(
        [*command, "vgg16"], env=os.environ | {"https_proxy": refusing}, **given, check=False
    )
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr.startswith("no vgg16 weights: https://storage.googleapis.com/")
    assert ended.stderr.count("\n") == 1
    wrong = subprocess.run([*command, "vgg11"], **given, check=False)
    assert wrong.returncode == 2
    assert "expected vgg16 or vgg19" in wrong.stderr


def test_importing_weights_loads_neither_tensorflow_nor_keras_and_is_quick():
    script = (
        "import time; before = time.process_time(); import styletransfer.vgg.download, sys; "
        "print(time.process_time() - before, "
        "{'tensorflow', 'keras', 'h5py', 'scipy'} & {*sys.modules})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROGRAM,
        capture_output=True,
        text=True,
        check=True,
    )
    took, loaded = ended.stdout.split(maxsplit=1)
    assert loaded.strip() == "set()"
    assert float(took) < 0.5
