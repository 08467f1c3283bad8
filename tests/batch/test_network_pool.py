"""Which weights a run uses."""

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.folder_batches import RESULTS, keys, run
from support.gallery import results_of
from support.hub import publish, put
from support.s3_servers import free_ports

from styletransfer.batch import network_pool
from styletransfer.errors import WeightsError
from styletransfer.record import Record
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry, ObjectError, UnavailableError
from styletransfer.vgg import download
from styletransfer.vgg.registry import BUILTIN
from styletransfer.vgg.sources import WeightsSource

STUDIO_MD5 = hashlib.md5(BUILTIN["studio"].read_bytes()).hexdigest()
SKETCH, STUDIO = "the built-in network sketch", "the built-in network studio"


FILE = "bucket:vgg.h5"  # in the style bucket


@pytest.fixture
def pool_of(monkeypatch):
    """A pool whose VGG_WEIGHTS is FILE, stored with an ETag; reading gives other weights."""
    module = SimpleNamespace(VGG=lambda weights: weights)
    monkeypatch.setitem(sys.modules, "styletransfer.vgg.network", module)

    def made(etag, read=None):
        weights = SimpleNamespace(identity=read)
        monkeypatch.setattr(network_pool, "_read_weights", lambda *_: weights)
        config = SimpleNamespace(vgg_weights=FILE, demo=False)
        style = SimpleNamespace(name="./paintings")
        entries = [Entry("monet.jpg", 9, "e"), Entry("vgg.h5", 9, etag)]
        return network_pool.NetworkPool(config, style, entries)

    return made


def test_weights_that_have_changed_since_a_run_began_end_it(pool_of):
    with pytest.raises(
        WeightsError, match=r"bucket:vgg\.h5 are not those .* md5:b, not md5:a; have"
    ):
        pool_of("a", read="md5:b").load(Settings())
    for etag in ("b", "a-2"):  # Of an upload in parts nothing is known.
        pool = pool_of(etag, read="md5:b")
        assert pool.load(Settings()).identity == "md5:b"
        assert pool.load(Settings()) is pool.load(Settings())
        assert pool.choices() == {("vgg19", 0, False): WeightsSource(FILE, f"md5:{etag}")}


def test_weights_that_could_not_be_read_as_the_storage_was_away_are_read_again(
    pool_of, monkeypatch
):
    pool = pool_of("a")
    answers = [UnavailableError("away"), ObjectError("damaged"), "never asked for"]

    def read(*_):
        raise answers.pop(0)

    monkeypatch.setattr(network_pool, "_read_weights", read)
    with pytest.raises(UnavailableError):
        pool.load(Settings())
    for _ in range(2):  # What is damaged stays so, and takes long to find out.
        with pytest.raises(ObjectError, match="damaged"):
            pool.load(Settings())


@pytest.mark.parametrize(
    ("etag", "weights", "network", "accepted"),
    [
        ("a", "md5:a", "any", True),
        ("a", "md5:b", f"the weights {FILE}", False),
        ("a-2", "md5:b", f"the weights {FILE}", True),
        ("a", "md5:b-2", f"the weights {FILE}", True),
        ("a-2", "md5:b", "the weights other.h5", False),
        ("a", None, f"the weights {FILE}", True),
    ],
)
def test_weights_of_a_record_are_known_by_content_or_else_by_name(
    pool_of, etag, weights, network, accepted
):
    record = Record(weights=weights, network=network)
    assert pool_of(etag).accepts(record, Settings()) == accepted


@pytest.mark.parametrize(
    ("given", "identity", "source"),
    [
        (None, f"md5:{STUDIO_MD5}", WeightsSource("studio", f"md5:{STUDIO_MD5}")),
        ("builtin", f"md5:{STUDIO_MD5}", WeightsSource("studio", f"md5:{STUDIO_MD5}")),
        (FILE, "md5:a", WeightsSource(FILE, "md5:a")),
        ("studio", "md5:a", WeightsSource("studio", f"md5:{STUDIO_MD5}")),
        ("random", "md5:a", WeightsSource("random", "random:7")),
    ],
)
def test_a_record_is_repainted_with_the_weights_that_are_named_or_its_own(
    monkeypatch, pool_of, given, identity, source
):
    pool_of("a")
    monkeypatch.setattr(network_pool, "_read_weights", lambda found, *_: found)
    found = network_pool.load_network(given, identity, Settings(seed=7), None)
    assert found.given == source.given
    assert found.identity == source.identity or found.given == "random"


def md5(path):
    return "md5:" + hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def unnamed(folders, empty_caches, traced_once):
    """Folders as buckets, VGG_WEIGHTS unset, nothing cached."""
    del folders["VGG_WEIGHTS"]
    return folders


@pytest.fixture
def no_hub(monkeypatch):
    publish(monkeypatch, f"http://127.0.0.1:{free_ports(1)[0]}/small.h5", "0" * 32)


def records():
    return {each: json.loads(each.read_text()) for each in Path("out/_records").rglob("*.json")}


def networks():
    return [each["network"] for each in records().values()]


def more_photos():
    Path("photos/later.jpg").write_bytes(Path("photos/beach.jpg").read_bytes())


# --- VGG_WEIGHTS unset ------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_hub_a_run_paints_with_the_built_in_network(unnamed, no_hub, capsys):
    assert run(unnamed) == 0
    printed = capsys.readouterr().out
    assert f"refused); {STUDIO} serves instead (VGG_WEIGHTS=builtin keeps to it)" in printed
    assert f"painting with {STUDIO}" in printed
    assert keys() >= RESULTS
    for record in records().values():
        assert record["network"] == STUDIO
        assert record["weights"] == md5(BUILTIN["studio"])
        assert record["vgg_weights"] is None and "note" not in record
    shown = results_of(Path("out/index.html").read_text())
    assert all(["Network", STUDIO] in each["origin"] for each in shown)


def test_a_hub_that_answers_later_repaints_nothing(
    unnamed, small_vgg, hub, monkeypatch, no_hub, capsys
):
    assert run(unnamed) == 0
    before = keys()
    publish(monkeypatch, f"{hub.url}/small.h5", hashlib.md5(hub.content).hexdigest())
    assert run(unnamed) == 0
    assert "Nothing to paint" in capsys.readouterr().out
    assert keys() == before and hub.asked == []


def test_a_run_goes_on_with_the_built_in_network_where_it_has_begun(
    unnamed, small_vgg, hub, monkeypatch, no_hub, capsys
):
    run(unnamed)
    publish(monkeypatch, f"{hub.url}/small.h5", hashlib.md5(hub.content).hexdigest())
    more_photos()
    capsys.readouterr()
    assert run(unnamed) == 0
    printed = capsys.readouterr().out
    assert f"4 results there: painted with {STUDIO}, and so will be the others" in printed
    assert "VGG_WEIGHTS=published" in printed
    assert networks() == [STUDIO] * 6 and hub.asked == []
    assert run(unnamed, VGG_WEIGHTS="published") == 0
    assert networks() == ["VGG19, Keras' weights"] * 6


def test_a_hub_that_is_gone_later_repaints_nothing(unnamed, small_vgg, hub, published, capsys):
    assert run(unnamed) == 0
    assert networks() == ["VGG19, Keras' weights"] * 4
    (download.CACHE / published.name).unlink()
    hub.mode = "missing"
    more_photos()
    capsys.readouterr()
    assert run(unnamed) == 0
    printed = capsys.readouterr().out
    assert (
        "4 results there: painted with VGG19, Keras' weights, unlike those of this run" in printed
    )
    assert sorted(networks()) == ["VGG19, Keras' weights"] * 4 + [STUDIO] * 2
    hub.mode = "ok"
    assert run(unnamed) == 0
    assert "Nothing to paint: all 6 results" in capsys.readouterr().out


def test_a_run_with_nothing_to_paint_asks_no_hub(unnamed, small_vgg, hub, published):
    put(download.CACHE, published.name, hub.content)
    run(unnamed)
    (download.CACHE / published.name).unlink()
    assert run(unnamed) == 0
    assert hub.asked == []


def test_the_demo_neither_asks_the_hub_nor_paints_with_random_features(
    small_vgg, empty_caches, hub, published, monkeypatch, tmp_path, capsys
):
    from styletransfer import config, log

    log.log_to_stdout("%(message)s")
    monkeypatch.setattr(config, "WORKSPACE", tmp_path)
    assert run({"STYLE_SIZE": "48", "STYLE_ITERATIONS": "1"}) == 0
    assert f"painting with {STUDIO}" in capsys.readouterr().out
    made = [json.loads(each.read_text()) for each in (tmp_path / "results").rglob("*.jpg.json")]
    assert {each["network"] for each in made} == {STUDIO} and len(made) == 6
    assert hub.asked == []


@pytest.mark.slow
def test_drafts_have_the_quick_built_in_network_and_the_other_looks_the_better_one(
    unnamed, no_hub, capsys
):
    """Though their settings are the same in all else."""
    Path("photos/trip/old town é.png").unlink()
    Path("paintings/looks.toml").write_text(
        '[quick]\npaintings = ["monet.jpg"]\nquality = "draft"\niterations = 2\n'
        "learning_rate = 0.02\n"
        '[slow]\npaintings = ["monet.jpg"]\nlearning_rate = 0.02\n'
    )
    assert run(unnamed, DRY_RUN="1") == 0
    assert run(unnamed) == 0
    made = {path.parent.name: record for path, record in records().items()}
    assert (made["quick"]["network"], made["slow"]["network"]) == (SKETCH, STUDIO)
    assert made["quick"]["settings"] == made["slow"]["settings"]
    assert Path("out/quick/beach.jpg").read_bytes() != Path("out/slow/beach.jpg").read_bytes()
    capsys.readouterr()
    assert run(unnamed) == 0
    assert "Nothing to paint" in capsys.readouterr().out
    from styletransfer.cli.inetwork import inetwork

    assert inetwork(["--from-record", "out/_records/quick/beach.jpg.json", "copy"]) == 0
    assert Path("copy.jpg").read_bytes() == Path("out/quick/beach.jpg").read_bytes()


# --- VGG_WEIGHTS set --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "network"), [("builtin", "studio"), ("studio", "studio"), ("sketch", "sketch")]
)
def test_a_built_in_network_is_chosen_by_name(
    unnamed, small_vgg, hub, published, name, network, capsys
):
    assert run(unnamed, VGG_WEIGHTS=name) == 0
    assert f"painting with the built-in network {network}" in capsys.readouterr().out
    assert hub.asked == []
    assert run(unnamed, VGG_WEIGHTS=str(BUILTIN[network])) == 0
    assert "Nothing to paint" in capsys.readouterr().out, "it is the same network"


def test_another_content_of_the_built_in_file_is_another_network(
    unnamed, small_vgg, monkeypatch, tmp_path, capsys
):
    run(unnamed, VGG_WEIGHTS="builtin")
    (tmp_path / "other.npz").write_bytes(BUILTIN["studio"].read_bytes() + b"\0")
    monkeypatch.setitem(BUILTIN, "studio", tmp_path / "other.npz")
    capsys.readouterr()
    run(unnamed, VGG_WEIGHTS="builtin")
    assert "4 to paint" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("published", r"404.*VGG_WEIGHTS"),
        ("gone.npz", r"gone\.npz does not exist"),
        ("studi", r"weights are 'studi'.*builtin, sketch, studio, published, random"),
        ("torn.npz", r"torn\.npz cannot be used"),
    ],
)
def test_named_weights_that_cannot_be_had_end_the_run(unnamed, hub, published, given, message):
    hub.mode = "missing"
    Path("torn.npz").write_bytes(BUILTIN["studio"].read_bytes()[:5000])
    with pytest.raises(WeightsError, match=message) as caught:
        run(unnamed, VGG_WEIGHTS=given)
    assert caught.value.exit_code == 3
    assert not keys() & RESULTS


@pytest.mark.slow
def test_a_record_of_the_built_in_network_makes_the_same_picture(unnamed, no_hub, capsys):
    from styletransfer.cli.inetwork import inetwork

    Path("photos/trip/old town é.png").unlink()
    run(unnamed)
    assert inetwork(["--from-record", "out/_records/monet/beach.jpg.json", "copy"]) == 0
    assert Path("copy.jpg").read_bytes() == Path("out/monet/beach.jpg").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["vgg16", "vgg19"])
def test_the_original_recipe_paints_with_the_built_in_network(unnamed, no_hub, model, capsys):
    Path("photos/trip/old town é.png").unlink()
    Path("paintings/monet.jpg").unlink()
    assert run(unnamed, STYLE_RECIPE="inetwork", STYLE_MODEL=model, STYLE_ITERATIONS="1") == 0
    assert "conv5_2 is deeper than this network: conv5_1 is used" in capsys.readouterr().out
    assert networks() == [STUDIO]


@pytest.mark.slow
def test_weights_can_be_in_the_style_bucket(folders, traced_once):
    from support import fabricated

    fabricated.save_h5(Path("paintings/vgg.h5"), fabricated.weights())
    folders["VGG_WEIGHTS"] = "bucket:vgg.h5"
    Path("photos/trip/old town é.png").unlink()
    assert run(folders, STYLE_ITERATIONS="1") == 0
    identity = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())["weights"]
    assert identity.startswith("md5:")
    assert run(folders, STYLE_ITERATIONS="1") == 0
    with pytest.raises(WeightsError, match=r"bucket:other\.h5"):
        run(folders, VGG_WEIGHTS="bucket:other.h5")
