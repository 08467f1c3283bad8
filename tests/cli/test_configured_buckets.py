"""cl_send_source.py, cl_send_style.py and cl_get_results.py: the buckets of BUCKET_*."""

import sys
import webbrowser

import pytest
from support.commands import contents, fill, keys, on_a_terminal
from support.verbs import cl_get_results, cl_send_source, get_bucket_content

from painterly.settings.installation import PROGRAM
from painterly.storage.folder import FolderBucket

RESULTS = ("_gallery/thumbs/a b.jpg", "_records/monet/é.json", "index.html", "monet/2026/é.jpg")


@pytest.mark.slow
def test_results_are_named_on_a_terminal_too(in_folders, tmp_path):
    fill(in_folders["BUCKET_RESULT"], *RESULTS)
    script = str(PROGRAM / "cl_get_results.py")
    code, shown = on_a_terminal([sys.executable, script, str(tmp_path / "out")], [])
    assert code == 0 and "monet/2026/é.jpg (0.0 kB)" in shown and "4 files copied" in shown
    assert "3 files of the page" in shown and "thumbs" not in shown


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
