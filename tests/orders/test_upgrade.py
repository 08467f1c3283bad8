"""Results of another engine stay, and are counted, until they are asked for."""

import json
from pathlib import Path

import pytest
from support.batch_results import painted
from support.commands import python
from support.folder_batches import RESULTS, run

from painterly import ENGINE_VERSION
from painterly.cli.command import main

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


@pytest.mark.thorough
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
