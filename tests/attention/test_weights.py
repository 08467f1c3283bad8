"""The weights of recipe attention: chosen for a run, from a folder or a bucket, and recorded."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import contract
import entrypoint
import pytest
from attention.hub import place
from support import tiny
from support.failures import weights_error
from support.folder_batches import run

from painterly.attention.diffusion import sources
from painterly.errors import WeightsError
from painterly.orders.network_pool import NetworkPool
from painterly.settings.settings import Settings
from painterly.storage import open_bucket
from painterly.storage.address import Account
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import WeightsSource

ATTENTION = Settings(recipe="attention")
KEY = "telegram/-100123/7-AQAD_x-9.jpg"  # a photo in the bot's bucket


@pytest.fixture
def tested(monkeypatch):
    """The weights that were tested, all with success."""
    weights = []
    module = SimpleNamespace(check_once=weights.append)
    monkeypatch.setitem(sys.modules, "painterly.attention.diffusion.self_test", module)
    return weights


def pool_with(folder, **named):
    """A pool whose style bucket is a folder with some files."""
    style = FolderBucket(folder)
    return NetworkPool(None, style, [*style.list()], named)


def test_diffusion_files_are_those_of_the_cache_or_of_a_folder(small_files, tmp_path):
    pool = pool_with(tmp_path)
    assert "./start.sh weights attention fetches them" in weights_error(pool.source, ATTENTION)
    place(sources.CACHE, small_files)
    assert pool.source(ATTENTION) == WeightsSource(str(sources.CACHE), sources.identity())
    assert pool.source(Settings()).given == "builtin"
    place(tmp_path / "mine", small_files)
    named = pool_with(tmp_path, ATTENTION_WEIGHTS=str(tmp_path / "mine"))
    assert named.source(ATTENTION) == WeightsSource(str(tmp_path / "mine"), sources.identity())


@pytest.mark.slow
def test_diffusion_files_in_the_style_bucket_are_copied_once_their_licence_is_accepted(
    small_files, tmp_path, tested
):
    bucket = tmp_path / "paintings"
    name = {"ATTENTION_WEIGHTS": "bucket:models/sd15"}
    place(bucket / "models", {"sd15/unet/other.safetensors": b"x"})
    pool = pool_with(bucket, **name)
    assert "has no unet/diffusion_pytorch_model" in weights_error(pool.source, ATTENTION)
    place(bucket / "models/sd15", small_files)
    pool = pool_with(bucket, **name)
    assert "set ACCEPT_OPENRAIL_M=true" in weights_error(pool.source, ATTENTION)
    pool = pool_with(bucket, **name, ACCEPT_OPENRAIL_M=True)
    source = pool.source(ATTENTION)
    assert source == WeightsSource("bucket:models/sd15", sources.identity())
    assert pool.load(ATTENTION).plugin_weights is pool.load(ATTENTION)[-1] is tested[0]
    assert tested[0].identity == sources.identity()
    assert {path.name for path in sources.CACHE.iterdir()} >= {"unet", "vae", "text_encoder"}


@pytest.mark.slow
def test_a_run_by_recipe_attention_ends_without_its_weights_and_else_records_their_sums(
    folders, stand_in, small_files, tested, capsys
):
    folders |= {"PRESET": "master", "STYLE_SIZE": "512", "STYLE_ITERATIONS": "200"}
    with pytest.raises(WeightsError, match="weights attention fetches them"):
        run(folders)
    place(sources.CACHE, small_files)
    assert run(folders) == 0
    records = [json.loads(each.read_text()) for each in Path("out/_records").rglob("*.json")]
    assert len(records) == 4
    for record in records:
        assert record["network"] == "Stable Diffusion 1.5 (CreativeML OpenRAIL-M)"
        assert record["weights"] == sources.identity()
        assert record["settings"]["recipe"] == "attention"
    # On a CPU, it is slow, and a small picture is not.
    slow = [line for line in capsys.readouterr().out.splitlines() if " on this CPU, " in line]
    assert len(slow) == 4 and "; size 256 with iterations 100 takes about" in slow[0]


def test_the_bots_job_copies_them_for_a_chats_own_style_once_their_licence_is_accepted(
    small_files, monkeypatch, tmp_path, capsys
):
    name = str(tmp_path / "bucket")
    (tmp_path / "bucket").mkdir()
    bucket = open_bucket(name, Account())
    wish = json.dumps({"wish": {"style": "waves", "prefix": "own/-100123"}})
    bucket.write("own/-100123/waves.jpg", tiny.file(50, 50, 1))
    bucket.write(contract.Photo.of_key(KEY).request_key, wish.encode())
    bucket.write(KEY, tiny.file(60, 80, 1))
    place(tmp_path / "bucket/styles/attention", small_files)
    painted = []
    monkeypatch.setattr(entrypoint.batch, "paint_batch", lambda config: painted.append(config) or 0)
    monkeypatch.setenv("PRESET", "master")
    monkeypatch.setenv("ATTENTION_WEIGHTS", "bucket:attention")
    assert entrypoint.main([name, KEY]) == 3
    assert "set ACCEPT_OPENRAIL_M=true" in capsys.readouterr().err
    monkeypatch.setenv("ACCEPT_OPENRAIL_M", "true")
    assert entrypoint.main([name, KEY]) == 0
    assert "ATTENTION_WEIGHTS" not in painted[0].variables
    sources.check_sizes(sources.CACHE)
