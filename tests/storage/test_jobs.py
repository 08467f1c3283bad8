"""Signals while files are transferred."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from styletransfer.signals import Stopped
from styletransfer.storage.jobs import Job, run_jobs


def test_a_signal_while_a_thread_is_started_lets_the_jobs_in_progress_end(monkeypatch, capsys):
    ran, submit = [], ThreadPoolExecutor.submit

    def interrupted(*given):
        signal.raise_signal(signal.SIGINT)
        return submit(*given)

    def run(progress):
        time.sleep(0.2)
        ran.append(1)
        return True

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(Stopped) as stopped:
        run_jobs([Job("a.jpg", 1, run)], lambda *_: "", "sending")
    assert stopped.value.exit_code == 130 and ran == [1]
    assert "stopping after the files in progress" in capsys.readouterr().err


def test_after_a_signal_no_further_job_begins(capsys):
    ran = []

    def run(progress):
        ran.append(1)
        if len(ran) == 1:
            signal.raise_signal(signal.SIGTERM)
        time.sleep(0.3)
        return True

    with pytest.raises(Stopped):
        run_jobs(
            [Job(f"{n}.jpg", 1, run) for n in range(50)], lambda *_: "", "sending", at_a_time=2
        )
    assert 1 <= len(ran) <= 6


def test_a_signal_as_the_last_job_ends_is_not_lost():
    def ended(job, outcome):
        signal.raise_signal(signal.SIGINT)
        return ""

    with pytest.raises(Stopped):
        run_jobs([Job("a.jpg", 1, lambda progress: True)], ended, "sending")
