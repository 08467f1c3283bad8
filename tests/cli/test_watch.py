"""cl_get_results.py --watch: what appears is downloaded, until the run has ended, or Ctrl-C."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from support import tiny
from support.commands import configure_buckets, fill, set_variables
from support.folder_batches import QUICK
from support.polling import until

from painterly import config
from painterly.batch import run as batch
from painterly.bucket_layout import ENDED
from painterly.paths import PROGRAM

# Each test starts a program.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("interruptible")]


@contextlib.contextmanager
def watching(*arguments: str, **environment: str):
    """cl_get_results.py --watch as a process, and its lines so far."""
    program = (
        "import sys; from painterly.cli import sync_commands\n"
        "sync_commands.WATCH_EVERY_S = 0.1; sys.exit(sync_commands.cl_get_results())"
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
        yield ran, lines
    except AssertionError as error:
        raise AssertionError(lines_of(lines)) from error
    finally:
        ran.kill()
        ran.wait(60)
        reader.join(10)
        ran.stdout.close()


def lines_of(lines) -> str:
    return "".join(lines)


def test_ctrl_c_lets_files_in_progress_arrive_and_a_second_one_aborts_them(
    on_moto, proxy, tmp_path
):
    on_moto["BUCKET_RESULT"].write("big.jpg", bytes(400_000))
    with watching(str(tmp_path), CELLAR_ADDON_HOST=proxy.url) as (ran, lines):
        until(lambda: (tmp_path / "big.jpg").exists())
        proxy.add("^GET .*big", "slow", rate=2e5)
        (tmp_path / "big.jpg").unlink()
        until(lambda: any(tmp_path.glob(".*.part")))
        ran.send_signal(signal.SIGINT)
        assert ran.wait(60) == 130
        assert "stopping after the files in progress" in lines_of(lines)
        assert (tmp_path / "big.jpg").read_bytes() == bytes(400_000)
    (tmp_path / "big.jpg").unlink()
    proxy.add("^GET .*big", "hang")
    with watching(str(tmp_path), CELLAR_ADDON_HOST=proxy.url) as (ran, lines):
        until(lambda: any(tmp_path.glob(".*.part")))
        ran.send_signal(signal.SIGINT)
        until(lambda: "press Ctrl-C again" in lines_of(lines))
        ran.send_signal(signal.SIGINT)
        assert ran.wait(60) == 130


@pytest.mark.parametrize("kind", ["folder", "rgw"])
def test_watching_downloads_what_appears_until_ctrl_c(request, kind, tmp_path, monkeypatch):
    if kind == "folder":
        bucket = request.getfixturevalue("in_folders")["BUCKET_RESULT"]
    else:
        server = request.getfixturevalue(kind)
        set_variables(monkeypatch, server.environment)
        bucket = configure_buckets(server.open, monkeypatch)["BUCKET_RESULT"]
        fill(bucket, "../hostile.jpg")
    fill(bucket, "monet/a.jpg")
    with watching(str(tmp_path / "out")) as (ran, lines):
        until(lambda: (tmp_path / "out/monet/a.jpg").exists())
        fill(bucket, "_gallery/thumbs/later.jpg", "_records/monet/later.json", "index.html")
        fill(bucket, "monet/later é.jpg")
        until(lambda: "monet/later é.jpg (0.0 kB)" in lines_of(lines))
        ran.send_signal(signal.SIGINT)
        assert ran.wait(60) == 130
    assert (tmp_path / "out/monet/later é.jpg").exists()
    assert (tmp_path / "out/_gallery/thumbs/later.jpg").exists()
    assert "_gallery" not in lines_of(lines) and "index.html" not in lines_of(lines)
    assert "stopped" in lines[-1] and lines_of(lines).count("monet/a.jpg") == 1
    assert lines_of(lines).count("hostile") == (kind != "folder")  # Reported, and once.


def test_watching_outlives_a_network_that_is_gone_for_a_while(on_moto, proxy, tmp_path):
    bucket = on_moto["BUCKET_RESULT"]
    fill(bucket, "monet/a.jpg")
    with watching(str(tmp_path), CELLAR_ADDON_HOST=proxy.url) as (ran, lines):
        until(lambda: (tmp_path / "monet/a.jpg").exists())
        rule = proxy.add("^GET", "status", times=99, code=403, error="RequestTimeTooSkewed")
        until(lambda: "retrying in 0.1 s" in lines_of(lines))
        rule.times = 0
        fill(bucket, "monet/b.jpg")
        until(lambda: (tmp_path / "monet/b.jpg").exists())
        assert ran.poll() is None


def test_watching_ends_at_once_where_nothing_can_be_written_or_read(on_moto, tmp_path):
    fill(on_moto["BUCKET_RESULT"], "monet/a.jpg")
    with watching("/proc/out") as (ran, lines):
        assert ran.wait(60) == 5
    assert lines_of(lines) == "cl_get_results.py: folder /proc/out does not exist\n"
    with watching(str(tmp_path), BUCKET_RESULT="no-such-bucket") as (ran, lines):
        assert ran.wait(60) == 5
    assert "bucket no-such-bucket does not exist" in lines_of(lines)


def paint() -> int:
    """Run the batch over the configured buckets."""
    return batch.run(config.load({**os.environ, **QUICK}))


def test_watching_ends_with_the_run(on_moto, stand_in, tmp_path):
    on_moto["BUCKET_SOURCE"].write("beach.jpg", tiny.file(60, 80, 1))
    on_moto["BUCKET_SOURCE"].write("text.jpg", b"dear diary")
    on_moto["BUCKET_STYLE"].write("monet.jpg", tiny.file(50, 50, 2))
    with watching(str(tmp_path), "--include", "monet/*") as (ran, lines):
        until(lambda: "watching" in lines_of(lines))
        assert paint() == 1
        assert ran.wait(60) == 0
    result = on_moto["BUCKET_RESULT"].read("monet/beach.jpg")
    assert (tmp_path / "monet/beach.jpg").read_bytes() == result
    ended = r"The run has ended\. 20\S+ \S+ UTC: 1 painted in \d+ s, 1 FAILED\. The results are in "
    assert re.search(ended, lines_of(lines))

    # The next one waits for another run, which finds nothing to paint.
    with watching(str(tmp_path)) as (ran, lines):
        until(lambda: "watching" in lines_of(lines))
        on_moto["BUCKET_SOURCE"].delete("text.jpg")
        assert paint() == 0
        assert ran.wait(60) == 0
    assert "UTC: Nothing to paint: the result is in " in lines_of(lines)

    # A run that ended before is over.
    assert paint() == 0
    with watching(str(tmp_path)) as (ran, lines):
        assert ran.wait(60) == 0
    assert lines_of(lines).count("The run has ended.") == 1


def test_watching_opens_the_page_once(in_folders, tmp_path):
    fill(in_folders["BUCKET_RESULT"], "index.html", ENDED)
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >>"{opened}"\n')
    browser.chmod(0o755)
    with watching(str(tmp_path / "out"), "--open", BROWSER=str(browser)) as (ran, _):
        assert ran.wait(60) == 0
    assert opened.read_text() == f"{(tmp_path / 'out/index.html').as_uri()}\n"
