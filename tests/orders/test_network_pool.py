"""The weights that a run uses."""

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.folder_batches import RESULTS, keys, run
from support.gallery import results_of

from painterly.errors import WeightsError
from painterly.images.output import OutputFormat
from painterly.orders import network_pool
from painterly.orders.order import Order
from painterly.orders.record import Record
from painterly.orders.styles import Style
from painterly.settings.settings import Settings
from painterly.storage.base import Entry
from painterly.vgg import architectures
from painterly.vgg.architectures import BUILTIN
from painterly.vgg.sources import WeightsSource

IDENTITY = f"md5:{hashlib.md5(BUILTIN.read_bytes()).hexdigest()}"
NETWORK = "the built-in network"
FILE = "bucket:vgg.h5"  # in the style bucket
BUILD = network_pool.NetworkPool.build


@pytest.fixture
def pool_of(monkeypatch):
    """A pool whose VGG_WEIGHTS is FILE, stored with an ETag; reading gives other weights."""
    module = SimpleNamespace(VGG=lambda weights: weights)
    monkeypatch.setitem(sys.modules, "painterly.vgg.network", module)

    def made(etag, read=None, later="b"):
        weights = architectures.Weights("vgg19", read, {}, None)
        monkeypatch.setattr(network_pool, "read_weights", lambda *_: weights)
        entries = [Entry("monet.jpg", 9, "e"), Entry("vgg.h5", 9, etag)]
        now = [Entry("vgg.h5", 9, later)]
        style = SimpleNamespace(name="./paintings", list=lambda prefix: now)
        return network_pool.NetworkPool(FILE, style, entries)

    return made


def test_weights_that_have_changed_since_a_run_began_end_it(pool_of):
    with pytest.raises(
        WeightsError, match=r"bucket:vgg\.h5 are not those .* md5:b, not md5:a; have"
    ):
        pool_of("a", read="md5:b").load(Settings())
    # The ETag of an upload in parts is not an MD5, nor any of some services.
    for etag, recorded in (("b", "md5:b"), ("a-2", "md5:b"), ("opaque", "md5:opaque")):
        pool = pool_of(etag, read="md5:b", later=etag)
        assert pool.load(Settings()).identity == recorded
        assert pool.load(Settings()) is pool.load(Settings())
        assert pool.source(Settings()) == WeightsSource(FILE, f"md5:{etag}")


@pytest.mark.parametrize(
    ("identity", "weights", "network", "accepted"),
    [
        ("md5:a", "md5:a", "any", True),
        ("md5:a", "md5:b", f"the weights {FILE}", False),
        ("md5:a-2", "md5:b", f"the weights {FILE}", True),
        ("md5:a", "md5:b-2", f"the weights {FILE}", True),
        ("md5:a-2", "md5:b", "the weights other.h5", False),
        ("md5:a", None, f"the weights {FILE}", True),
    ],
)
def test_weights_of_a_record_are_known_by_content_or_else_by_name(
    identity, weights, network, accepted
):
    style, source = Style("monet", (), Settings()), WeightsSource(FILE, identity)
    order = Order(Entry("a.jpg", 9, "e"), None, style, source, OutputFormat(None))
    assert order.accepts_weights(Record(weights=weights, network=network)) == accepted


@pytest.fixture
def unnamed(folders, empty_caches):
    """Folders as buckets, VGG_WEIGHTS unset, nothing cached."""
    del folders["VGG_WEIGHTS"]
    return folders


def records():
    return {each: json.loads(each.read_text()) for each in Path("out/_records").rglob("*.json")}


# --- VGG_WEIGHTS unset ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_paints_with_the_built_in_network_and_asks_no_hub(
    unnamed, stand_in, hub, published, monkeypatch, capsys
):
    monkeypatch.setattr(network_pool.NetworkPool, "build", BUILD)  # It is read, and not traced.
    assert run(unnamed) == 0
    assert f"painting with {NETWORK}\n" in capsys.readouterr().out
    assert keys() >= RESULTS
    for record in records().values():
        assert (record["network"], record["weights"]) == (NETWORK, IDENTITY)
        assert "vgg_weights" not in record and "note" not in record
    shown = results_of(Path("out/index.html").read_text())
    assert all(["gallery.network", NETWORK] in each["origin"] for each in shown)
    assert hub.asked == []


# --- VGG_WEIGHTS set --------------------------------------------------------------------------
