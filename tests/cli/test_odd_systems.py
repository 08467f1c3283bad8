"""The scripts on systems that lack what others have: letters, permissions, POSIX."""

import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import contents, python
from support.verbs import get_bucket_content, send_to_bucket

from painterly.cli.words import words_of
from painterly.configuration import config, env_file
from painterly.errors import ConfigError, StorageError
from painterly.settings import limits
from painterly.settings.installation import PROGRAM
from painterly.storage.address import is_folder, parse_address
from painterly.storage.base import BadKeyError
from painterly.storage.folder import FolderBucket

# What Windows' Python lacks. Modules of others that use it here, and not there, come first.
LIKE_WINDOWS = """
import asyncio, multiprocessing, os, random, runpy, selectors, shutil, signal, socket, subprocess
import psutil, sys, tempfile, webbrowser
for module in ("fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[module] = None
for name in ("SIGHUP", "SIGALRM", "SIGKILL", "SIGUSR1", "SIGPIPE", "setitimer", "pthread_sigmask"):
    delattr(signal, name)
for name in ("fork", "geteuid", "getuid", "killpg", "mkfifo", "setsid", "statvfs", "sysconf"):
    delattr(os, name)
for name in ("fchmod", "nice"):
    delattr(os, name)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def foreign(tmp_path):
    """A folder with a name in no Western alphabet and a link that is left out."""
    folder = tmp_path / "photos"
    FolderBucket(folder).write("日本.jpg", b"x")
    FolderBucket(folder).write("é.jpg", b"y")
    (folder / "link.jpg").symlink_to("/etc/hostname")
    return folder


@pytest.mark.thorough
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_stdout_that_lacks_letters_gets_them_escaped(foreign, tmp_path, encoding):
    environment = {"encoding": encoding, "PYTHONIOENCODING": encoding}
    done = python("send_to_bucket.py", foreign, tmp_path / "out", **environment)
    assert (done.returncode, done.stderr) == (0, ""), "it would end in the middle of the transfer"
    assert "\\u65e5\\u672c.jpg (0.0 kB)" in done.stdout
    assert "link.jpg \\u2192 /etc/hostname" in done.stdout
    assert contents(tmp_path / "out") == contents(foreign)
    assert python("inetwork.py", "--help", **environment).returncode == 0


@pytest.mark.thorough
def test_a_locale_without_a_name_s_letters_fails_that_file_alone(foreign, tmp_path):
    FolderBucket(foreign).write("a.jpg", b"z")
    code = (
        "import pathlib, sys\n"
        "from painterly.storage import download\n"
        "from painterly.storage.folder import FolderBucket\n"
        "from painterly.storage.base import Entry\n"
        "bucket = FolderBucket(pathlib.Path(sys.argv[1]))\n"
        "entries = [Entry('a.jpg', 1, ''), Entry('\\u65e5.jpg', 1, '')]\n"
        "bucket.list_with_folder_markers = lambda: iter(entries)\n"
        "print(ascii(download.download_all(bucket, pathlib.Path(sys.argv[2])).failures))"
    )
    ascii_alone = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    done = python("-c", code, foreign, tmp_path / "out", **ascii_alone)
    assert "cannot be a file here, where names are in ascii; use a locale with UTF-8" in done.stdout
    assert [*contents(tmp_path / "out")] == ["a.jpg"]


@pytest.mark.thorough
@pytest.mark.usefixtures("inetwork_files")
def test_painting_needs_nothing_that_windows_lacks(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/beach.jpg").write_bytes((tmp_path / "beach.jpg").read_bytes())
    flags = ("--size", "32", "--preset", "instant")
    for result in ("out.jpg", "./painted"):
        photos = "beach.jpg" if result == "out.jpg" else "./photos"
        words = (PROGRAM / "painterly/__main__.py", photos, "monet.jpg", "-o", result, *flags)
        done = python("-c", LIKE_WINDOWS, *words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.jpg").exists() and (tmp_path / "painted/monet/beach.jpg").exists()


@pytest.mark.thorough
@pytest.mark.usefixtures("inetwork_files")
@pytest.mark.parametrize("also", [None, subprocess.STDOUT], ids=["log", "log and errors"])
def test_a_log_on_a_full_disk_costs_no_picture(tmp_path, also):
    def run(*words):
        with Path("/dev/full").open("w") as full:
            return subprocess.run(
                [sys.executable, "-m", "painterly", *words],
                stdout=full,
                stderr=also or subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(PROGRAM)},
                check=False,
            )

    flags = ("--size", "32", "--preset", "instant")
    done, listed = run("beach.jpg", "monet.jpg", "-o", "painted/", *flags), run("styles")
    assert (done.returncode, listed.returncode) == (0, 5)
    assert (tmp_path / "painted/monet/beach.jpg").exists()
    if not also:
        assert done.stderr == "the log ends here: no space left on device\n"
        assert listed.stderr.endswith("styles: no space left on device; make room\n")


@pytest.mark.thorough
def test_a_current_folder_that_was_deleted_is_named(tmp_path):
    (tmp_path / "gone").mkdir()
    code = f"import os; os.chdir('gone'); os.rmdir({str(tmp_path / 'gone')!r})"
    run = "from painterly.cli.command import main; raise SystemExit(main(['beach.jpg', 'hokusai']))"
    done = python("-c", f"{code}; {run}", cwd=tmp_path, PYTHONPATH=str(PROGRAM))
    assert done.returncode == 2
    assert done.stderr.endswith(": the current folder was deleted; change into another one\n")


@pytest.mark.thorough
def test_the_scripts_of_a_laptop_need_nothing_that_windows_lacks(foreign, tmp_path):
    for words in (
        ("send_to_bucket.py", foreign, tmp_path / "bucket"),
        ("get_bucket_content.py", tmp_path / "bucket", tmp_path / "out"),
        ("get_bucket_content.py", tmp_path / "bucket", tmp_path / "out"),
        ("bucket_management.py", "ls", tmp_path / "bucket"),
    ):
        done = python("-c", LIKE_WINDOWS, *words)
        assert (done.returncode, done.stderr) == (0, "")
    assert contents(tmp_path / "out") == contents(tmp_path / "bucket") == contents(foreign)


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A folder that may not be looked into; as the user `nobody` if the tests run as root."""
    # `nobody` may not be allowed to look for .env in the program's own folder, such as in /root.
    monkeypatch.setattr(config.env_file, "read", lambda folder: {})
    folder = tmp_path / "closed"
    (folder / "sub").mkdir(parents=True)
    folder.chmod(0)
    me = os.geteuid()
    above = [each for each in folder.parents if each.stat().st_uid == me and each != Path("/")]
    modes = {each: each.stat().st_mode for each in above}
    if me == 0:
        for each in above:
            each.chmod(0o777)
        os.seteuid(65534)
    yield folder
    os.seteuid(me)
    for each, mode in modes.items():
        each.chmod(mode)
    folder.chmod(0o700)


def test_folders_that_may_not_be_read_or_written_are_one_line(closed, foreign, tmp_path, capsys):
    sub, bucket, file = closed / "sub", str(tmp_path / "bucket"), foreign / "é.jpg"
    assert get_bucket_content([str(foreign), str(file / "deep")]) == ConfigError.exit_code
    assert f"FOLDER is '{file / 'deep'}', but {file} is a file" in capsys.readouterr().err
    assert get_bucket_content([str(foreign), str(closed)]) == 5
    assert send_to_bucket([str(sub), bucket]) == 5
    assert get_bucket_content([str(sub / "a.jpg"), bucket]) == 5
    assert get_bucket_content([str(foreign), str(sub)]) == 5
    assert send_to_bucket([str(tmp_path), bucket]) == 5
    printed = capsys.readouterr()
    assert [line.partition(": ")[2] for line in printed.err.splitlines()] == [
        f"folder {closed} cannot be written: permission denied",
        f"{sub}: permission denied",
        f"folder {sub}/a.jpg: permission denied",
        f"{sub}: permission denied",
        f"folder {closed}: permission denied",
    ]
    assert not printed.out
    for words in ([str(sub), "hokusai"], ["./bucket", f"{sub}/a.jpg"]):
        with pytest.raises(StorageError, match="permission denied"):
            words_of(words, None)


def test_the_home_and_the_address_of_a_folder_are_found_without_a_shell(
    foreign, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert send_to_bucket(["~/photos", "./out"]) == get_bucket_content(["./out", "~/back"]) == 0
    assert contents(tmp_path / "back") == contents(foreign)
    assert get_bucket_content(["./out", (tmp_path / "as file manager").as_uri()]) == 0
    assert contents(tmp_path / "as file manager") == contents(foreign)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert get_bucket_content(["./out", "./~/back"]) == 0
    assert contents(tmp_path / "~/back") == contents(foreign), "a folder here may be called ~"


AT_AN_IMPORT = """
import os, sys
class Finder:
    def find_spec(self, name, *others):
        if name == "painterly.cli.sync_commands":
            os.kill(os.getpid(), 2)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.thorough
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_while_a_script_is_still_starting_shows_no_traceback(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(AT_AN_IMPORT)
    done = python("send_to_bucket.py", tmp_path, "./x", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.fixture
def on_windows(monkeypatch):
    """A Python that calls its system Windows."""
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.mark.usefixtures("on_windows")
def test_on_windows_drives_and_backslashes_are_folders_and_no_buckets():
    for place in ("C:\\photos", "c:/photos", ".\\photos", "..\\photos", "\\\\nas\\photos", "./x"):
        assert is_folder(place) and parse_address(place) == Path(place)
    for place in ("photos", "s3://photos", "photos/2026"):
        assert not is_folder(place)


@pytest.mark.usefixtures("on_windows")
def test_on_windows_a_name_that_would_be_a_device_or_a_hidden_stream_is_refused(tmp_path):
    bucket = FolderBucket(tmp_path)
    for name in (
        "CON",
        "nul.jpg",
        "aux.tar.gz",
        "COM1",
        "a:b.jpg",
        "what?.jpg",
        "a.",
        "a ",
        "x/lpt9",
    ):
        with pytest.raises(BadKeyError, match=r"cannot be a file in .*; rename it"):
            bucket.write(name, b"x")
    for name in ("console.jpg", "nullify.jpg", "com10.jpg", "é (1).jpg", "a/b.c.jpg"):
        bucket.write(name, b"x")
    assert len(contents(tmp_path)) == 5


@pytest.mark.usefixtures("on_windows")
@pytest.mark.thorough
def test_on_windows_a_file_that_a_viewer_has_open_is_replaced_once_it_is_closed(
    tmp_path, monkeypatch
):
    """The error is Windows'; here, nothing keeps a file from being replaced."""
    replace, left = Path.replace, [2]

    def opened(path, target):
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(13, "Access is denied")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", opened)
    FolderBucket(tmp_path).write("a.jpg", b"new")
    assert contents(tmp_path) == {"a.jpg": b"new"}
    left[0] = 100
    with pytest.raises(StorageError, match=r"a\.jpg: access is denied"):
        FolderBucket(tmp_path).write("a.jpg", b"newer")
    assert contents(tmp_path) == {"a.jpg": b"new"}


@pytest.mark.thorough
def test_on_windows_redirected_output_is_utf8_and_a_pipe_without_reader_no_bug(tmp_path):
    code = (
        "import sys\n"
        "from painterly.cli.app import run_program\n"
        "sys.platform = 'win32'\n"
        "def run():\n"
        "    print(chr(0x65E5), chr(0x2026))\n"
        "    raise OSError(22, 'Invalid argument')\n"
        "sys.exit(run_program('./program', run))"
    )
    narrow = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    done = python("-c", code, **narrow)
    assert (done.returncode, done.stdout, done.stderr) == (1, "\u65e5 \u2026\n", "")
    done = python("-c", code, **narrow, PYTHONIOENCODING="ascii")
    assert done.stdout == "\\u65e5 \\u2026\n"


def test_variables_are_saved_where_files_have_no_modes(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "fchmod")
    env_file.update(tmp_path / ".env", {"BUCKET_STYLE": "paintings"})
    assert env_file.read(tmp_path) == {"BUCKET_STYLE": "paintings"}


def test_where_a_system_has_no_limits_a_process_goes_on_without_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    on_windows = runpy.run_path(limits.__file__)
    on_windows["limit_memory"](0)
    on_windows["limit_time"](0)
    assert bytearray(10**8)[-1] == 0


@pytest.mark.thorough
def test_packages_of_another_python_on_pythonpath_cost_no_traceback(tmp_path):
    """As a module system's, or those of a distribution's own Python."""
    for package in ("boto3", "cyclopts", "dotenv", "rich", "numpy", "PIL", "tensorflow"):
        (tmp_path / "other" / package).mkdir(parents=True)
        (tmp_path / "other" / package / "__init__.py").write_text("raise ImportError('for 2.7')\n")
    (tmp_path / "photos").mkdir()
    environment = {"PYTHONPATH": str(tmp_path / "other"), "STARTED_IN": ""}
    for words, line in (
        (
            ["-m", "painterly", "./photos", "./photos", "-o", "./out", "--dry-run"],
            "there is no pho",
        ),
        ([PROGRAM / "get_bucket_content.py", "./photos", "./copy"], "0 files copied"),
        ([PROGRAM / "inetwork.py", "a.jpg", "b.jpg", "x.png"], "there is no file 'b.jpg'"),
    ):
        in_checkout = PROGRAM if words[0] == "-m" else tmp_path
        words = [str(word).replace("./", f"{tmp_path}/") for word in words]
        run = python(*words, cwd=in_checkout, **environment)
        assert "Traceback" not in run.stderr, run.stderr
        assert line in run.stdout + run.stderr
