"""get_bucket_content.py and send_to_bucket.py: folders and buckets, named on the command line; and
cl_send_source.py, cl_send_style.py and cl_get_results.py: the buckets of BUCKET_*."""

import os
import sys
import webbrowser

import pytest
from support.commands import contents, fill, keys, leave_out_env_file, on_a_terminal, set_variables
from support.verbs import cl_get_results, cl_send_source, get_bucket_content, send_to_bucket

from painterly.settings.installation import PROGRAM
from painterly.storage.folder import FolderBucket


def test_a_folder_sent_and_fetched_is_the_same_and_only_what_differs_is_moved_then(
    reachable, folder_to_send, tmp_path, capsys
):
    name, copy = f"s3://{reachable.new_bucket()}/summer", tmp_path / "new" / "copy"
    assert send_to_bucket([str(folder_to_send), name]) == 0
    assert "5 files copied (0.2 MB)" in capsys.readouterr().out
    assert get_bucket_content([name, str(copy)]) == 0
    assert contents(copy) == contents(folder_to_send)
    assert not (copy / ".DS_Store").exists()
    out = capsys.readouterr().out.splitlines()
    assert sorted(out[:-1])[0] == "2026/e.txt (50.0 kB)" and len(out) == 6
    assert out[-1] == "5 files copied (0.2 MB)"

    written = (copy / "a.jpg").stat().st_mtime_ns
    (folder_to_send / "2026/e.txt").write_bytes(
        b"!" * 50_000
    )  # The same size: only the hash differs.
    assert send_to_bucket([str(folder_to_send), name]) == 0
    assert capsys.readouterr().out == (
        "2026/e.txt (50.0 kB)\n1 file copied (50.0 kB), 4 already the same\n"
    )
    assert get_bucket_content([name, str(copy)]) == 0
    assert "1 file copied (50.0 kB), 4 already the same" in capsys.readouterr().out
    assert contents(copy) == contents(folder_to_send)
    assert (copy / "a.jpg").stat().st_mtime_ns == written

    assert get_bucket_content([f"{name}/a.jpg", str(copy)]) == 2
    bucket = name.removesuffix("/summer")
    assert "/summer/a.jpg; for a single" in capsys.readouterr().err
    assert get_bucket_content([bucket, str(copy), "--include", "summer/a.jpg"]) == 0
    assert contents(copy / "summer") == {"a.jpg": (folder_to_send / "a.jpg").read_bytes()}
    for empty in (f"s3://{reachable.new_bucket()}", f"s3://{reachable.new_bucket()}/"):
        assert get_bucket_content([empty, str(tmp_path / "none")]) == 0


@pytest.mark.parametrize(
    ("variables", "code", "message"),
    [
        ({}, 5, "create it (./bucket_management.py create s3://no-such-bucket)"),
        ({"CELLAR_ADDON_HOST": "h"}, 2, "CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET missing"),
        ({"AWS_EC2_METADATA_DISABLED": "true"}, 2, "no credentials for buckets"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_one_line(
    reachable, folder_to_send, tmp_path, monkeypatch, capsys, variables, code, message
):
    if variables:
        for name in [name for name in os.environ if name.startswith(("AWS_", "CELLAR_"))]:
            monkeypatch.delenv(name)
        set_variables(monkeypatch, {"HOME": str(tmp_path), **variables})
        leave_out_env_file(monkeypatch)
    for run in (
        lambda: send_to_bucket([str(folder_to_send), "s3://no-such-bucket"]),
        lambda: get_bucket_content(["s3://no-such-bucket", str(folder_to_send)]),
    ):
        assert run() == code
        printed = capsys.readouterr()
        assert printed.out == "" and message in printed.err and printed.err.count("\n") == 1


TROUBLE = ("line\nend.jpg", 'quote\'s "double".jpg', "#?%&+ =.jpg", "é" * 120 + ".jpg")
SLASHED = ("/leading.jpg", "a//b.jpg", "/etc/x.jpg")  # A file's name lacks the empty parts.
UNFIT = ("../up.jpg", "x" * 1020 + ".jpg", "marker with data/", "a/../../b.jpg", "back\\slash.jpg")
CONFLICT = ("c", "c/d.jpg")  # A folder cannot have both.


def test_no_key_is_lost_silently(rgw, monkeypatch, tmp_path, capsys):
    """On Ceph, as moto answers a line end with 404."""
    set_variables(monkeypatch, rgw.environment)
    bucket = rgw.open()
    long = "/".join(["d" * 127] * 8)  # 1,023 bytes that every disk takes
    for key in (*TROUBLE, *SLASHED, *UNFIT, *CONFLICT, long, "marker/", ".ssh/authorized_keys"):
        rgw.client.put_object(
            Bucket=bucket.name, Key=key, Body=b"" if key == "marker/" else key.encode()
        )
    assert get_bucket_content([f"s3://{bucket.name}", str(tmp_path / "out")]) == 1
    found = contents(tmp_path / "out")
    [one] = (key for key in CONFLICT if key in found)
    fit = {key: key.encode() for key in (*TROUBLE, long, one)}
    fit |= {key.lstrip("/").replace("//", "/"): key.encode() for key in SLASHED}
    assert found == fit
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    printed = capsys.readouterr()
    assert f"{len(fit)} files copied" in printed.out and "1 hidden left out" in printed.out
    assert f"{len(UNFIT) + 1} failed" in printed.out
    assert "needs a folder where a file is" in printed.err
    assert [key for key in UNFIT if key not in printed.err] == []
    assert printed.err.count("\n") == len(UNFIT) + 1
    second = rgw.new_bucket()
    assert send_to_bucket([str(tmp_path / "out"), f"s3://{second}"]) == 0
    assert sorted(keys(rgw.open(second))) == sorted(fit)


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
