"""tools/download_uv.py, with a local server in PyPI's place."""

import hashlib
import io
import os
import shutil
import ssl
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tools import download_uv

pytestmark = pytest.mark.slow  # Each runs it.

REPO = Path(__file__).parents[2]


def wheel() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", "the program")
    return file.getvalue()


@pytest.fixture
def lock(hub, tmp_path) -> Path:
    """A uv.lock with the addresses of a local server, which sends a wheel, and the wheel's hash."""
    hub.content = wheel()
    digest = hashlib.sha256(hub.content).hexdigest()
    lines = (
        f'{{ url = "{hub.url}/uv-1-py3-none-{tag}.whl", hash = "sha256:{digest}", size = 1 }},\n'
        for tag in download_uv.WHEELS.values()
    )
    path = tmp_path / "uv.lock"
    path.write_text("".join(lines))
    return path


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "tools").mkdir()
    shutil.copy(REPO / "tools/download_uv.py", folder / "tools")
    return subprocess.run(
        [sys.executable, "tools/download_uv.py", ".uv"],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_program_is_there_and_can_be_run(lock):
    done = run(lock.parent)
    assert (done.returncode, done.stderr) == (0, "")
    program = lock.parent / ".uv/uv"
    assert program.read_text() == "the program" and os.access(program, os.X_OK)


@pytest.mark.parametrize("wrong", ["cut off", "another", "missing"])
def test_what_cannot_be_downloaded_is_one_line_and_no_program(hub, lock, wrong):
    if wrong == "another":
        hub.content = wheel()[::-1]
    else:
        hub.mode = {"cut off": "cut"}.get(wrong, wrong)
    done = run(lock.parent)
    assert done.returncode == 1 and not (lock.parent / ".uv").exists()
    assert done.stderr.startswith("uv could not be downloaded: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_proxys_certificate_that_only_strict_checks_refuse_is_accepted(
    hub, lock, tmp_path, monkeypatch
):
    default, used = ssl.create_default_context, []

    def as_in_python_3_13():
        context = default()
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def urlopen(url, timeout, context):
        used.append(context)
        return io.BytesIO(hub.content)

    monkeypatch.setattr(ssl, "create_default_context", as_in_python_3_13)
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(download_uv, "LOCK", lock)
    download_uv.download(tmp_path / "uv")
    [context] = used
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
