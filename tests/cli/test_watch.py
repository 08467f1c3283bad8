"""cl_get_results.py --watch: what appears is downloaded, until the run has ended, or Ctrl-C."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import threading
import webbrowser
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from support import tiny
from support.commands import configure_buckets, fill, set_variables
from support.disks import below
from support.folder_batches import QUICK
from support.polling import until
from support.s3_servers import RGW
from support.verbs import cl_get_results

from painterly.cli import sync_commands
from painterly.cli.batch import paint_batch
from painterly.configuration import config
from painterly.settings.bucket_layout import ENDED
from painterly.settings.installation import PROGRAM


@contextlib.contextmanager
def watching_process(*arguments: str, **environment: str):
    """cl_get_results.py --watch as a process, and its output so far."""
    program = (
        "import sys; from painterly.cli import command, sync_commands\n"
        "sync_commands.WATCH_EVERY_S = 0.1; sys.exit(command.verb('get-results'))"
    )
    ran = subprocess.Popen(
        [sys.executable, "-c", program, *arguments, "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROGRAM,
        env={**os.environ, **environment},
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: [lines.append(each) for each in ran.stdout])
    reader.start()
    try:
        yield ran, lambda: "".join(lines)
    finally:
        ran.kill()
        ran.wait(60)
        reader.join(60)
        ran.stdout.close()


class Watch:
    """A run of cl_get_results.py --watch in a thread.

    Attributes:
        output: What it has printed so far.
    """

    def __init__(self, code, asked, written) -> None:
        self._code, self._asked, self._written = code, asked, written

    @property
    def output(self) -> str:
        return self._written.getvalue()

    def is_running(self) -> bool:
        return not self._code.done()

    def wait(self) -> int:
        """Return the exit code."""
        return self._code.result(60)

    def interrupt(self) -> int:
        """Press Ctrl-C while it pauses, and return the exit code."""
        self._asked.set()
        return self.wait()


@contextlib.contextmanager
def watching(*arguments):
    """A Watch that looks for news every 20 ms."""
    asked = threading.Event()

    def pause(_) -> None:
        if asked.wait(0.02):
            raise KeyboardInterrupt

    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as written,
        contextlib.redirect_stderr(written),
        ThreadPoolExecutor(1) as pool,
    ):
        patch.setattr(sync_commands, "time", SimpleNamespace(sleep=pause))
        words = [*map(str, arguments), "--watch"]
        try:
            yield Watch(pool.submit(cl_get_results, words), asked, written)
        finally:
            asked.set()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.thorough
def test_ctrl_c_lets_files_in_progress_arrive_and_a_second_one_aborts_them(
    on_moto, proxy, tmp_path
):
    on_moto["BUCKET_RESULT"].write("big.jpg", bytes(400_000))
    with watching_process(str(tmp_path), CELLAR_ADDON_HOST=proxy.url) as (ran, output):
        until(lambda: (tmp_path / "big.jpg").exists())
        proxy.add("^GET .*big", "slow", rate=2e5)
        (tmp_path / "big.jpg").unlink()
        until(lambda: any(tmp_path.glob(".*.part")))
        ran.send_signal(signal.SIGINT)
        assert ran.wait(60) == 130
        assert "stopping after the files in progress" in output()
        assert (tmp_path / "big.jpg").read_bytes() == bytes(400_000)
    (tmp_path / "big.jpg").unlink()
    proxy.add("^GET .*big", "hang")
    with watching_process(str(tmp_path), CELLAR_ADDON_HOST=proxy.url) as (ran, output):
        until(lambda: any(tmp_path.glob(".*.part")))
        ran.send_signal(signal.SIGINT)
        until(lambda: "press Ctrl-C again" in output())
        ran.send_signal(signal.SIGINT)
        assert ran.wait(60) == 130


@pytest.mark.parametrize("kind", ["folder", RGW])
def test_watching_downloads_what_appears_until_ctrl_c(request, kind, tmp_path, monkeypatch):
    if kind == "folder":
        bucket = request.getfixturevalue("in_folders")["BUCKET_RESULT"]
    else:
        server = request.getfixturevalue(kind)
        set_variables(monkeypatch, server.environment)
        bucket = configure_buckets(server.open, monkeypatch)["BUCKET_RESULT"]
        fill(bucket, "../hostile.jpg")
    fill(bucket, "monet/a.jpg")
    with watching(tmp_path / "out") as watch:
        until(lambda: (tmp_path / "out/monet/a.jpg").exists())
        fill(bucket, "_gallery/thumbs/later.jpg", "_records/monet/later.json", "index.html")
        fill(bucket, "monet/later é.jpg")
        until(lambda: "monet/later é.jpg (0.0 kB)" in watch.output)
        assert watch.interrupt() == 130
    assert (tmp_path / "out/monet/later é.jpg").exists()
    assert (tmp_path / "out/_gallery/thumbs/later.jpg").exists()
    assert "_gallery" not in watch.output and "index.html" not in watch.output
    assert "stopped" in watch.output.splitlines()[-1]
    assert watch.output.count("monet/a.jpg") == watch.output.count(" · watching ") == 1
    assert watch.output.count("hostile") == (kind != "folder")  # Reported, and once.


def test_watching_outlives_a_network_that_is_gone_for_a_while(
    on_moto, proxy, tmp_path, monkeypatch
):
    monkeypatch.setenv("CELLAR_ADDON_HOST", proxy.url)
    bucket = on_moto["BUCKET_RESULT"]
    fill(bucket, "monet/a.jpg")
    with watching(tmp_path) as watch:
        until(lambda: (tmp_path / "monet/a.jpg").exists())
        rule = proxy.add("^GET", "status", times=99, code=403, error="RequestTimeTooSkewed")
        until(lambda: "retrying in 10 s" in watch.output)
        rule.times = 0
        fill(bucket, "monet/b.jpg")
        until(lambda: (tmp_path / "monet/b.jpg").exists())
        assert watch.is_running()


def test_watching_waits_for_the_disk_of_the_folder(in_folders, disk):
    bucket = in_folders["BUCKET_RESULT"]
    fill(bucket, "monet/a.jpg")
    with watching(disk.path / "out") as watch:
        until(lambda: "watching" in watch.output)
        disk.go()
        fill(bucket, "monet/b.jpg")
        until(lambda: watch.output.count("mount it again; retrying in ") >= 2)
        assert below(disk.path) == []
        disk.come_back()
        until(lambda: (disk.path / "out/monet/b.jpg").exists())
        assert watch.is_running()


def test_watching_ends_at_once_where_nothing_can_be_written_or_read(on_moto, tmp_path, monkeypatch):
    fill(on_moto["BUCKET_RESULT"], "monet/a.jpg")
    with watching("/proc/out") as watch:
        assert watch.wait() == 5
    assert watch.output == "cl_get_results.py: folder /proc/out does not exist\n"
    monkeypatch.setenv("BUCKET_RESULT", "no-such-bucket")
    with watching(tmp_path) as watch:
        assert watch.wait() == 5
    assert "bucket no-such-bucket does not exist" in watch.output


def paint() -> int:
    """Run the batch over the configured buckets."""
    return paint_batch(config.load({**os.environ, **QUICK}))


def test_watching_ends_with_the_run(on_moto, stand_in, tmp_path):
    on_moto["BUCKET_SOURCE"].write("beach.jpg", tiny.file(60, 80, 1))
    on_moto["BUCKET_SOURCE"].write("text.jpg", b"dear diary")
    on_moto["BUCKET_STYLE"].write("monet.jpg", tiny.file(50, 50, 2))
    with watching(tmp_path, "--include", "monet/*") as watch:
        until(lambda: "watching" in watch.output)
        assert paint() == 1
        assert watch.wait() == 0
    result = on_moto["BUCKET_RESULT"].read("monet/beach.jpg")
    assert (tmp_path / "monet/beach.jpg").read_bytes() == result
    ended = r"The run has ended\. 20\S+ \S+ UTC: 1 painted in \d+ s, 1 FAILED\. The results are in "
    assert re.search(ended, watch.output)

    # The next one waits for another run, which finds nothing to paint.
    with watching(tmp_path) as watch:
        until(lambda: "watching" in watch.output)
        on_moto["BUCKET_SOURCE"].delete("text.jpg")
        assert paint() == 0
        assert watch.wait() == 0
    assert "UTC: Nothing to paint: the result is in " in watch.output

    # A run that ended before is over.
    assert paint() == 0
    with watching(tmp_path) as watch:
        assert watch.wait() == 0
    assert watch.output.count("The run has ended.") == 1


def test_watching_opens_the_page_once(in_folders, tmp_path, monkeypatch):
    fill(in_folders["BUCKET_RESULT"], "index.html", ENDED)
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    with watching(tmp_path / "out", "--open") as watch:
        assert watch.wait() == 0
    assert opened == [(tmp_path / "out/index.html").as_uri()]
