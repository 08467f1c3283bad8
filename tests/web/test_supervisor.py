"""That there is always a worker, and what is said while there is none."""

import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support.polling import until

from styletransfer.web import supervisor as supervisors
from styletransfer.web.supervisor import Supervisor

READY = """
import os, sys
pipe = int(sys.argv[sys.argv.index("--pipe") + 1])
os.write(pipe, b'{"kind": "ready", "device": "a device"}\\n')
sys.stdin.read()
"""


@pytest.fixture
def started():
    """Starts supervisors of a worker with this code, with what it said in a list; ends them."""
    kept = []

    def start(code):
        said = []
        kept.append(Supervisor([sys.executable, "-S", "-c", code], said.append))
        kept[-1].start()
        return kept[-1], said

    yield start
    for each in kept:
        each.stop()


def test_a_worker_that_cannot_be_started_for_now_is_started_later(started, monkeypatch, caplog):
    """As where no memory is left for a process, after the system has killed the last worker."""
    start, refusals = subprocess.Popen, iter([True])

    def refuse(*args, **options):
        if next(refusals, False):
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return start(*args, **options)

    monkeypatch.setattr(supervisors, "_PAUSES_S", (0.0,))
    monkeypatch.setattr(subprocess, "Popen", refuse)
    supervisor, said = started(READY)
    until(lambda: supervisor.device == "a device", every_s=0.005)
    assert supervisor.problem == ""
    assert [each["kind"] for each in said] == ["ready"]
    reason = "the worker cannot be started (Resource temporarily unavailable)"
    assert caplog.messages == [f"{reason} and is being started anew"]


def test_a_worker_that_dies_is_replaced_by_one_that_knows_it_is_gone(started, monkeypatch, caplog):
    monkeypatch.setattr(supervisors, "_PAUSES_S", (0.0,))
    die = "if '--gone' not in sys.argv: os.kill(os.getpid(), 9)\n"
    supervisor, said = started(READY.replace("sys.stdin", f"{die}sys.stdin"))
    until(lambda: "started anew" in caplog.text and supervisor.device, every_s=0.005)
    assert caplog.messages == ["the worker ended (signal 9) and is being started anew"]
    assert len(said) == 2


def test_a_message_to_a_worker_that_has_just_died_is_dropped(monkeypatch):
    """The thread that follows the worker takes its pipe away while another sends."""
    pipes, sent = [SimpleNamespace(send=lambda *_: sent.append("look")), None], []
    pipe = property(lambda _: pipes.pop(0), lambda *_: None)
    monkeypatch.setattr(Supervisor, "_to_worker", pipe, raising=False)
    Supervisor(["worker"], print).send("look")
    assert sent == ["look"]


def test_whoever_stops_waits_for_the_end_of_the_worker_and_none_follows(started, caplog):
    supervisor, said = started(READY)
    until(lambda: supervisor.device, every_s=0.005)
    process = supervisor._process
    supervisor.stop()
    assert process.poll() == -signal.SIGTERM
    assert len(said) == 1
    assert not caplog.messages
    supervisor.send("look")  # Nobody is there to read it.


def test_a_worker_saves_its_work_undisturbed_however_often_it_is_asked_to_stop(started):
    supervisor, said = started(f"""
import signal, sys, time
def save(*_):
    os.write(pipe, b'{{"kind": "saving"}}\\n')
    time.sleep(0.2)  # In which a second signal would come.
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
{READY}
""")
    until(lambda: supervisor.device, every_s=0.005)
    supervisor.ask_to_stop()
    until(lambda: len(said) == 2, every_s=0.005)
    supervisor.stop()
    assert [each["kind"] for each in said] == ["ready", "saving"]
    assert supervisor._process.poll() == 0
