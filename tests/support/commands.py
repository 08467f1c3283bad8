"""Commands as a person runs them, and buckets to run them on."""

import contextlib
import os
import pty
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from painterly.configuration import config
from painterly.configuration.config import BUCKETS
from painterly.errors import StorageError
from painterly.settings.installation import PROGRAM
from painterly.storage.base import Bucket
from painterly.storage.folder import FolderBucket
from support.s3_servers import SECRET


def keys(bucket: Bucket, prefix: str = "") -> list[str]:
    return [entry.key for entry in bucket.list(prefix)]


def refusal(action: Callable[[], object]) -> str:
    """The message of the StorageError that an action raises: one line, without a secret."""
    with pytest.raises(StorageError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message and "Signature=" not in message
    return message


def fill(bucket, *keys: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: bucket.write(key, key.encode()), keys))


def contents(where: Bucket | Path) -> dict[str, bytes]:
    """Return the contents of a bucket or folder, by key."""
    bucket = FolderBucket(where) if isinstance(where, Path) else where
    return {entry.key: bucket.read(entry.key) for entry in bucket.list()}


def fill_with_photos(folder: Path) -> Path:
    """A folder of a few files, in sub-folders, with names that ask for trouble."""
    for key in ("a.jpg", "b ü#?.jpg", "2026/été/c+d.png", "2026/e.txt"):
        FolderBucket(folder).write(key, random.Random(key).randbytes(50_000))
    FolderBucket(folder).write("empty.jpg", b"")
    (folder / ".DS_Store").write_bytes(b"x")
    return folder


def set_variables(monkeypatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def leave_out_env_file(
    monkeypatch, only: Mapping[str, str] | None = None, also: Mapping[str, str] | None = None
) -> None:
    """Let commands read these variables, or else those of this process, and no `.env`."""
    monkeypatch.setattr(
        config,
        "read_environment",
        lambda *_: ({**(os.environ if only is None else only), **(also or {})}, []),
    )


def configure_buckets(new_bucket, monkeypatch) -> dict[str, Bucket]:
    """Make three buckets, set BUCKET_* to them, and return them by variable."""
    buckets = {name: new_bucket() for name in BUCKETS}
    for name, bucket in buckets.items():
        monkeypatch.setenv(name, bucket.name)
    return buckets


def python(
    *words: object, cwd: Path = PROGRAM, encoding: str = "utf-8", **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run this Python with the program on its path, and return what it printed."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PROGRAM), **variables},
        capture_output=True,
        encoding=encoding,
    )


def on_a_terminal(command, answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run a command on a new, wide terminal, and return its exit code and its output. The answers
    are pairs of a question's end and an answer, which is typed after it."""
    pid, terminal = pty.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            os.execve(command[0], command, {**os.environ, "COLUMNS": "200"})
        os._exit(127)
    seen = b""
    with contextlib.suppress(OSError):  # Linux' end of a terminal.
        for question, answer in answers:
            start = len(seen)
            while question.encode() not in seen[start:]:
                seen += os.read(terminal, 65536)
            os.write(terminal, answer.encode())
        while data := os.read(terminal, 65536):
            seen += data
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()
