"""get_bucket_content.py and send_to_bucket.py, as one runs them on a laptop."""

import io
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich import progress as rich_progress
from s3_servers import SECRET, free_ports

from styletransfer import errands
from styletransfer.errands import get_bucket_content, send_to_bucket
from styletransfer.storage import FolderBucket, StorageError, UnavailableError

REPO = Path(__file__).parents[1]


@pytest.fixture
def reachable(server, monkeypatch):
    """The server, with the scripts' environment set to reach it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def photos(tmp_path):
    """A folder of a few files, in sub-folders, with names that ask for trouble."""
    folder = tmp_path / "photos"
    for key in ("a.jpg", "b ü#?.jpg", "2026/été/c+d.png", "2026/e.txt"):
        FolderBucket(folder).write(key, random.Random(key).randbytes(50_000))
    FolderBucket(folder).write("empty.jpg", b"")
    (folder / ".DS_Store").write_bytes(b"x")
    return folder


def contents(folder) -> dict[str, bytes]:
    return {
        entry.key: FolderBucket(folder).read(entry.key) for entry in FolderBucket(folder).list()
    }


def test_a_folder_sent_and_fetched_is_the_same(reachable, photos, tmp_path, capsys):
    name = reachable.new_bucket()
    assert send_to_bucket([str(photos), f"{name}/summer"]) == 0
    assert "5 files moved (0.2 MB)" in capsys.readouterr().out
    assert get_bucket_content([f"{name}/summer", str(tmp_path / "new" / "copy")]) == 0
    assert contents(tmp_path / "new" / "copy") == contents(photos)
    assert not (tmp_path / "new" / "copy" / ".DS_Store").exists()
    out = capsys.readouterr().out.splitlines()
    assert sorted(out[:-1])[0] == "2026/e.txt (50.0 kB)" and len(out) == 6
    assert out[-1] == "5 files moved (0.2 MB)"


def test_only_what_differs_is_moved(reachable, photos, tmp_path, capsys):
    name, copy = reachable.new_bucket(), tmp_path / "copy"
    send_to_bucket([str(photos), name])
    get_bucket_content([name, str(copy)])
    written = (copy / "a.jpg").stat().st_mtime_ns
    (photos / "2026/e.txt").write_bytes(b"!" * 50_000)  # The same size: only the hash tells.
    capsys.readouterr()
    assert send_to_bucket([str(photos), name]) == 0
    assert capsys.readouterr().out == (
        "2026/e.txt (50.0 kB)\n1 file moved (50.0 kB), 4 the same already\n"
    )
    assert get_bucket_content([name, str(copy)]) == 0
    assert "1 file moved (50.0 kB), 4 the same already" in capsys.readouterr().out
    assert contents(copy) == contents(photos)
    assert (copy / "a.jpg").stat().st_mtime_ns == written


def test_what_lies_only_where_files_go_to_stays(reachable, photos, tmp_path):
    bucket = reachable.open()
    bucket.write("theirs.jpg", b"x")
    send_to_bucket([str(photos), bucket.name])
    assert bucket.read("theirs.jpg") == b"x"
    FolderBucket(tmp_path / "copy").write("mine.jpg", b"y")
    get_bucket_content([bucket.name, str(tmp_path / "copy")])
    assert contents(tmp_path / "copy").keys() == {*contents(photos), "theirs.jpg", "mine.jpg"}


def test_hostile_keys_are_reported_and_skipped_and_the_rest_goes_on(reachable, tmp_path, capsys):
    bucket = reachable.open()
    hostile = ["../up.jpg", "/etc/x.jpg", "a/../../b.jpg", "back\\slash.jpg"]
    for key in (*hostile, "good.jpg", ".ssh/authorized_keys"):
        bucket.write(key, b"x")
    folder = tmp_path / "in"
    assert get_bucket_content([bucket.name, str(folder)]) == 1
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == [
        "in",
        "in/good.jpg",
    ]
    told = capsys.readouterr()
    assert "1 file moved (0.0 kB), 1 hidden left out, 4 failed:" in told.out
    assert [key for key in hostile if f"'{key}'" not in told.err] == []


def test_one_file_that_fails_leaves_the_others_going(reachable, tmp_path, capsys):
    bucket = reachable.open()
    for key in ("a", "a/b.jpg", "c.jpg"):  # A folder cannot have both `a` and `a/b.jpg`.
        bucket.write(key, b"x")
    assert get_bucket_content([bucket.name, str(tmp_path / "in")]) == 1
    told = capsys.readouterr()
    assert "2 files moved (0.0 kB), 1 failed:" in told.out
    assert "needs a folder where a file lies" in told.err
    assert (tmp_path / "in/c.jpg").exists()


def test_folders_may_stand_for_buckets_without_any_account(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(errands.config, "environment", dict)
    assert send_to_bucket([str(photos), f"{tmp_path}/bucket"]) == 0
    assert get_bucket_content([f"{tmp_path}/bucket", str(tmp_path / "copy")]) == 0
    assert contents(tmp_path / "copy") == contents(photos)


def test_a_missing_bucket_ends_with_5_and_one_line(reachable, photos, capsys):
    for run in (
        lambda: send_to_bucket([str(photos), "no-such-bucket"]),
        lambda: get_bucket_content(["no-such-bucket", str(photos)]),
    ):
        assert run() == 5
        told = capsys.readouterr()
        assert told.out == ""
        assert "bucket no-such-bucket does not exist" in told.err and told.err.count("\n") == 1


def test_wrong_keys_end_with_5_and_show_no_secret(rgw, photos, monkeypatch, capsys):
    for name, value in rgw.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CELLAR_ADDON_KEY_SECRET", "wrong-s3cr3t")
    assert send_to_bucket([str(photos), rgw.new_bucket()]) == 5
    assert "CELLAR_ADDON_KEY_SECRET" in (err := capsys.readouterr().err)
    assert "s3cr3t" not in err and err.count("\n") == 1


def test_a_server_that_is_not_there_ends_with_5_within_seconds(photos, monkeypatch, capsys):
    [port] = free_ports(1)
    monkeypatch.setenv("CELLAR_ADDON_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("CELLAR_ADDON_KEY_ID", "k")
    monkeypatch.setenv("CELLAR_ADDON_KEY_SECRET", SECRET)
    started = time.monotonic()
    assert send_to_bucket([str(photos), "photos"]) == 5
    assert time.monotonic() - started < 10
    assert "cannot connect" in capsys.readouterr().err


class Refusing(FolderBucket):
    """A folder that refuses every write."""

    error = StorageError

    def upload(self, path, key, progress=None):
        raise self.error(f"refused {key}")


def test_a_storage_that_refuses_everything_ends_with_5(photos, tmp_path):
    tally = errands.send(photos, Refusing(tmp_path / "x", new=True))
    assert tally.exit_code == 5
    assert len(tally.failures) == 5


def test_a_storage_that_is_gone_stops_the_errand_at_once(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(Refusing, "error", UnavailableError)
    with pytest.raises(UnavailableError):
        errands.send(photos, Refusing(tmp_path / "x", new=True))


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"CELLAR_ADDON_HOST": "h"}, "CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET missing"),
        ({"AWS_EC2_METADATA_DISABLED": "true"}, "no credentials for buckets"),
    ],
)
def test_missing_credentials_end_with_2_and_one_line(
    photos, tmp_path, monkeypatch, capsys, variables, told
):
    for name in [name for name in os.environ if name.startswith(("AWS_", "CELLAR_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(errands.config, "environment", lambda: dict(os.environ))
    assert send_to_bucket([str(photos), "photos"]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1


def test_wrong_arguments_end_with_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(errands.config, "environment", dict)
    (tmp_path / "file").write_bytes(b"x")
    assert send_to_bucket([str(tmp_path / "nope"), "./bucket"]) == 2
    assert "expected a folder that exists" in capsys.readouterr().err
    assert get_bucket_content([str(tmp_path), str(tmp_path / "file")]) == 2
    assert get_bucket_content(["My_Bucket", str(tmp_path / "x")]) == 2
    assert "'My_Bucket'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        get_bucket_content(["one"])
    assert caught.value.code == 2


def test_a_terminal_gets_a_bar_of_bytes_and_files(photos, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(rich_progress, "get_console", lambda: rich_progress.Console(width=100))
    tally = errands.send(photos, FolderBucket(tmp_path / "bucket", new=True))
    assert tally.moved == 5
    assert "5/5 files" in sys.stdout.getvalue()
    assert "200.0/200.0 kB" in sys.stdout.getvalue()


@pytest.mark.parametrize("script", ["get_bucket_content.py", "send_to_bucket.py"])
def test_help_answers_at_once_with_an_example(script, tmp_path):
    took = []
    for _ in range(5):
        started = time.monotonic()
        ran = subprocess.run(
            [REPO / script, "--help"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
        took.append(time.monotonic() - started)
    assert ran.returncode == 0 and ran.stderr == ""
    assert f"./{script} " in ran.stdout and "exit codes: 0 all done" in ran.stdout
    assert min(took) < 0.3


def test_nothing_slow_is_imported_before_it_is_needed():
    slow = ("boto3", "botocore", "rich", "tensorflow", "numpy", "dotenv")
    code = f"import sys, styletransfer.errands; print([n for n in {slow} if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert ran.stdout == "[]\n"
