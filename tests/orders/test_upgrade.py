"""Results of another engine stay, and are counted, until they are asked for."""

import json
from pathlib import Path

import pytest
from support.batch_results import ONE, edited, painted
from support.commands import python
from support.folder_batches import RESULTS, run

from painterly import ENGINE_VERSION
from painterly.cli.command import main
from painterly.vgg.architectures import BUILTIN
from painterly.vgg.sources import file_identity

EARLIER_PROGRAM = """
import sys
import painterly
painterly.ENGINE_VERSION = "9"
from painterly.cli.command import main
sys.exit(main([]))
"""
COUNTED = "4 were painted by an earlier version; --repaint paints them again\n"


def files():
    return {
        key: (Path("out", key).read_bytes(), Path("out", key).stat().st_mtime_ns) for key in RESULTS
    }


def engines():
    return [json.loads(path.read_text())["engine"] for path in Path("out/_records").rglob("*.json")]


@pytest.mark.slow
def test_an_upgrade_repaints_nothing_until_it_is_asked(folders, tmp_path, monkeypatch, capsys):
    """Preset instant paints as the engine itself does, without TensorFlow."""
    instant = {name: value for name, value in folders.items() if name != "VGG_WEIGHTS"}
    instant["STYLE_PRESET"] = "instant"
    earlier = python("-c", EARLIER_PROGRAM, cwd=tmp_path, **instant)
    assert earlier.returncode == 0, earlier.stderr
    before = files()
    assert engines() == ["9"] * 4
    for dry_run in ("0", "1"):
        assert painted(capsys, instant, DRY_RUN=dry_run) == 0
    assert run(instant) == 0
    out = capsys.readouterr().out
    assert COUNTED in out and "Nothing to paint: all 4 results are in ./out." in out
    assert files() == before
    for name, value in instant.items():
        monkeypatch.setenv(name, value)
    assert main(["--dry-run", "--repaint"]) == 0
    out = capsys.readouterr().out
    versions = f"by another version of the engine (9 → {ENGINE_VERSION})"
    assert f"4 are there {versions}: they will be replaced" in out
    assert "dry run: 4 to paint" in out and files() == before
    assert main(["--repaint"]) == 0
    assert "4 painted in" in capsys.readouterr().out
    assert engines() == [ENGINE_VERSION] * 4
    repainted = files()
    assert {key: data for key, (data, _) in repainted.items()} == {
        key: data for key, (data, _) in before.items()
    }
    assert main(["--repaint"]) == 0  # As often as a platform starts it.
    assert "earlier version" not in capsys.readouterr().out and files() == repainted


def of_an_earlier_engine(**changes):
    """The record as an earlier engine would have written it."""
    edited(**{"engine": "9", "fingerprint": "of engine 9"} | changes)


def test_what_else_changes_after_an_upgrade_is_painted_as_ever(folders, stand_in, capsys):
    run(folders, **ONE)
    of_an_earlier_engine()
    assert painted(capsys, folders, **ONE) == 0
    assert run(folders, **ONE, STYLE_SEED="3") == 0
    assert (
        "1 is there with other settings (seed 0 → 3) and by another version of the engine (9 → "
        f"{ENGINE_VERSION}): it will be replaced" in capsys.readouterr().out
    )


def settings(**changes):
    """The settings in the record, changed: None removes one."""
    recorded = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())["settings"]
    return {name: value for name, value in (recorded | changes).items() if value is not None}


def test_settings_that_an_earlier_version_lacked_count_as_their_defaults(folders, stand_in, capsys):
    run(folders, **ONE)
    lacking = settings(stroke_size=None, recipe=None, color_match="none")
    of_an_earlier_engine(settings=lacking, given=None)
    assert painted(capsys, folders, **ONE) == 0
    assert painted(capsys, folders, **ONE, STYLE_STROKE_SIZE="2") == 1
    # A version may have another setting and the same engine.
    edited(settings=settings(structure_weight=None), given=None, fingerprint="of version 11.1")
    assert run(folders, **ONE, STYLE_STROKE_SIZE="2") == 0
    out = capsys.readouterr().out
    assert "Nothing to paint" in out and "earlier version" not in out


def test_a_default_that_a_version_changes_is_not_a_users_change(folders, stand_in, capsys):
    run(folders, **ONE, STYLE_PRESET="draft")
    of_an_earlier_engine(settings=settings(strength=0.7, learning_rate=0.05))
    assert painted(capsys, folders, **ONE, STYLE_PRESET="draft") == 0
    assert painted(capsys, folders, **ONE, STYLE_PRESET="draft", STYLE_STRENGTH="0.6") == 1
    of_an_earlier_engine()
    assert painted(capsys, folders, **ONE, STYLE_PRESET="draft") == 1


def test_another_preset_paints_again(folders, stand_in, capsys):
    asked = folders | ONE | {"STYLE_ITERATIONS": ""}
    for preset in ("draft", "fine"):
        assert painted(capsys, asked, STYLE_PRESET=preset) == 1
        assert painted(capsys, asked, STYLE_PRESET=preset) == 0


def test_the_built_in_network_of_an_earlier_engine_is_part_of_it(folders, stand_in, capsys):
    built_in = folders | {"VGG_WEIGHTS": "builtin"}
    run(built_in, **ONE)
    of_an_earlier_engine(weights="md5:older", network="the built-in network studio")
    assert painted(capsys, built_in, **ONE) == 0
    assert painted(capsys, built_in, **ONE, REPAINT="1") == 1
    record = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())
    assert record["weights"] == file_identity(BUILTIN)
    of_an_earlier_engine(weights="md5:older", network="the weights my.h5")
    assert painted(capsys, built_in, **ONE) == 1


@pytest.mark.parametrize("unknown", ["photo_etag", "paintings", "settings", "output"])
def test_a_result_of_unknown_inputs_is_painted_again(folders, stand_in, capsys, unknown):
    run(folders, **ONE)
    of_an_earlier_engine(given=None, **{unknown: None})
    assert painted(capsys, folders, **ONE) == 1
