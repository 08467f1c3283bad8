"""cl_send_source.py, cl_send_style.py and cl_get_results.py: the buckets of BUCKET_*."""

import sys
import webbrowser

import pytest
from support.commands import contents, fill, keys, leave_out_env_file, on_a_terminal
from support.verbs import (
    bucket_management,
    cl_get_results,
    cl_send_source,
    cl_send_style,
    get_bucket_content,
    send_to_bucket,
)

from painterly.settings.installation import PROGRAM
from painterly.storage.folder import FolderBucket

RESULTS = ("_gallery/thumbs/a b.jpg", "_records/monet/é.json", "index.html", "monet/2026/é.jpg")
MIXED = ("a.JPG", "été 2026/b c.heic", "été 2026/b c.mask.png", "styles.toml", "sub/styles.toml")
VGGS = ("vgg.h5", "vgg.npz")
MIXED += ("notes.txt", "sub/vgg.mat", *VGGS)


def test_photos_and_paintings_are_sent_with_what_belongs_to_them(in_folders, tmp_path, capsys):
    fill(FolderBucket(tmp_path / "in"), *MIXED)
    photos = ["a.JPG", "été 2026/b c.heic", "été 2026/b c.mask.png"]
    assert cl_send_source([str(tmp_path / "in")]) == 0
    assert keys(in_folders["BUCKET_SOURCE"]) == photos
    assert "3 files copied (0.0 kB), 6 of other kinds left out" in capsys.readouterr().out
    assert cl_send_style([str(tmp_path / "in")]) == 0
    weights = ["styles.toml", "sub/vgg.mat", "vgg.h5", "vgg.npz"]
    assert keys(in_folders["BUCKET_STYLE"]) == sorted([*photos, *weights])
    assert "7 files copied (0.1 kB), 2 of other kinds left out" in capsys.readouterr().out
    assert keys(in_folders["BUCKET_RESULT"]) == []


def test_results_records_and_gallery_are_fetched_and_nothing_unfinished(
    in_folders, tmp_path, capsys
):
    bucket = in_folders["BUCKET_RESULT"]
    others = ["_checkpoints/monet/c.npz", "_web/photos/1/c.jpg", "_gallery/unpublished"]
    fill(bucket, *RESULTS, *others, "monet/2026/c.jpg")
    assert cl_get_results([str(tmp_path / "out")]) == 0
    assert sorted(contents(tmp_path / "out")) == sorted([*RESULTS, "monet/2026/c.jpg"])
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines[:-2]) == ["monet/2026/c.jpg (0.0 kB)", "monet/2026/é.jpg (0.0 kB)"]
    assert lines[-2:] == ["3 files of the page (0.1 kB)", "5 files copied (0.1 kB)"]
    assert cl_get_results([str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == "0 files copied (0.0 kB), 5 already the same\n"


@pytest.mark.slow
def test_results_are_named_on_a_terminal_too(in_folders, tmp_path):
    fill(in_folders["BUCKET_RESULT"], *RESULTS)
    script = str(PROGRAM / "cl_get_results.py")
    code, shown = on_a_terminal([sys.executable, script, str(tmp_path / "out")], [])
    assert code == 0 and "monet/2026/é.jpg (0.0 kB)" in shown and "4 files copied" in shown
    assert "3 files of the page" in shown and "thumbs" not in shown


def test_patterns_choose_files_and_what_is_left_out_is_named(in_folders, tmp_path, capsys):
    bucket = in_folders["BUCKET_SOURCE"]
    fill(FolderBucket(tmp_path / "in"), *MIXED, *(f"{number:02}.txt" for number in range(11)))
    fill(bucket, "old.jpg")
    patterns = ["--include", "*.jpg", "--include", "été*", "--exclude", "*mask*"]
    assert cl_send_source([str(tmp_path / "in"), *patterns, "--include", "a.J?G"]) == 0
    assert keys(bucket) == ["a.JPG", "old.jpg", "été 2026/b c.heic"]
    lines = capsys.readouterr().out.splitlines()
    first = ", ".join(f"{number:02}.txt" for number in range(10))
    counts = "12 .txt, 2 .toml, 1 .h5, 1 .mat, 1 .npz"
    assert lines[-2:] == [
        f"left out of other kinds ({counts}): {first} and 7 more",
        "left out outside the patterns: été 2026/b c.mask.png",
    ]
    assert cl_send_source([str(tmp_path / "in"), "--delete", "--include", "a*"]) == 0
    assert keys(bucket) == ["a.JPG", "old.jpg", "été 2026/b c.heic"]
    assert cl_send_source([str(tmp_path / "in/notes.txt")]) == 2
    assert "would be left out (of other kinds)" in capsys.readouterr().err


def test_several_files_are_sent_by_their_names(in_folders, tmp_path, capsys):
    folder = tmp_path / "in"
    fill(FolderBucket(folder), *MIXED, "other/a.JPG")
    # As a shell expands *.
    files = [str(path) for path in folder.iterdir() if path.is_file()]
    assert cl_send_source([*files, str(folder / "été 2026/b c.heic")]) == 0
    assert keys(in_folders["BUCKET_SOURCE"]) == ["a.JPG", "b c.heic"]
    assert "left out of other kinds (1 .h5, 1 .npz, 1 .toml, 1 .txt)" in capsys.readouterr().out
    assert send_to_bucket([*files, in_folders["BUCKET_RESULT"].name]) == 0
    assert keys(in_folders["BUCKET_RESULT"]) == [
        "a.JPG",
        "notes.txt",
        "styles.toml",
        *VGGS,
    ]
    assert "5 files copied" in capsys.readouterr().out
    refusals = {
        "is a folder; expected one folder": [*files, str(folder / "other")],
        "have the same name; rename one": [*files, str(folder / "other/a.JPG")],
        "nope.jpg' does not exist": [*files, str(folder / "nope.jpg")],
        "--delete needs a folder": [*files, "--delete"],
        "would be left out (of other kinds)": [str(folder / "vgg.h5"), str(folder / "notes.txt")],
    }
    for message, arguments in refusals.items():
        assert cl_send_source(arguments) == 2
        printed = capsys.readouterr()
        assert message in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert keys(in_folders["BUCKET_SOURCE"]) == ["a.JPG", "b c.heic"]


@pytest.mark.parametrize("buckets", ["in_folders", "on_moto"])
def test_a_mirror_deletes_only_what_it_names_and_came_from_there(
    request, buckets, tmp_path, capsys
):
    bucket = request.getfixturevalue(buckets)["BUCKET_RESULT"]
    fill(bucket, *RESULTS, "old style/c.jpg", "_records/old style/c.jpg.json")
    folder = FolderBucket(tmp_path / "out", new=True)
    assert cl_get_results([str(tmp_path / "out")]) == 0
    mine = {"mine.jpg", "holidays/mine.jpg", "monet/mine.jpg", "_gallery/mine.jpg"}
    fill(folder, *mine)
    (tmp_path / "out/monet/.DS_Store").write_bytes(b"x")
    bucket.delete("old style/c.jpg")
    bucket.delete("_records/old style/c.jpg.json")
    capsys.readouterr()
    gone = ["_records/old style/c.jpg.json", "old style/c.jpg"]
    assert cl_get_results([str(tmp_path / "out"), "--delete", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "0 files would be copied (0.0 kB), 4 already the same, 2 would be deleted" in out
    assert set(gone) < {*keys(folder)}
    assert cl_get_results([str(tmp_path / "out")]) == 0
    assert set(gone) < {*keys(folder)}
    assert cl_get_results([str(tmp_path / "out"), "--delete"]) == 0
    assert {*keys(folder)} == {*RESULTS, *mine}
    assert (tmp_path / "out/monet/.DS_Store").exists()
    printed = capsys.readouterr().out.splitlines()
    assert sorted(line for line in printed if "deleted " in line and ":" not in line)[:2] == [
        f"deleted {key}" for key in gone
    ]


def test_a_mirror_of_photos_leaves_other_kinds_and_hidden_files(on_moto, tmp_path, capsys):
    bucket = on_moto["BUCKET_SOURCE"]
    fill(bucket, "notes.txt", ".hidden/x.jpg", "old.jpg", "new.jpg")
    fill(FolderBucket(tmp_path / "in"), "new.jpg")
    assert cl_send_source([str(tmp_path / "in"), "--delete"]) == 0
    assert keys(bucket) == [".hidden/x.jpg", "new.jpg", "notes.txt"]
    assert "deleted old.jpg\n" in capsys.readouterr().out


def test_a_mirror_of_nothing_is_refused_and_one_that_failed_deletes_nothing(
    on_moto, tmp_path, capsys
):
    bucket = on_moto["BUCKET_SOURCE"]
    fill(bucket, "a.jpg", "b.jpg")
    (tmp_path / "in").mkdir()
    assert cl_send_source([str(tmp_path / "in"), "--delete"]) == 2
    assert "--delete would delete 2 files" in capsys.readouterr().err
    fill(bucket, "../hostile.jpg", "gone.jpg")
    fill(FolderBucket(tmp_path / "out"), "mine.jpg")
    assert get_bucket_content([f"s3://{bucket.name}", str(tmp_path / "out")]) == 1
    bucket.delete("gone.jpg")
    assert get_bucket_content([f"s3://{bucket.name}", str(tmp_path / "out"), "--delete"]) == 1
    assert "1 file not deleted, because not all others arrived" in capsys.readouterr().err
    assert {*contents(tmp_path / "out")} == {"a.jpg", "b.jpg", "gone.jpg", "mine.jpg"}


def test_without_a_configuration_the_scripts_say_what_to_set(tmp_path, monkeypatch, capsys):
    leave_out_env_file(monkeypatch, only={})
    for script, word, line in (
        (cl_send_source, str(tmp_path), "BUCKET_SOURCE is not set; set BUCKET_SOURCE in"),
        (cl_get_results, str(tmp_path), "BUCKET_RESULT is not set; set BUCKET_RESULT in"),
        (bucket_management, "check", "BUCKET_* is not set; set BUCKET_SOURCE, BUCKET_STYLE, BU"),
    ):
        assert script([word]) == 2
        err = capsys.readouterr().err
        assert line in err and err.count("\n") == 1
    one = {"BUCKET_SOURCE": "photos"}
    leave_out_env_file(monkeypatch, only=one)
    assert bucket_management(["check"]) == 2
    assert "BUCKET_STYLE and BUCKET_RESULT missing" in capsys.readouterr().err


def test_open_shows_the_gallery_or_else_the_folder(in_folders, tmp_path, monkeypatch, capsys):
    pages = []
    monkeypatch.setattr(webbrowser, "open", pages.append)
    out = tmp_path / "out é"
    fill(in_folders["BUCKET_RESULT"], "monet/a.jpg")
    assert cl_get_results([str(out), "--open"]) == 0
    assert "could not start a browser" in capsys.readouterr().out
    fill(in_folders["BUCKET_RESULT"], "index.html")
    (out / "index.html").write_text("my own page")
    assert cl_get_results([str(out), "--open"]) == 1
    assert "index.html is your own and stays; " in capsys.readouterr().err
    (out / "index.html").unlink()
    assert cl_get_results([str(out), "--open"]) == 0
    assert pages == [out.as_uri(), out.as_uri(), (out / "index.html").as_uri()]


def test_a_copy_needs_only_the_bucket_that_it_copies(tmp_path, monkeypatch, capsys):
    for name in ("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STYLE_SIZE", "wrong")  # It is for painting.
    fill(FolderBucket(tmp_path / "results"), "monet/a.jpg")
    assert cl_get_results([str(tmp_path / "out")]) == 2
    assert "BUCKET_RESULT is not set; set BUCKET_RESULT in" in capsys.readouterr().err
    monkeypatch.setenv("BUCKET_RESULT", str(tmp_path / "results"))
    assert cl_get_results([str(tmp_path / "out")]) == 0
    assert contents(tmp_path / "out") == {"monet/a.jpg": b"monet/a.jpg"}
    monkeypatch.setenv("BUCKET_SOURCE", str(tmp_path / "photos"))
    assert cl_send_source([str(tmp_path / "out")]) == 0
