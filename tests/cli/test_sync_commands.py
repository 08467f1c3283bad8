"""The scripts that move pictures, as one runs them on a laptop."""

import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from rich import progress as rich_progress
from support.commands import fill, keys, on_a_terminal
from support.s3_servers import SECRET, free_ports

from styletransfer.cli import sync_commands
from styletransfer.cli.sync_commands import (
    cl_get_results,
    cl_send_source,
    cl_send_style,
    get_bucket_content,
    send_to_bucket,
)
from styletransfer.errors import StorageError
from styletransfer.storage import sync
from styletransfer.storage import sync as transfers
from styletransfer.storage.base import UnavailableError
from styletransfer.storage.folder import FolderBucket

REPO = Path(__file__).parents[2]


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
    monkeypatch.setattr(sync_commands.config, "environment", dict)
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
    result = sync.upload_all(photos, Refusing(tmp_path / "x", new=True))
    assert result.exit_code == 5
    assert len(result.failures) == 5


def test_a_storage_that_is_gone_stops_the_errand_at_once(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(Refusing, "error", UnavailableError)
    with pytest.raises(UnavailableError):
        sync.upload_all(photos, Refusing(tmp_path / "x", new=True))


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
    monkeypatch.setattr(sync_commands.config, "environment", lambda: dict(os.environ))
    assert send_to_bucket([str(photos), "photos"]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1


def test_wrong_arguments_end_with_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sync_commands.config, "environment", dict)
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
    result = sync.upload_all(photos, FolderBucket(tmp_path / "bucket", new=True))
    assert result.moved == 5
    assert "5/5 files" in sys.stdout.getvalue()
    assert "200.0/200.0 kB" in sys.stdout.getvalue()


@pytest.mark.parametrize(
    "script",
    [
        *("cl_send_source.py", "cl_send_style.py", "cl_get_results.py", "bucket_management.py"),
        *("get_bucket_content.py", "send_to_bucket.py"),
    ],
)
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
    assert f"./{script} " in ran.stdout and "exit codes: 0 all" in ran.stdout
    assert min(took) < 0.3


def test_nothing_slow_is_imported_before_it_is_needed():
    slow = ("boto3", "botocore", "rich", "tensorflow", "numpy", "dotenv")
    module = "styletransfer.cli.bucket_management"
    code = f"import sys, {module}; print([n for n in {slow} if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert ran.stdout == "[]\n"


# The errands of a configuration


@pytest.fixture
def configured(reachable, monkeypatch):
    """Three new buckets, set as the configuration's; by variable."""
    return set_buckets(reachable.open, monkeypatch)


@pytest.fixture
def on_moto(moto, monkeypatch):
    """The same on moto alone, where all servers would do the same."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return set_buckets(moto.open, monkeypatch)


@pytest.fixture
def in_folders(tmp_path, monkeypatch):
    """Three new folders in the buckets' place."""
    monkeypatch.setattr(sync_commands.config, "environment", lambda: dict(os.environ))
    names = iter(("photos-there", "paintings-there", "results-there"))

    def new_folder():
        return FolderBucket(tmp_path / next(names))

    buckets = set_buckets(new_folder, monkeypatch)
    for bucket in buckets.values():
        bucket.create()
    return buckets


def set_buckets(new_bucket, monkeypatch):
    buckets = {name: new_bucket() for name in ("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT")}
    for name, bucket in buckets.items():
        monkeypatch.setenv(name, bucket.name)
    return buckets


RESULTS = ("_gallery/thumbs/a b.jpg", "_records/monet/é.json", "index.html", "monet/2026/é.jpg")
MIXED = ("a.JPG", "été 2026/b c.heic", "été 2026/b c.mask.png", "looks.toml", "sub/looks.toml")
MIXED += ("notes.txt", "vgg.h5", "sub/vgg.mat", "vgg.npz")


def test_photos_and_paintings_are_sent_with_what_belongs_to_them(configured, tmp_path, capsys):
    fill(FolderBucket(tmp_path / "in"), *MIXED)
    photos = ["a.JPG", "été 2026/b c.heic", "été 2026/b c.mask.png"]
    assert cl_send_source([str(tmp_path / "in")]) == 0
    assert keys(configured["BUCKET_SOURCE"]) == photos
    assert "3 files moved (0.0 kB), 6 of other kinds left out" in capsys.readouterr().out
    assert cl_send_style([str(tmp_path / "in")]) == 0
    weights = ["looks.toml", "sub/vgg.mat", "vgg.h5", "vgg.npz"]
    assert keys(configured["BUCKET_STYLE"]) == sorted([*photos, *weights])
    assert "7 files moved (0.1 kB), 2 of other kinds left out" in capsys.readouterr().out
    assert keys(configured["BUCKET_RESULT"]) == []


def test_results_records_and_gallery_are_fetched_and_no_checkpoints(configured, tmp_path, capsys):
    bucket = configured["BUCKET_RESULT"]
    fill(bucket, *RESULTS, "_checkpoints/monet/c.npz", "monet/2026/c.jpg")
    assert cl_get_results([str(tmp_path / "out")]) == 0
    assert sorted(contents(tmp_path / "out")) == sorted([*RESULTS, "monet/2026/c.jpg"])
    assert "5 files moved (0.1 kB), 1 of other kinds left out" in capsys.readouterr().out


@pytest.mark.parametrize("buckets", ["in_folders", "on_moto"])
def test_a_mirror_deletes_only_what_it_names_and_came_from_there(
    request, buckets, tmp_path, capsys
):
    bucket = request.getfixturevalue(buckets)["BUCKET_RESULT"]
    fill(bucket, *RESULTS, "old look/c.jpg", "_records/old look/c.jpg.json")
    folder = FolderBucket(tmp_path / "out", new=True)
    assert cl_get_results([str(tmp_path / "out")]) == 0
    mine = {"mine.jpg", "holidays/mine.jpg"}
    fill(folder, *mine, "monet/gone.jpg", "_gallery/gone.jpg")
    (tmp_path / "out/monet/.DS_Store").write_bytes(b"x")
    bucket.delete("old look/c.jpg")
    bucket.delete("_records/old look/c.jpg.json")
    capsys.readouterr()
    gone = ["_gallery/gone.jpg", "_records/old look/c.jpg.json", "monet/gone.jpg", "old look/c.jpg"]
    assert cl_get_results([str(tmp_path / "out"), "--delete", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "0 files would be moved (0.0 kB), 4 the same already, 4 would be deleted" in out
    assert set(gone) < {*keys(folder)}
    assert cl_get_results([str(tmp_path / "out")]) == 0
    assert set(gone) < {*keys(folder)}
    assert cl_get_results([str(tmp_path / "out"), "--delete"]) == 0
    assert {*keys(folder)} == {*RESULTS, *mine}
    assert (tmp_path / "out/monet/.DS_Store").exists()
    told = capsys.readouterr().out.splitlines()
    assert sorted(line for line in told if "deleted " in line and ":" not in line)[:4] == [
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
    fill(bucket, "../hostile.jpg")
    fill(FolderBucket(tmp_path / "out"), "mine.jpg")
    assert get_bucket_content([bucket.name, str(tmp_path / "out"), "--delete"]) == 1
    assert "1 file not deleted, as not all others arrived" in capsys.readouterr().err
    assert {*contents(tmp_path / "out")} == {"a.jpg", "b.jpg", "mine.jpg"}


def test_a_dry_run_moves_nothing_and_tells_all(on_moto, photos, tmp_path, capsys):
    bucket = on_moto["BUCKET_SOURCE"]
    assert send_to_bucket([str(photos), bucket.name, "--dry-run"]) == 0
    assert "5 files would be moved (0.2 MB)" in (out := capsys.readouterr().out)
    assert "a.jpg (50.0 kB)" in out and keys(bucket) == []
    fill(bucket, "x.jpg")
    assert get_bucket_content([bucket.name, str(tmp_path / "new"), "--dry-run"]) == 0
    assert not (tmp_path / "new").exists()


def test_without_a_configuration_the_errands_say_what_to_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sync_commands.config, "environment", dict)
    for script, variable in (
        (cl_send_source, "BUCKET_SOURCE"),
        (cl_send_style, "BUCKET_STYLE"),
        (cl_get_results, "BUCKET_RESULT"),
    ):
        assert script([str(tmp_path)]) == 2
        err = capsys.readouterr().err
        assert f"{variable} is not set; set BUCKET_SOURCE, " in err and err.count("\n") == 1
    monkeypatch.setattr(sync_commands.config, "environment", lambda: {"BUCKET_SOURCE": "photos"})
    assert cl_send_source([str(tmp_path)]) == 2
    assert "BUCKET_STYLE and BUCKET_RESULT missing" in capsys.readouterr().err


TROUBLE = ("line\nend.jpg", 'quote\'s "double".jpg', "#?%&+ =.jpg", "é" * 120 + ".jpg")
UNFIT = ("/leading.jpg", "a//b.jpg", "../up.jpg", "x" * 1020 + ".jpg", "marker with data/")


@pytest.mark.parametrize("each", ["rgw", "rgw_tls"])  # moto answers a line end with 404.
def test_no_key_is_lost_silently(request, each, monkeypatch, tmp_path, capsys):
    server = request.getfixturevalue(each)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    bucket = server.open()
    long = "/".join(["d" * 127] * 8)  # 1,023 bytes that every disk takes
    for key in (*TROUBLE, *UNFIT, long, "marker/"):
        server.client.put_object(
            Bucket=bucket.name, Key=key, Body=b"" if key == "marker/" else key.encode()
        )
    assert get_bucket_content([bucket.name, str(tmp_path / "out")]) == 1
    assert contents(tmp_path / "out") == {key: key.encode() for key in (*TROUBLE, long)}
    told = capsys.readouterr()
    assert f"{len(TROUBLE) + 1} files moved" in told.out and f"{len(UNFIT)} failed" in told.out
    assert [key for key in UNFIT if key not in told.err] == []
    assert told.err.count("\n") == len(UNFIT)
    again = server.new_bucket()
    assert send_to_bucket([str(tmp_path / "out"), again]) == 0
    assert sorted(keys(server.open(again))) == sorted([*TROUBLE, long])


def test_of_2500_keys_those_that_are_missing_are_fetched(rgw, monkeypatch, tmp_path, capsys):
    for name, value in rgw.environment.items():
        monkeypatch.setenv(name, value)
    bucket = rgw.open()
    fill(bucket, *(f"{number % 7}/{number}.jpg" for number in range(2500)))
    fill(FolderBucket(tmp_path / "out"), *(entry.key for entry in list(bucket.list())[::2]))
    assert get_bucket_content([bucket.name, str(tmp_path / "out")]) == 0
    found = contents(tmp_path / "out")
    assert len(found) == 2500 and all(key.encode() == data for key, data in found.items())
    assert capsys.readouterr().out.endswith("\n1250 files moved (11.9 kB), 1250 the same already\n")
    assert get_bucket_content([bucket.name, str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == "0 files moved (0.0 kB), 2500 the same already\n"


def test_keys_that_are_one_file_on_a_disk_do_not_overwrite_each_other(
    moto, monkeypatch, tmp_path, capsys
):
    bucket = moto.open()
    fill(bucket, "A.jpg", "a.jpg", "b/é.jpg", "b/e\u0301.jpg", "c.jpg")
    assert transfers.download_all(bucket, tmp_path / "mindful").moved == 5
    monkeypatch.setattr(transfers, "_ignores", lambda *_: True)
    result = transfers.download_all(bucket, tmp_path / "out")
    assert (result.moved, result.exit_code) == (3, 1)
    assert contents(tmp_path / "out").keys() == {"A.jpg", "b/e\u0301.jpg", "c.jpg"}
    assert "'a.jpg' and 'A.jpg' are one file on this disk" in result.failures[0]
    # The file of a key may have been made under another case before: a mirror keeps it.
    for key in ("a.jpg", "b/é.jpg"):
        bucket.delete(key)
    FolderBucket(tmp_path / "out").write("C.JPG", b"x")
    result = transfers.download_all(bucket, tmp_path / "out", transfers.SyncRules(delete=True))
    assert result.deleted == 0


def test_resets_and_5xx_are_survived(moto, proxy, photos, monkeypatch, tmp_path):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CELLAR_ADDON_HOST", proxy.url)
    name = moto.new_bucket()
    proxy.add("^GET .*list-type", "status")
    proxy.add("^PUT .*a.jpg", "reset")
    proxy.add("^PUT .*e.txt", "cutupload", after=10_000)
    assert send_to_bucket([str(photos), name]) == 0
    proxy.add("^GET .*a.jpg", "truncate", after=10_000)
    proxy.add("^HEAD .*e.txt", "status", code=500, error="InternalError")
    assert get_bucket_content([name, str(tmp_path / "copy")]) == 0
    assert contents(tmp_path / "copy") == contents(photos)


# Stopping, watching, and what is asked on a terminal


def until(condition, what: str, seconds: float = 8):
    """What a condition comes to return, once that is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.02)
    return value


@contextlib.contextmanager
def watching(*arguments: str, **environment: str):
    """cl_get_results.py --watch as a process, and its lines so far."""
    command = [sys.executable, REPO / "cl_get_results.py", *arguments, "--watch", "--every", "0.1"]
    ran = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: [lines.append(each) for each in ran.stdout])
    reader.start()
    try:
        yield ran, lines
    except AssertionError as error:
        raise AssertionError(lines_of(lines)) from error
    finally:
        ran.kill()
        ran.wait(10)
        reader.join(10)
        ran.stdout.close()


def lines_of(lines) -> str:
    return "".join(lines)


def test_ctrl_c_lets_files_under_way_arrive_and_twice_breaks_them_off(
    on_moto, proxy, tmp_path, monkeypatch
):
    on_moto["BUCKET_RESULT"].write("big.jpg", bytes(400_000))
    with watching(str(tmp_path), CELLAR_ADDON_HOST=proxy.url) as (ran, lines):
        until(lambda: (tmp_path / "big.jpg").exists(), "file")
        (tmp_path / "big.jpg").unlink()
        proxy.add("^GET .*big", "slow", rate=2e5)
        until(lambda: any(tmp_path.glob(".*.part")), "file under way")
        ran.send_signal(signal.SIGINT)
        assert ran.wait(20) == 130
        assert "stopping after the files under way" in lines_of(lines)
        assert (tmp_path / "big.jpg").read_bytes() == bytes(400_000)
    (tmp_path / "big.jpg").unlink()
    proxy.add("^GET .*big", "hang")
    with watching(str(tmp_path), CELLAR_ADDON_HOST=proxy.url) as (ran, lines):
        until(lambda: any(tmp_path.glob(".*.part")), "file under way")
        ran.send_signal(signal.SIGINT)
        until(lambda: "Ctrl-C once more" in lines_of(lines), "line about stopping")
        ran.send_signal(signal.SIGINT)
        assert ran.wait(5) == 130


@pytest.mark.parametrize("kind", ["folder", "rgw", "rgw_tls"])
def test_watching_fetches_what_appears_until_ctrl_c(request, kind, tmp_path, monkeypatch):
    if kind == "folder":
        bucket = request.getfixturevalue("in_folders")["BUCKET_RESULT"]
    else:
        server = request.getfixturevalue(kind)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        bucket = set_buckets(server.open, monkeypatch)["BUCKET_RESULT"]
        fill(bucket, "../hostile.jpg")
    fill(bucket, "monet/a.jpg")
    with watching(str(tmp_path / "out")) as (ran, lines):
        until(lambda: (tmp_path / "out/monet/a.jpg").exists(), "first file")
        fill(bucket, "monet/later é.jpg")
        until(lambda: "monet/later é.jpg (0.0 kB)" in lines_of(lines), "second file")
        ran.send_signal(signal.SIGINT)
        assert ran.wait(10) == 130
    assert (tmp_path / "out/monet/later é.jpg").exists()
    assert "stopped" in lines[-1] and lines_of(lines).count("monet/a.jpg") == 1
    assert lines_of(lines).count("hostile") == (kind != "folder")  # Told, and once.


def test_watching_outlives_a_network_that_is_gone_for_a_while(on_moto, proxy, tmp_path):
    bucket = on_moto["BUCKET_RESULT"]
    fill(bucket, "monet/a.jpg")
    with watching(str(tmp_path), CELLAR_ADDON_HOST=proxy.url) as (ran, lines):
        until(lambda: (tmp_path / "monet/a.jpg").exists(), "first file")
        rule = proxy.add("^GET", "status", times=99, code=403, error="RequestTimeTooSkewed")
        until(lambda: "trying again in 0.1 s" in lines_of(lines), "line about the failure")
        rule.times = 0
        fill(bucket, "monet/b.jpg")
        until(lambda: (tmp_path / "monet/b.jpg").exists(), "second file")
        assert ran.poll() is None


def test_watching_a_missing_bucket_ends_at_once(on_moto, tmp_path):
    with watching(str(tmp_path), BUCKET_RESULT="no-such-bucket") as (ran, lines):
        assert ran.wait(20) == 5
    assert "bucket no-such-bucket does not exist" in lines_of(lines)


def test_a_watched_folder_is_not_hashed_again(in_folders, tmp_path, monkeypatch):
    bucket, known = in_folders["BUCKET_RESULT"], {}
    fill(bucket, "monet/a.jpg")
    rules = transfers.SyncRules(known=known)
    assert transfers.download_all(bucket, tmp_path / "out", rules).moved == 1
    with monkeypatch.context() as patch:
        patch.setattr(transfers, "is_same", None)
        assert transfers.download_all(bucket, tmp_path / "out", rules).same == 1
    (tmp_path / "out/monet/a.jpg").unlink()
    assert transfers.download_all(bucket, tmp_path / "out", rules).moved == 1


def test_open_shows_the_gallery_or_else_the_folder(in_folders, tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(sync_commands.webbrowser, "open", opened.append)
    out = tmp_path / "out é"
    fill(in_folders["BUCKET_RESULT"], "monet/a.jpg")
    assert cl_get_results([str(out), "--open"]) == 0
    assert "no browser could be started" in capsys.readouterr().out
    fill(in_folders["BUCKET_RESULT"], "index.html")
    assert cl_get_results([str(out), "--open"]) == 0
    assert opened == [out.as_uri(), (out / "index.html").as_uri()]


@pytest.mark.parametrize(
    ("server", "answer"), [("moto", "y"), ("rgw_tls", "y"), ("rgw", "n")], indirect=["server"]
)
def test_a_terminal_is_offered_to_create_a_missing_bucket(reachable, photos, monkeypatch, answer):
    name = f"test-{uuid.uuid4().hex}"
    command = [sys.executable, str(REPO / "send_to_bucket.py"), str(photos), name]
    code, seen = on_a_terminal(command, f"{answer}\n", {"TERM": "xterm"})
    assert f"bucket {name} does not exist on " in seen and "Create it? [y/N]" in seen
    if answer == "y":
        assert code == 0 and "5 files moved" in seen
        assert contents_of(reachable.open(name)) == contents(photos)
    else:
        assert code == 5 and f"./bucket_management.py create {name}" in seen
        assert not reachable.open(name).exists()


def contents_of(bucket) -> dict[str, bytes]:
    return {entry.key: bucket.read(entry.key) for entry in bucket.list()}
