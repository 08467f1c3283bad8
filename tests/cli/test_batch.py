"""start.sh's arguments: places, settings, and the page that it names at the end."""

from pathlib import Path

import pytest
from support.commands import set_variables

from painterly.cli import batch
from painterly.cli.command import main
from painterly.configuration import config


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Collect the configurations of batches, which paint nothing, in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STARTED_IN", raising=False)
    read = config.read_environment
    monkeypatch.setattr(config, "read_environment", lambda *_: read(tmp_path))
    found = []
    for name in ("photos", "paintings"):
        Path(name).mkdir()
    monkeypatch.setattr(batch, "paint_batch", lambda config, *_: found.append(config) or 0)
    return found


def test_places_and_settings_win_over_variables(loaded, monkeypatch):
    monkeypatch.setenv("BUCKET_SOURCE", "other")
    monkeypatch.setenv("STYLE_SIZE", "64")
    monkeypatch.setenv("PRESET", "draft")
    words = [
        "./photos",
        "s3://paintings/old",
        "-o",
        "s3://results",
        "--size",
        "96",
        "--preserve-color",
    ]
    assert main([*words, "--preset", "fine", "--dry-run", "--keep"]) == 0
    [found] = loaded
    assert (found.photo_bucket, found.style_bucket) == ("./photos", "s3://paintings/old")
    assert (found.result_bucket, found.dry_run, found.keep) == ("s3://results", True, True)
    assert (found.settings.size, found.settings.preserve_color) == (96, True)
    assert found.settings.preset == "fine"


@pytest.mark.parametrize(
    ("variables", "warned"),
    [
        ({"INSTANCE_NUMBER": "0"}, False),
        ({"INSTANCE_NUMBER": "2"}, True),
        ({"INSTANCE_NUMBER": "2", "SHARD": "INSTANCE_NUMBER/3"}, False),
    ],
)
def test_further_instances_of_an_application_are_warned_that_they_paint_the_same(
    loaded, monkeypatch, capsys, variables, warned
):
    set_variables(monkeypatch, variables)
    assert main(["./photos", "./paintings", "-o", "./painted"]) == 0
    warning = "this is instance 2, and every instance paints all photos; SHARD=INSTANCE_NUMBER/n"
    assert (warning in capsys.readouterr().out) == warned


def test_relative_folders_are_those_where_it_was_called(loaded, tmp_path, monkeypatch):
    (tmp_path / "there/photos").mkdir(parents=True)
    monkeypatch.setenv("STARTED_IN", str(tmp_path / "there"))
    assert main(["./photos", "..", "-o", "/results"]) == 0
    [found] = loaded
    assert found.photo_bucket == str(tmp_path / "there/photos")
    assert Path(found.style_bucket).resolve() == tmp_path
    assert found.result_bucket == "/results"


def test_the_page_of_the_results_is_named_and_shown_where_there_is_one(loaded, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("webbrowser.open", lambda address: shown.append(address) or True)
    words = ["./photos", "./paintings", "-o", "./painted", "--open"]
    assert main(words) == 0
    assert not shown
    Path("painted").mkdir()
    Path("painted/index.html").touch()
    assert main(words[:4]) == 0
    assert capsys.readouterr().out.endswith("Open painted/index.html\n") and not shown
    assert main(words) == 0
    assert shown == [Path("painted/index.html").resolve().as_uri()]
    Path("beach.jpg").touch()
    capsys.readouterr()
    assert main(["./beach.jpg", *words[1:]]) == 0
    assert len(shown) == 2
    monkeypatch.setenv("SHARD", "0/2")
    assert main([*words, "--progress", "none"]) == 0
    assert len(shown) == 2
