"""start.sh's arguments: places, settings, and the page that it names at the end."""

from pathlib import Path

import pytest
from support.commands import set_variables

from painterly.cli import batch
from painterly.cli.command import main
from painterly.cli.places import place_variables
from painterly.configuration import config


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Collect the configurations of batches, which paint nothing, in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STARTED_IN", raising=False)
    read = config.read_environment
    monkeypatch.setattr(config, "read_environment", lambda *_: read(tmp_path))
    found = []
    monkeypatch.setattr(batch, "paint_batch", lambda config, _: found.append(config) or 0)
    return found


def test_places_and_settings_win_over_variables(loaded, monkeypatch):
    monkeypatch.setenv("BUCKET_SOURCE", "other")
    monkeypatch.setenv("STYLE_SIZE", "64")
    monkeypatch.setenv("PRESET", "draft")
    words = ["./photos", "s3://paintings/old", "results", "--size", "96", "--preserve-color"]
    assert main([*words, "--preset", "fine", "--dry-run", "--keep"]) == 0
    [found] = loaded
    assert (found.photo_bucket, found.style_bucket) == ("./photos", "s3://paintings/old")
    assert (found.result_bucket, found.dry_run, found.keep) == ("results", True, True)
    assert (found.settings.size, found.settings.preserve_color) == (96, True)
    assert found.settings.preset == "fine"


def test_single_pictures_are_a_photo_and_a_style(loaded, monkeypatch):
    monkeypatch.setenv("STYLE", "klee")  # Arguments override it.
    Path("beach.jpg").write_bytes(b"")
    assert main(["beach.jpg", "s3://paintings/old/monet.jpg", "./painted"]) == 0
    [found] = loaded
    assert (Path(found.photo_bucket), found.photos) == (Path.cwd(), ("beach.jpg",))
    assert (found.style_bucket, found.style_name) == ("s3://paintings/old", "monet.jpg")


@pytest.mark.parametrize("folder", ["./old/paintings", "..", "/old", "~/old"])
def test_a_picture_in_a_folder_is_looked_for_in_that_folder(folder):
    there = place_variables(["./photos", f"{folder}/monet.jpg", "./painted"], Path.cwd())
    assert (there["BUCKET_STYLE"], there["STYLE"]) == (folder, "monet.jpg")


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
    assert main(["./photos", "./paintings", "./painted"]) == 0
    warning = "this is instance 2, and every instance paints all photos; SHARD=INSTANCE_NUMBER/n"
    assert (warning in capsys.readouterr().out) == warned


def test_relative_folders_are_those_where_it_was_called(tmp_path):
    places = ["./photos", "../paintings", "/results"]
    found = place_variables(places, tmp_path / "there")
    assert found["BUCKET_SOURCE"] == str(tmp_path / "there/photos")
    assert Path(found["BUCKET_STYLE"]).resolve() == (tmp_path / "paintings").resolve()
    assert found["BUCKET_RESULT"] == "/results"
    urls = ["file:///my%20photos", "file:/paintings", "file:/results"]
    assert [*place_variables(urls, tmp_path / "there").values()] == urls


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photos", "b", "c"], "write ./photos for the folder or s3://photos for the bucket"),
        (["./photos", "./b"], "expected PHOTOS, PAINTINGS, RESULTS, or none of them"),
        (
            ["./photos", "./b", "./c.jpg"],
            "expected a folder or bucket, or as PHOTO a single picture",
        ),
        (["./photos", "b", "c", "--size", "7"], "--size is '7'; expected"),
        (["s3://photos", "bbb", "C"], "BUCKET_RESULT: 'C' is not a valid bucket name"),
    ],
)
def test_a_mistake_is_one_line(loaded, capsys, words, message):
    Path("photos").mkdir()
    assert main(words) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1 and not loaded


def test_the_page_of_the_results_is_named_and_shown_where_there_is_one(loaded, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("webbrowser.open", lambda address: shown.append(address) or True)
    words = ["./photos", "./paintings", "./painted", "--open"]
    assert main(words) == 0
    assert not shown
    Path("painted").mkdir()
    Path("painted/index.html").touch()
    assert main(words[:3]) == 0
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
