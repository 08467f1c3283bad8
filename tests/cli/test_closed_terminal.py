"""A terminal that is closed, or a connection that is lost, stops a program as SIGTERM does."""

import contextlib
import os
import pty
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import psutil
import pytest
from PIL import Image
from support import tiny
from support.polling import until
from support.web_service import WebProcess, begun_upload

from painterly.settings.installation import PROGRAM

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("inetwork_files")]
HANG_UP = 128 + signal.SIGHUP
PAINT = "from support import programs; programs.picture_without_tensorflow"
WORDS = ("60", "beach.jpg", "monet.jpg", "x.png", "--size", "64", "--weights", "random")


def painted_on_a_terminal_that_closes(way: int | signal.Handlers) -> int:
    """Paint a picture on a new terminal, close that after some steps, and return the exit code.

    Args:
        way: How SIGHUP is handled as the program starts.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            signal.signal(signal.SIGHUP, way)
            path = os.pathsep.join(map(str, (PROGRAM, PROGRAM / "tests")))
            own = {"PYTHONPATH": path, "PAINTING_S": "4", "COLUMNS": "200"}
            words = [sys.executable, "-c", f"{PAINT}{WORDS}"]
            os.execve(words[0], words, os.environ | own)
        os._exit(127)
    seen = b""
    while b"steps/s" not in seen:
        seen += os.read(terminal, 65536)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.thorough
def test_a_picture_stays_as_it_stands_with_its_checkpoint():
    assert painted_on_a_terminal_that_closes(signal.SIG_DFL) == HANG_UP
    assert Image.open("x.png").size == (64, 48)
    assert Path(".unfinished/x.png.npz").exists()


@pytest.mark.thorough
def test_where_hang_ups_are_ignored_as_by_nohup_it_goes_on_without_the_terminal():
    assert painted_on_a_terminal_that_closes(signal.SIG_IGN) == 0
    assert Image.open("x.png").size == (64, 48)
    assert not Path(".unfinished").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM"])
def test_the_web_service_ends_in_order_with_its_worker_and_what_waits(tmp_path, name):
    """A page waits for a preview, and sends a photo. Ctrl-C reaches the worker as well."""
    names, signum = ("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"), signal.Signals[name]
    folders = {name: str(tmp_path / name) for name in names}
    for each in folders.values():
        Path(each).mkdir()
    web = WebProcess({**folders, "STYLES": "hokusai", "WEB_PUBLIC": "1"}, tmp_path / "log")
    here = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # The tests may run under `nohup`.
    web.start()
    signal.signal(signal.SIGHUP, here)
    form = {"data": {"request": '{"style": "hokusai"}'}}
    files = {"photo": ("beach.jpg", tiny.file(900, 1200, 7))}
    asked, gone = web.client.build_request("POST", "/api/preview", **form, files=files), Event()

    def body():
        yield asked.read()
        gone.set()

    workers = until(psutil.Process(web.process.pid).children)
    port = int(web.address.rpartition(":")[2])
    with ThreadPoolExecutor(1) as page, socket.create_connection(("127.0.0.1", port)) as upload:
        upload.sendall(begun_upload(port))
        headers = {name: asked.headers[name] for name in ("content-type", "content-length")}
        answer = page.submit(web.client.post, asked.url, content=body(), headers=headers)
        gone.wait()
        assert web.client.get("/api/jobs").status_code == 200
        for each in workers if signum is signal.SIGINT else ():
            each.send_signal(signum)
        assert web.stop(signum) == 128 + signum
        assert answer.result().status_code == 204
    log = web.log.read_text()
    assert log.count("stopped by") == 1
    assert log.count(f"stopped by {name}; what is done stays") == 1
    assert "Traceback" not in log
